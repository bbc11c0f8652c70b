/** What is put down of what the engine tells, on both engines. */
import { MINUTE, SUPPRESSIONS, seededRandom } from '@village/core';
import type { Relational } from '@village/store/relational';
import { onBothEngines, type Target } from '@village/store/relational/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { AlertIds, newCode } from './ids.ts';
import { countBySeverity } from './keeper.ts';
import { alertTables } from './tables.ts';
import { alerts, kinds, newKeeper, openTables, put, steps, told } from './testing.ts';

const START = Date.UTC(2026, 5, 1);
const at = (minute: number): number => START + minute * MINUTE;

onBothEngines(suite);

function suite(target: () => Promise<Target>): void {
  let relational: Relational;
  afterEach(() => relational.close());
  const open = async (): Promise<Relational> => {
    relational = await openTables(await target(), () => START);
    return relational;
  };

  it('an alert with its begin, its changes and its end', async () => {
    const keeper = newKeeper(await open());
    const began = { since: at(-5), value: 6.5, limit: 6 };
    await put(relational, keeper, told('open', at(0), began));
    await put(
      relational,
      keeper,
      told('worse', at(1), { severity: 'critical', value: 9, limit: 6 }),
      told('milder', at(2), { severity: 'minor', value: 5 }),
    );
    expect(await countBySeverity(relational)).toEqual({ minor: 1 });
    await put(relational, keeper, told('close', at(3), { severity: 'minor', value: 1 }));
    expect(await alerts(relational)).toMatchObject([
      {
        ...{ rule: 'r', subject: 'd', subject_kind: 'device', discriminator: '' },
        areas: '330522000000 330522100000 330522100200',
        ...{ active: 0, severity: 'minor', worst: 'critical', value: 9, limit_value: 6 },
        ...{ began_at: at(-5), raised_at: at(0), opened_at: at(0) + 1_000 },
        ...{ ended_at: at(3), closed_at: at(3) + 1_000, suppression: 0, steps: 4 },
      },
    ]);
    expect(await steps(relational)).toEqual([
      ['d opened', { at: at(0), severity: 'major', value: 6.5, limit: 6 }],
      ['d worse', { at: at(1), severity: 'critical', value: 9, limit: 6 }],
      ['d milder', { at: at(2), severity: 'minor', value: 5 }],
      ['d ended', { at: at(3), severity: 'minor', value: 1 }],
    ]);
    expect(await countBySeverity(relational)).toEqual({});
    expect(keeper.counters).toEqual({
      steps: { opened: 1, worse: 1, milder: 1, ended: 1 },
      unmatched: 0,
    });
  });

  it('what is told twice once, in one go or one after the other', async () => {
    const keeper = newKeeper(await open());
    const all = [
      told('open', at(0), { suppression: 'inhibited', by: 'offline:gw' }),
      told('worse', at(1), { severity: 'critical' }),
      told('flapping', at(1), { severity: 'critical' }),
      told('released', at(2), { severity: 'critical' }),
      told('milder', at(3)),
    ];
    for (const one of all) await put(relational, keeper, one, one);
    await put(relational, keeper, ...all.slice(4));
    const close = told('close', at(4));
    await put(relational, keeper, close, close);
    await put(relational, keeper, close);
    expect(await kinds(relational)).toEqual(
      ['opened', 'worse', 'flapping', 'released', 'milder', 'ended'].map((kind) => `d ${kind}`),
    );
    expect(await alerts(relational)).toMatchObject([
      { active: 0, flapping: 0, steps: 6, inhibited_by: null },
    ]);
    expect(keeper.counters.unmatched).toBe(8);
  });

  it('begin, end and begin again of one group as two alerts', async () => {
    const keeper = newKeeper(await open());
    await put(relational, keeper, told('open', at(0)));
    await put(
      relational,
      keeper,
      ...[told('close', at(1)), told('open', at(2)), told('close', at(3)), told('open', at(4))],
    );
    const rows = await alerts(relational);
    expect(rows.map(({ began_at, closed_at }) => [began_at, closed_at !== null])).toEqual([
      ...[[at(0), true] as const, [at(2), true] as const, [at(4), false] as const],
    ]);
  });

  it('one open alert of a rule, subject and discriminator, whoever writes', async () => {
    const keeper = newKeeper(await open());
    await put(relational, keeper, told('open', at(0)));
    await put(relational, keeper, told('open', at(1), { discriminator: 'no-data' }));
    await put(relational, keeper, told('open', at(2)));
    const [first] = await alerts(relational);
    expect(await alerts(relational)).toHaveLength(2);
    const other = { ...first!, id: 'another', code: 'XXXX' };
    await expect(
      alertTables(relational).insertInto('alert').values(other).execute(),
    ).rejects.toMatchObject({ code: 'already-exists' });
    const code = { ...first!, id: 'another', rule: 'other' };
    await expect(
      alertTables(relational).insertInto('alert').values(code).execute(),
    ).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('the same alert where the engine finds again what it had lost', async () => {
    const keeper = newKeeper(await open());
    await put(relational, keeper, told('open', at(0), { suppression: 'inhibited', by: 'o:gw' }));
    await put(relational, keeper, told('open', at(9), { severity: 'critical', since: at(8) }));
    expect(await alerts(relational)).toMatchObject([
      { began_at: at(0), severity: 'critical', suppression: 0, inhibited_by: null },
    ]);
    expect(await kinds(relational)).toEqual(['d opened', 'd released', 'd worse']);
  });

  it('every reason why nobody is told, and what lifts it', async () => {
    const keeper = newKeeper(await open());
    const held = { suppression: 'inhibited', by: 'offline:gw' } as const;
    await put(relational, keeper, told('open', at(0), held));
    await put(
      relational,
      keeper,
      told('open', at(0), { subject: 'e', suppression: 'outside-schedule' }),
    );
    const rows = await alerts(relational);
    expect(rows.map(({ suppression }) => suppression)).toEqual([
      1 << SUPPRESSIONS.indexOf('inhibited'),
      1 << SUPPRESSIONS.indexOf('outside-schedule'),
    ]);
    expect(rows[0]).toMatchObject({ inhibited_by: 'offline:gw' });
    await put(relational, keeper, told('released', at(1)));
    expect((await alerts(relational))[0]).toMatchObject({ suppression: 0, inhibited_by: null });
    await put(relational, keeper, told('released', at(2), { subject: 'e' }));
    expect((await alerts(relational))[1]).toMatchObject({ suppression: 0 });
    const [, , e] = await steps(relational);
    expect(e).toEqual(['e opened', expect.objectContaining({ suppression: ['outside-schedule'] })]);
  });

  it('one that must be acknowledged as open until it is, and as the same when it comes back', async () => {
    const keeper = newKeeper(await open());
    await put(relational, keeper, told('open', at(0), { latch: true }));
    await put(relational, keeper, told('close', at(1)));
    expect(await alerts(relational)).toMatchObject([
      { active: 0, ended_at: at(1), closed_at: null },
    ]);
    await put(relational, keeper, told('open', at(2), { severity: 'minor', latch: true }));
    expect(await alerts(relational)).toMatchObject([
      { active: 1, ended_at: null, severity: 'minor', worst: 'major' },
    ]);
    await alertTables(relational).updateTable('alert').set({ acked_by: 'li' }).execute();
    await put(relational, keeper, told('close', at(3)));
    expect(await alerts(relational)).toMatchObject([{ closed_at: at(3) + 1_000 }]);
    expect(await kinds(relational)).toEqual(['d opened', 'd ended', 'd reopened', 'd ended']);
  });

  it('that somebody has it in hand until it is worse', async () => {
    const keeper = newKeeper(await open());
    await put(relational, keeper, told('open', at(0)));
    const set = { acked_by: 'li', acked_at: at(1), ack_note: 'mine' };
    await alertTables(relational).updateTable('alert').set(set).execute();
    await put(relational, keeper, told('milder', at(2), { severity: 'minor' }));
    expect(await alerts(relational)).toMatchObject([set]);
    await put(relational, keeper, told('worse', at(3), { severity: 'major' }));
    expect(await alerts(relational)).toMatchObject([
      { acked_by: null, acked_at: null, ack_note: null },
    ]);
    expect((await steps(relational)).at(-1)?.[1]).toMatchObject({ unacknowledged: true });
  });

  it('thousands that begin and end at once, each with a code of its own', async () => {
    const keeper = newKeeper(await open());
    const all = Array.from({ length: 5_000 }, (_, n) => `d${n}`);
    await put(relational, keeper, ...all.map((subject) => told('open', at(0), { subject })));
    const rows = await alerts(relational);
    expect(rows.map(({ subject }) => subject)).toEqual(all);
    expect(new Set(rows.map(({ code }) => code)).size).toBe(5_000);
    expect(rows.every(({ code }) => /^[A-Z2-9]{4,6}$/.test(code))).toBe(true);
    await put(relational, keeper, ...all.map((subject) => told('close', at(1), { subject })));
    expect((await alerts(relational)).every(({ closed_at }) => closed_at !== null)).toBe(true);
    expect(keeper.counters).toEqual({ steps: { opened: 5_000, ended: 5_000 }, unmatched: 0 });
  }, 60_000);

  it('codes that are free, however few are left', async () => {
    await open();
    // The same codes come by chance again: all of them are taken.
    for (const minute of [0, 1]) {
      const one = told('open', at(minute), { rule: `r${minute}` });
      await put(relational, newKeeper(relational, 'same'), one);
    }
    const codes = (await alerts(relational)).map(({ code }) => code);
    expect(new Set(codes).size).toBe(2);
  });

  it('nothing where the transaction fails', async () => {
    const keeper = newKeeper(await open());
    const failing = relational.transaction(async (tx) => {
      await keeper.put(tx, [told('open', at(0))]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await alerts(relational)).toEqual([]);
    expect(keeper.counters.steps).toEqual({});
  });
}

describe('ids', () => {
  it('rise, also within a millisecond and when the clock is set back', () => {
    const ids = new AlertIds(seededRandom('ids'));
    const made = Array.from({ length: 700_000 }, () => ids.next(START));
    made.push(ids.next(START - MINUTE), ids.next(START + MINUTE));
    expect(made.every((id, n) => n === 0 || id > (made[n - 1] as string))).toBe(true);
    expect(made[0]).toMatch(/^[0-9a-z]{13}$/);
  });

  it('have codes that grow longer with how many are open', () => {
    const random = seededRandom('codes');
    expect(newCode(random, 10)).toHaveLength(4);
    expect(newCode(random, 100_000)).toHaveLength(5);
    expect(newCode(random, 1_000_000)).toHaveLength(6);
    expect(() => newCode(random, 100_000_000)).toThrow('BUG');
  });
});
