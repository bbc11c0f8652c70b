/** The machine of figures when something is wrong: clocks that jump, stored rows that are damaged, more to do than one transaction holds. */
import { DAY, HOUR, MINUTE, OperationalError, SECOND } from '@village/core';
import { registryStore } from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { TestRow } from '@village/store/time-series/testing';
import { CompiledQuery } from 'kysely';
import { afterEach, describe, expect, it } from 'vitest';
import { Ages } from '../ages.ts';
import { StatementBook } from '../corrections/statement.ts';
import { workFor } from '../fair/asker.ts';
import { dayStart } from './days.ts';
import { defineFigure } from './figure.ts';
import { storedAfter } from './stored/check.ts';
import { askCheck, FigureChecks } from './stored/checks.ts';
import { markAllStored, marksOf, putMarks } from './stored/marks.ts';
import { type FigureTables, reasonBit } from './stored/tables.ts';
import {
  above,
  alone,
  areaAbove,
  COUNTY,
  DEVICES,
  FIRST_DAY,
  Machine,
  type MachineOptions,
  moving,
  startMachine,
} from './testing.ts';

const START = dayStart(FIRST_DAY);
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const start = (more?: Partial<MachineOptions>) => startMachine(ends, more);
type Rig = Awaited<ReturnType<typeof start>>;

const row = (device: string, hour: number, o3: number): TestRow => ({
  device,
  at: START + hour * HOUR,
  values: { o3 },
});
const ask = async ({ machine }: Rig, device = 'a') =>
  (await machine.figures.values(above, device, { from: START, to: START + DAY }))[0];

/** A day of a device as it is stored. */
const storedDay = (device: string, day: number): FigureTables['figure_day'] => ({
  ...{ figure: 'above', device, day, version: 1, circumstances: 'x', computed_at: 0, statement: 0 },
  body: '[[7,1,[[24,1,1,"x"]],["T-1"],{"function-zone":[]},null,[]]]',
});

const zone = (rig: Rig, value: string | null): Promise<void> =>
  registryStore(rig.relational).changeProperties({ kind: 'device', id: 'a' }, [
    { kind: 'attribute', key: 'function-zone', value, since: START, by: 'test' },
  ]);

describe('a clock that jumps a day ahead and back', () => {
  it('leaves no hour out that was put down before', async () => {
    const rig = await start();
    rig.timer.at = START + 10 * HOUR + 1;
    await rig.machine.put([row('a', 10, 200)]);
    await rig.machine.workOff();
    rig.timer.at = START + 34 * HOUR;
    await rig.machine.workOff();
    expect(await ask(rig)).toMatchObject({ value: 1, closed: true });
    // Back in the same hour, and nothing came meanwhile.
    rig.timer.at = START + 10 * HOUR + 3_000;
    await rig.machine.put([row('a', 10.0005, 200)]);
    await rig.machine.workOff();
    rig.timer.at = START + 34 * HOUR;
    expect(await ask(rig)).toMatchObject({ value: 2, closed: true });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });
});

describe('a stored day that is damaged', () => {
  it.each([
    '[[7,1,[[24,',
    'null',
    '{}',
    '[]',
    '[null]',
    '[[1]]',
    '[["x",1,[[24,1,1,"x"]],[],{},null,[]]]',
    '[[7,-1,[[24,1,1,"x"]],[],{},null,[]]]',
    '[[7,1,[[24,-1,1,"x"]],[],{},null,[]]]',
    '[[7,1,[[24,1,1,"x"]],[],{},null,["no"]]]',
  ])('as %s is told as different, never answered with, and replaced', async (body) => {
    const rig = await start();
    await rig.machine.put([row('a', 1, 200), row('b', 1, 200)]);
    await rig.machine.workOff();
    await rig.db
      .updateTable('figure_day')
      .set({ body })
      .where('device', '=', 'b')
      .where('figure', '=', 'above')
      .execute();
    expect(await ask(rig, 'b')).toMatchObject({ value: 1, completeness: 1 / 24 });
    expect(await rig.machine.check()).toMatchObject({
      ...{ checked: 8, differing: 1, waiting: 0 },
      differences: [{ figure: 'above', device: 'b', stored: [], computed: [1] }],
    });
    await rig.machine.put([row('b', 2, 200)]);
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    expect(await ask(rig, 'b')).toMatchObject({ value: 2, previous: null });
    expect(rig.machine.work.counters).toMatchObject({ damaged: 1, failures: 0 });
    expect(rig.machine.failures).toEqual(['figures-damaged']);
  });

  it('leaves what a figure was before that out, and all else in', async () => {
    const rig = await start();
    for (const hour of [1, 2, 3]) {
      await rig.machine.put([row('a', hour, 200)]);
      await rig.machine.workOff();
    }
    await rig.db.updateTable('figure_former').set({ body: '[' }).where('number', '=', 2).execute();
    expect(await ask(rig)).toMatchObject({ value: 3, previous: { value: 1 } });
  });
});

