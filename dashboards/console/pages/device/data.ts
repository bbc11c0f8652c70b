/** What the device page asks for: the time range of its address, its trend and its small charts. */

import type { Device } from '#kit/api/answers.ts';
import { rawRows } from '#kit/devices/series.ts';
import { query } from '#kit/router.ts';

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
