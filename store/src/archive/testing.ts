/** The contract-test suite: every archive passes it behind the journal. An engine says beforehand what it lacks. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BEIJING_OFFSET_MS,
  DAY,
  type DeviceEvent,
  HOUR,
  MINUTE,
  seededRandom,
  systemTimer,
  type Timer,
} from '@village/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { frameTests } from '../frames/testing.ts';
import { ROW_FLAG } from '../journal/contract.ts';
import { journalTests } from '../journal/testing.ts';
import type { TimeSeriesStore } from '../time-series/contract.ts';
import { boundsTests } from './bounds/testing.ts';
import { completenessTests } from './completeness/testing.ts';
import type { AggregateQuery, Completeness, RangeRow } from './contract.ts';
import { locationTests } from './locations/testing.ts';
import { manyTests } from './many/testing.ts';
import { Oracle, putRow, type TestRow } from './oracle.ts';
import { registrationTests } from './registrations/testing.ts';

export { Oracle, putRow, type TestRow } from './oracle.ts';
export { tell } from './tell.ts';

/** The tests' present: noon in Beijing. */
export const NOW = Date.UTC(2026, 2, 10, 4);
/** A timer whose clock stands at `NOW`. */
export const standingTimer: Timer = { ...systemTimer, now: () => NOW };

export const PROFILE = 'acme/station';
export const METRICS = ['pm25', 'no2', 'temp'];
const COUNTY = '330522000000';
const EAST = '330522100000';
const WEST = '330522101000';
const LOCATIONS = new Map([
  ['a', { county: COUNTY, township: EAST, village: '330522100201' }],
  ['b', { county: COUNTY, township: EAST, village: null }],
  ['c', { county: COUNTY, township: WEST, village: '330522101201' }],
]);

/** A span with rows before and after it, and silences that end just short of a gap. */
const INNER = { from: NOW - 2 * DAY + 17 * MINUTE, to: NOW - DAY, reportEveryMs: 100 * MINUTE };

/** How the suite makes an engine's store; the same folder again is the same store. */
export type OpenStore = (folder: string, timer: Timer) => Promise<TimeSeriesStore>;

const query = (more: Partial<AggregateQuery>): AggregateQuery => ({
  columns: [{ profile: PROFILE, metric: 'pm25' }],
  area: COUNTY,
  from: NOW - 3 * DAY,
  to: NOW + DAY,
  everyMs: HOUR,
  offsetMs: BEIJING_OFFSET_MS,
  aggregates: ['count'],
  groupBy: 'none',
  ...more,
});

const rowArbitrary: fc.Arbitrary<TestRow> = fc
  .record({
    device: fc.constantFrom('a', 'b', 'c'),
    slot: fc.integer({ min: 0, max: 40 }),
    lane: fc.constantFrom(0, ROW_FLAG.backfill),
    metrics: fc.subarray(METRICS, { minLength: 1 }),
    marked: fc.boolean(),
  })
  .map(({ device, slot, lane, metrics, marked }) => {
    // Forty times over three days, so that several rows meet at one.
    const at = NOW - 3 * DAY + slot * 109 * MINUTE;
    const value = (metric: string): number =>
      Math.round(seededRandom(`${device} ${at} ${metric}`)() * 1_000) / 10;
    const values = Object.fromEntries(metrics.map((metric) => [metric, value(metric)]));
    const suspect = marked && slot % 5 === 0 ? metrics.filter((metric) => metric === 'no2') : [];
    return {
      device,
      at,
      flags: lane,
      values,
      quality: Object.fromEntries(suspect.map((metric) => [metric, 'fault' as const])),
    };
  });

const stepArbitrary = fc.constantFrom(
  'commit',
  'flush',
  'compact',
  'reopen',
  'nothing',
  'nothing',
  'nothing',
);