describe('a day that is over', () => {
  it('is computed when what was sent in its last minutes is there, and has no former for it', async () => {
    const rig = await start();
    rig.timer.at = START + 20 * HOUR;
    await rig.machine.put([row('a', 19, 200)]);
    rig.timer.at = START + DAY + 2_000;
    await rig.machine.workOff();
    expect(await ask(rig)).toMatchObject({ value: 1, closed: true });
    await rig.machine.put([row('a', 23.999, 200)]);
    expect(await ask(rig)).toMatchObject({ value: 2, closed: true });
    rig.timer.at = START + DAY + HOUR;
    await rig.machine.workOff();
    expect(await rig.db.selectFrom('figure_day').select('day').execute()).not.toEqual([]);
    expect(await ask(rig)).toMatchObject({ value: 2, previous: null });
  });

  it('keeps the first of what it was and the latest, however often it changes', async () => {
    const rig = await start({ figures: [above] });
    for (let n = 0; n < 60; n++) {
      await rig.machine.put([row('a', n / 5, 200)]);
      await rig.machine.workOff();
    }
    const { history } = await rig.machine.figures.open(above, 'a', START);
    expect(history).toHaveLength(50);
    expect(history.at(-1)).toMatchObject({ value: 1 });
    expect(history.slice(0, 3).map(({ value }) => value)).toEqual([59, 58, 57]);
  });
});

