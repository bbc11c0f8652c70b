/** From answers to what a chart draws: gaps become breaks, doubtful points stand apart. Pure. */
import { gapAfterMs } from '@village/core/device';
import type { AggregateRow, Metric, ReadingRow } from '../api/answers.ts';

/** One point as the table shows it; `value` null is a slot without one. */
export interface Sample {
  readonly at: number;
  readonly value: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly quality: string;
  readonly lane: string;
  readonly receivedAt: number | null;
}

/** A stretch of time without a value. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

export interface Series {
  readonly samples: readonly Sample[];
  /** Ranges without a value between two samples. */
  readonly gaps: readonly Gap[];
  /** Width of a bucket, ms; null for raw readings. */
  readonly everyMs: number | null;
  /** What was received where it is not what is shown; absent where nothing differs. */
  readonly received?: readonly ReceivedPoint[];
}

/** A value as it was received; null where there was none. */
export interface ReceivedPoint {
  readonly at: number;
  readonly value: number | null;
}

/** A series with what another one says of the same buckets, where the two differ. */
export function withReceived(series: Series, received: Series): Series {
  const shown = new Map(series.samples.map(({ at, value }) => [at, value]));
  const points = received.samples.map(({ at, value }) => ({
    at,
    value: value === (shown.get(at) ?? null) ? null : value,
  }));
  return points.some(({ value }) => value !== null) ? { ...series, received: points } : series;
}

/** Raw readings of one metric by time. */
export function rawSeries(
  rows: readonly ReadingRow[],
  metric: string,
  reportEveryMs: number,
): Series {
  const samples: Sample[] = [];
  const received: ReceivedPoint[] = [];
  for (const row of rows) {
    const value = row.values.get(metric);
    if (value === undefined) continue;
    const was = row.received?.get(metric);
    received.push(
      was === undefined ? { at: row.at, value: null } : { at: was.at, value: was.value },
    );
    samples.push({
      at: row.at,
      value,
      min: null,
      max: null,
      quality: row.quality?.get(metric) ?? 'good',
      lane: row.lane,
      receivedAt: row.receivedAt,
    });
  }
  samples.sort((a, b) => a.at - b.at);
  const gaps = [];
  for (let i = 1; i < samples.length; i++) {
    const from = samples[i - 1]?.at ?? 0;
    const to = samples[i]?.at ?? 0;
    if (to - from > gapAfterMs(reportEveryMs)) gaps.push({ from, to });
  }
  received.sort((a, b) => a.at - b.at);
  const differs = received.some(({ value }) => value !== null);
  return { samples, gaps, everyMs: null, ...(differs ? { received } : {}) };
}

/**
 * The series with one newer sample at its end, for a value that came live; what is not newer, or no raw reading, changes
 * nothing.
 */
export function appendSample(series: Series, sample: Sample, reportEveryMs: number): Series {
  const last = series.samples.at(-1);
  if (series.everyMs !== null || last === undefined || sample.at <= last.at) return series;
  const silent = sample.at - last.at > gapAfterMs(reportEveryMs);
  return {
    ...series,
    samples: [...series.samples, sample],
    gaps: silent ? [...series.gaps, { from: last.at, to: sample.at }] : series.gaps,
  };
}

