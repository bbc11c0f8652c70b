/** What people do with alerts, what each of them sees, and how lists are paged, on both engines. */
import { DAY, formatTime, HOUR, MINUTE, type OperationalError } from '@village/core';
import { registryStore } from '@village/registry';
import type { Relational } from '@village/store/relational';
import { COUNTY, device, onBothEngines, type Target } from '@village/store/relational/testing';
import { afterEach, expect, it } from 'vitest';
import { type Doer, Handling } from './handling.ts';
import type { ChangedAlert } from './keeper.ts';
import { type AlertsQuery, findAlert, listAlerts, stepsOf } from './list.ts';
import { suppressionsOf } from './tables.ts';
import {
  alerts,
  kinds,
  newKeeper,
  OTHER,
  openTables,
  put,
  steps,
  TOWNSHIP,
  told,
  VILLAGE,
} from './testing.ts';

const START = Date.UTC(2026, 5, 1);

onBothEngines(suite);

function suite(target: () => Promise<Target>): void {
  let relational: Relational;
  let now = START;
  let changed: string[] = [];
  afterEach(() => relational.close());

  /** Alerts on a device, another one elsewhere, a gateway and an area, in this order. */
  async function open(): Promise<{ handling: Handling; ids: string[] }> {
    now = START;
    changed = [];
    relational = await openTables(await target(), () => now);
    const { people } = relational;
    for (const [name, area] of [
      ['li', VILLAGE],
      ['wang', OTHER],
    ] as const)
      await people.addAccount({ name, displayName: name, role: 'officer', area }, 'hash');
    await put(
      relational,
      newKeeper(relational),
      told('open', START),
      told('open', START + MINUTE, { subject: 'e', severity: 'critical' }),
      told('open', START + 2 * MINUTE, { subject: 'gw', subjectKind: 'gateway', rule: 'offline' }),
      told('open', START + 2 * MINUTE, { subject: TOWNSHIP, subjectKind: 'area', rule: 'many' }),
    );
    const handling = new Handling({
      ...{ relational, clock: () => now },
      changed: (all: readonly ChangedAlert[]) => changed.push(...all.map(({ id }) => id)),
    });
    return { handling, ids: (await alerts(relational)).map(({ id }) => id) };
  }

  const doer = (by: string, scope: string = COUNTY): Doer => ({
    ...{ by, scope },
    audited: (action, of, detail = {}) => ({
      ...{ actor: by, address: '', action, target: of, outcome: 'done', detail },
    }),
  });
  const audit = async (): Promise<string[]> =>
    (await relational.audit.list({ limit: 99 })).map(
      ({ actor, action, target: of }) => `${actor} ${action} ${of}`,
    );
  const rejects = (work: Promise<unknown>, code: string): Promise<void> =>
    expect(work).rejects.toMatchObject({ code });

  it('acknowledge it: the first of two holds, and the other is told by whom', async () => {
    const { handling, ids } = await open();
    const [id = ''] = ids;
    const both = await Promise.allSettled([
      handling.acknowledge(doer('li'), id, 'mine'),
      handling.acknowledge(doer('wang'), id, null),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    const { code, message } = (both[1] as PromiseRejectedResult).reason as OperationalError;
    expect([code, message]).toEqual([
      ...['already-acknowledged', `li acknowledged it at ${formatTime(START)}`],
    ]);
    now += MINUTE;
    // Who says it again has said it already.
    await handling.acknowledge(doer('li'), id, 'again');
    expect((await alerts(relational))[0]).toMatchObject({
      ...{ acked_by: 'li', acked_at: START, ack_note: 'mine', steps: 2 },
    });
    expect(changed).toEqual([id]);
    expect(await audit()).toEqual([`li alert-acknowledged ${id}`]);
  });

  it('acknowledge it when it is over, and close what was only left open for this', async () => {
    const { handling, ids } = await open();
    const [id = ''] = ids;
    const keeper = newKeeper(relational, 'other');
    await put(relational, keeper, told('close', START + HOUR));
    const over = await handling.acknowledge(doer('li'), id, null);
    expect(over).toMatchObject({ acked_by: 'li', closed_at: START + HOUR + 1_000 });
    const latched = { rule: 'latched', latch: true };
    await put(relational, keeper, told('open', START + HOUR, latched));
    await put(relational, keeper, told('close', START + 2 * HOUR, latched));
    const row = (await alerts(relational)).find(({ rule }) => rule === 'latched');
    expect(row).toMatchObject({ active: 0, closed_at: null });
    now = START + 3 * HOUR;
    const closed = await handling.acknowledge(doer('li'), row?.id ?? '', null);
    expect(closed).toMatchObject({ ended_at: START + 2 * HOUR, closed_at: now });
    const done = (await steps(relational)).filter(([kind]) => kind === 'd acknowledged');
    expect(done).toEqual([
      ['d acknowledged', { over: true }],
      ['d acknowledged', { over: true }],
    ]);
  });

  it('comment it and give it to somebody who sees it', async () => {
    const { handling, ids } = await open();
    const [id = ''] = ids;
    await handling.comment(doer('li'), id, '到现场了');
    await handling.assign(doer('li'), id, 'li');
    await rejects(handling.assign(doer('li'), id, 'wang'), 'unknown-person');
    await rejects(handling.assign(doer('li'), id, 'nobody'), 'unknown-person');
    expect((await alerts(relational))[0]).toMatchObject({ assigned_to: 'li' });
    await handling.assign(doer('li'), id, null);
    await handling.assign(doer('li'), id, null);
    expect(
      (await stepsOf(relational, id)).map(({ kind, by, detail }) => [kind, by, detail]),
    ).toEqual([
      ['opened', null, expect.any(String)],
      ['commented', 'li', '{"note":"到现场了"}'],
      ['assigned', 'li', '{"to":"li"}'],
      ['assigned', 'li', '{}'],
    ]);
  });

  it('put it aside for a while, which ends by itself', async () => {
    const { handling, ids } = await open();
    const [id = ''] = ids;
    const until = START + 2 * HOUR;
    for (const bad of [START, START - 1, START + 7 * DAY + 1, Number.MAX_SAFE_INTEGER])
      await rejects(handling.shelve(doer('li'), id, bad, null), 'bad-shelving');
    await handling.shelve(doer('li'), id, START + 7 * DAY, null);
    const shelved = await handling.shelve(doer('li'), id, until, '清洗');
    expect(suppressionsOf(shelved.suppression)).toEqual(['shelved']);
    now = until - 1;
    expect(await handling.endShelving()).toBe(0);
    now = until;
    expect(await handling.endShelving()).toBe(1);
    expect(await handling.endShelving()).toBe(0);
    expect((await alerts(relational))[0]).toMatchObject({ suppression: 0, shelved_until: null });
    await handling.shelve(doer('li'), id, now + HOUR, null);
    await handling.shelve(doer('li'), id, null, null);
    expect(await kinds(relational)).toEqual([
      ...['d opened', 'd shelved', 'd shelved', 'd unshelved', 'd shelved', 'd unshelved'],
      ...['e opened', 'gw opened', `${TOWNSHIP} opened`],
    ]);
    await put(relational, newKeeper(relational, 'other'), told('close', START + HOUR));
    await rejects(handling.shelve(doer('li'), id, now + HOUR, null), 'alert-over');
  });

  it('judge it: a false one has a cause', async () => {
    const { handling, ids } = await open();
    const [id = ''] = ids;
    const judge = (...said: [verdict: 'confirmed' | 'false', cause: never, note: string | null]) =>
      handling.judge(doer('li'), id, ...said);
    expect(() => judge('false', null as never, null)).toThrow('cause');
    expect(() => judge('false', 'other' as never, null)).toThrow('note');
    expect(() => judge('confirmed', 'power' as never, null)).toThrow('cause');
    await judge('false', 'probe-fouled' as never, null);
    await judge('confirmed', null as never, '复测超标');
    expect((await alerts(relational))[0]).toMatchObject({
      ...{ verdict: 'confirmed', verdict_cause: null, verdict_note: '复测超标' },
      verdict_by: 'li',
    });
  });

  it('nothing outside of their area, where alerts do not exist', async () => {
    const { handling, ids } = await open();
    const [d = '', e = '', gateway = '', area = ''] = ids;
    const visible = async (scope: string): Promise<string[]> => {
      const seen: string[] = [];
      for (const id of ids)
        if ((await findAlert(relational, scope, id)) !== undefined) seen.push(id);
      const query: AlertsQuery = { scope, limit: 9 };
      expect((await listAlerts(relational, query)).map(({ id }) => id).sort()).toEqual(seen);
      return seen;
    };
    expect(await visible(COUNTY)).toEqual(ids);
    expect(await visible(TOWNSHIP)).toEqual([d, gateway, area]);
    expect(await visible(VILLAGE)).toEqual([d]);
    expect(await visible(OTHER)).toEqual([e]);
    expect(await visible('999999999999')).toEqual([]);
    const wang = doer('wang', OTHER);
    for (const one of [d, gateway, area, 'nothing']) {
      await rejects(handling.acknowledge(wang, one, null), 'not-found');
      await rejects(handling.comment(wang, one, 'x'), 'not-found');
      await rejects(handling.assign(wang, one, 'wang'), 'not-found');
      await rejects(handling.shelve(wang, one, START + HOUR, null), 'not-found');
      await rejects(handling.judge(wang, one, 'confirmed', null, null), 'not-found');
    }
    expect(await audit()).toEqual([]);
  });

  it('what stands in their area now, wherever it stood then', async () => {
    const { ids } = await open();
    const [d = ''] = ids;
    await registryStore(relational).importDevices({
      ...{ at: START, by: 'test', gateways: [], credentials: [], devices: [device('d', OTHER)] },
    });
    expect(await findAlert(relational, TOWNSHIP, d)).toBeUndefined();
    expect(await findAlert(relational, OTHER, d)).toMatchObject({
      areas: `${COUNTY} ${TOWNSHIP} ${VILLAGE}`,
    });
  });

  it('lists by what is asked for', async () => {
    const { handling, ids } = await open();
    const [d = '', e = '', gateway = '', area = ''] = ids;
    const found = async (query: Partial<AlertsQuery>): Promise<string[]> =>
      (await listAlerts(relational, { scope: COUNTY, limit: 9, ...query })).map(({ id }) => id);
    const keeper = newKeeper(relational, 'other');
    await put(relational, keeper, told('close', START + HOUR, { subject: 'e' }));
    await handling.acknowledge(doer('li'), d, null);
    await handling.shelve(doer('li'), gateway, START + HOUR, null);
    // Those that began together are in one order all the same.
    expect(await found({})).toEqual([area, gateway, e, d]);
    expect(await found({ state: 'open' })).toEqual([area, gateway, d]);
    expect(await found({ state: 'active' })).toEqual([area, gateway, d]);
    expect(await found({ state: 'unacknowledged' })).toEqual([area, gateway]);
    expect(await found({ state: 'ended' })).toEqual([e]);
    expect(await found({ severities: ['critical'] })).toEqual([e]);
    expect(await found({ severities: ['critical', 'major'], device: 'd' })).toEqual([d]);
    expect(await found({ device: 'gw' })).toEqual([]);
    expect(await found({ rule: 'offline' })).toEqual([gateway]);
    expect(await found({ area: OTHER })).toEqual([e]);
    expect(await found({ area: OTHER, scope: TOWNSHIP })).toEqual([]);
    expect(await found({ suppressed: true })).toEqual([gateway]);
    expect(await found({ suppressed: false, state: 'open' })).toEqual([area, d]);
    expect(await found({ from: START + MINUTE })).toEqual([area, gateway, e]);
    expect(await found({ from: START, to: START + MINUTE })).toEqual([d]);
    const hostile = "' or 1=1 --%_\\";
    expect(await found({ device: hostile, rule: hostile, area: hostile, scope: hostile })).toEqual(
      [],
    );
  });

  it('pages through many, each once, whoever asks', async () => {
    await open();
    const keeper = newKeeper(relational, 'other');
    // Many begin at the same time.
    const many = Array.from({ length: 300 }, (_, n) =>
      told('open', START + Math.floor(n / 70) * MINUTE, { rule: `r${n}`, since: START }),
    );
    await put(relational, keeper, ...many);
    const all = (await alerts(relational)).filter(({ subject }) => subject === 'd');
    for (const scope of [COUNTY, VILLAGE]) {
      const seen: string[] = [];
      for (let after: AlertsQuery['after']; ; ) {
        const page = await listAlerts(relational, { scope, device: 'd', limit: 37, after });
        seen.push(...page.map(({ id }) => id));
        const last = page.at(-1);
        if (last === undefined) break;
        after = { beganAt: last.began_at, id: last.id };
      }
      expect(seen.toSorted()).toEqual(all.map(({ id }) => id));
      expect(new Set(seen).size).toBe(301);
    }
  });
}
