/** Queries about single devices: their readings, and which of those expected are there. */
import { qualityWord, Slices } from '@village/core';
import { ROW_FLAG } from '../../../journal/contract.ts';
import type { RangeQuery, RangeRow } from '../../contract.ts';
import { oncePerTime } from '../../registrations/once-per-time.ts';
import type { ArchiveParts, Reads } from '../parts.ts';
import { runQuery } from './run-query.ts';
import { rowsOnce, type Source } from './sql.ts';

const LIMIT_MAX = 100_000;

/** The readings of one device under one of its profiles. */
export function deviceSource(
  archive: ArchiveParts,
  device: number,
  span: { from: number; to: number },
  metrics: readonly string[] | undefined,
): Source {
  const layout = archive.layouts[archive.layoutOf[device]!]!;
  const spans = [span];
  return {
    folder: archive.folder,
    metrics: layout.metrics,
    files: archive.view.dataFiles(layout.number, spans),
    memtables: archive.view.memtables(layout.number, spans),
    spans,
    devices: [device],
    wanted: (metrics ?? layout.metrics)
      .map((metric) => layout.metricIndex.get(metric))
      .filter((index) => index !== undefined),
  };
}

/** What a query over these registrations of devices reads. */
export function readsOf(
  archive: ArchiveParts,
  devices: readonly number[],
  span: { from: number; to: number },
): Reads {
  return { layouts: new Set(devices.map((device) => archive.layoutOf[device]!)), span };
}

/** Readings of one device by event time, each (device, metric, at) once; rows without a metric asked for are left out. */
export async function range(
  archive: ArchiveParts,
  query: RangeQuery,
  signal: AbortSignal | undefined,
): Promise<RangeRow[]> {
  const limit = Math.min(query.limit, LIMIT_MAX);
  if (!(query.from < query.to) || limit <= 0) return [];
  const numbers = (archive.numbersOf.get(query.device) ?? []).filter(
    (number) =>
      query.profile === undefined ||
      archive.layouts[archive.layoutOf[number]!]!.profile === query.profile,
  );
  const lists = await Promise.all(
    numbers.map((device) => rangeOf(archive, device, query, limit, signal)),
  );
  return lists.length === 1 ? lists[0]! : oncePerTime(lists).slice(0, limit);
}

async function rangeOf(
  archive: ArchiveParts,
  device: number,
  query: RangeQuery,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<RangeRow[]> {
  const layout = archive.layouts[archive.layoutOf[device]!]!;
  const make = (): string => {
    const source = deviceSource(archive, device, query, query.metrics);
    const values = source.wanted.map((i) => `, c${i}, k${i}::DOUBLE`).join('');
    const present = source.wanted.map((i) => `c${i} IS NOT NULL`).join(' OR ') || 'false';
    return `SELECT ts::DOUBLE, lag::DOUBLE, flags::DOUBLE${values} FROM (${rowsOnce(source)})
      WHERE ${present} ORDER BY ts LIMIT ${limit}`;
  };
  const wanted = deviceSource(archive, device, query, query.metrics).wanted;
  const { rows, columns } = await runQuery(
    archive,
    make,
    readsOf(archive, [device], query),
    signal,
  );
  const [ts, lag, flags] = columns as Float64Array[];
  const list: RangeRow[] = [];
  const slices = new Slices();
  for (let row = 0; row < rows; row++) {
    if (slices.over) await slices.next();
    const values: Record<string, number> = {};
    const quality: Record<string, RangeRow['quality'][string]> = {};
    for (const [position, metric] of wanted.entries()) {
      const value = (columns[3 + position * 2] as Float64Array)[row]!;
      if (Number.isNaN(value)) continue;
      const key = layout.metrics[metric]!;
      values[key] = value;
      const code = (columns[4 + position * 2] as Float64Array)[row]!;
      if (code !== 0) quality[key] = qualityWord(code);
    }
    list.push({
      at: ts![row]!,
      receivedAt: ts![row]! + lag![row]!,
      lane: (flags![row]! & ROW_FLAG.backfill) === 0 ? 'live' : 'backfill',
      clockReplaced: (flags![row]! & ROW_FLAG.clockReplaced) !== 0,
      values,
      quality,
    });
  }
  return list;
}
