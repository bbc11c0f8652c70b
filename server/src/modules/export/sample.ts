/**
 * Some of what is asked for as a file, made and thrown away: how many rows there are where the books expect so many, and how many
 * bytes a row has. Devices leave metrics out, names are of different lengths, and how well values pack nobody knows before.
 */
import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ViewQueries } from '@village/platform';
import type { ExportQuery } from '@village/store/time-series';
import type { Part } from './parts.ts';
import type { Format } from './write.ts';

/** Devices that are looked at. */
const DEVICES = 40;
/**
 * Rows of a slice as the books have them, and where in the rows it lies. Parquet packs many rows better than few, so that one large
 * slice says more than several small ones.
 */
const SLICES: Readonly<
  Record<Format, { readonly rows: number; readonly places: readonly number[] }>
> = {
  csv: { rows: 8_000, places: [1 / 6, 1 / 2, 5 / 6] },
  parquet: { rows: 60_000, places: [1 / 2] },
};
/** Bytes of a Parquet file besides its rows, about. */
const PARQUET_HEAD = 3_000;
/** Steps until an instant of years is found to the second. */
const STEPS = 32;

export interface Sampled {
  /** Rows for each that the books expect. */
  readonly rows: number;
  /** Of a row. */
  readonly bytes: number;
  /** Of a file without rows. */
  readonly head: number;
}

export interface Sampling {
  readonly folder: string;
  readonly format: Format;
  readonly queries: Pick<ViewQueries, 'exportTo'>;
  readonly query: Pick<ExportQuery, 'devices' | 'metrics' | 'from' | 'to' | 'words'>;
  /** Rows of a part by the books. */
  readonly weigh: (part: Part) => number;
  readonly signal: AbortSignal;
}

/** The greatest instant before which no more than so many rows lie. */
function instantOf({ devices, from, to }: Part, rows: number, weigh: Sampling['weigh']): number {
  let [low, high] = [from, to];
  for (let step = 0; step < STEPS && high - low > 1; step++) {
    const middle = Math.floor((low + high) / 2);
    if (weigh({ devices, from, to: middle }) <= rows) low = middle;
    else high = middle;
  }
  return low;
}

/** Slices of the time in which some of the devices have as many rows as a sample takes; the whole where that is no more. */
function slicesOf({ query, weigh, format }: Pick<Sampling, 'query' | 'weigh' | 'format'>): Part[] {
  const { from, to } = query;
  const { rows: sliceRows, places } = SLICES[format];
  const most = sliceRows * places.length;
  const all = [...query.devices].sort();
  const step = Math.max(1, all.length / DEVICES);
  const whole = { devices: all, from, to };
  if (weigh(whole) <= most) return [whole];
  const devices = Array.from(
    { length: Math.min(all.length, DEVICES) },
    (_, n) => all[Math.floor(n * step)]!,
  );
  const some = { devices, from, to };
  const rows = weigh(some);
  if (rows <= most) return [some];
  const at = (row: number): number => instantOf(some, row, weigh);
  return places.map((place) => {
    const first = place * rows - sliceRows / 2;
    return { devices, from: at(first), to: Math.max(at(first) + 1, at(first + sliceRows)) };
  });
}

/** Null when nothing was found, which says nothing. @throws what the archive throws */
export async function sampleOf(sampling: Sampling): Promise<Sampled | null> {
  const { folder, format, queries, query, weigh, signal } = sampling;
  let [rows, expected, bytes] = [0, 0, 0];
  const head = format === 'parquet' ? PARQUET_HEAD : 0;
  for (const slice of slicesOf(sampling)) {
    const path = join(folder, `${randomUUID()}.${format}.sample`);
    try {
      const made = await queries.exportTo(path, format, { ...query, ...slice }, signal);
      rows += made.rows;
      bytes += Math.max(0, (await stat(path)).size - head);
      expected += weigh(slice);
    } finally {
      await rm(path, { force: true });
    }
  }
  return rows === 0 || expected === 0 ? null : { rows: rows / expected, bytes: bytes / rows, head };
}
