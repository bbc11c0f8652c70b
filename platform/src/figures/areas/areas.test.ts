/**
 * Figures of areas over real stores: a device counts where it stood, whatever order readings, statements and moves come in, and what is
 * stored is what computing it from readings gives. On both archives and both databases.
 */
import { DAY, HOUR, type Random, SECOND, seededRandom, systemTimer } from '@village/core';
import { registryStore } from '@village/registry';
import type { TestRow } from '@village/store/time-series/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { workFor } from '../../fair/asker.ts';
import { defineFigure } from '../figure.ts';
import { figureTables } from '../stored/tables.ts';
import {
  DAYS,
  deeds,
  muddle,
  muddled,
  type Place,
  Places,
  Rig,
  readings,
  START,
  STATEMENTS,
  TAKEN_BACK,
} from '../stored/testing.ts';
import {
  above,
  COUNTY,
  device,
  EAST,
  EAST_VILLAGE,
  FIRST_DAY,
  type MachineOptions,
  moving,
  shy,
  WEST,
} from '../testing.ts';

const title = { zh: '试', en: 'Test' };

/** As `above`, and nothing where nothing was heard. */
const heard = defineFigure({
  ...{ ...above, id: 'heard' },
  compute: (facts) => (facts.readings('o3').rows.length === 0 ? null : above.compute(facts)),
});

/** The sum over stations; a station's share weighs by its place, so that their order would tell. */
const sum = defineFigure({
  ...{ of: 'area', id: 'area-above', version: 1, title, span: 'day', keep: 'stored', unit: 'h' },
  inputs: [{ name: 'heard', figure: heard }],
  compute: ({ stations }) => {
    const values = stations('heard').flatMap((one) => one.values);
    const there = values.flatMap(({ value }) => (value === null ? [] : [value]));
    return there.length === 0 ? null : there.reduce((all, value) => all * 1.0001 + value, 0);
  },
});

/** Of hours that are stored, and of days that are not. */
const mixed = defineFigure({
  ...{ of: 'area', id: 'area-mixed', version: 1, title, span: 'day', keep: 'stored', unit: '' },
  inputs: [
    { name: 'hours', figure: moving },
    {
      name: 'days',
      figure: defineFigure({ ...shy, id: 'rows-ahead', keep: 'computed', lookAhead: HOUR }),
    },
  ],
  compute: ({ stations }) =>
    [...stations('hours'), ...stations('days')]
      .flatMap((one) => one.values)
      .reduce((all, { value }) => all * 1.0000001 + (value ?? -1), 0),
});

/** Of days of which nothing is stored. */
const unstored = defineFigure({
  ...{ of: 'area', id: 'area-days', version: 1, title, span: 'day', keep: 'computed', unit: '' },
  inputs: [{ name: 'days', figure: defineFigure({ ...shy, id: 'rows', keep: 'computed' }) }],
  compute: ({ stations }) => stations('days').length,
});

/** Of hours, computed when asked. */
const hourly = defineFigure({
  ...{ of: 'area', id: 'area-hourly', version: 1, title, span: 'hour', keep: 'computed', unit: '' },
  inputs: [{ name: 'moving', figure: moving }],
  compute: ({ stations }) => {
    const values = stations('moving').flatMap((one) => one.values.map(({ value }) => value ?? 0));
    return values.length === 0 ? null : values.reduce((all, one) => all + one) / values.length;
  },
});

/** The machine may be slow. */
const SOON = { timeout: 20_000 };
const FIGURES = { figures: [heard, moving, shy, sum, mixed, hourly] };
const AREAS = [COUNTY, EAST, WEST, EAST_VILLAGE];
const ALL = { from: START, to: START + DAYS * DAY };

const places = new Places();
beforeAll(() => places.open(), 90_000);
afterAll(() => places.close(), 60_000);
const rigs: Rig[] = [];
const start = async (place: Place, more: Partial<MachineOptions> = FIGURES): Promise<Rig> => {
  const rig = await new Rig(place, more).start();
  rigs.push(rig);
  return rig;
};
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

/** A device stands in an area from an hour on. */
const move = (rig: Rig, id: string, area: string, hour: number): Promise<unknown> =>
  registryStore(rig.relational).importDevices({
    ...{ at: START + hour * HOUR, by: 'test', gateways: [], credentials: [] },
    devices: [device(id, area)],
  });

/** In order of time, as moves are made; the last brings a device that nobody knew. */
const MOVES: readonly (readonly [id: string, area: string, hour: number])[] = [
  ['a', EAST_VILLAGE, 5],
  ['b', WEST, 5],
  ['a', WEST, 29],
  ['b', EAST_VILLAGE, 37],
  ['a', EAST, 61],
  ['c', EAST, 50],
];

