/** The part of the contract-test suite about readings of many devices at once: they are those of each device asked by itself. */
import { DAY, HOUR, MINUTE, type Random, SECOND, seededRandom } from '@village/core';
import { expect, it } from 'vitest';
import { ROW_FLAG } from '../../journal/contract.ts';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import type { DeviceSpan, RangeManyQuery, RangeRow } from '../contract.ts';
import { Oracle, putRow } from '../oracle.ts';
import { byDevice } from './pieces.ts';

const NOW = Date.UTC(2026, 2, 10, 4);
const PROFILES = [
  { profile: 'acme/one', metrics: ['pm25', 'temp'] },
  { profile: 'acme/two', metrics: ['temp', 'pm25', 'no2'] },
  { profile: 'acme/wide', metrics: [...Array.from({ length: 20 }, (_, n) => `m${n}`), 'pm25'] },
];

/** What the suite lends. */
interface ManyTools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
  /** Rows without what the engine does not keep. */
  readonly plainRows: (rows: readonly RangeRow[]) => object[];
}

/** All that comes, by device; a device that comes back after another one is a fault. */
export async function gathered<Row extends RangeRow>(
  parts: AsyncIterable<{ readonly device: string; readonly rows: readonly Row[] }>,
): Promise<Map<string, Row[]>> {
  const found = new Map<string, Row[]>();
  let last = '';
  for await (const { device, rows } of parts) {
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThanOrEqual(10_000);
    if (device !== last) expect(found.has(device), `${device} comes once more`).toBe(false);
    last = device;
    found.set(device, [...(found.get(device) ?? []), ...rows]);
  }
  return found;
}

const within = (spans: readonly DeviceSpan[], device: string, at: number): boolean =>
  spans.some((one) => one.device === device && at >= one.from && at < one.to);

/** What an oracle says of the same question. */
export function expectedOf(
  oracle: Oracle,
  { spans, metrics }: RangeManyQuery,
): Map<string, RangeRow[]> {
  const wanted = (key: string): boolean => metrics === undefined || metrics.includes(key);
  const only = <T>(all: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([key]) => wanted(key)));
  const found = new Map<string, RangeRow[]>();
  for (const device of new Set(spans.map((one) => one.device))) {
    const rows = oracle
      .range(device, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
      .filter(({ at }) => within(spans, device, at))
      .map((row) => ({ ...row, values: only(row.values), quality: only(row.quality) }))
      .filter(({ values }) => Object.keys(values).length > 0);
    if (rows.length > 0) found.set(device, rows);
  }
  return found;
}

