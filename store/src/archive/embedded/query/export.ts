/** Readings as a long-form file that any tool reads. The rows stream from DuckDB to the disk, never through this process. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { OperationalError, QUALITIES } from '@village/core';
import { ROW_FLAG } from '../../../journal/contract.ts';
import type { CorrectedReading, ExportQuery, ExportWords, MetricWords } from '../../contract.ts';
import type { ArchiveParts } from '../parts.ts';
import { readsOf } from './range.ts';
import { runQuery } from './run-query.ts';
import { lessLeftOut, literal, rowsOnce } from './sql.ts';

const CHUNK = 64 * 1024;
const NAMES_PER_CHUNK = 1_000;

/** RFC 3339 in UTC with milliseconds, or a Parquet timestamp that is said to be UTC. */
function time(column: string, format: 'csv' | 'parquet'): string {
  return format === 'csv'
    ? `strftime(make_timestamp((${column}) * 1000), '%Y-%m-%dT%H:%M:%S.%gZ')`
    : `make_timestamptz((${column}) * 1000)`;
}

/** A text that a spreadsheet takes for a formula gets a quote before it (ASVS 1.2.10); some read full-width signs so. */
function text(column: string, format: 'csv' | 'parquet'): string {
  return format === 'csv'
    ? `CASE WHEN regexp_matches(${column}, '^[=+@\\t\\r＝＋＠－-]') THEN '''' || ${column} ELSE ${column} END`
    : column;
}

/** The file of corrected readings, as DuckDB reads it. */
const BESIDE = {
  device: 'VARCHAR',
  metric: 'VARCHAR',
  at: 'BIGINT',
  value: 'DOUBLE',
  quality: 'VARCHAR',
  lane: 'VARCHAR',
  received_at: 'BIGINT',
  word: 'INTEGER',
  original_device: 'VARCHAR',
  original_at: 'BIGINT',
  original_value: 'DOUBLE',
  original_quality: 'VARCHAR',
  corrections: 'VARCHAR',
} as const;

const NAMES = { id: 'VARCHAR', name: 'VARCHAR' } as const;

/** A file that we wrote ourselves, as a relation; texts are quoted in it, so that `NULL` alone is none. */
function ownCsv(path: string, columns: Readonly<Record<string, string>>): string {
  const typed = Object.entries(columns).map(([name, type]) => `'${name}': '${type}'`);
  return `read_csv(${literal(path)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"',
    nullstr = 'NULL', allow_quoted_nulls = false, columns = {${typed.join(', ')}})`;
}

/** Names of metrics by number; 0 is that of those without. */
class Words {
  readonly #list: (MetricWords | undefined)[] = [undefined];
  readonly #numbers = new Map<string, number>();
  readonly #words: ExportWords | undefined;

  constructor(words: ExportWords | undefined) {
    this.#words = words;
  }