describe('what no longer is', () => {
  it('takes stored figures of a device away that never measured, and keeps what they were', async () => {
    const rig = await start();
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const known = await rig.db.selectFrom('figure_day').selectAll().execute();
    await rig.db
      .insertInto('figure_day')
      .values(known.map((one) => ({ ...one, device: 'nobody' })))
      .execute();
    // The first that differs marks the device.
    expect(await rig.machine.check()).toMatchObject({ checked: 8, differing: 1, waiting: 3 });
    await rig.machine.workOff();
    // The day after the marked one, of the figure that looks back.
    expect(await rig.machine.check()).toMatchObject({ checked: 5, differing: 1, waiting: 0 });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ checked: 4, differing: 0, waiting: 0 });
    const former = await rig.db.selectFrom('figure_former').select('device').execute();
    expect(former).toEqual(known.map(() => ({ device: 'nobody' })));
    expect(rig.machine.work.counters).toMatchObject({ changed: 4 });
  });

  it.each([
    ['of an area in which nothing stands', 'area-above', 'area:330522999999'],
    ['of a device under an area', 'above', `area:${COUNTY}`],
    ['of an area under a device', 'area-above', 'b'],
  ])('takes stored figures %s away, and keeps what they were', async (_name, figure, owner) => {
    const rig = await start({ figures: [above, areaAbove] });
    await rig.machine.put([row('a', 1, 200), row('b', 25, 200)]);
    await rig.machine.workOff();
    const right = await rig.db.selectFrom('figure_day').select(['figure', 'device']).execute();
    await rig.db
      .insertInto('figure_day')
      .values({ ...storedDay(owner, FIRST_DAY), figure })
      .execute();
    expect(await rig.machine.check()).toMatchObject({ differing: 1 });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    const now = await rig.db.selectFrom('figure_day').select(['figure', 'device']).execute();
    expect(now).toEqual(expect.arrayContaining(right));
    expect(now).not.toContainEqual({ figure, device: owner });
    const former = await rig.db.selectFrom('figure_former').select(['figure', 'device']).execute();
    expect(former).toEqual([{ figure, device: owner }]);
  });

  it('goes from one stored day to the next, however far that is', async () => {
    const rig = await start({ figures: [above] });
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const far = 2_000_000_000;
    await rig.db.insertInto('figure_day').values(storedDay('a', far)).execute();
    let turns = 0;
    const beat = setInterval(() => turns++, 1);
    ends.push(() => clearInterval(beat));
    const { differences } = await rig.machine.check();
    expect(differences).toMatchObject([{ device: 'a', day: far, stored: [7], computed: [0] }]);
    expect(turns).toBeGreaterThan(0);
  }, 20_000);

  it('computes a figure again that was left out of the server for a while', async () => {
    const rig = await start({ figures: [above] });
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const { store, relational, timer } = rig;
    await rig.machine.stop();
    const without = new Machine({ store, relational, timer, figures: [moving] });
    await without.put([row('a', 2, 200)]);
    await without.workOff();
    await without.stop();
    const again = new Machine({ store, relational, timer, figures: [above, moving] });
    ends.push(() => again.stop());
    await again.workOff();
    expect(await ask({ ...rig, machine: again })).toMatchObject({ value: 2 });
    expect(await again.check()).toMatchObject({ differing: 0, waiting: 0 });
  });

  it('finds days that were computed under an attribute which was taken back before anybody looked', async () => {
    const rig = await start({ figures: [above] });
    await rig.machine.put([row('a', 1, 200), row('a', 25, 200)]);
    await rig.machine.workOff();
    const { sources } = rig.machine;
    const version = sources.version.bind(sources);
    let asked = 0;
    // After the look at the registry, before the day is computed.
    sources.version = async () => {
      if (++asked === 2) await zone(rig, '1');
      return version();
    };
    await rig.machine.put([row('a', 2, 70)]);
    await rig.machine.workOff();
    expect(asked).toBeGreaterThan(1);
    await zone(rig, null);
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ checked: 2, differing: 0, waiting: 0 });
  });

  it('looks at profiles at each start', async () => {
    const rig = await start({ figures: [above] });
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const { store, relational, timer } = rig;
    await rig.machine.stop();
    await rig.db.updateTable('figure_day').set({ circumstances: 'as before' }).execute();
    await rig.db.updateTable('figure_device').set({ circumstances: 'as before' }).execute();
    const again = new Machine({ store, relational, timer, figures: [above] });
    ends.push(() => again.stop());
    await again.workOff();
    expect(await again.check()).toMatchObject({ checked: 1, differing: 0, waiting: 0 });
  });
});

describe('devices that fail', () => {
  it('keep nobody else from being computed, and have their turn again', async () => {
    const rig = await start({ figures: [above] });
    const bad = Array.from({ length: 900 }, (_, n) => `A${n}`);
    for (let n = 0; n < bad.length; n += 100)
      await rig.db
        .insertInto('figure_mark')
        .values(
          bad.slice(n, n + 100).map((device) => ({
            ...{ device, day: FIRST_DAY, mask: 1, reasons: 1, revision: 1 },
          })),
        )
        .execute();
    await rig.machine.put([row('a', 1, 200)]);
    const { sources } = rig.machine;
    const circumstancesOf = sources.circumstancesOf.bind(sources);
    const asked: string[] = [];
    sources.circumstancesOf = (devices, version) => {
      asked.push(...devices);
      const fails = devices.some((device) => device.startsWith('A'));
      if (fails) return Promise.reject(new OperationalError('no', 'not now'));
      return circumstancesOf(devices, version);
    };
    await rig.machine.marks.isUpToDate(1_000);
    for (let n = 0; n < 12; n++) {
      await rig.machine.workOff().catch(() => undefined);
      rig.timer.at += 2_000;
    }
    expect(await rig.db.selectFrom('figure_day').select('device').execute()).toHaveLength(1);
    expect(asked.filter((device) => device === 'A0').length).toBeGreaterThan(1);
  });

  it('are tried again after a while that grows as long as they fail, and their job says why', async () => {
    const rig = await start({ figures: [above] });
    await rig.machine.put([row('a', 1, 200), row('b', 1, 200)]);
    const { sources } = rig.machine;
    const computeMany = sources.computeMany.bind(sources);
    let fails = true;
    const tried: number[] = [];
    sources.computeMany = (figures, wanted, ...more) => {
      if (wanted.length === 1 && wanted[0]?.held.device === 'a') tried.push(rig.timer.at - begun);
      if (fails && wanted.some(({ held }) => held.device === 'a'))
        throw new OperationalError('archive-file-unreadable', 'not now');
      return computeMany(figures, wanted, ...more);
    };
    const begun = rig.timer.at;
    // As often as the job runs.
    for (; rig.timer.at < begun + 5 * MINUTE; rig.timer.at += 2_000)
      await expect(rig.machine.workOff()).rejects.toMatchObject({
        code: 'archive-file-unreadable',
      });
    // It waits for 2, 4, 8, 16, 32 and then 60 s.
    expect(tried.map((at) => at / 1_000)).toEqual([0, 2, 6, 14, 30, 62, 122, 182, 242]);
    expect(await ask(rig, 'b')).toMatchObject({ value: 1 });
    fails = false;
    rig.timer.at += MINUTE;
    await rig.machine.workOff().catch(() => undefined);
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    // What failed for a while and went well begins anew.
    fails = true;
    await rig.machine.put([row('a', 2, 200)]);
    tried.length = 0;
    const again = rig.timer.at - begun;
    for (let n = 0; n < 4; n++) {
      await rig.machine.workOff().catch(() => undefined);
      rig.timer.at += 2_000;
    }
    expect(tried.map((at) => (at - again) / 1_000)).toEqual([0, 2, 6]);
  });
});