/** Declares the tests; called inside the suite's `describe`. */
export function manyTests({ folderOf, openIn, plainRows }: ManyTools): void {
  const plain = (found: ReadonlyMap<string, readonly RangeRow[]>): unknown[] =>
    [...found]
      .map(([device, rows]) => [device, plainRows(rows)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const valuesOf = (found: ReadonlyMap<string, readonly RangeRow[]>): unknown[] =>
    [...found]
      .map(
        ([device, rows]) =>
          [device, rows.map(({ at, values, quality }) => ({ at, values, quality }))] as const,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1));
  const oneByOne = async (
    store: TimeSeriesStore,
    { spans, ...asked }: RangeManyQuery,
  ): Promise<Map<string, RangeRow[]>> => {
    const found = new Map<string, RangeRow[]>();
    for (const [device, own] of byDevice(spans)) {
      const rows: RangeRow[] = [];
      for (const span of own)
        rows.push(...(await store.range({ ...asked, ...span, limit: 9_999 })));
      if (rows.length > 0) found.set(device, rows);
    }
    return found;
  };
  const devices = Array.from({ length: 12 }, (_, n) => `d${n}`);

  const someSpans = (random: Random): DeviceSpan[] =>
    Array.from({ length: 1 + Math.floor(random() * 40) }, () => {
      const from = NOW - 3 * DAY + Math.floor(random() * 72) * HOUR + Math.floor(random() * 3);
      const length = Math.floor(random() * (random() < 0.5 ? 3 * HOUR : 2 * DAY));
      const device = random() < 0.05 ? 'nobody' : devices[Math.floor(random() ** 2 * 12)]!;
      return { device, from, to: from + length };
    });

  it('reads many devices at once as each by itself, whatever profiles they have had', {
    timeout: 120_000,
  }, async () => {
    const random = seededRandom('many devices');
    const store = await openIn(await folderOf());
    const oracle = new Oracle();
    const put = (n: number): void => {
      const number = Math.floor(random() * 12);
      // Some have had two profiles, the older one first.
      const profile = PROFILES[(number + (number % 4 === 0 && n > 300 ? 1 : 0)) % 3]!;
      const metrics = profile.metrics.filter(() => random() < 0.5);
      if (metrics.length === 0) return;
      const row = {
        device: devices[number]!,
        at: NOW - 3 * DAY + Math.floor(random() * 80) * 54 * MINUTE,
        receivedAt: NOW + n * SECOND,
        flags: random() < 0.3 ? ROW_FLAG.backfill : 0,
        values: Object.fromEntries(metrics.map((metric) => [metric, n])),
        quality: n % 4 === 0 ? { [metrics[0]!]: 'fault' as const } : {},
      };
      putRow(store, profile.profile, profile.metrics, row);
      oracle.put(row);
    };
    let rows = 0;
    const compare = async (): Promise<void> => {
      for (let n = 0; n < 12; n++) {
        const spans = someSpans(random);
        const metrics = [undefined, ['pm25'], ['temp', 'm3', 'unknown'], ['unknown'], []][n % 5];
        const query = { spans, ...(metrics === undefined ? {} : { metrics }) };
        const found = await gathered(store.rangeMany(query));
        expect(valuesOf(found)).toEqual(valuesOf(expectedOf(oracle, query)));
        expect(plain(found)).toEqual(plain(await oneByOne(store, query)));
        for (const one of found.values()) rows += one.length;
      }
    };
    for (let n = 0; n < 300; n++) put(n);
    await store.commitNow();
    await compare();
    await store.flush();
    for (let n = 300; n < 900; n++) put(n);
    await store.commitNow();
    await compare();
    await store.flush();
    await store.compact(NOW + 60 * DAY);
    await compare();
    expect(rows).toBeGreaterThan(1_000);
    // One profile alone, of a device that has had two.
    const [first, second] = PROFILES;
    const span = { device: 'd0', from: NOW - 4 * DAY, to: NOW };
    for (const { profile } of [first!, second!]) {
      const alone = await store.range({ ...span, profile, limit: 9_999 });
      expect(alone.length).toBeGreaterThan(5);
      const found = await gathered(store.rangeMany({ spans: [span], profile }));
      expect(plain(found)).toEqual(plain(new Map([['d0', alone]])));
    }
  });

  it('reads more rows than one answer holds, with thousands of short spans of one device among them', {
    timeout: 120_000,
  }, async () => {
    const store = await openIn(await folderOf());
    const { profile, metrics } = PROFILES[0]!;
    const counts = { dense: 80_000, plain: 3_000, late: 500 };
    for (const [device, count] of Object.entries(counts))
      for (let n = 0; n < count; n++) {
        const at = NOW - 2 * DAY + n * (device === 'dense' ? SECOND : MINUTE);
        putRow(store, profile, metrics, { device, at, values: { pm25: n, temp: n % 7 } });
        if (n % 5_000 === 0) await store.commitNow();
      }
    await store.commitNow();
    const ever = { from: NOW - 3 * DAY, to: NOW + DAY };
    // It takes so many rows in its own time.
    const taken = (): Promise<unknown> =>
      store.range({ device: 'late', ...ever, limit: 1 }).catch((error: Error) => error.message);
    await expect.poll(taken, { timeout: 60_000 }).toHaveLength(1);
    await store.flush();
    const spans = Object.keys(counts).map((device) => ({ device, ...ever }));
    const found = await gathered(store.rangeMany({ spans }));
    for (const [device, count] of Object.entries(counts))
      expect(found.get(device)?.map(({ values }) => values)).toEqual(
        Array.from({ length: count }, (_, n) => ({ pm25: n, temp: n % 7 })),
      );
    // Each meets one row, and the next one does not.
    const short = Array.from({ length: 3_000 }, (_, n) => ({
      ...{ device: 'dense', from: NOW - 2 * DAY + n * 20 * SECOND },
      to: NOW - 2 * DAY + n * 20 * SECOND + 500,
    }));
    const picked = await gathered(store.rangeMany({ spans: [...short, spans[1]!] }));
    expect(picked.get('dense')?.map(({ values }) => values['pm25'])).toEqual(
      Array.from({ length: 3_000 }, (_, n) => n * 20),
    );
    expect(picked.get('plain')).toHaveLength(3_000);
    // Whoever has enough stops, and the store goes on.
    for await (const { rows } of store.rangeMany({ spans })) {
      expect(rows[0]!.values['pm25']).toBe(0);
      break;
    }
    const given = store.rangeMany({ spans }, AbortSignal.abort())[Symbol.asyncIterator]();
    await expect(given.next()).rejects.toMatchObject({ code: 'query-aborted' });
    const ended = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _ of store.rangeMany({ spans }, ended.signal)) ended.abort();
    };
    await expect(read()).rejects.toMatchObject({ code: 'query-aborted' });
    const one = await gathered(
      store.rangeMany({ spans: [{ ...spans[2]!, to: NOW - 2 * DAY + 1 }] }),
    );
    expect(one.get('late')).toHaveLength(1);
  });
}