/** Stretches that touch or overlap drawn together, by time. */
function joined(gaps: readonly Gap[]): Gap[] {
  const out: { from: number; to: number }[] = [];
  for (const { from, to } of gaps.toSorted((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else out.push({ from, to });
  }
  return out;
}

/**
 * What a chart shades: the silences of the device by their real times, at both ends of the range too, and where single
 * readings are drawn those of the metric alone. While the silences are not known, what the series itself shows.
 */
export function shadedGaps(series: Series, silences: readonly Gap[] | undefined): Gap[] {
  if (silences === undefined) return joined(series.gaps);
  return joined(series.everyMs === null ? [...series.gaps, ...silences] : silences);
}

/** Buckets of one metric; the aggregate drawn is `main`. Buckets that are absent or empty are gaps. */
export function bucketSeries(
  rows: readonly AggregateRow[],
  main: 'avg' | 'last',
  everyMs: number,
): Series {
  const samples = rows
    .map(
      (row): Sample => ({
        at: row.at,
        value: row.values.get(main) ?? null,
        min: row.values.get('min') ?? null,
        max: row.values.get('max') ?? null,
        quality: 'good',
        lane: '',
        receivedAt: null,
      }),
    )
    .filter((sample) => sample.value !== null)
    .sort((a, b) => a.at - b.at);
  const gaps = [];
  for (let i = 1; i < samples.length; i++) {
    const from = (samples[i - 1]?.at ?? 0) + everyMs;
    const to = samples[i]?.at ?? 0;
    if (to > from) gaps.push({ from, to });
  }
  return { samples, gaps, everyMs };
}

/** The columns a chart draws, seconds on the x axis: line, its lower and upper bound, doubtful points. */
export interface Columns {
  readonly x: number[];
  readonly line: (number | null)[];
  readonly low: (number | null)[];
  readonly high: (number | null)[];
  readonly doubtful: (number | null)[];
  /** Place of each x in `samples`; -1 where a break was put in. */
  readonly sample: number[];
}

/**
 * Columns with a break in each gap, and at each doubtful point, whose value no line may pass through. A doubtful value
 * outside the axis stands at its edge.
 */
export function columns(series: Series): Columns {
  const bounds = scale(series);
  const out: Columns = { x: [], line: [], low: [], high: [], doubtful: [], sample: [] };
  const put = (at: number, sample: Sample | null, index: number): void => {
    const good = sample !== null && sample.quality === 'good';
    out.x.push(at / 1000);
    out.line.push(good ? sample.value : null);
    out.low.push(good ? sample.min : null);
    out.high.push(good ? sample.max : null);
    const value = sample === null || good ? null : sample.value;
    out.doubtful.push(
      value === null || bounds === null
        ? value
        : Math.min(bounds.high, Math.max(bounds.low, value)),
    );
    out.sample.push(index);
  };
  let gap = 0;
  series.samples.forEach((sample, index) => {
    const next = series.gaps[gap];
    if (next !== undefined && next.to === sample.at) {
      put((next.from + next.to) / 2, null, -1);
      gap++;
    }
    put(sample.at, sample, index);
  });
  return out;
}

/** Figures for the text beside the chart; over good values only. Null when there is none. */
export interface Summary {
  readonly avg: number;
  readonly min: number;
  readonly max: number;
  readonly maxAt: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Single readings that are not good, by the word for it; buckets have none, being made of good ones. */
  readonly doubtful: ReadonlyMap<string, number>;
}

export function summarize(series: Series): Summary | null {
  const good = series.samples.filter(
    (sample) => sample.quality === 'good' && sample.value !== null,
  );
  const first = good[0];
  if (first === undefined) return null;
  const doubtful = new Map<string, number>();
  for (const { quality } of series.samples)
    if (quality !== 'good') doubtful.set(quality, (doubtful.get(quality) ?? 0) + 1);
  let sum = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let maxAt = first.at;
  for (const sample of good) {
    const value = sample.value ?? 0;
    sum += value;
    min = Math.min(min, sample.min ?? value);
    const high = sample.max ?? value;
    if (high > max) {
      max = high;
      maxAt = sample.at;
    }
  }
  return {
    avg: sum / good.length,
    min,
    max,
    maxAt,
    first: first.value ?? 0,
    last: good.at(-1)?.value ?? 0,
    count: series.samples.length,
    doubtful,
  };
}

/**
 * The y axis: good values with air around them. Doubtful ones widen it to at most three times that, so that one probe
 * reading full scale does not flatten the day; what lies outside is counted.
 */
export function scale(series: Series): { low: number; high: number; outside: number } | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const doubtful: number[] = [];
  for (const { value, min, max, quality } of series.samples) {
    if (value === null) continue;
    if (quality !== 'good') {
      doubtful.push(value);
      continue;
    }
    low = Math.min(low, min ?? value);
    high = Math.max(high, max ?? value);
  }
  if (low > high) {
    if (doubtful.length === 0) return null;
    low = Math.min(...doubtful);
    high = Math.max(...doubtful);
  }
  const air = high > low ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.05, 0.5);
  const span = high - low + 2 * air;
  const wide = doubtful.filter((value) => value >= low - span && value <= high + span);
  const bottom = Math.min(low, ...wide);
  return {
    // A quantity that is never negative keeps its axis at or above zero.
    low: bottom >= 0 ? Math.max(0, bottom - air) : bottom - air,
    high: Math.max(high, ...wide) + air,
    outside: doubtful.length - wide.length,
  };
}

/** How a range is asked for: raw rows while they are few, buckets beyond. */
export type Resolution = 'raw' | '10m' | '1h' | '1d';
export const BUCKET_MS = { '10m': 600_000, '1h': 3_600_000, '1d': 86_400_000 } as const;
const RAW_ROWS = 3_000;
const BUCKETS = 1_500;

/** The finest resolution that a screen can still show; never finer than the device reports. */
export function resolutionFor(rangeMs: number, reportEveryMs: number): Resolution {
  if (rangeMs <= 86_400_000 || rangeMs / reportEveryMs <= RAW_ROWS / 4) return 'raw';
  if (rangeMs / BUCKET_MS['10m'] <= BUCKETS && reportEveryMs <= BUCKET_MS['10m']) return '10m';
  if (rangeMs / BUCKET_MS['1h'] <= BUCKETS && reportEveryMs <= BUCKET_MS['1h']) return '1h';
  return '1d';
}

/** Where a metric is going: the mean of the last third against that of the first, in units of what it usually moves. */
export function trend(values: readonly number[]): 'rising' | 'falling' | 'flat' {
  if (values.length < 6) return 'flat';
  const third = Math.floor(values.length / 3);
  const mean = (list: readonly number[]): number =>
    list.reduce((sum, value) => sum + value, 0) / list.length;
  const change = mean(values.slice(-third)) - mean(values.slice(0, third));
  const all = mean(values);
  const spread = Math.sqrt(mean(values.map((value) => (value - all) ** 2)));
  if (spread <= Math.abs(all) * 1e-3 || Math.abs(change) < spread * 0.8) return 'flat';
  return change > 0 ? 'rising' : 'falling';
}

/** Whether the mean of a metric means anything. */
export function drawnAs(metric: Metric | undefined): 'value' | 'total' | 'state' {
  if (metric?.states !== null && metric?.states !== undefined) return 'state';
  if (metric?.state === true) return 'state';
  return metric?.total === true ? 'total' : 'value';
}