describe('the night', () => {
  it('looks at its sample, and nobody else takes it for what was asked for', async () => {
    const rig = await start();
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const { machine, relational, timer } = rig;
    const checks = new FigureChecks({
      ...{ figures: [above, moving], sources: machine.sources, areas: machine.areaSources },
      ...{ relational, marks: machine.marks },
      ...{ clock: timer.now, random: () => 0.5 },
    });
    const run = alone();
    // As a night leaves it that was cut short.
    await askCheck(relational, 'night-1', 1);
    await checks.runAsked(run);
    expect(checks.counters.checked).toBe(0);
    await checks.runNightly(run);
    const nights = await rig.db.selectFrom('figure_check').select(['id', 'ended_at']).execute();
    expect(nights).toEqual([{ id: `night-${timer.now()}`, ended_at: timer.now() }]);
    await rig.db.updateTable('figure_day').set({ body: '[]' }).execute();
    timer.at += DAY;
    await expect(checks.runNightly(run)).rejects.toMatchObject({ code: 'figures-differ' });
  });
});

describe('marks of a large county', () => {
  it('of everything stored are put down some devices at a time', async () => {
    const { relational, db } = await start();
    const devices = Array.from({ length: 45 }, (_, n) => `d${n}`);
    for (const device of devices) {
      await db.insertInto('figure_device').values({ device, circumstances: 'x' }).execute();
      await db
        .insertInto('figure_day')
        .values([storedDay(device, FIRST_DAY), { ...storedDay(device, FIRST_DAY + 1), version: 2 }])
        .execute();
    }
    const sizes: number[] = [];
    const counted: Relational = {
      ...relational,
      transaction: async (work, options) => {
        const before = await count();
        const result = await relational.transaction(work, options);
        sizes.push((await count()) - before);
        return result;
      },
    };
    const count = async (): Promise<number> =>
      (await db.selectFrom('figure_mark').select('day').execute()).length;
    await markAllStored(counted, reasonBit('definition'), { figure: 'above', otherThan: 2 });
    expect(sizes).toEqual([20, 20, 5]);
    await markAllStored(counted, reasonBit('rebuild'));
    expect(sizes.slice(3)).toEqual([20, 20, 5]);
    const reasons = await db.selectFrom('figure_mark').select(['day', 'reasons']).execute();
    const both = reasonBit('definition') | reasonBit('rebuild');
    for (const { day, reasons: bits } of reasons)
      expect(bits).toBe(day === FIRST_DAY ? both : reasonBit('rebuild'));
  });

  it('are found without a look at all of them', async () => {
    const { relational, db } = await start();
    for (const [of, which] of [
      ['devices', { on: FIRST_DAY }],
      ['devices', { before: FIRST_DAY }],
      ['areas', { before: FIRST_DAY }],
    ] as const) {
      const { sql, parameters } = marksOf(relational, of, which, ['a'], 400).compile();
      const asked = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]);
      const plan = JSON.stringify((await db.executeQuery(asked)).rows);
      expect(plan).toContain('USING INDEX figure_mark_order');
      expect(plan).not.toMatch(/TEMP B-TREE|SCAN/);
    }
  });

  it('and what is stored are walked through page by page, each begun where the one before ended', async () => {
    const { relational, db } = await start();
    for (const device of ['a', 'b', 'c'])
      for (const figure of ['above', 'shy'])
        await db
          .insertInto('figure_day')
          .values([5, 6, 7].map((day) => ({ ...storedDay(device, day), figure })))
          .execute();
    const keyOf = ({ device, day, figure }: { device: string; day: number; figure: string }) =>
      `${device} ${day} ${figure}`;
    const all = await storedAfter({ relational }, null).execute();
    expect(all.map(keyOf)).toEqual(
      ['a', 'b', 'c'].flatMap((device) =>
        [5, 6, 7].flatMap((day) =>
          ['above', 'shy'].map((figure) => keyOf({ device, day, figure })),
        ),
      ),
    );
    for (const [n, one] of all.entries())
      expect(await storedAfter({ relational }, one).execute()).toEqual(all.slice(n + 1));
    const { sql, parameters } = storedAfter({ relational }, all[3]!).compile();
    const asked = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]);
    const plan = JSON.stringify((await db.executeQuery(asked)).rows);
    expect(plan).toContain('SEARCH figure_day USING INDEX');
    expect(plan).not.toMatch(/TEMP B-TREE|SCAN/);
  });

  it('are worked off of yesterday first, then the oldest, of a device many at once', async () => {
    const rig = await start({ figures: [above] });
    const live = FIRST_DAY + 2;
    await rig.machine.put([
      ...Array.from({ length: 30 }, (_, n) => row('b', -24 * n, 200)),
      ...[row('a', -24 * 40, 200), row('a', 48, 200), row('b', 48, 200)],
    ]);
    const done: string[] = [];
    const { sources } = rig.machine;
    const computeMany = sources.computeMany.bind(sources);
    sources.computeMany = (figures, wanted, signal) => {
      const days = wanted.flatMap(({ held, runs }) =>
        runs.map(({ first, end }) => `${held.device} ${first - live} ${end - first}`),
      );
      done.push(days.join(', '));
      return computeMany(figures, wanted, signal);
    };
    await rig.machine.workOff();
    expect(done).toEqual(['a 0 1, b 0 1', 'a -42 1, b -31 30']);
  });

  it('of a definition are put down once a version of it', async () => {
    const rig = await start();
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    const definitions = await rig.db.selectFrom('figure_definition').selectAll().execute();
    expect(definitions).toContainEqual({ figure: 'above', version: 1 });
    expect(definitions).toHaveLength(3);
  });
});

