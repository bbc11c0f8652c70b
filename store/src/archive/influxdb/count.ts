/** How many readings there are, about, since InfluxDB keeps no books: some slices of the time are counted, the rest taken for alike. */
import { DAY } from '@village/core';
import type { CountQuery } from '../contract.ts';
import { type InfluxClient, identifier } from './client.ts';
import { fieldOf, isValue } from './points.ts';
import type { Registrations } from './registrations.ts';

/** Slices that are counted of a time of more than a day, and which part of it they are together. */
const SLICES = 8;
const SHARE = 1 / 8;
/** What the server puts before the name of a field that it has counted. */
const COUNTED = 'count_';

interface Slice {
  readonly from: number;
  readonly to: number;
}

/** Slices of a time, and how many times as long it is. */
export function slicesOf({ from, to }: Slice): { slices: readonly Slice[]; times: number } {
  const length = to - from;
  if (length <= DAY) return { slices: [{ from, to }], times: 1 };
  const slices = Array.from({ length: SLICES }, (_, n) => {
    const begin = Math.round(from + (n * length) / SLICES);
    return { from: begin, to: begin + Math.round((length * SHARE) / SLICES) };
  });
  return { slices, times: 1 / SHARE };
}

export async function countReadings(
  client: InfluxClient,
  registrations: Registrations,
  query: CountQuery,
  signal: AbortSignal | undefined,
): Promise<number> {
  const wanted = new Set(query.devices);
  const profiles = new Set<string>();
  let oldest = Number.POSITIVE_INFINITY;
  for (const device of wanted)
    for (const one of registrations.of(device)) {
      profiles.add(one.profile);
      oldest = Math.min(oldest, one.oldest);
    }
  // Before the first of them there is nothing to take slices of.
  const from = Math.max(query.from, oldest);
  if (from >= query.to) return 0;
  const { slices, times } = slicesOf({ from, to: query.to });
  const fields = query.metrics?.map(
    (metric) => `count(${identifier(fieldOf(metric))}) AS ${identifier(COUNTED + fieldOf(metric))}`,
  );
  let counted = 0;
  for (const profile of profiles)
    for (const slice of slices) {
      const series = await client.query(
        `SELECT ${fields?.join(', ') ?? 'count(*)'} FROM ${identifier(profile)}
          WHERE time >= ${slice.from}ms AND time < ${slice.to}ms GROUP BY device`,
        signal,
      );
      for (const { tags, columns, values } of series) {
        if (!wanted.has(tags['device'] ?? '')) continue;
        for (const [n, column] of columns.entries())
          if (column.startsWith(COUNTED) && isValue(column.slice(COUNTED.length)))
            counted += Number(values[0]?.[n] ?? 0);
      }
    }
  return Math.round(counted * times);
}
