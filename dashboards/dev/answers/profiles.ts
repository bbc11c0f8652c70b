/** Answers of the stand-in to the file of a device type: sound when it says `profile:`, with what its devices would lose, else its faults. */
import { profiles } from '../county.ts';

const SEEN = { state: '0'.repeat(32), waits: false };

/** Held against the interface's description where it is sent. */
export function checkedProfile(text: string): object {
  const [known] = profiles;
  if (known === undefined) throw new Error('BUG: the stand-in has no types');
  if (text.includes('profile:'))
    return {
      faults: [],
      profile: known,
      known: {
        ...{ revision: known.revision, devices: 12, lost: ['blower'], gateways: ['gw-0001'] },
        changes: [
          { what: 'metric-lost', subject: 'blower', detail: '', zh: null, mayBeWanted: true },
        ],
      },
      ...SEEN,
    };
  return {
    faults: [
      {
        line: 7,
        column: 7,
        path: 'kind',
        message: 'expected one of "smart-bin"|"camera"',
        zh: '只能是其中之一："smart-bin"|"camera"',
      },
      {
        line: null,
        column: null,
        path: '',
        message: 'needs an example with all readings of its frame',
        zh: '至少要有一个给出全部数值的样例',
      },
    ],
    profile: null,
    known: null,
    ...SEEN,
  };
}

/** Types that were taken in, and changes that wait for the next start. */
export class WaitingProfiles {
  private readonly items = new Map<string, object>();

  answer(method: string, path: string): { status: number; body: object } | null {
    const [known, own] = profiles;
    if (known === undefined || own === undefined) throw new Error('BUG: the stand-in has no types');
    const wait = (profile: string, what: 'replace' | 'remove'): void => {
      const at = '2026-11-24T04:00:00Z';
      this.items.set(profile, { profile, what, actor: 'chen', at, fault: null, zh: null });
    };
    if (method === 'POST' && path === '/profiles') {
      wait(known.id, 'replace');
      const body = { revision: 2, holds: 'after-restart', gateways: ['gw-0001'] };
      return { status: 202, body: { profile: known.id, ...body } };
    }
    if (path === '/profiles/waiting')
      return { status: 200, body: { items: [...this.items.values()] } };
    if (path === '/profiles/sources')
      return { status: 200, body: { items: profiles.map(({ id }) => sourceOf(id, own.id)) } };
    if (path === `/profiles/own/${own.id}`) {
      if (method === 'GET') return { status: 200, body: removal(own.id) };
      wait(own.id, 'remove');
      const body = { profile: own.id, holds: 'after-restart', gateways: ['gw-0001'] };
      return { status: 202, body };
    }
    if (method !== 'DELETE' || !path.startsWith('/profiles/waiting/')) return null;
    this.items.delete(path.slice('/profiles/waiting/'.length));
    return { status: 204, body: {} };
  }
}

function sourceOf(profile: string, own: string): object {
  if (profile !== own)
    return { profile, from: 'product', actor: null, at: null, beneath: null, unused: null };
  const said = { from: 'page', actor: 'chen', at: '2026-11-20T04:00:00Z' };
  return { profile, ...said, beneath: { from: 'product', revision: 1 }, unused: null };
}

const removal = (profile: string): object => ({
  ...{ profile, state: '0'.repeat(32), waits: false, devices: 3, retired: 1 },
  ...{ beneath: { from: 'product', revision: 1 }, gateways: ['gw-0001'], refused: null },
  changes: [{ what: 'metric-lost', subject: 'valve', detail: '', zh: null, mayBeWanted: true }],
});

/** One message that would be taken and one that would not, as the first type says. */
export function triedProfile(): object {
  const [known] = profiles;
  const [metric, other] = known?.metrics ?? [];
  if (known === undefined || metric === undefined || other === undefined)
    throw new Error('BUG: the stand-in has no types');
  const at = '2026-11-24T03:58:00Z';
  const reading = ({ key, middle }: typeof metric) =>
    ({ at, metric: key, value: middle, quality: 'good' }) as const;
  const shared = {
    receivedAt: at,
    device: 'sewage-0001',
    name: '北村污水站',
    topic: 'village/v1/devices/sewage-0001/readings',
    events: [],
    parts: [],
  };
  const was = {
    reason: 'unknown-metric',
    message: 'values.blower2: unknown',
    place: 'values.blower2',
  };
  return {
    faults: [],
    profile: known,
    open: 3,
    tried: [
      {
        ...{ ...shared, id: 12, was, refused: null },
        readings: [reading(metric), reading(other)],
        readingsCount: 2,
      },
      {
        ...{ ...shared, id: 9, was: { ...was, place: null }, readings: [], readingsCount: 0 },
        refused: { reason: 'unknown-metric', message: 'values.valve: has no such metric' },
      },
    ],
  };
}
