/** Corrected answers against the definition applied to every row there is, on both archives. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, seededRandom, systemTimer } from '@village/core';
import {
  type AggregateQuery,
  type AggregateRow,
  type ArchiveQueries,
  type CorrectedReading,
  type DeviceLocation,
  type ExportWords,
  locationAt,
  openInfluxArchive,
  openTimeSeries,
  type RangeRow,
  type TimeSeriesStore,
} from '@village/store/time-series';
import { hasInfluxDB, InfluxServer } from '@village/store/time-series/influxdb-testing';
import { NOW, putRow, standingTimer } from '@village/store/time-series/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CorrectedRow, corrected } from './apply.ts';
import { CorrectedQueries, type ViewRow } from './queries.ts';
import { type Statement, StatementBook } from './statement.ts';
import { Buckets } from './sums.ts';
import { DEVICES, METRICS, statementsArbitrary } from './testing.ts';

const SEED = 20_261_128;
const PROFILE = 'acme/station';
const COUNTY = '330522000000';
const EAST = '330522100000';
const WEST = '330522101000';
const STEP = 20 * MINUTE;
const FROM = NOW - DAY;
const TO = FROM + 40 * STEP;
const EVER = { from: FROM - 30 * DAY, to: NOW + 30 * DAY };

const LOCATIONS = new Map<string, readonly DeviceLocation[]>([
  [
    'a',
    [
      { county: COUNTY, township: EAST, village: null },
      { from: FROM - (FROM % HOUR) + 5 * HOUR, county: COUNTY, township: WEST, village: null },
    ],
  ],
  ['b', [{ county: COUNTY, township: EAST, village: '330522100201' }]],
  ['c', [{ county: COUNTY, township: WEST, village: null }]],
]);

/** How many devices there are said to be: of many, the archive cuts the top itself. */
let count = 3;
const devices = {
  locations: (device: string) => LOCATIONS.get(device),
  profile: () => PROFILE,
  count: () => count,
};

/** Rows of three devices, most of forty times each; some are put in late. */
async function fill(store: TimeSeriesStore, seed: string, settled: boolean): Promise<void> {
  const random = seededRandom(seed);
  const rows = DEVICES.flatMap((device) =>
    Array.from({ length: 40 }, (_, n) => ({
      device,
      at: FROM + n * STEP,
      values: Object.fromEntries(
        METRICS.filter((_, i) => i === 0 || random() < 0.7).map((metric) => [
          metric,
          Math.round(random() * 10_000) / 100,
        ]),
      ),
      quality: random() < 0.2 ? { cod: 'fault' as const } : {},
    })).filter(() => random() < 0.9),
  );
  const late = rows.filter(() => random() < 0.2);
  for (const row of rows.filter((one) => !late.includes(one))) putRow(store, PROFILE, METRICS, row);
  await store.commitNow();
  if (settled) {
    await store.flush();
    await store.compact(NOW + 3 * DAY);
  }
  for (const row of late) putRow(store, PROFILE, METRICS, row);
  await store.commitNow();
  store.locate(LOCATIONS);
}

const everything = async (store: ArchiveQueries): Promise<Map<string, RangeRow[]>> =>
  new Map(
    await Promise.all(
      DEVICES.map(
        async (device) => [device, await store.range({ device, ...EVER, limit: 9_999 })] as const,
      ),
    ),
  );

const plain = (rows: readonly RangeRow[]): unknown[] =>
  rows.map(({ at, values, quality }) => ({ at, values, quality }));