async function areaAnswers(rig: Rig, areas = AREAS): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const area of areas)
    for (const figure of [sum, mixed, hourly])
      for (const item of await rig.machine.areas.values(figure, area, ALL)) {
        const { at, value, completeness, version, corrections } = item;
        all.push([figure.id, area, at, value, completeness, version, corrections]);
      }
  return all;
}

const storedOf = async (rig: Rig): Promise<Map<string, object>> => {
  const rows = (await rig.stored()) as { device: string; day: number; figure: string }[];
  return new Map(rows.map((row) => [`${row.device} ${row.day} ${row.figure}`, row]));
};

/** The rows of three stations, one of which nobody knows at first. */
const rowsOf = (random: Random): TestRow[] => [
  ...readings(random),
  ...readings(random)
    .filter(({ device: id }) => id === 'a')
    .map((row) => ({ ...row, device: 'c' })),
];

describe.each([
  ['embedded', 'SQLite', 3],
  ['embedded', 'PostgreSQL', 1],
  ['influxdb', 'SQLite', 1],
  ['influxdb', 'PostgreSQL', 1],
] as const)('on %s and %s', (archive, database, seeds) => {
  const here = places.has(archive, database);

  it.skipIf(!here).each(Array.from({ length: seeds }, (_, n) => n + 1))(
    'any order of readings, statements and moves gives the same figures of areas (seed %d)',
    async (seed) => {
      const random = seededRandom(`areas ${seed}`);
      const rows = rowsOf(random);
      const plain = await start(places.of(archive, database));
      for (const [id, area, hour] of MOVES) await move(plain, id, area, hour);
      await plain.machine.put(rows);
      for (const { id } of STATEMENTS.slice(0, -TAKEN_BACK)) await plain.say(id);
      const mix = await start(places.of(archive, database));
      const all = muddled(rows, random);
      const say = deeds(random);
      const done: string[] = [];
      const part = Math.ceil(all.length / (MOVES.length + 1));
      for (let n = 0; n <= MOVES.length; n++) {
        done.push(...(await muddle(mix, all.slice(n * part, (n + 1) * part), say, random)));
        const next = MOVES[n];
        if (next === undefined) continue;
        await move(mix, ...next);
        done.push(`${next[0]}>`);
        if (random() < 0.5) await areaAnswers(mix, [COUNTY]);
        if (random() < 0.5) await mix.machine.workOff();
      }
      for (const deed of say) await mix.say(deed);
      // Before anything of it is worked off, answers are the same already.
      const answers = await areaAnswers(plain);
      expect(await areaAnswers(mix)).toEqual(answers);
      await plain.machine.workOff();
      await mix.machine.workOff();
      const [stored, expected] = [await storedOf(mix), await storedOf(plain)];
      // An area's days that nothing was marked of while a device stood there are computed when they are asked for.
      for (const [key, row] of stored) expect(row, key).toEqual(expected.get(key));
      const ofAreas = [...stored.keys()].filter((key) => key.startsWith('area:'));
      expect(ofAreas.length).toBeGreaterThan(AREAS.length * DAYS);
      expect(await areaAnswers(mix)).toEqual(answers);
      expect(await areaAnswers(plain)).toEqual(answers);
      expect(await mix.machine.check()).toEqual({
        ...{ checked: stored.size, waiting: 0, differing: 0, differences: [] },
      });
      expect(mix.machine.failures).toEqual([]);
      console.log(
        `seed ${seed}, ${archive}, ${database}: ${all.length} rows of ${rows.length}, ${MOVES.length} moves, steps ${done.join(' ')}`,
      );
    },
    120_000,
  );
});

