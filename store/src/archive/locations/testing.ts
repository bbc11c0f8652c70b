/** The part of the contract-test suite about devices that move: each reading counts where its device stood then. */
import { DAY, HOUR, MINUTE, type Random, seededRandom } from '@village/core';
import { expect, it } from 'vitest';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import type { AggregateRow, DeviceLocation, DeviceSpan } from '../contract.ts';
import { locationAt } from '../location.ts';
import { Oracle, type TestRow } from '../oracle.ts';

const NOW = Date.UTC(2026, 2, 10, 4);
const PROFILE = 'acme/station';
const COUNTY = '330522000000';
const EAST = '330522100000';
const WEST = '330522101000';
const VILLAGES = ['330522100201', '330522100202', '330522101201'];
const DEVICES = ['a', 'b', 'c'];
const FROM = NOW - 3 * DAY;

/** What the suite lends. */
export interface Tools {
  readonly folderOf: () => Promise<string>;
  readonly openIn: (folder: string) => Promise<TimeSeriesStore>;
  readonly put: (store: TimeSeriesStore, ...rows: TestRow[]) => Promise<void>;
}

type Histories = ReadonlyMap<string, readonly DeviceLocation[]>;

function placeIn(random: Random): DeviceLocation {
  const village = VILLAGES[Math.floor(random() * VILLAGES.length)]!;
  const township = village.startsWith(EAST.slice(0, 9)) ? EAST : WEST;
  return { county: COUNTY, township, village: random() < 0.3 ? null : village };
}

/** One to four locations for each device, from hours within the three days. */
function histories(random: Random): Histories {
  return new Map(
    DEVICES.map((device) => {
      const moves = new Set(
        Array.from({ length: Math.floor(random() * 4) }, () => Math.floor(random() * 72)),
      );
      const later = [...moves]
        .sort((a, b) => a - b)
        .map((hour) => ({ ...placeIn(random), from: FROM + hour * HOUR }));
      return [device, [{ ...placeIn(random), from: NOW }, ...later]];
    }),
  );
}

type GroupBy = 'none' | 'township' | 'village';

async function answers(
  store: TimeSeriesStore,
  without?: readonly DeviceSpan[],
): Promise<AggregateRow[][]> {
  const list: AggregateRow[][] = [];
  for (const area of [COUNTY, EAST, WEST, VILLAGES[0]!])
    for (const everyMs of [HOUR, 30 * MINUTE, DAY])
      for (const groupBy of ['none', 'township', 'village'] as const)
        list.push(
          await store.aggregate({
            columns: [{ profile: PROFILE, metric: 'pm25' }],
            area,
            from: FROM,
            to: NOW,
            everyMs,
            offsetMs: 0,
            aggregates: ['count', 'min', 'max'],
            groupBy,
            ...(without === undefined ? {} : { without }),
          }),
        );
  return list;
}

function expected(
  oracle: Oracle,
  known: Histories,
  without: readonly DeviceSpan[] = [],
): AggregateRow[][] {
  const list: AggregateRow[][] = [];
  for (const area of [COUNTY, EAST, WEST, VILLAGES[0]!])
    for (const everyMs of [HOUR, 30 * MINUTE, DAY])
      for (const groupBy of ['none', 'township', 'village'] as const) {
        const group = (device: string, at: number): string | null | undefined => {
          const { county, township, village } = locationAt(known.get(device)!, at)!;
          if (![county, township, village].includes(area)) return undefined;
          if (without.some((one) => one.device === device && at >= one.from && at < one.to))
            return undefined;
          return { none: null, township, village }[groupBy satisfies GroupBy];
        };
        const rows = oracle.aggregate({
          metric: 'pm25',
          from: FROM,
          to: NOW,
          everyMs,
          offsetMs: 0,
          group,
        });
        list.push(
          rows.map(({ at, group: name, values: { count = 0, min = 0, max = 0 } }) => ({
            at,
            group: name,
            values: { count, min, max },
          })),
        );
      }
  return list;
}

const byTimeAndGroup = (rows: readonly AggregateRow[]): AggregateRow[] =>
  rows.toSorted((a, b) => a.at - b.at || ((a.group ?? '') < (b.group ?? '') ? -1 : 1));

