/** What the device page asks for: the time range of its address, its trend and its small charts. */

import type { Device, Metric, ReadingRow } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { addressOf } from '#kit/api/client.ts';
import {
  BUCKET_MS,
  bucketSeries,
  drawnAs,
  rawSeries,
  resolutionFor,
  type Series,
} from '#kit/chart/series.ts';
import { allPages } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { client } from '#kit/state.ts';

export const RANGES = {
  '1h': 3_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
  '30d': 2_592_000_000,
} as const;
export type RangeName = keyof typeof RANGES;

/** The time a page shows: the last hours, or from–to. */
export interface TimeRange {
  readonly name: RangeName | 'custom';
  readonly from: number;
  readonly to: number;
}

/** The range that the address names; the last 24 hours when it names none or a wrong one. */
export function rangeOf(parameters: URLSearchParams, now: number): TimeRange {
  const from = Date.parse(parameters.get('from') ?? '');
  const to = Date.parse(parameters.get('to') ?? '');
  if (from < to) return { name: 'custom', from, to };
  const asked = parameters.get('range');
  const name = asked !== null && Object.hasOwn(RANGES, asked) ? (asked as RangeName) : '24h';
  return { name, from: now - RANGES[name], to: now };
}

/** The range of the present address. */
export const currentRange = (now: number): TimeRange => rangeOf(query.value, now);

const iso = (at: number): string => new Date(Math.round(at)).toISOString();

/** Raw rows asked for at a time, and at most how often: 20,000 points are more than a screen holds. */
const ROWS_PAGE = 1_000;
const ROWS_PAGES_MAX = 20;

async function rawRows(
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

/** The trend of one metric at the resolution that fits the range. */
export async function loadSeries(
  device: string,
  metric: Metric,
  reportEveryMs: number,
  range: TimeRange,
  signal: AbortSignal,
): Promise<Series> {
  let resolution = resolutionFor(range.to - range.from, reportEveryMs);
  if (resolution === 'raw') {
    const { items, complete } = await rawRows(device, metric.key, range, signal);
    if (complete) return rawSeries(items, metric.key, reportEveryMs);
    resolution = '10m';
  }
  const main = drawnAs(metric) === 'value' ? 'avg' : 'last';
  const { items } = await client.call(calls.aggregates, {
    query: {
      ...spanOf(device, range),
      metric: metric.key,
      every: resolution,
      agg: main === 'avg' ? 'avg,min,max' : 'last',
    },
    signal,
  });
  return bucketSeries(items, main, BUCKET_MS[resolution]);
}

/** Recent values of every metric, for the small charts beside the figures: three hours, or twenty reports. */
export async function loadRecent(
  device: Device,
  reportEveryMs: number,
  now: number,
  signal: AbortSignal,
): Promise<Map<string, [at: number, value: number][]>> {
  const from = now - Math.max(3 * 3_600_000, 20 * reportEveryMs);
  const { items } = await rawRows(device.id, null, { from, to: now }, signal);
  const recent = new Map<string, [number, number][]>();
  for (const row of items)
    for (const [key, value] of row.values) {
      if (row.quality?.has(key)) continue;
      const list = recent.get(key) ?? [];
      list.push([row.at, value]);
      recent.set(key, list);
    }
  return recent;
}

/** The address under which the server gives a device's readings of that time as a file. */
export function exportAddress(device: string, format: 'csv' | 'parquet', range: TimeRange): string {
  return addressOf(calls.exportReadings, { query: { format, ...spanOf(device, range) } });
}

/** What is asked of a device over a range. */
export const spanOf = (
  device: string,
  { from, to }: { from: number; to: number },
): { device: string; from: string; to: string } => ({ device, from: iso(from), to: iso(to) });