/** Good readings by bucket and group, summed as plainly as can be. */
function aggregated(
  rows: ReadonlyMap<string, readonly CorrectedRow[]>,
  query: AggregateQuery,
): AggregateRow[] {
  const metric = query.columns[0]!.metric;
  const found = new Map<string, { at: number; group: string | null; list: [number, number][] }>();
  for (const [device, list] of rows)
    for (const { at, values, quality } of list) {
      const value = values[metric];
      const here = locationAt(LOCATIONS.get(device)!, at)!;
      if (value === undefined || quality[metric] !== undefined) continue;
      if (at < query.from || at >= query.to) continue;
      if (query.device !== undefined && device !== query.device) continue;
      const codes = [here.county, here.township, here.village];
      if (query.area !== undefined && !codes.includes(query.area)) continue;
      const bucket =
        Math.floor((at + query.offsetMs) / query.everyMs) * query.everyMs - query.offsetMs;
      const group =
        query.groupBy === 'none' ? null : query.groupBy === 'device' ? device : here[query.groupBy];
      const one = found.get(`${bucket} ${group}`) ?? { at: bucket, group, list: [] };
      one.list.push([at, value]);
      found.set(`${bucket} ${group}`, one);
    }
  const rowsOf = [...found.values()].map(({ at, group, list }) => {
    const values = list.map(([, value]) => value);
    const sum = values.reduce((total, value) => total + value, 0);
    const first = Math.min(...list.map(([time]) => time));
    const last = Math.max(...list.map(([time]) => time));
    const at1 = (time: number): number[] => list.filter(([t]) => t === time).map(([, v]) => v);
    const all = {
      count: values.length,
      sum,
      avg: sum / values.length,
      min: Math.min(...values),
      max: Math.max(...values),
      first: Math.min(...at1(first)),
      last: Math.max(...at1(last)),
      firstAt: first,
      lastAt: last,
    };
    return {
      at,
      group,
      values: Object.fromEntries(query.aggregates.map((name) => [name, all[name]])),
    };
  });
  const byTime = (a: AggregateRow, b: AggregateRow): number =>
    a.at - b.at || ((a.group ?? '') < (b.group ?? '') ? -1 : 1);
  if (query.top === undefined) return rowsOf.sort(byTime);
  const key = query.aggregates[0]!;
  return rowsOf.sort((a, b) => b.values[key]! - a.values[key]! || byTime(a, b)).slice(0, query.top);
}

/** Sums to nine digits, everything else exactly. */
const rounded = (rows: readonly AggregateRow[]): unknown[] =>
  rows.map(({ at, group, values }) => ({
    at,
    group,
    values: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, Number(value!.toPrecision(9))]),
    ),
  }));

const queryArbitrary: fc.Arbitrary<AggregateQuery> = fc
  .record({
    where: fc.constantFrom<{ device: string } | { area: string }>(
      { device: 'a' },
      { device: 'b' },
      { area: COUNTY },
      { area: EAST },
      { area: WEST },
    ),
    metric: fc.constantFrom(...METRICS),
    start: fc.integer({ min: -3, max: 20 }),
    length: fc.integer({ min: 1, max: 60 }),
    everyMs: fc.constantFrom(STEP, HOUR, 6 * HOUR, 40 * DAY),
    offsetMs: fc.constantFrom(0, 8 * HOUR),
    groupBy: fc.constantFrom<AggregateQuery['groupBy'][]>('none', 'township', 'village', 'device'),
    aggregates: fc.constantFrom<AggregateQuery['aggregates'][]>(
      ['count', 'min', 'max'],
      ['avg'],
      ['max', 'sum'],
      ['first', 'last', 'count'],
      ['count', 'avg', 'min', 'max', 'sum', 'first', 'last', 'firstAt', 'lastAt'],
    ),
    top: fc.constantFrom(undefined, undefined, 1, 5),
  })
  .map(({ where, metric, start, length, top, ...rest }) => ({
    ...rest,
    ...where,
    columns: [{ profile: PROFILE, metric }],
    from: FROM + start * STEP,
    to: FROM + (start + length) * STEP,
    ...(top === undefined ? {} : { top }),
  }));

interface Engine {
  readonly name: string;
  open(folder: string): Promise<TimeSeriesStore>;
}

let influx: InfluxServer;
let influxFolder: string;
const here = hasInfluxDB();
beforeAll(async () => {
  if (!here) return;
  influxFolder = await mkdtemp(join(tmpdir(), 'village-influx-'));
  influx = await InfluxServer.in(influxFolder);
  await influx.start();
}, 60_000);
afterAll(async () => {
  if (!here) return;
  await influx.stop();
  await rm(influxFolder, { recursive: true, force: true });
});