/** What an engine may lack; everything else is the same on all of them. */
export interface ArchiveTraits {
  /** Rows and events that are repeated keep the receive time of the first. */
  readonly firstReceipt: boolean;
  /** Rows keep their lane and whether their clock was replaced, and completeness counts what was backfilled. */
  readonly lane: boolean;
  /** Sums are exact; else within 1e-9. */
  readonly exactSums: boolean;
  /** Exports are also written as Parquet. */
  readonly parquet: boolean;
  /** `backup` makes a copy of what is archived too. */
  readonly backup: boolean;
}

/** Every trait: what the embedded archive has. */
export const ALL_TRAITS: ArchiveTraits = {
  firstReceipt: true,
  lane: true,
  exactSums: true,
  parquet: true,
  backup: true,
};

/** Declares the tests for one engine; `runs` is how many random histories each property is tried on. */
export function archiveSuite(name: string, open: OpenStore, traits: ArchiveTraits, runs = 3): void {
  /** A row without what the engine does not keep. */
  const plainRow = ({ receivedAt, lane, clockReplaced, ...row }: RangeRow): object => ({
    ...row,
    ...(traits.firstReceipt ? { receivedAt } : {}),
    ...(traits.lane ? { lane, clockReplaced } : {}),
  });
  const plainRows = (rows: readonly RangeRow[]): object[] => rows.map(plainRow);
  const plainHours = ({ hours, ...rest }: Completeness): object => ({
    ...rest,
    hours: hours.map(({ backfilled, ...hour }) => (traits.lane ? { ...hour, backfilled } : hour)),
  });

  describe(`time-series contract: ${name}`, () => {
    const folders: string[] = [];
    const stores: TimeSeriesStore[] = [];

    const folderOf = async (): Promise<string> => {
      const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
      folders.push(folder);
      return folder;
    };
    const openIn = async (folder: string): Promise<TimeSeriesStore> => {
      const store = await open(folder, standingTimer);
      stores.push(store);
      store.locate(LOCATIONS);
      return store;
    };
    const fresh = async (): Promise<TimeSeriesStore> => openIn(await folderOf());
    const put = (store: TimeSeriesStore, ...rows: TestRow[]): Promise<void> => {
      for (const row of rows) putRow(store, PROFILE, METRICS, row);
      return store.commitNow();
    };

    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close();
      for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
    });

    it('calls what waits in order, after everything before it is durable', async () => {
      const store = await fresh();
      const order: number[] = [];
      for (let i = 0; i < 500; i++) {
        putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + i, values: { pm25: i } });
        store.settle(() => order.push(i));
      }
      expect(order).toEqual([]);
      expect(store.rowsPending).toBe(500);
      await store.commitNow();
      await new Promise((resolve) => store.settle(() => resolve(undefined)));
      expect(order).toEqual(Array.from({ length: 500 }, (_, i) => i));
      expect(store.rowsPending).toBe(0);
      expect(
        await store.range({ device: 'a', from: NOW, to: NOW + 500, limit: 1_000 }),
      ).toHaveLength(500);
    });

    it('takes a row back before it is settled', async () => {
      const store = await fresh();
      putRow(store, PROFILE, METRICS, { device: 'a', at: NOW, values: { pm25: 1 } });
      putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + 1, values: { pm25: 2 } });
      store.unreserve(store.layout(PROFILE, METRICS));
      await store.commitNow();
      expect(
        (await store.range({ device: 'a', from: 0, to: NOW + 9, limit: 9 })).map((row) => row.at),
      ).toEqual([NOW]);
    });

    it('keeps the newest value of each metric by event time', async () => {
      const store = await fresh();
      await put(store, { device: 'a', at: NOW, values: { pm25: 10, no2: 1 } });
      await put(store, { device: 'a', at: NOW + MINUTE, values: { pm25: 11 } });
      await put(store, {
        device: 'a',
        at: NOW - MINUTE,
        values: { pm25: 9, temp: 3 },
        flags: ROW_FLAG.backfill,
      });
      const values = (): Record<string, number> =>
        Object.fromEntries(store.latest('a').map(({ metric, value }) => [metric, value]));
      expect(values()).toEqual({ pm25: 11, no2: 1, temp: 3 });
      await put(store, {
        device: 'a',
        at: NOW + MINUTE,
        values: { pm25: 12 },
        quality: { pm25: 'fault' },
      });
      expect(store.latest('a').find(({ metric }) => metric === 'pm25')).toEqual({
        metric: 'pm25',
        value: 12,
        at: NOW + MINUTE,
        receivedAt: NOW + MINUTE + 1_000,
        quality: 'fault',
      });
      expect(store.latest('nobody')).toEqual([]);
    });

    it('tells what changed, and when a device was last heard live', async () => {
      const store = await fresh();
      expect(store.lastSeen('a')).toBeNull();
      await put(
        store,
        { device: 'a', at: NOW, values: { pm25: 1 } },
        { device: 'b', at: NOW, values: { pm25: 1 } },
      );
      const first = store.changedSince(0);
      expect(first.devices.sort()).toEqual(['a', 'b']);
      expect(store.changedSince(first.cursor).devices).toEqual([]);
      await put(store, {
        device: 'b',
        at: NOW - DAY,
        values: { pm25: 5 },
        receivedAt: NOW + DAY,
        flags: ROW_FLAG.backfill,
      });
      expect(store.changedSince(first.cursor).devices).toEqual([]);
      expect(store.lastSeen('b')).toBe(NOW + 1_000);
      await put(store, { device: 'b', at: NOW - DAY, values: { pm25: 5 }, receivedAt: NOW + DAY });
      expect(store.changedSince(first.cursor).devices).toEqual(['b']);
      expect(store.lastSeen('b')).toBe(NOW + DAY);
    });

    it('merges rows of one device and time, metric by metric, and lets the later value win', async () => {
      const store = await fresh();
      await put(store, {
        device: 'a',
        at: NOW,
        values: { pm25: 1, no2: 2 },
        quality: { no2: 'fault' },
      });
      await store.flush();
      await put(store, { device: 'a', at: NOW, values: { temp: 3 } });
      await store.flush();
      await put(store, {
        device: 'a',
        at: NOW,
        values: { pm25: 4 },
        quality: { pm25: 'implausible' },
      });
      const expected: RangeRow = {
        at: NOW,
        receivedAt: NOW + 1_000,
        lane: 'live',
        clockReplaced: false,
        values: { pm25: 4, no2: 2, temp: 3 },
        quality: { no2: 'fault', pm25: 'implausible' },
      };
      const asked = { device: 'a', from: NOW, to: NOW + 1, limit: 10 };
      expect(plainRows(await store.range(asked))).toEqual([plainRow(expected)]);
      await store.flush();
      expect(plainRows(await store.range(asked))).toEqual([plainRow(expected)]);
      await store.compact(NOW + 5 * DAY);
      expect(plainRows(await store.range(asked))).toEqual([plainRow(expected)]);
      await store.compact(NOW + 90 * DAY);
      expect(plainRows(await store.range(asked))).toEqual([plainRow(expected)]);
      expect(plainRows(await store.range({ ...asked, metrics: ['temp', 'unknown'] }))).toEqual([
        plainRow({ ...expected, values: { temp: 3 }, quality: {} }),
      ]);
    });

    it('adds metrics to a profile while rows are open, in memtables and in files', async () => {
      const store = await fresh();
      await put(store, { device: 'a', at: NOW, values: { pm25: 1 } });
      await store.flush();
      await put(store, { device: 'a', at: NOW + 1, values: { pm25: 2 } });
      putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + 2, values: { pm25: 3 } });
      const more = [...METRICS, ...Array.from({ length: 14 }, (_, i) => `m${i}`)];
      putRow(store, PROFILE, more, {
        device: 'a',
        at: NOW + 3,
        values: { pm25: 4, m13: 9 },
        quality: { m13: 'fault' },
      });
      await store.commitNow();
      const rows = (): Promise<unknown> =>
        store
          .range({ device: 'a', from: NOW, to: NOW + 9, limit: 9 })
          .then((list) => list.map(({ values, quality }) => ({ values, quality })));
      const expected = [
        { values: { pm25: 1 }, quality: {} },
        { values: { pm25: 2 }, quality: {} },
        { values: { pm25: 3 }, quality: {} },
        { values: { pm25: 4, m13: 9 }, quality: { m13: 'fault' } },
      ];
      expect(await rows()).toEqual(expected);
      await store.flush();
      expect(await rows()).toEqual(expected);
      await store.compact(NOW + 2 * DAY);
      expect(await rows()).toEqual(expected);
    });

    it('limits a range and reads on from where it ended', async () => {
      const store = await fresh();
      await put(
        store,
        ...Array.from({ length: 50 }, (_, i) => ({
          device: 'a',
          at: NOW + i,
          values: { pm25: i },
        })),
      );
      const first = await store.range({ device: 'a', from: NOW, to: NOW + 50, limit: 20 });
      expect(first.map((row) => row.values['pm25'])).toEqual(
        Array.from({ length: 20 }, (_, i) => i),
      );
      const rest = await store.range({
        device: 'a',
        from: first.at(-1)!.at + 1,
        to: NOW + 50,
        limit: 100,
      });
      expect(rest).toHaveLength(30);
      expect(await store.range({ device: 'nobody', from: 0, to: NOW * 2, limit: 5 })).toEqual([]);
    });

    it('aggregates good readings exactly, whatever the order of their sums', async () => {
      const store = await fresh();
      // The engine's own sums of 1e9 and a fraction are as exact as doubles are.
      const sum = (value: number): unknown => (traits.exactSums ? value : expect.closeTo(value, 6));
      const values = [0.1, 0.2, 0.3, 1e9, -1e9, 0.7];
      await put(
        store,
        ...values.map((pm25, i) => ({ device: 'a', at: NOW + i * MINUTE, values: { pm25 } })),
        {
          device: 'a',
          at: NOW + 10 * MINUTE,
          values: { pm25: 500 },
          quality: { pm25: 'fault' as const },
        },
      );
      const asked = query({ aggregates: ['sum', 'avg', 'count', 'min', 'max'] });
      const expected = [
        {
          at: NOW,
          group: null,
          values: { sum: sum(1.3), avg: sum(1.3 / 6), count: 6, min: -1e9, max: 1e9 },
        },
      ];
      expect(await store.aggregate(asked)).toEqual(expected);
      await store.flush();
      expect(await store.aggregate(asked)).toEqual(expected);
      await store.compact(NOW + 2 * DAY);
      expect(await store.aggregate(asked)).toEqual(expected);
      expect(
        await store.aggregate(
          query({ device: 'a', area: undefined as never, aggregates: ['first', 'last'] }),
        ),
      ).toEqual([{ at: NOW, group: null, values: { first: 0.1, last: 0.7 } }]);
    });

    it('groups by where devices stand now', async () => {
      const store = await fresh();
      await put(
        store,
        { device: 'a', at: NOW, values: { pm25: 1 } },
        { device: 'b', at: NOW, values: { pm25: 2 } },
        { device: 'c', at: NOW, values: { pm25: 4 } },
        { device: 'unplaced', at: NOW, values: { pm25: 8 } },
      );
      const sums = async (more: Partial<AggregateQuery>): Promise<unknown> =>
        (await store.aggregate(query({ aggregates: ['sum'], ...more }))).map(
          ({ group, values }) => [group, values.sum],
        );
      for (const step of ['in memory', 'flushed', 'rolled']) {
        if (step === 'flushed') await store.flush();
        if (step === 'rolled') await store.compact(NOW + 2 * DAY);
        expect(await sums({}), step).toEqual([[null, 7]]);
        expect(await sums({ groupBy: 'township' }), step).toEqual([
          [EAST, 3],
          [WEST, 4],
        ]);
        expect(await sums({ groupBy: 'village', area: EAST }), step).toEqual([
          [null, 2],
          ['330522100201', 1],
        ]);
        expect(await sums({ groupBy: 'device', area: EAST }), step).toEqual([
          ['a', 1],
          ['b', 2],
        ]);
        expect(await sums({ groupBy: 'device', top: 2 }), step).toEqual([
          ['c', 4],
          ['b', 2],
        ]);
        expect(await sums({ area: WEST, groupBy: 'township' }), step).toEqual([[WEST, 4]]);
        expect(await sums({ area: '330523000000' }), step).toEqual([]);
      }
      store.locate(
        new Map([...LOCATIONS, ['a', { county: COUNTY, township: WEST, village: null }]]),
      );
      expect(await sums({ groupBy: 'township' })).toEqual([
        [EAST, 2],
        [WEST, 5],
      ]);
      await store.compact(NOW + 2 * DAY);
      expect(await sums({ groupBy: 'township' })).toEqual([
        [EAST, 2],
        [WEST, 5],
      ]);
    });

    completenessTests({ folderOf, openIn, put, plainHours });
    const tools = { folderOf, openIn, plainRows, put };
    registrationTests(tools);
    manyTests(tools);
    boundsTests(tools);
    locationTests(tools);
    frameTests(tools);
    journalTests(tools);

    it('keeps an event once, however often it is sent', async () => {
      const folder = await folderOf();
      let store = await openIn(folder);
      const event = {
        device: 'a',
        at: NOW,
        receivedAt: NOW + 5,
        type: 'line-crossed',
        detail: { zone: "o'1", people: 2 },
      };
      store.event(event, 'live');
      store.event({ ...event, receivedAt: NOW + 9 }, 'live');
      store.event({ ...event, device: 'b', detail: {} }, 'backfill');
      await store.commitNow();
      await store.flush();
      store.event({ ...event, receivedAt: NOW + 99 }, 'backfill');
      await store.commitNow();
      const asked = { from: NOW, to: NOW + 1, limit: 10 };
      const plain = (list: readonly DeviceEvent[]): object[] =>
        list
          .toSorted((one, other) => (one.device < other.device ? -1 : 1))
          .map(({ receivedAt, ...rest }) => (traits.firstReceipt ? { ...rest, receivedAt } : rest));
      const expected = plain([event, { ...event, device: 'b', detail: {} }]);
      expect(plain(await store.events(asked))).toEqual(expected);
      expect(plain(await store.events({ ...asked, device: 'a' }))).toEqual(plain([event]));
      await store.close();
      store = await openIn(folder);
      await store.flush();
      await store.compact(NOW + 40 * DAY);
      expect(plain(await store.events(asked))).toEqual(expected);
      expect(await store.events({ ...asked, to: NOW })).toEqual([]);
    });

    it('gives events page by page, each once, by their number and by their bytes', async () => {
      const store = await openIn(await folderOf());
      // Two devices, five of each in one millisecond; the details have from 12 to 4,011 bytes.
      const texts = Array.from({ length: 40 }, (_, n) => `${n} ${'x'.repeat((n % 5) * 999)}`);
      for (const [n, text] of texts.entries())
        for (const device of ['a', 'b'])
          store.event(
            {
              device,
              at: NOW + Math.floor(n / 5),
              receivedAt: NOW,
              type: 'alarm',
              detail: { text },
            },
            n % 3 === 0 ? 'backfill' : 'live',
          );
      await store.commitNow();
      const key = ({ device, at, detail }: DeviceEvent): string =>
        `${device} ${at} ${detail['text']}`;
      const bytesOf = ({ detail }: DeviceEvent): number =>
        Buffer.byteLength(JSON.stringify(detail));
      const sent = texts.flatMap((text, n) =>
        ['a', 'b'].map((device) => `${device} ${NOW + Math.floor(n / 5)} ${text}`),
      );
      for (const { limit, bytesMax } of [
        { limit: 7, bytesMax: 1_000_000 },
        { limit: 1_000, bytesMax: 5_000 },
        { limit: 3, bytesMax: 1 },
      ]) {
        const told: DeviceEvent[] = [];
        for (let skip = 0, from = NOW; ; ) {
          const page = await store.events({ from, to: NOW + 100, limit, skip, bytesMax });
          told.push(...page);
          const bytes = page.map(bytesOf);
          const sum = bytes.reduce((all, one) => all + one, 0);
          expect(sum - (bytes.at(-1) ?? 0)).toBeLessThan(bytesMax);
          if (page.length < limit && sum < bytesMax) break;
          from = page.at(-1)!.at;
          skip = told.filter(({ at }) => at === from).length;
        }
        expect(told.map(({ at }) => at)).toEqual(told.map(({ at }) => at).toSorted());
        expect(told.map(key).toSorted()).toEqual(sent.toSorted());
      }
    });

    it('exports long-form rows that a spreadsheet takes for data', async () => {
      const folder = await folderOf();
      const store = await openIn(folder);
      await put(
        store,
        { device: '-a', at: NOW, values: { pm25: -1.5 }, quality: { pm25: 'over-range' } },
        { device: 'b', at: NOW, values: { pm25: 2, no2: 3 }, flags: ROW_FLAG.backfill },
        { device: 'c', at: NOW, values: { pm25: 4 } },
      );
      const path = join(folder, 'out.csv');
      expect(
        await store.exportTo(path, 'csv', {
          devices: ['-a', 'b', 'nobody'],
          from: NOW,
          to: NOW + 1,
        }),
      ).toEqual({ rows: 3 });
      const columns = traits.firstReceipt && traits.lane ? 7 : 5;
      const lines = (await readFile(path, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => line.split(',').slice(0, columns));
      expect(lines[0]).toEqual(
        ['device', 'metric', 'at', 'value', 'quality', 'lane', 'received_at'].slice(0, columns),
      );
      const at = '2026-03-10T04:00:00.000Z';
      const received = '2026-03-10T04:00:01.000Z';
      const written = lines
        .slice(1)
        .sort((one, other) => (one.join() < other.join() ? -1 : 1))
        .map(([device, metric, time, value, ...rest]) => [
          device,
          metric,
          time,
          Number(value),
          ...rest,
        ]);
      expect(written).toEqual(
        [
          ["'-a", 'pm25', at, -1.5, 'over-range', 'live', received],
          ['b', 'no2', at, 3, 'good', 'backfill', received],
          ['b', 'pm25', at, 2, 'good', 'backfill', received],
        ].map((line) => line.slice(0, columns)),
      );
      if (!traits.parquet) return;
      expect(
        await store.exportTo(join(folder, 'out.parquet'), 'parquet', {
          devices: ['b'],
          metrics: ['no2'],
          from: NOW,
          to: NOW + 1,
        }),
      ).toEqual({ rows: 1 });
      expect((await readFile(join(folder, 'out.parquet'))).subarray(0, 4).toString()).toBe('PAR1');
    });

    it('deletes what is older than it is kept, and nothing else', async () => {
      const store = await fresh();
      for (const days of [0, 1, 2]) {
        await put(store, { device: 'a', at: NOW - days * DAY, values: { pm25: days } });
        await store.flush();
      }
      await store.compact(NOW);
      await store.retain(NOW - DAY - HOUR);
      expect(
        (await store.range({ device: 'a', from: 0, to: NOW + 1, limit: 9 })).map(
          (row) => row.values['pm25'],
        ),
      ).toEqual([1, 0]);
      expect(
        await store.aggregate(query({ aggregates: ['count'], everyMs: 10 * DAY, offsetMs: 0 })),
      ).toMatchObject([{ values: { count: 2 } }]);
      // What was let go is not missing.
      const whole = { device: 'a', from: NOW - 10 * DAY, to: NOW, reportEveryMs: HOUR };
      const { hours, since } = await store.completeness(whole);
      expect(since).toBe(NOW - DAY - HOUR);
      expect(hours.filter((hour) => hour.expected > 0)).toHaveLength(25);
    });

    it('gives the same answers after a restart, before and after flushing', async () => {
      const folder = await folderOf();
      let store = await openIn(folder);
      await put(store, { device: 'a', at: NOW, values: { pm25: 1 }, quality: { pm25: 'manual' } });
      await store.flush();
      await put(store, { device: 'a', at: NOW + 1, values: { no2: 2 } });
      const told = () => ({ latest: store.latest('a'), seen: store.lastSeen('a') });
      const before = told();
      const asked = { device: 'a', from: NOW, to: NOW + 9, limit: 9 };
      const rows = await store.range(asked);
      expect(rows).toHaveLength(2);
      await store.close();
      store = await openIn(folder);
      expect([told(), await store.range(asked)]).toEqual([before, rows]);
    });

    // Declared only where it is offered: what an engine need not have is not skipped.
    if (traits.backup)
      it('copies itself while running, and the copy opens', async () => {
        const folder = await folderOf();
        const store = await openIn(folder);
        await put(store, { device: 'a', at: NOW, values: { pm25: 1 } });
        await store.flush();
        await put(store, { device: 'a', at: NOW + 1, values: { pm25: 2 } });
        const target = await folderOf();
        const backup = store.backup(target);
        for (let i = 0; i < 50; i++)
          await put(store, { device: 'b', at: NOW + i, values: { pm25: i } });
        await backup;
        await expect(store.backup(target)).rejects.toMatchObject({ code: 'folder-not-empty' });
        await store.compact(NOW + 40 * DAY);
        const copy = await openIn(target);
        const asked = { device: 'a', from: NOW, to: NOW + 9, limit: 9 };
        expect(await copy.range(asked)).toEqual(await store.range(asked));
        const { length } = await copy.range({ ...asked, device: 'b', limit: 100 });
        expect(
          await copy.range({ ...asked, device: 'b', to: NOW + length, limit: 100 }),
        ).toHaveLength(length);
      });

    it('refuses a question that was given up, and goes on', async () => {
      const store = await fresh();
      await put(store, { device: 'a', at: NOW, values: { pm25: 1 } });
      const asked = { device: 'a', from: NOW, to: NOW + 9, limit: 9 };
      await expect(store.range(asked, AbortSignal.abort())).rejects.toMatchObject({
        code: 'query-aborted',
      });
      expect(await store.range(asked)).toHaveLength(1);
    });

    const answers = async (store: TimeSeriesStore): Promise<unknown[]> => {
      const span = { from: NOW - 3 * DAY - HOUR, to: NOW + DAY };
      const list: unknown[] = [];
      for (const device of LOCATIONS.keys()) {
        list.push(plainRows(await store.range({ device, ...span, limit: 1_000 })));
        for (const asked of [{ ...span, reportEveryMs: 20 * MINUTE }, INNER])
          list.push(plainHours(await store.completeness({ device, ...asked })));
      }
      for (const metric of METRICS) {
        const columns = [{ profile: PROFILE, metric }];
        list.push(
          await store.aggregate(
            query({
              columns,
              ...span,
              groupBy: 'township',
              aggregates: ['count', 'min', 'max'],
            }),
          ),
        );
        list.push(
          await store.aggregate(
            query({
              columns,
              ...span,
              everyMs: DAY,
              aggregates: ['count', 'min', 'max', 'first', 'last'],
            }),
          ),
        );
      }
      return list;
    };
    const expectedAnswers = (oracle: Oracle): unknown[] => {
      const span = { from: NOW - 3 * DAY - HOUR, to: NOW + DAY };
      const list: unknown[] = [];
      for (const device of LOCATIONS.keys()) {
        list.push(plainRows(oracle.range(device, span.from, span.to)));
        for (const { from, to, reportEveryMs } of [{ ...span, reportEveryMs: 20 * MINUTE }, INNER])
          list.push(plainHours(oracle.completeness(device, from, to, reportEveryMs)));
      }
      const cut = (rows: ReturnType<Oracle['aggregate']>): unknown[] =>
        rows.map(({ at, group, values: { count, min, max } }) => ({
          at,
          group,
          values: { count, min, max },
        }));
      for (const metric of METRICS) {
        const base = { metric, ...span, offsetMs: BEIJING_OFFSET_MS };
        list.push(
          cut(
            oracle.aggregate({
              ...base,
              everyMs: HOUR,
              group: (device) => LOCATIONS.get(device)!.township,
            }),
          ),
        );
        list.push(oracle.aggregate({ ...base, everyMs: DAY, group: () => null }));
      }
      return list;
    };

    it('answers alike for every order, repetition, flush, compact and restart', {
      timeout: 120_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(rowArbitrary, { minLength: 1, maxLength: 30 }),
          fc.array(fc.record({ pick: fc.nat(), step: stepArbitrary }), {
            minLength: 12,
            maxLength: 30,
          }),
          async (rows, deliveries) => {
            const folder = await folderOf();
            let store = await openIn(folder);
            const oracle = new Oracle();
            const deliver = (row: TestRow): void => {
              putRow(store, PROFILE, METRICS, row);
              oracle.put(row);
            };
            const left = new Set(rows);
            for (const { pick, step } of deliveries) {
              const row = rows[pick % rows.length]!;
              left.delete(row);
              deliver(row);
              if (step === 'commit') await store.commitNow();
              if (step === 'flush') await store.commitNow().then(() => store.flush());
              if (step === 'compact') await store.compact(NOW + (pick % 3) * 2 * DAY);
              if (step === 'reopen') {
                await store.close();
                store = await openIn(folder);
              }
            }
            for (const row of left) deliver(row);
            await store.commitNow();
            const expected = expectedAnswers(oracle);
            expect(await answers(store)).toEqual(expected);
            await store.flush();
            expect(await answers(store)).toEqual(expected);
            await store.compact(NOW + 60 * DAY);
            expect(await answers(store)).toEqual(expected);
            await store.close();
          },
        ),
        { numRuns: runs, endOnFailure: true },
      );
    });

    it('lets the later of two values win, in the same order as they were put in', {
      timeout: 120_000,
    }, async () => {
      const conflicting = fc.array(
        fc.record({
          device: fc.constantFrom('a', 'b'),
          slot: fc.nat(3),
          metric: fc.constantFrom(...METRICS),
          value: fc.nat(9),
          step: stepArbitrary,
        }),
        { minLength: 8, maxLength: 20 },
      );
      await fc.assert(
        fc.asyncProperty(conflicting, async (writes) => {
          const folder = await folderOf();
          let store = await openIn(folder);
          const oracle = new Oracle();
          for (const { device, slot, metric, value, step } of writes) {
            const row = { device, at: NOW - DAY + slot * HOUR, values: { [metric]: value } };
            putRow(store, PROFILE, METRICS, row);
            oracle.put(row);
            if (step === 'flush') await store.commitNow().then(() => store.flush());
            if (step === 'compact') await store.compact(NOW + DAY);
            if (step === 'reopen') {
              await store.close();
              store = await openIn(folder);
            }
          }
          await store.commitNow();
          expect(await answers(store)).toEqual(expectedAnswers(oracle));
          await store.close();
        }),
        { numRuns: runs, endOnFailure: true },
      );
    });
  });
}
