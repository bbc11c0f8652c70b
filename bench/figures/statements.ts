/** What 20,000 statements about 10,000 devices cost those who ask for something else, and whoever says one more. */
import { join } from 'node:path';
import { DAY, HOUR, MINUTE, systemTimer } from '@village/core';
import { CorrectedQueries, type Statement, StatementBook } from '@village/platform';
import { COUNTY, EAST, FIRST_DAY, METRICS, PROFILE } from '@village/platform/figures/testing';
import {
  type AggregateQuery,
  type DeviceLocation,
  openTimeSeries,
} from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { type Case, judge } from '../report.ts';

const STATEMENTS = 20_000;
const DEVICES = 10_000;
/** Of which there are readings; nobody says anything of the first. */
const MEASURED = 100;
const RUNS = 25;
const START = FIRST_DAY * DAY - 8 * HOUR;
const END = START + 30 * DAY;

const idOf = (n: number): string => `s${String(n).padStart(5, '0')}`;
const FREE = idOf(0);

/** Two hours of every device but the first two days are left to themselves. */
const statements = (): Statement[] =>
  Array.from({ length: STATEMENTS }, (_, n) => {
    const from = START + 2 * DAY + (n % 600) * HOUR;
    return {
      ...{ id: n + 1, kind: 'offset', device: idOf(1 + (n % (DEVICES - 1))), metric: 'o3' },
      ...{ value: 1 + n, target: null, from, to: from + 2 * HOUR },
    };
  });

/** The least time of the one and of the other, in turns, so that what else the machine does meets both. */
async function leastOf(
  one: () => Promise<unknown>,
  other: () => Promise<unknown>,
): Promise<[number, number]> {
  const least: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let run = 0; run < RUNS; run++)
    for (const [n, work] of [one, other].entries()) {
      const began = performance.now();
      await work();
      least[n] = Math.min(least[n] as number, performance.now() - began);
    }
  return least;
}

/** The least time of this thread that work takes, ms. */
function thread(work: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const before = process.threadCpuUsage();
    work();
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** Questions where no statement meets, and one statement more. */
export async function manyStatements(folder: string): Promise<Case[]> {
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'statements-store'), timer: { ...systemTimer, now: () => END } },
    tickMs: Number.POSITIVE_INFINITY,
  });
  try {
    let rows = 0;
    for (let n = 0; n < MEASURED; n++)
      for (let at = START; at < END; at += 15 * MINUTE) {
        const values = { o3: (rows * 31) % 97, no2: 1 };
        putRow(store, PROFILE, METRICS, { device: idOf(n), at, values });
        if (++rows % 6_000 === 0) await store.commitNow();
      }
    await store.commitNow();
    await store.flush();
    await store.compact(END + DAY);
    const place: DeviceLocation = { county: COUNTY, township: EAST, village: null };
    const of = (book: StatementBook): CorrectedQueries =>
      new CorrectedQueries(store, () => book, {
        locations: () => place,
        profile: () => PROFILE,
        count: () => DEVICES,
      });
    const book = new StatementBook(statements());
    const [without, many] = [of(new StatementBook([])), of(book)];
    const page = { device: FREE, metrics: ['o3'], from: START, to: START + 2 * DAY, limit: 1_000 };
    const quiet = { from: START, to: START + 2 * DAY, everyMs: DAY, offsetMs: 8 * HOUR } as const;
    const county: AggregateQuery = {
      ...{ columns: [{ profile: PROFILE, metric: 'o3' }], area: COUNTY, ...quiet },
      ...{ aggregates: ['avg'], groupBy: 'none' },
    };
    const range = await leastOf(
      () => without.range(page),
      () => many.range(page),
    );
    const aggregate = await leastOf(
      () => without.aggregate(county),
      () => many.aggregate(county),
    );
    const [said] = statements();
    const change = {
      ...{ number: 1, holds: true },
      statement: { ...said!, id: STATEMENTS + 1, device: FREE },
    };
    const next = book.changed([change]);
    return [
      judge('statements that hold', book.size, 'statements', `== ${STATEMENTS}`),
      judge('readings of an untouched device, without any', round(range[0]), 'ms'),
      judge('… times that with them', round(range[1] / range[0]), '×', '<= 1.5'),
      judge('an aggregate of the county where none meets, without any', round(aggregate[0]), 'ms'),
      judge('… times that with them', round(aggregate[1] / aggregate[0]), '×', '<= 1.5'),
      judge('one statement more', round(thread(() => book.changed([change]))), 'ms', '<= 50'),
      judge(
        '… and whose readings it changes',
        round(thread(() => book.differing(next))),
        'ms',
        '<= 50',
      ),
    ];
  } finally {
    await store.close();
  }
}
