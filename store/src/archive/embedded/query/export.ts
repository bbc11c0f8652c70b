/** Readings as a long-form file that any tool reads. The rows stream from DuckDB to the disk, never through this process. */
import { QUALITIES } from '@village/core';
import { ROW_FLAG } from '../../../journal/contract.ts';
import type { ExportQuery } from '../../contract.ts';
import type { ArchiveParts } from '../parts.ts';
import { readsOf } from './range.ts';
import { runQuery } from './run-query.ts';
import { literal, rowsOnce } from './sql.ts';

/** RFC 3339 in UTC with milliseconds, or a Parquet timestamp. */
function time(column: string, format: 'csv' | 'parquet'): string {
  const stamp = `make_timestamp((${column}) * 1000)`;
  return format === 'csv' ? `strftime(${stamp}, '%Y-%m-%dT%H:%M:%S.%gZ')` : stamp;
}

/** A text that a spreadsheet takes for a formula gets a quote before it (ASVS 1.2.10). */
function text(column: string, format: 'csv' | 'parquet'): string {
  return format === 'csv'
    ? `CASE WHEN regexp_matches(${column}, '^[=+@\\t\\r-]') THEN '''' || ${column} ELSE ${column} END`
    : column;
}

function parts(archive: ArchiveParts, format: 'csv' | 'parquet', query: ExportQuery): string[] {
  const words = QUALITIES.map((word, code) => `WHEN ${code} THEN ${literal(word)}`).join(' ');
  const byLayout = Map.groupBy(
    query.devices.flatMap((id) => archive.numbersOf.get(id) ?? []),
    (device) => archive.layoutOf[device]!,
  );
  const list: string[] = [];
  for (const [number, devices] of byLayout) {
    const layout = archive.layouts[number]!;
    for (const [metric, key] of layout.metrics.entries()) {
      if (query.metrics !== undefined && !query.metrics.includes(key)) continue;
      const spans = [query];
      const rows = rowsOnce({
        folder: archive.folder,
        metrics: layout.metrics,
        files: archive.view.dataFiles(number, spans),
        memtables: archive.view.memtables(number, spans),
        spans,
        devices,
        wanted: [metric],
      });
      list.push(`SELECT ${text('d.id', format)} AS device, ${text(literal(key), format)} AS metric, ${time('ts', format)} AS "at",
          c${metric} AS value, CASE k${metric} ${words} END AS quality,
          CASE WHEN (flags & ${ROW_FLAG.backfill}) = 0 THEN 'live' ELSE 'backfill' END AS lane,
          ${time('ts + lag', format)} AS received_at
        FROM (${rows}) AS r JOIN devices AS d ON d.dev = r.dev WHERE c${metric} IS NOT NULL`);
    }
  }
  if (list.length === 0)
    list.push(
      `SELECT '' AS device, '' AS metric, ${time('0', format)} AS "at", 0::DOUBLE AS value, '' AS quality, '' AS lane, ${time('0', format)} AS received_at WHERE false`,
    );
  return list;
}

/** Writes the file; the rows come in no particular order. */
export async function exportTo(
  archive: ArchiveParts,
  path: string,
  format: 'csv' | 'parquet',
  query: ExportQuery,
  signal: AbortSignal | undefined,
): Promise<{ rows: number }> {
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet, COMPRESSION zstd';
  const devices = query.devices.flatMap((id) => archive.numbersOf.get(id) ?? []);
  const make = (): string => {
    archive.sendNames();
    return `COPY (${parts(archive, format, query).join(' UNION ALL ')}) TO ${literal(path)} (${options}, USE_TMP_FILE false)`;
  };
  const { columns } = await runQuery(
    archive,
    make,
    readsOf(archive, devices, query),
    signal,
    'export',
  );
  return { rows: Number(columns[0]?.[0] ?? 0) };
}