let databases = 0;
const engines: Engine[] = [
  {
    name: 'embedded',
    open: (folder) => openTimeSeries({ folder, timer: standingTimer, diskReserveBytes: 0 }),
  },
  {
    name: 'influxdb',
    open: (folder) =>
      openTimeSeries({
        folder,
        timer: systemTimer,
        diskReserveBytes: 0,
        archive: async () =>
          openInfluxArchive({ url: influx.url, database: `corrections${databases++}` }),
      }),
  },
];

it('sums of values as large as doubles go are numbers', () => {
  const buckets = new Buckets({ everyMs: HOUR, offsetMs: 0 });
  for (const [n, value] of [1e300, 1e300, -4e300, 1].entries()) buckets.add(n, null, value);
  expect(buckets.rows(['sum', 'avg', 'min'])[0]!.values).toEqual({
    ...{ sum: -2e300, avg: -5e299, min: -4e300 },
  });
});

describe.each(engines)('corrected answers of $name', ({ name, open }) => {
  const skipped = name === 'influxdb' && !here;
  let folder: string;
  let store: TimeSeriesStore;
  let received: Map<string, RangeRow[]>;
  let book = new StatementBook([]);
  let asked: string[] = [];
  let queries: CorrectedQueries;

  beforeAll(async () => {
    if (skipped) return;
    folder = await mkdtemp(join(tmpdir(), 'village-corrections-'));
    store = await open(folder);
    await fill(store, 'corrected answers', true);
    received = await everything(store);
    const archive: ArchiveQueries = {
      range: (query, signal) => {
        asked.push(`range ${query.device}`);
        return store.range(query, signal);
      },
      rangeMany: (query, signal) => {
        asked.push(`many ${query.spans.length}`);
        return store.rangeMany(query, signal);
      },
      aggregate: (query, signal) => {
        asked.push(query.without === undefined ? 'aggregate' : 'aggregate less');
        return store.aggregate(query, signal);
      },
      completeness: (query, signal) => store.completeness(query, signal),
      events: (query, signal) => store.events(query, signal),
      exportTo: (path, format, query, signal) => store.exportTo(path, format, query, signal),
    };
    queries = new CorrectedQueries(archive, () => book, devices);
  }, 60_000);
  afterAll(async () => {
    if (skipped) return;
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const definition = (given = book): Map<string, CorrectedRow[]> =>
    new Map(DEVICES.map((device) => [device, corrected(given, received, device)]));

  it.skipIf(skipped)('ranges, whole and by pages of any size', { timeout: 120_000 }, async () => {
    let pages = 0;
    await fc.assert(
      fc.asyncProperty(
        statementsArbitrary(FROM, STEP),
        fc.constantFrom(...DEVICES),
        fc.constantFrom<(string[] | undefined)[]>(undefined, ['cod'], ['ph']),
        fc.integer({ min: 1, max: 9 }),
        async (list, device, metrics, limit) => {
          book = new StatementBook(list);
          const rows: RangeRow[] = [];
          for (let from = EVER.from; ; pages++) {
            const more = metrics === undefined ? {} : { metrics };
            const page = await queries.range({ device, ...more, from, to: EVER.to, limit });
            rows.push(...page);
            if (page.length < limit) break;
            from = page.at(-1)!.at + 1;
          }
          const only = (row: RangeRow): boolean =>
            metrics === undefined || row.values[metrics[0]!] !== undefined;
          const expected = definition()
            .get(device)!
            .filter(only)
            .map((row) => {
              const wanted = (key: string): boolean => metrics?.includes(key) ?? true;
              const pick = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
                Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key)));
              return { ...row, values: pick(row.values), quality: pick(row.quality) };
            });
          expect(plain(rows)).toEqual(plain(expected));
        },
      ),
      { seed: SEED, numRuns: name === 'embedded' ? 25 : 12 },
    );
    console.info(`${name}, seed ${SEED}: ${pages} pages`);
  });

  it.skipIf(skipped)('ranges of many devices at once', { timeout: 120_000 }, async () => {
    let straight = 0;
    let changed = 0;
    const spanArbitrary = fc
      .tuple(fc.constantFrom(...DEVICES), fc.nat(41), fc.nat(41), fc.integer({ min: -1, max: 1 }))
      .map(([device, a, b, more]) => ({
        ...{ device, from: FROM + Math.min(a, b) * STEP + more },
        to: FROM + Math.max(a, b) * STEP,
      }));
    await fc.assert(
      fc.asyncProperty(
        statementsArbitrary(FROM, STEP),
        fc.constantFrom<(string[] | undefined)[]>(undefined, ['cod'], ['ph', 'cod'], ['none']),
        fc.array(spanArbitrary, { minLength: 1, maxLength: 6 }),
        async (list, metrics, spans) => {
          book = new StatementBook(list);
          const found = new Map<string, ViewRow[]>();
          let last = '';
          const more = metrics === undefined ? {} : { metrics };
          for await (const { device, rows } of queries.rangeMany({ spans, ...more })) {
            if (device !== last) expect(found.has(device)).toBe(false);
            last = device;
            found.set(device, [...(found.get(device) ?? []), ...rows]);
          }
          const wanted = (key: string): boolean => metrics?.includes(key) ?? true;
          const pick = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
            Object.fromEntries(Object.entries(record).filter(([key]) => wanted(key)));
          for (const [device, all] of definition()) {
            const expected = all
              .filter(({ at }) =>
                spans.some((one) => one.device === device && at >= one.from && at < one.to),
              )
              .map((row) => ({ ...row, values: pick(row.values), quality: pick(row.quality) }))
              .filter(({ values }) => Object.keys(values).length > 0);
            const rows = found.get(device) ?? [];
            expect(plain(rows)).toEqual(plain(expected));
            for (const { received: was } of rows)
              if (was === undefined) straight++;
              else changed++;
          }
        },
      ),
      { seed: SEED, numRuns: name === 'embedded' ? 60 : 30 },
    );
    console.info(`${name}, seed ${SEED}: ${straight} rows straight, ${changed} put right`);
    expect(straight).toBeGreaterThan(100);
    expect(changed).toBeGreaterThan(100);
  });

  it.skipIf(skipped)('aggregates of every kind', { timeout: 120_000 }, async () => {
    let rows = 0;
    await fc.assert(
      fc.asyncProperty(
        statementsArbitrary(FROM, STEP),
        fc.array(queryArbitrary, { minLength: 4, maxLength: 4 }),
        async (list, wanted) => {
          book = new StatementBook(list);
          const all = definition();
          for (const [n, query] of wanted.entries()) {
            count = n % 2 === 0 ? 3 : 1e6;
            const answer = await queries.aggregate(query);
            rows += answer.length;
            expect(rounded(answer)).toEqual(rounded(aggregated(all, query)));
          }
        },
      ),
      { seed: SEED, numRuns: name === 'embedded' ? 60 : 30 },
    );
    console.info(`${name}, seed ${SEED}: ${rows} rows`);
    expect(rows).toBeGreaterThan(300);
  });

  it.skipIf(skipped)('are the archive’s own where no statement meets what is asked', async () => {
    const statement: Statement = {
      id: 1,
      kind: 'shift-clock',
      device: 'a',
      metric: null,
      from: FROM + 10 * STEP,
      to: FROM + 12 * STEP,
      value: 5 * STEP,
      target: null,
    };
    book = new StatementBook([
      statement,
      { ...statement, id: 2, kind: 'offset', value: 1, metric: 'ph' },
    ]);
    const query: AggregateQuery = {
      columns: [{ profile: PROFILE, metric: 'cod' }],
      area: COUNTY,
      from: FROM,
      to: TO,
      everyMs: HOUR,
      offsetMs: 0,
      aggregates: ['count'],
      groupBy: 'none',
    };
    const { area: _, ...ofDevice } = query;
    asked = [];
    await queries.aggregate({ ...query, to: FROM + 10 * STEP });
    await queries.aggregate({ ...query, from: FROM + 17 * STEP });
    await queries.aggregate({ ...ofDevice, device: 'b' });
    await queries.aggregate({
      ...query,
      columns: [{ profile: PROFILE, metric: 'none' }],
      to: FROM,
    });
    await queries.range({ device: 'a', from: FROM, to: FROM + 10 * STEP, limit: 9 });
    await queries.range({ device: 'c', from: FROM, to: TO, limit: 9 });
    expect(asked).toEqual([
      'aggregate',
      'aggregate',
      'aggregate',
      'aggregate',
      'range a',
      'range c',
    ]);
    asked = [];
    await queries.aggregate(query);
    expect(asked.toSorted()).toEqual(['aggregate less', 'many 2']);
    book = new StatementBook([]);
  });

  it.skipIf(skipped)('ask once for many stretches, whoever the readings came from', async () => {
    const said = (n: number, kind: Statement['kind']): Statement => ({
      ...{ id: n, device: DEVICES[n % 3]!, metric: null, value: null, target: null, kind },
      ...{ from: FROM - n * 2 * DAY, to: FROM - n * 2 * DAY + HOUR },
    });
    book = new StatementBook(
      Array.from({ length: 300 }, (_, n) =>
        n % 4 === 0
          ? { ...said(n, 'reassign'), target: DEVICES[(n + 1) % 3]! }
          : n % 4 === 1
            ? { ...said(n, 'shift-clock'), value: 5 * MINUTE }
            : { ...said(n, 'offset'), value: 1 },
      ),
    );
    const query: AggregateQuery = {
      columns: [{ profile: PROFILE, metric: 'cod' }],
      ...{ area: COUNTY, from: FROM - 700 * DAY, to: TO, everyMs: DAY, offsetMs: 0 },
      ...{ aggregates: ['count', 'sum'], groupBy: 'device', top: 5 },
    };
    const all = definition();
    count = 3;
    for (const groupBy of ['device', 'none', 'township'] as const) {
      asked = [];
      const answer = await queries.aggregate({ ...query, groupBy });
      expect(rounded(answer)).toEqual(rounded(aggregated(all, { ...query, groupBy })));
      expect(asked.length).toBeLessThanOrEqual(3);
    }
    asked = [];
    const path = join(folder, 'many.csv');
    await queries.exportTo(path, 'csv', { devices: DEVICES, from: query.from, to: query.to });
    expect(asked.length).toBeLessThanOrEqual(2);
    asked = [];
    const spans = DEVICES.map((device) => ({ device, from: query.from, to: query.to }));
    const found = new Map<string, ViewRow[]>();
    for await (const { device, rows } of queries.rangeMany({ spans }))
      found.set(device, [...(found.get(device) ?? []), ...rows]);
    // Those that no statement touches, what was received of the others' stretches, and what lies between these.
    expect(asked.length).toBeLessThanOrEqual(3);
    for (const device of DEVICES)
      expect(plain(found.get(device) ?? [])).toEqual(
        plain(all.get(device)!.filter(({ at }) => at >= query.from && at < query.to)),
      );
    book = new StatementBook([]);
  });

  it.skipIf(skipped)('export devices and values whatever they are', async () => {
    const path = join(folder, 'odd.csv');
    const at = NOW + 9 * DAY;
    const values = [1e300, 1e-7, -3];
    async function* readings(): AsyncGenerator<CorrectedReading> {
      const common = { device: 'NULL', metric: 'null', quality: 'good', receivedAt: at } as const;
      for (const [n, value] of values.entries()) {
        const original = { ...common, at: at + n, value: 7, statements: [1, 2] };
        yield { ...common, lane: 'live', at: at + n, value, original };
      }
    }
    const asked = { devices: ['NULL'], from: at, to: at + DAY, corrected: readings() };
    expect(await store.exportTo(path, 'csv', asked)).toEqual({ rows: 3 });
    const [, ...lines] = (await readFile(path, 'utf8')).trim().split('\n');
    const cells = lines.map((line) => line.replaceAll('"', '').split(','));
    expect(
      cells.map(([device, metric, , value, , , , from]) => [device, metric, Number(value), from]),
    ).toEqual(values.map((value) => ['NULL', 'null', value, 'NULL']));
  });

  it.skipIf(skipped)('aggregates without thousands of spans', { timeout: 120_000 }, async () => {
    const every = STEP / 500;
    const list = Array.from({ length: 40 * 500 }, (_, n) => ({
      device: DEVICES[n % 3]!,
      from: FROM + n * every,
      to: FROM + n * every + (n % 2 === 0 ? every : 1),
    }));
    const wanted: AggregateQuery = {
      columns: [{ profile: PROFILE, metric: 'cod' }],
      ...(name === 'embedded' ? { area: COUNTY } : { device: 'a' }),
      ...{ from: FROM, to: TO, everyMs: HOUR, offsetMs: 0 },
      aggregates: ['count', 'min', 'max'],
      groupBy: 'none',
    };
    // The server of the other engine is asked for each stretch between two of them by itself.
    const without = name === 'embedded' ? list : list.filter((_, n) => n % 90 === 0);
    const rows = new Map(
      [...definition(new StatementBook([]))].map(([device, all]) => [
        device,
        all.filter(
          ({ at }) =>
            !without.some((one) => one.device === device && at >= one.from && at < one.to),
        ),
      ]),
    );
    const answer = await store.aggregate({ ...wanted, without });
    expect(rounded(answer)).toEqual(rounded(aggregated(rows, wanted)));
    expect(answer.length).toBeGreaterThan(5);
  });

  it.skipIf(skipped)('count what was received, and how much of it is valid', async () => {
    const [first] = received.get('b')!;
    const at = Math.floor(first!.at / HOUR) * HOUR;
    const asking = { device: 'b', from: at, to: at + 3 * HOUR, reportEveryMs: STEP };
    const before = await queries.completeness(asking);
    expect(before.hours.map(({ valid }) => valid)).toEqual(
      before.hours.map((hour) => hour.received),
    );
    const inHour = (n: number): RangeRow[] =>
      received.get('b')!.filter((row) => Math.floor((row.at - at) / HOUR) === n);
    book = new StatementBook([
      {
        id: 1,
        kind: 'invalid',
        device: 'b',
        metric: null,
        from: at + HOUR,
        to: inHour(1)[0]!.at + 1,
        value: null,
        target: null,
      },
      // Of two metrics one stays.
      {
        id: 2,
        kind: 'invalid',
        device: 'b',
        metric: 'cod',
        from: at + 2 * HOUR,
        to: at + 3 * HOUR,
        value: null,
        target: null,
      },
    ]);
    const answer = await queries.completeness(asking);
    expect(answer.hours.map(({ received: count }) => count)).toEqual(
      before.hours.map(({ received: count }) => count),
    );
    const withBoth = inHour(2).filter(({ values }) => values['ph'] !== undefined);
    expect(answer.hours.map(({ valid }) => valid)).toEqual([
      before.hours[0]!.received,
      before.hours[1]!.received - 1,
      withBoth.length,
    ]);
    book = new StatementBook([]);
  });

  it.skipIf(skipped)(
    'count no interval as valid in which nothing was received, whatever is moved there',
    {
      timeout: 120_000,
    },
    async () => {
      let moved = 0;
      const slot = (at: number): number => Math.floor((at + 8 * HOUR) / STEP);
      const asking = { from: FROM - DAY, to: NOW + DAY, reportEveryMs: STEP };
      await fc.assert(
        fc.asyncProperty(
          statementsArbitrary(FROM, STEP),
          fc.constantFrom(...DEVICES),
          async (list, device) => {
            book = new StatementBook(list);
            const { hours } = await queries.completeness({ device, ...asking });
            const came = new Set(received.get(device)!.map(({ at }) => slot(at)));
            const good = definition()
              .get(device)!
              .filter(({ values, quality }) =>
                Object.keys(values).some((metric) => quality[metric] !== 'invalid'),
              )
              .map(({ at }) => slot(at));
            const valid = new Set(good.filter((one) => came.has(one)));
            moved += new Set(good.filter((one) => !came.has(one))).size;
            const inHour = (slots: ReadonlySet<number>, at: number): number =>
              [...slots].filter((one) => Math.floor((one * STEP - 8 * HOUR) / HOUR) * HOUR === at)
                .length;
            expect(hours.map((hour) => [hour.at, hour.received, hour.valid])).toEqual(
              hours.map(({ at }) => [at, inHour(came, at), inHour(valid, at)]),
            );
          },
        ),
        { seed: SEED, numRuns: 60 },
      );
      expect(moved).toBeGreaterThan(10);
      book = new StatementBook([]);
    },
  );

  it.skipIf(skipped)('export rows in order, with the words of people beside them', async () => {
    const at = NOW + 12 * DAY;
    const [first, second] = ['cod', 'ph'] as const;
    for (const device of ['words-b', 'words-a'])
      for (const step of [2, 0, 1])
        putRow(store, PROFILE, METRICS, {
          ...{ device, at: at + step },
          values: { [second]: step, [first]: 10 + step },
        });
    await store.commitNow();
    const path = join(folder, 'words.csv');
    const words: ExportWords = {
      device: (id) => (id === 'words-a' ? '=北村, "空气"' : undefined),
      profile: () => PROFILE,
      metric: (profile, key) =>
        profile === PROFILE && key === first
          ? { zh: '需氧量', en: '＋COD', unit: 'mg/L' }
          : undefined,
    };
    const query = { devices: ['words-b', 'words-a'], from: at, to: at + 9, words };
    expect(await queries.exportTo(path, 'csv', query)).toEqual({ rows: 12 });
    const [head, ...lines] = (await readFile(path, 'utf8')).trim().split('\n');
    expect(head!.split(',').slice(-4)).toEqual([
      'device_name',
      'metric_name',
      'metric_name_en',
      'unit',
    ]);
    const keys = [first, second].sort();
    expect(lines.map((line) => line.split(',').slice(0, 3).join())).toEqual(
      ['words-a', 'words-b'].flatMap((device) =>
        [0, 1, 2].flatMap((step) =>
          keys.map((key) => `${device},${key},${new Date(at + step).toISOString()}`),
        ),
      ),
    );
    const named = (start: string): string => lines.find((line) => line.startsWith(start)) ?? '';
    expect(named(`words-a,${first}`)).toMatch(/,"'=北村, ""空气""",需氧量,'＋COD,mg\/L$/);
    expect(named(`words-b,${second}`)).toMatch(/,,,,$/);
  });

  it.skipIf(skipped)('export both values side by side', { timeout: 60_000 }, async () => {
    const path = join(folder, 'corrected.csv');
    let lines = 0;
    await fc.assert(
      fc.asyncProperty(statementsArbitrary(FROM, STEP), async (list) => {
        book = new StatementBook(list);
        const told = await queries.exportTo(path, 'csv', { devices: ['a', 'b'], ...EVER });
        const [head, ...written] = (await readFile(path, 'utf8')).trim().split('\n');
        expect(head!.split(',').slice(7, -4)).toEqual([
          'original_device',
          'original_at',
          'original_value',
          'original_quality',
          'corrections',
        ]);
        expect(told).toEqual({ rows: written.length });
        lines += written.length;
        const time = (at: number): string => new Date(at).toISOString();
        const expected = ['a', 'b'].flatMap((device) =>
          definition()
            .get(device)!
            .flatMap((row) =>
              Object.entries(row.values).map(([metric, value]) => {
                const quality = row.quality[metric] ?? 'good';
                const { at } = row;
                const was = row.received[metric] ?? { device, at, value, quality, statements: [] };
                return [
                  ...[device, metric, time(at), value, quality],
                  ...[was.device, time(was.at), was.value, was.quality, was.statements.join(' ')],
                ].join();
              }),
            ),
        );
        const seen = written.map((line) => {
          const cells = line.split(',');
          const numbers = [3, 9];
          return cells
            .slice(0, -4)
            .map((cell, i) => (numbers.includes(i) ? Number(cell) : cell.replaceAll('"', '')))
            .filter((_, i) => i !== 5 && i !== 6)
            .join();
        });
        const places = written.map((line) => {
          const [device, metric, at] = line.replaceAll('"', '').split(',');
          return [device, at, metric].join();
        });
        expect(places).toEqual(places.toSorted());
        expect(seen.sort()).toEqual(expected.sort());
      }),
      { seed: SEED, numRuns: 10 },
    );
    expect(lines).toBeGreaterThan(500);
    book = new StatementBook([]);
    if (name !== 'embedded') return;
    const parquet = await queries.exportTo(join(folder, 'c.parquet'), 'parquet', {
      devices: ['a'],
      ...EVER,
    });
    expect(parquet.rows).toBeGreaterThan(30);
  });
});
