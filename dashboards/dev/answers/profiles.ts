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
        changes: [{ what: 'metric-lost', subject: 'blower', detail: '', mayBeWanted: true }],
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
      { line: null, column: null, path: '', message: 'has no examples', zh: null },
    ],
    profile: null,
    known: null,
    ...SEEN,
  };
}

/** Files of types that wait for the next start. */
export class WaitingProfiles {
  private readonly items = new Map<string, object>();

  answer(method: string, path: string): { status: number; body: object } | null {
    if (method === 'POST' && path === '/profiles') {
      const [known] = profiles;
      const profile = known?.id ?? '';
      this.items.set(profile, { profile, actor: 'chen', at: '2026-11-24T04:00:00Z', fault: null });
      const body = { profile, revision: 2, holds: 'after-restart', gateways: ['gw-0001'] };
      return { status: 202, body };
    }
    if (path === '/profiles/waiting')
      return { status: 200, body: { items: [...this.items.values()] } };
    if (method !== 'DELETE' || !path.startsWith('/profiles/waiting/')) return null;
    this.items.delete(path.slice('/profiles/waiting/'.length));
    return { status: 204, body: {} };
  }
}

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