/** Declares the tests; called inside the suite's `describe`. */
export function locationTests({ folderOf, openIn, put }: Tools): void {
  it('counts each reading where its device stood then, however late a move is told', {
    timeout: 60_000,
  }, async () => {
    const random = seededRandom('moves');
    const folder = await folderOf();
    let store = await openIn(folder);
    const oracle = new Oracle();
    let known = histories(random);
    store.locate(known);
    const steps: Record<string, () => Promise<unknown>> = {
      readings: () => {
        const rows = Array.from({ length: 40 }, (_, n) => ({
          device: DEVICES[n % 3]!,
          at: FROM + Math.floor(random() * 3 * 48) * 30 * MINUTE,
          values: { pm25: Math.round(random() * 1_000) },
        }));
        for (const row of rows) oracle.put(row);
        return put(store, ...rows);
      },
      move: async () => {
        known = histories(random);
        store.locate(known);
      },
      flush: () => store.flush(),
      compact: () => store.compact(NOW + DAY),
      reopen: async () => {
        await store.close();
        store = await openIn(folder);
        store.locate(known);
      },
    };
    const order = ['readings', 'flush', 'compact', 'move', 'compact', 'readings', 'move', 'reopen'];
    for (const step of [...order, 'move', 'flush', ...order]) {
      await steps[step]!();
      const answer = (await answers(store)).map(byTimeAndGroup);
      expect(answer, `after ${step}`).toEqual(expected(oracle, known).map(byTimeAndGroup));
    }
  });

  it('leaves readings out that are not wanted, whether rollups hold them or not', {
    timeout: 60_000,
  }, async () => {
    const random = seededRandom('left out');
    const store = await openIn(await folderOf());
    const oracle = new Oracle();
    const known = histories(random);
    store.locate(known);
    const some = (): TestRow[] =>
      Array.from({ length: 120 }, (_, n) => ({
        device: DEVICES[n % 3]!,
        at: FROM + Math.floor(random() * 3 * 96) * 15 * MINUTE,
        values: { pm25: Math.round(random() * 1_000) },
      }));
    for (const settled of [true, false]) {
      const rows = some();
      for (const row of rows) oracle.put(row);
      await put(store, ...rows);
      if (settled) {
        await store.flush();
        await store.compact(NOW + DAY);
      }
      for (let run = 0; run < 6; run++) {
        const without = Array.from({ length: run }, () => {
          const from = FROM + Math.floor(random() * 72 * 4) * 15 * MINUTE;
          const to = from + Math.ceil(random() * 30 * 4) * 15 * MINUTE;
          return { device: DEVICES[Math.floor(random() * 4)] ?? 'nobody', from, to };
        });
        const answer = (await answers(store, without)).map(byTimeAndGroup);
        const wanted = expected(oracle, known, without).map(byTimeAndGroup);
        expect(answer, `run ${run}, settled ${settled}`).toEqual(wanted);
      }
    }
  });

  it('tells when the first and last readings were, of those that are wanted', async () => {
    const store = await openIn(await folderOf());
    store.locate(new Map([['a', { county: COUNTY, township: EAST, village: null }]]));
    const values = [5, 1, 9, 4].map((pm25, n) => ({
      device: 'a',
      at: FROM + n * MINUTE,
      values: { pm25 },
    }));
    await put(store, ...values);
    const asked = {
      columns: [{ profile: PROFILE, metric: 'pm25' }],
      from: FROM,
      to: NOW,
      everyMs: 30 * DAY,
      offsetMs: -FROM,
      aggregates: ['first', 'firstAt', 'last', 'lastAt', 'count', 'sum'] as const,
      groupBy: 'none' as const,
      without: [
        { device: 'a', from: FROM, to: FROM + 1 },
        { device: 'a', from: FROM + 3 * MINUTE, to: NOW },
      ],
    };
    const answer = [
      {
        at: FROM,
        group: null,
        values: {
          first: 1,
          firstAt: FROM + MINUTE,
          last: 9,
          lastAt: FROM + 2 * MINUTE,
          count: 2,
          sum: 10,
        },
      },
    ];
    expect(await store.aggregate({ ...asked, device: 'a' })).toEqual(answer);
    expect(await store.aggregate({ ...asked, area: COUNTY })).toEqual(answer);
  });
}
