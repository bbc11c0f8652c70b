/** What is asked of a device over a range: its readings, and the trend of one metric. */
import type { Metric, ReadingRow } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import {
  BUCKET_MS,
  bucketSeries,
  drawnAs,
  rawSeries,
  resolutionFor,
  type Series,
  withReceived,
} from '../chart/series.ts';
import { allPages } from '../load.ts';
import { client } from '../state.ts';

const iso = (at: number): string => new Date(Math.round(at)).toISOString();

/** What is asked of a device over a range. */
export const spanOf = (
  device: string,
  { from, to }: { from: number; to: number },
): { device: string; from: string; to: string } => ({ device, from: iso(from), to: iso(to) });

/** Raw rows asked for at a time, and at most how often: 20,000 points are more than a screen holds. */
const ROWS_PAGE = 1_000;
const ROWS_PAGES_MAX = 20;

/** Readings of a range, and whether these are all of them. */
export async function rawRows(
  device: string,
  metric: string | null,
  range: { from: number; to: number },
  signal: AbortSignal,
): Promise<{ items: ReadingRow[]; complete: boolean }> {
  return allPages(
    (cursor) =>
      client.call(calls.readings, {
        query: { ...spanOf(device, range), metric, limit: ROWS_PAGE, cursor },
        signal,
      }),
    ROWS_PAGES_MAX,
  );
}

/** The trend of one metric at the resolution that fits the range; means as received beside it where corrections meet it. */
export async function loadSeries(
  device: string,
  metric: Metric,
  reportEveryMs: number,
  range: { from: number; to: number },
  alsoReceived: boolean,
  signal: AbortSignal,
): Promise<Series> {
  let resolution = resolutionFor(range.to - range.from, reportEveryMs);
  if (resolution === 'raw') {
    const { items, complete } = await rawRows(device, metric.key, range, signal);
    if (complete) return rawSeries(items, metric.key, reportEveryMs);
    resolution = '10m';
  }
  const main = drawnAs(metric) === 'value' ? 'avg' : 'last';
  const load = async (view: 'corrected' | 'received'): Promise<Series> => {
    const { items } = await client.call(calls.aggregates, {
      query: {
        ...spanOf(device, range),
        metric: metric.key,
        every: resolution,
        agg: main === 'avg' ? 'avg,min,max' : 'last',
        view,
      },
      signal,
    });
    return bucketSeries(items, main, BUCKET_MS[resolution]);
  };
  const series = await load('corrected');
  return alsoReceived ? withReceived(series, await load('received')) : series;
}
