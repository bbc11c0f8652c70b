/** What pages ask of a month, once for the store and once in the peer's own language. */
import { DAY, HOUR } from '@village/core';
import type { TimeSeriesStore } from '@village/store/time-series';
import {
  COUNTY,
  DENSE_DEVICES,
  DEVICES,
  deviceId,
  METRICS,
  MONTH_FROM,
  MONTH_TO,
} from './workload.ts';

export const PROFILE = 'bench/county';

export interface Question {
  readonly name: string;
  /** Longest median, ms; null for a figure that is only told. */
  readonly target: string | null;
  readonly ask: (store: TimeSeriesStore, run: number) => unknown;
  /** The same in InfluxQL. */
  readonly influx: (run: number) => string;
}

const to = MONTH_TO;
const ALL = Array.from({ length: DEVICES }, (_, n) => deviceId(n));
const hourly = { everyMs: HOUR, offsetMs: 8 * HOUR } as const;
/** Another device and another metric each time, so that no answer is in a cache. */
const device = (run: number): string => deviceId((run * 37) % DENSE_DEVICES);
const metric = (run: number): string => METRICS[run % METRICS.length]!;
const columns = (run: number) => [{ profile: PROFILE, metric: metric(run) }];

function day(name: string, target: string | null, end: number): Question {
  return {
    name,
    target,
    ask: (store, run) =>
      store.range({ device: device(run), from: end - DAY, to: end, limit: 10_000 }),
    influx: (run) =>
      `SELECT ${METRICS.join(', ')} FROM county WHERE device = '${device(run)}' AND time >= ${end - DAY}ms AND time < ${end}ms`,
  };
}

export const QUESTIONS: readonly Question[] = [
  {
    name: 'latest values of 20,000 devices',
    target: '<= 5',
    ask: (store) => {
      for (const id of ALL) store.latest(id);
    },
    influx: () =>
      `SELECT ${METRICS.map((key) => `last(${key})`).join(', ')} FROM county GROUP BY device`,
  },
  day('one device, 24 h, 6 metrics', '<= 5', to),
  day('one device, 24 h over midnight, 6 metrics', null, to - DAY / 2),
  day('one device, 24 h two weeks ago, 6 metrics', null, to - 14 * DAY),
  {
    name: 'one device, 30 d by the hour',
    target: '<= 8',
    ask: (store, run) =>
      store.aggregate({
        columns: columns(run),
        device: device(run),
        from: MONTH_FROM,
        to,
        ...hourly,
        aggregates: ['avg', 'min', 'max'],
        groupBy: 'none',
      }),
    influx: (run) =>
      `SELECT mean(${metric(run)}), min(${metric(run)}), max(${metric(run)}) FROM county WHERE device = '${device(run)}' AND time >= ${MONTH_FROM}ms AND time < ${to}ms GROUP BY time(1h)`,
  },
  {
    name: 'county, 7 d by the hour and township',
    target: '<= 5',
    ask: (store, run) =>
      store.aggregate({
        columns: columns(run),
        area: COUNTY,
        from: to - 7 * DAY,
        to,
        ...hourly,
        aggregates: ['avg', 'max'],
        groupBy: 'township',
      }),
    influx: (run) =>
      `SELECT mean(${metric(run)}), max(${metric(run)}) FROM county WHERE time >= ${to - 7 * DAY}ms AND time < ${to}ms GROUP BY time(1h), township`,
  },
  {
    name: 'county, top 10 devices of 24 h',
    target: '<= 10',
    ask: (store, run) =>
      store.aggregate({
        columns: columns(run),
        area: COUNTY,
        from: to - DAY,
        to,
        everyMs: DAY,
        offsetMs: 8 * HOUR,
        aggregates: ['max'],
        groupBy: 'device',
        top: 10,
      }),
    influx: (run) =>
      `SELECT top(highest, device, 10) FROM (SELECT max(${metric(run)}) AS highest FROM county WHERE time >= ${to - DAY}ms AND time < ${to}ms GROUP BY device)`,
  },
];