describe('while others make corrections', () => {
  const said = { metric: 'o3', kind: 'offset', value: 1, target: null } as const;
  const between = { from: START, to: START + DAY };

  it.each([
    ['of other devices, a figure is computed once', 'b', 1],
    ['of its device, until it holds of all of them', 'a', 4],
  ])('%s', async (_name, device, times) => {
    let book = new StatementBook([]);
    let calls = 0;
    const busy = defineFigure({
      ...{ id: 'busy', version: 1, title: { zh: '试', en: 'Test' }, span: 'day', keep: 'stored' },
      ...{ unit: '', inputs: [{ name: 'o3', quantity: 'air.o3' }] },
      compute: ({ readings: given }) => {
        if (given('o3').rows.length === 0) return null;
        if (++calls < 4 || (device === 'b' && calls < 60)) {
          const statement = { ...said, ...between, id: calls, device, value: calls };
          book = book.changed([{ number: calls, statement, holds: true }]);
        }
        return 1;
      },
    });
    const rig = await start({ figures: [busy], book: () => book });
    await rig.machine.put([row('a', 3, 200)]);
    await rig.machine.workOff();
    expect(calls).toBe(times);
    const stored = await rig.db.selectFrom('figure_day').select('day').execute();
    expect(stored).toContainEqual({ day: FIRST_DAY });
  });

  it('where readings are moved to is looked for once an hour of a device, not for each of them', async () => {
    const shift = { ...said, ...between, id: 1, device: 'a', metric: null, value: HOUR };
    const book = new StatementBook([{ ...shift, kind: 'shift-clock' }]);
    let asked = 0;
    const rig = await start({
      book: () => {
        asked++;
        return book;
      },
    });
    const at = (n: number): number => START + 3 * HOUR + n * 2 * SECOND;
    const rows = Array.from({ length: 3_000 }, (_, n) => ({ device: 'a', at: at(n) }));
    const before = asked;
    await rig.machine.put(rows.map((one) => ({ ...one, values: { o3: 1 } })));
    expect(await rig.machine.marks.isUpToDate(20_000)).toBe(true);
    expect(asked - before).toBeLessThan(20);
    // Two hours of rows, moved by one.
    const gathered = rig.machine.marks.gatheredOf('a').get(FIRST_DAY);
    expect(gathered?.mask).toBe(0b111_000);
  });
});

