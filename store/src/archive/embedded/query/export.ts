/** Readings as a long-form file that any tool reads. The rows stream from DuckDB to the disk, never through this process. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { QUALITIES } from '@village/core';
import { ROW_FLAG } from '../../../journal/contract.ts';
import type { CorrectedReading, ExportQuery } from '../../contract.ts';
import type { ArchiveParts } from '../parts.ts';
import { readsOf } from './range.ts';
import { runQuery } from './run-query.ts';
import { lessLeftOut, literal, rowsOnce } from './sql.ts';

const CHUNK = 64 * 1024;

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

/** The columns of a file of corrected readings, as DuckDB reads them. */
const BESIDE = {
  device: 'VARCHAR',
  metric: 'VARCHAR',
  at: 'BIGINT',
  value: 'DOUBLE',
  quality: 'VARCHAR',
  lane: 'VARCHAR',
  received_at: 'BIGINT',
  original_device: 'VARCHAR',
  original_at: 'BIGINT',
  original_value: 'DOUBLE',
  original_quality: 'VARCHAR',
  corrections: 'VARCHAR',
} as const;

/** Reads the file of corrected readings as rows of the export. */
function besidePart(path: string, format: 'csv' | 'parquet'): string {
  const columns = Object.entries(BESIDE).map(([name, type]) => `'${name}': '${type}'`);
  const texts = new Set(['device', 'metric', 'original_device']);
  const selected = Object.keys(BESIDE).map((name) =>
    texts.has(name)
      ? `${text(`b.${name}`, format)} AS ${name}`
      : /^(original_|received_)?at$/.test(name)
        ? `${time(`b."${name}"`, format)} AS "${name}"`
        : name === 'corrections'
          ? `nullif(b.${name}, '') AS ${name}`
          : `b.${name}`,
  );
  return `SELECT ${selected.join(', ')} FROM read_csv(${literal(path)}, header = false, auto_detect = false,
    delim = ',', quote = '"', escape = '"', nullstr = 'NULL', allow_quoted_nulls = false, columns = {${columns.join(', ')}}) AS b`;
}

const quoted = (word: string): string => `"${word.replaceAll('"', '""')}"`;

/** Writes corrected readings where DuckDB can read them; false when there are none, and then there is no file. */
async function writeBeside(
  path: string,
  readings: AsyncIterable<CorrectedReading>,
): Promise<boolean> {
  const list = readings[Symbol.asyncIterator]();
  const first = await list.next();
  if (first.done === true) return false;
  async function* lines(): AsyncGenerator<string> {
    let chunk = lineOf(first.value as CorrectedReading);
    for (let one = await list.next(); one.done !== true; one = await list.next()) {
      chunk += lineOf(one.value);
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = '';
    }
    yield chunk;
  }
  await pipeline(lines, createWriteStream(path));
  return true;
}

function lineOf(one: CorrectedReading): string {
  const { device, at, value, quality, statements } = one.original;
  const now = `${quoted(one.device)},${quoted(one.metric)},${one.at},${one.value},${one.quality},${one.lane},${one.receivedAt}`;
  return `${now},${quoted(device)},${at},${value},${quality},${quoted(statements.join(' '))}\n`;
}

function parts(
  archive: ArchiveParts,
  format: 'csv' | 'parquet',
  query: ExportQuery,
  beside: string | undefined,
): string[] {
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
      const all = rowsOnce({
        folder: archive.folder,
        metrics: layout.metrics,
        files: archive.view.dataFiles(number, spans),
        memtables: archive.view.memtables(number, spans),
        spans,
        devices,
        wanted: [metric],
      });
      const rows = lessLeftOut(all, archive, number, query);
      list.push(`SELECT ${text('d.id', format)} AS device, ${text(literal(key), format)} AS metric, ${time('ts', format)} AS "at",
          c${metric} AS value, CASE k${metric} ${words} END AS quality,
          CASE WHEN (flags & ${ROW_FLAG.backfill}) = 0 THEN 'live' ELSE 'backfill' END AS lane,
          ${time('ts + lag', format)} AS received_at${
            query.corrected === undefined
              ? ''
              : `, ${text('d.id', format)} AS original_device, ${time('ts', format)} AS original_at,
                c${metric} AS original_value, CASE k${metric} ${words} END AS original_quality, NULL::VARCHAR AS corrections`
          }
        FROM (${rows}) AS r JOIN devices AS d ON d.dev = r.dev
        WHERE c${metric} IS NOT NULL`);
    }
  }
  if (beside !== undefined) list.push(besidePart(beside, format));
  if (list.length === 0)
    list.push(
      `SELECT '' AS device, '' AS metric, ${time('0', format)} AS "at", 0::DOUBLE AS value, '' AS quality, '' AS lane, ${time('0', format)} AS received_at${
        query.corrected === undefined
          ? ''
          : `, '' AS original_device, ${time('0', format)} AS original_at, 0::DOUBLE AS original_value, '' AS original_quality, NULL::VARCHAR AS corrections`
      } WHERE false`,
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
  const file = `${path}.corrected`;
  let beside: string | undefined;
  const make = (): string => {
    archive.sendNames();
    return `COPY (${parts(archive, format, query, beside).join(' UNION ALL ')}) TO ${literal(path)} (${options}, USE_TMP_FILE false)`;
  };
  try {
    if (query.corrected !== undefined && (await writeBeside(file, query.corrected))) beside = file;
    const reads = readsOf(archive, devices, query);
    const { columns } = await runQuery(archive, make, reads, signal, 'export');
    return { rows: Number(columns[0]?.[0] ?? 0) };
  } finally {
    await rm(file, { force: true });
  }
}