  numberOf(profile: string | undefined, metric: string): number {
    if (this.#words === undefined || profile === undefined) return 0;
    const key = `${profile}\n${metric}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const found = this.#words.metric(profile, metric);
    const number = found === undefined ? 0 : this.#list.push(found) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  /** The word of the number in the column `word`. */
  sql(of: keyof MetricWords): string {
    const list = this.#list.map((words) => (words === undefined ? 'NULL' : literal(words[of])));
    return `([${list.join(', ')}]::VARCHAR[])[word + 1]`;
  }
}

const quoted = (word: string): string => `"${word.replaceAll('"', '""')}"`;

/** Writes corrected readings where DuckDB can read them; false when there are none, and then there is no file. */
async function writeBeside(
  path: string,
  readings: AsyncIterable<CorrectedReading>,
  wordOf: (reading: CorrectedReading) => number,
): Promise<boolean> {
  const list = readings[Symbol.asyncIterator]();
  const first = await list.next();
  if (first.done === true) return false;
  async function* lines(): AsyncGenerator<string> {
    let chunk = lineOf(first.value as CorrectedReading, wordOf);
    for (let one = await list.next(); one.done !== true; one = await list.next()) {
      chunk += lineOf(one.value, wordOf);
      if (chunk.length < CHUNK) continue;
      yield chunk;
      chunk = '';
    }
    yield chunk;
  }
  await pipeline(lines, createWriteStream(path));
  return true;
}

function lineOf(one: CorrectedReading, wordOf: (reading: CorrectedReading) => number): string {
  const { device, at, value, quality, statements } = one.original;
  const now = `${quoted(one.device)},${quoted(one.metric)},${one.at},${one.value},${one.quality},${one.lane},${one.receivedAt},${wordOf(one)}`;
  return `${now},${quoted(device)},${at},${value},${quality},${quoted(statements.join(' '))}\n`;
}

/** Writes what devices are called where DuckDB can read it. */
async function writeNames(path: string, query: ExportQuery): Promise<void> {
  async function* lines(): AsyncGenerator<string> {
    for (let n = 0; n < query.devices.length; n += NAMES_PER_CHUNK)
      yield query.devices
        .slice(n, n + NAMES_PER_CHUNK)
        .map((id) => `${quoted(id)},${quoted(query.words?.device(id) ?? '')}\n`)
        .join('');
  }
  await pipeline(lines, createWriteStream(path));
}

const QUALITY_SQL = QUALITIES.map((word, code) => `WHEN ${code} THEN ${literal(word)}`).join(' ');

/** All rows of the archive, in the types that they are sorted in. */
function rowsOf(archive: ArchiveParts, query: ExportQuery, words: Words): string[] {
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
      const quality = `CASE k${metric} ${QUALITY_SQL} END`;
      const original =
        query.corrected === undefined
          ? ''
          : `, d.id AS original_device, ts AS original_at, c${metric} AS original_value,
             ${quality} AS original_quality, NULL::VARCHAR AS corrections`;
      list.push(`SELECT d.id AS device, ${literal(key)} AS metric, ts AS "at", c${metric} AS value, ${quality} AS quality,
          CASE WHEN (flags & ${ROW_FLAG.backfill}) = 0 THEN 'live' ELSE 'backfill' END AS lane,
          ts + lag AS received_at, ${words.numberOf(layout.profile, key)} AS word${original}
        FROM (${rows}) AS r JOIN devices AS d ON d.dev = r.dev
        WHERE c${metric} IS NOT NULL`);
    }
  }
  return list;
}

/** The rows of the file, in its columns and its order. */
function select(
  rows: readonly string[],
  names: string,
  words: Words,
  format: 'csv' | 'parquet',
  corrected: boolean,
): string {
  const original = corrected
    ? `, ${text('original_device', format)} AS original_device, ${time('original_at', format)} AS original_at,
       original_value, original_quality, nullif(corrections, '') AS corrections`
    : '';
  // What is sorted is short; the words that people read are put in afterwards, row by row.
  return `SELECT ${text('device', format)} AS device, ${text('metric', format)} AS metric, ${time('"at"', format)} AS "at",
      value, quality, lane, ${time('received_at', format)} AS received_at${original},
      ${text('device_name', format)} AS device_name, ${text(words.sql('zh'), format)} AS metric_name,
      ${text(words.sql('en'), format)} AS metric_name_en, ${text(words.sql('unit'), format)} AS unit
    FROM (SELECT u.*, nullif(n.name, '') AS device_name
      FROM (${rows.join(' UNION ALL ')}) AS u LEFT JOIN ${ownCsv(names, NAMES)} AS n ON n.id = u.device
      ORDER BY u.device, u."at", u.metric)`;
}

/** What stands for rows where there are none. */
function noRows(corrected: boolean): string {
  const columns = Object.entries(BESIDE)
    .filter(([name]) => corrected || !/^original|^corrections/.test(name))
    .map(([name, type]) => `NULL::${type} AS "${name}"`);
  return `SELECT ${columns.join(', ')} WHERE false`;
}

const PARQUET = 'FORMAT parquet, COMPRESSION zstd';

/** Writes files of ours as one. */
export async function joinParquet(
  archive: ArchiveParts,
  paths: readonly string[],
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const files = paths.map(literal).join(', ');
  await archive.duck.query(
    `COPY (SELECT * FROM read_parquet([${files}])) TO ${literal(path)} (${PARQUET}, USE_TMP_FILE false)`,
    { signal, queryClass: 'export' },
  );
}

/** Writes the file. */
export async function exportTo(
  archive: ArchiveParts,
  path: string,
  format: 'csv' | 'parquet',
  query: ExportQuery,
  signal: AbortSignal | undefined,
): Promise<{ rows: number }> {
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : PARQUET;
  const devices = query.devices.flatMap((id) => archive.numbersOf.get(id) ?? []);
  const corrected = `${path}.corrected`;
  const names = `${path}.names`;
  const words = new Words(query.words);
  let beside: string[] = [];
  const make = (): string => {
    archive.sendNames();
    const rows = [...rowsOf(archive, query, words), ...beside];
    if (rows.length === 0) rows.push(noRows(query.corrected !== undefined));
    const sql = select(rows, names, words, format, query.corrected !== undefined);
    return `COPY (${sql}) TO ${literal(path)} (${options}, USE_TMP_FILE false)`;
  };
  try {
    await writeNames(names, query).catch((cause: unknown) => {
      throw new OperationalError('query-failed', 'The file can not be written.', { cause });
    });
    const wordOf = ({ device, metric }: CorrectedReading): number =>
      words.numberOf(query.words?.profile(device), metric);
    if (query.corrected !== undefined && (await writeBeside(corrected, query.corrected, wordOf)))
      beside = [`SELECT * FROM ${ownCsv(corrected, BESIDE)}`];
    const reads = readsOf(archive, devices, query);
    const { columns } = await runQuery(archive, make, reads, signal, 'export');
    return { rows: Number(columns[0]?.[0] ?? 0) };
  } finally {
    await rm(corrected, { force: true });
    await rm(names, { force: true });
  }
}