describe('a figure of an area', () => {
  const row = (id: string, hour: number, o3: number): TestRow => ({
    ...{ device: id, at: START + hour * HOUR, values: { o3 } },
  });
  const day = (n: number) => ({ from: START + n * DAY, to: START + (n + 1) * DAY });
  /** Value and completeness of a day. */
  const told = async (rig: Rig, area: string, n = 0): Promise<unknown[]> => {
    const [item] = await rig.machine.areas.values(sum, area, day(n));
    return [item?.value, item?.completeness];
  };

  it('is of the devices that stood there then: a move leaves the past, and cuts the day it is in', async () => {
    const rig = await start(places.of('embedded', 'SQLite'));
    await move(rig, 'a', EAST, 0);
    await move(rig, 'b', WEST, 0);
    // Above the limit: two hours each day of a, one of b.
    for (const n of [0, 24, 48])
      await rig.machine.put([row('a', n + 1, 200), row('a', n + 20, 200), row('b', n + 2, 200)]);
    await rig.machine.workOff();
    const stations = async (area: string): Promise<unknown> => {
      const opened = await rig.machine.areas.open(sum, area, START + DAY + HOUR);
      return opened.inputs[0]?.stations.map((one) => [one.device, one.results[0]?.value]);
    };
    expect(await told(rig, EAST)).toEqual([2, 1]);
    expect(await told(rig, WEST)).toEqual([1, 1]);
    expect(await stations(WEST)).toEqual([['b', 1]]);
    // In mid-day of the second: one hour of a lies before, one after.
    await move(rig, 'a', WEST, 36);
    for (const state of ['before the job ran', 'after it ran']) {
      expect(await told(rig, EAST, 0), state).toEqual([2, 1]);
      expect(await told(rig, WEST, 0), state).toEqual([1, 1]);
      expect(await told(rig, EAST, 1), state).toEqual([1, 1]);
      expect(await told(rig, WEST, 1), state).toEqual([1 * 1.0001 + 1, 1]);
      expect(await told(rig, EAST, 2), state).toEqual([null, 0]);
      expect(await told(rig, WEST, 2), state).toEqual([2 * 1.0001 + 1, 1]);
      expect(await told(rig, COUNTY, 1), state).toEqual([2 * 1.0001 + 1, 1]);
      expect(await stations(WEST), state).toEqual([
        ['a', 1],
        ['b', 1],
      ]);
      await rig.machine.workOff();
    }
    const [former] = await rig.machine.areas.values(sum, WEST, day(2));
    expect(former?.previous).toMatchObject({ value: 1, reasons: ['circumstances'] });
    expect((await rig.machine.areas.values(sum, WEST, day(0)))[0]?.previous).toBeNull();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });

  it('counts whom it lacks: in service and silent, not before it was registered, not after it was retired', async () => {
    const rig = await start(places.of('embedded', 'SQLite'));
    const put = async (id: string): Promise<void> => {
      for (const n of [0, 24, 48]) await rig.machine.put([row(id, n + 1, 200)]);
    };
    await put('a');
    expect(await told(rig, COUNTY)).toEqual([1, 1 / 2]);
    await rig.machine.workOff();
    await move(rig, 'c', EAST, 30);
    expect(await told(rig, COUNTY, 0)).toEqual([1, 1 / 2]);
    expect(await told(rig, COUNTY, 1)).toEqual([1, 1 / 3]);
    await registryStore(rig.relational).retireDevice({
      ...{ device: 'b', at: START + 40 * HOUR, by: 'test', reason: null },
    });
    expect(await told(rig, COUNTY, 1)).toEqual([1, 1 / 3]);
    expect(await told(rig, COUNTY, 2)).toEqual([1, 1 / 2]);
    await rig.machine.workOff();
    expect(await told(rig, COUNTY, 0)).toEqual([1, 1 / 2]);
    expect(await told(rig, COUNTY, 2)).toEqual([1, 1 / 2]);
    // What it measured before somebody wrote it down counts.
    await put('c');
    expect(await told(rig, COUNTY, 0)).toEqual([1.0001 + 1, 2 / 3]);
    await rig.machine.workOff();
    expect(await told(rig, COUNTY, 0)).toEqual([1.0001 + 1, 2 / 3]);
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
  });

  it('follows late readings and statements at once, and keeps what it was with the reason', async () => {
    const rig = await start(places.of('embedded', 'SQLite'));
    await rig.machine.put([row('a', 3, 80), row('b', 3, 150)]);
    await rig.machine.workOff();
    const item = async () => (await rig.machine.areas.values(sum, COUNTY, day(0)))[0];
    expect(await item()).toMatchObject({ value: 1, previous: null, version: 'T-1' });
    await rig.machine.put([row('b', 5, 150)]);
    const late = { value: 2, previous: { value: 1, reasons: ['late-data'] } };
    expect(await item()).toMatchObject(late);
    await rig.machine.workOff();
    expect(await item()).toMatchObject(late);
    // 80 and 30 more are above 100.
    await rig.say(1);
    expect(await item()).toMatchObject({ value: 1.0001 + 2, corrections: [1] });
    await rig.machine.workOff();
    const { history, item: now } = await rig.machine.areas.open(sum, COUNTY, START);
    expect(now).toMatchObject({ value: 1.0001 + 2, corrections: [1] });
    expect(history.map(({ value, reasons }) => [value, reasons])).toEqual([
      [2, ['correction']],
      [1, ['late-data']],
    ]);
  });

  it('says where what is stored is not what computing it gives, and mends it', async () => {
    const rig = await start(places.of('embedded', 'SQLite'));
    await rig.machine.put([row('a', 3, 200)]);
    await rig.machine.workOff();
    const wrong = { body: '[[7,1,[[1,1,1,"x"]],["T-1"],{},null,[]]]' };
    await figureTables(rig.relational)
      .updateTable('figure_day')
      .set(wrong)
      .where('device', '=', `area:${COUNTY}`)
      .where('figure', '=', sum.id)
      .where('day', '=', FIRST_DAY)
      .execute();
    expect((await rig.machine.check()).differences).toEqual([
      ...[{ figure: sum.id, device: `area:${COUNTY}`, day: FIRST_DAY, stored: [7], computed: [1] }],
    ]);
    await rig.machine.workOff();
    expect(await rig.machine.check()).toMatchObject({ differing: 0, waiting: 0 });
    expect(await told(rig, COUNTY)).toEqual([1, 1 / 2]);
  });

  it('is refused over more readings than one answer is computed from, and asks once for all devices of a month', async () => {
    const rig = await start(places.of('embedded', 'SQLite'));
    const ids = Array.from({ length: 300 }, (_, n) => `s${n}`);
    await registryStore(rig.relational).importDevices({
      ...{ at: 0, by: 'test', gateways: [], credentials: [] },
      devices: ids.map((id) => device(id, EAST)),
    });
    await rig.machine.put(ids.map((id) => row(id, 3, 200)));
    let asked = 0;
    const { range, rangeMany } = rig.store;
    rig.store.range = (query, signal) => {
      asked++;
      return range.call(rig.store, query, signal);
    };
    rig.store.rangeMany = (query, signal) => {
      asked++;
      return rangeMany.call(rig.store, query, signal);
    };
    // 300 devices that report each hour: 2.6 million rows.
    const before = (days: number) => ({ from: START + (3 - days) * DAY, to: START + 3 * DAY });
    for (const [figure, days] of [
      [hourly, 365],
      [unstored, 365],
    ] as const)
      await expect(
        rig.machine.areas.values(figure, EAST, before(days)),
        `${figure.id} of ${days} days`,
      ).rejects.toMatchObject({ code: 'range-too-wide' });
    expect(asked).toBe(0);
    expect(await rig.machine.areas.values(hourly, EAST, ALL)).toHaveLength(DAYS * 24);
    expect(asked).toBe(1);
    asked = 0;
    expect(await rig.machine.areas.values(unstored, EAST, before(100))).toHaveLength(100);
    expect(asked).toBe(Math.ceil(100 / 31));
    // What is stored is taken as it is.
    await rig.machine.workOff();
    asked = 0;
    expect(await told(rig, EAST)).toEqual([expect.any(Number), 1]);
    expect(asked).toBe(0);
  }, 60_000);

  it('waits for its turn among answers about devices, and lets them in between', async () => {
    const now = (): number => START + DAYS * DAY + HOUR;
    const rig = await start(places.of('embedded', 'SQLite'), {
      ...FIGURES,
      timer: { ...systemTimer, now },
    });
    const ids = Array.from({ length: 30 }, (_, n) => `s${n}`);
    await registryStore(rig.relational).importDevices({
      ...{ at: 0, by: 'test', gateways: [], credentials: [] },
      devices: ids.map((id) => device(id, EAST)),
    });
    for (const id of ids)
      await rig.machine.put(
        Array.from({ length: 5_000 }, (_, n) => ({
          ...{ device: id, at: START + n * 50 * SECOND },
          values: { o3: n },
        })),
      );
    const { figures, areas } = rig.machine;
    let read = 0;
    const { rangeMany } = rig.store;
    rig.store.rangeMany = async function* (query, signal) {
      for await (const part of rangeMany.call(rig.store, query, signal)) {
        read += part.rows.length;
        yield part;
      }
    };
    const held = Promise.withResolvers<void>();
    const holding = ['x', 'y'].map((who) =>
      workFor(who, () => figures.atOnce.run(() => held.promise)),
    );
    const order: string[] = [];
    const large = [1, 2, 3].map((n) =>
      workFor(`person ${n}`, () => areas.values(hourly, EAST, ALL)).then(({ length }) => {
        order.push(`area ${n}`);
        return length;
      }),
    );
    await expect.poll(() => figures.atOnce.waiting, SOON).toBe(2);
    // Values of two areas are in memory at once.
    expect(areas.atOnce.waiting).toBe(1);
    expect(read).toBe(0);
    held.resolve();
    await Promise.all(holding);
    await expect.poll(() => read, SOON).toBeGreaterThan(0);
    await workFor('z', () => figures.values(moving, 's1', ALL)).then(() => order.push('device'));
    expect(await Promise.all(large)).toEqual([DAYS * 24, DAYS * 24, DAYS * 24]);
    expect(order[0]).toBe('device');
    expect(read).toBeGreaterThanOrEqual(3 * 30 * 5_000);
    expect([figures.atOnce.waiting, areas.atOnce.waiting]).toEqual([0, 0]);
  }, 60_000);
});