describe('a day of one device', () => {
  it('does not wait for years of another', async () => {
    const order: string[] = [];
    const told = defineFigure({
      ...{ id: 'told', version: 1, title: { zh: '试', en: 'Test' }, span: 'day', keep: 'stored' },
      ...{ unit: '', inputs: [{ name: 'o3', quantity: 'air.o3' }] },
      compute: ({ readings: given }) => {
        order.push(given('o3').rows.length === 0 ? 'a' : 'b');
        return 1;
      },
    });
    const rig = await start({ figures: [told] });
    await rig.machine.put([row('b', 3, 200)]);
    await rig.machine.workOff();
    order.length = 0;
    const mark = (device: string, day: number) => ({ device, day, mask: 1, reasons: 1 });
    await putMarks(rig.relational, [
      mark('b', FIRST_DAY),
      ...Array.from({ length: 900 }, (_, n) => mark('a', FIRST_DAY - 1_000 + n)),
    ]);
    await rig.machine.workOff();
    expect(order.filter((one) => one === 'a').length).toBeGreaterThanOrEqual(900);
    expect(order.indexOf('b')).toBeGreaterThan(0);
    expect(order.indexOf('b')).toBeLessThan(500);
  });
});

describe('a clock that is years ahead for a while', () => {
  it('takes back no mark of days whose readings are there', async () => {
    let ages: Ages | undefined;
    const deletedBefore = (): number => ages?.before(100 * DAY) ?? Number.NaN;
    const rig = await start({ figures: [above], deletedBefore });
    const { timer, store } = rig;
    ages = new Ages({ timer, devices: () => DEVICES, latest: (id) => store.latest(id) });
    await rig.machine.put([row('a', 1, 200)]);
    await rig.machine.workOff();
    await rig.machine.put([row('a', 2, 200)]);
    const now = rig.timer.at;
    rig.timer.at += 27_000 * DAY;
    await rig.machine.workOff();
    rig.timer.at = now;
    expect(await ask(rig)).toMatchObject({ value: 2 });
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });
});

describe('the job', () => {
  it('waits for its turn among those who ask, without end, and goes on when it has come', async () => {
    const rig = await start();
    await rig.machine.put([row('a', 3, 200)]);
    const held = Promise.withResolvers<void>();
    const { atOnce } = rig.machine.figures;
    const holding = ['x', 'y'].map((who) => workFor(who, () => atOnce.run(() => held.promise)));
    const done = rig.machine.workOff();
    // The clock of tests ends each wait of a person by then.
    const late = workFor('late', () => atOnce.run(() => Promise.resolve()));
    await expect(late).rejects.toMatchObject({ code: 'figures-busy' });
    await expect.poll(() => atOnce.waiting, { timeout: 20_000 }).toBe(1);
    expect(rig.machine.work.counters.computed).toBe(0);
    held.resolve();
    await Promise.all([done, ...holding]);
    expect(rig.machine.work.counters).toMatchObject({ failures: 0 });
    expect(rig.machine.work.counters.computed).toBeGreaterThan(0);
    expect(await ask(rig)).toMatchObject({ value: 1 });
  });
});
