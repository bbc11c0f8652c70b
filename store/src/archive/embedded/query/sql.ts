/** Builds the SQL over archive files and memtables in which each (device, time) stands once. */
import { join } from 'node:path';
import { METRICS_PER_QUALITY_WORD } from '../../../journal/contract.ts';
import type { DeviceSpan } from '../../contract.ts';
import type { ArchiveFile } from '../files/manifest.ts';
import type { Memtable } from '../memtable.ts';
import type { ArchiveParts } from '../parts.ts';
import type { Span } from '../view.ts';

/** Column names of archive files that no metric may take. */
const RESERVED = /^(ts|dev|lag|flags|q\d+)$/;

/** Name of a metric's column in archive files: its key, unless that is taken (names don't differ by case alone). */
export function columnName(metrics: readonly string[], index: number): string {
  const key = metrics[index]!;
  const lower = key.toLowerCase();
  const taken =
    RESERVED.test(lower) || metrics.some((other, i) => i < index && other.toLowerCase() === lower);
  return identifier(taken ? `${key}_${index}` : key);
}

/** A quoted identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A quoted text. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The list of files for `read_parquet`. */
export function fileList(folder: string, files: readonly ArchiveFile[]): string {
  return `read_parquet([${files.map((file) => literal(join(folder, file.path))).join(', ')}])`;
}

/** `column` within any of the spans. */
export function within(column: string, spans: readonly Span[]): string {
  const each = spans.map((span) => `${column} >= ${span.from} AND ${column} < ${span.to}`);
  return each.length === 1 ? each[0]! : `(${each.map((one) => `(${one})`).join(' OR ')})`;
}

/** The code of a metric in its quality word. */
function code(metric: number): string {
  const word = Math.floor(metric / METRICS_PER_QUALITY_WORD);
  const shift = 4 * (metric % METRICS_PER_QUALITY_WORD);
  return `((q${word} >> ${shift}) & 15)`;
}

/** A relation of rows without the readings of devices of a layout that are left out. */
export function lessLeftOut(
  rows: string,
  archive: ArchiveParts,
  layout: number,
  query: { readonly without?: readonly DeviceSpan[] },
): string {
  const spans = (query.without ?? []).flatMap(({ device, from, to }) =>
    (archive.numbersOf.get(device) ?? [])
      .filter((number) => archive.layoutOf[number] === layout && from < to)
      .map((number) => `(${number}, ${from}, ${to})`),
  );
  if (spans.length === 0) return rows;
  // Joined by device: a condition that names each span would be looked through for every row.
  return `SELECT s.* FROM (${rows}) AS s ANTI JOIN (VALUES ${spans.join(', ')}) AS w(dev, since, until)
    ON w.dev = s.dev AND s.ts >= w.since AND s.ts < w.until`;
}

/** What to read, from where. */
export interface Source {
  readonly folder: string;
  /** Metric keys of the layout. */
  readonly metrics: readonly string[];
  readonly files: readonly ArchiveFile[];
  readonly memtables: readonly Memtable[];
  readonly spans: readonly Span[];
  /** Device numbers; all when absent. */
  readonly devices?: readonly number[] | undefined;
  /** Metrics wanted, by index. */
  readonly wanted: readonly number[];
  /** Set when it is known that nothing stands twice. */
  readonly distinct?: boolean;
}

/** Whether a (device, time) can stand more than once in what is read. */
export function mayRepeat(source: Source): boolean {
  if (source.distinct === true) return false;
  return (
    source.files.some((file) => file.repeats) ||
    source.memtables.some((table) =>
      source.spans.some((span) => table.mayRepeat(span.from, span.to)),
    )
  );
}

/** One SELECT over a table or list of files that knows `known` metrics; `ord` tells later from earlier. */
function select(
  source: Source,
  from: string,
  known: number,
  inMemory: boolean,
  ord: string | null,
): string {
  const columns = ['dev', 'ts', 'lag', 'flags'];
  for (const metric of source.wanted) {
    if (metric >= known) {
      columns.push(`NULL::DOUBLE AS c${metric}`, `0::BIGINT AS k${metric}`);
      continue;
    }
    const name = inMemory ? `c${metric}` : columnName(source.metrics, metric);
    columns.push(`${name} AS c${metric}`, `${code(metric)} AS k${metric}`);
  }
  if (ord !== null) columns.push(`${ord} AS ord`);
  const conditions = [within('ts', source.spans)];
  if (source.devices !== undefined)
    conditions.push(
      source.devices.length === 1
        ? `dev = ${source.devices[0]}`
        : `dev IN (${source.devices.join(', ')})`,
    );
  return `SELECT ${columns.join(', ')} FROM ${from} WHERE ${conditions.join(' AND ')}`;
}

/** Rows of a memtable are ordered by their row number below the table's serial. */
const ORD_SHIFT = 4_294_967_296;

function parts(source: Source, ordered: boolean): string[] {
  const list: string[] = [];
  if (ordered)
    for (const file of source.files)
      list.push(
        select(
          source,
          fileList(source.folder, [file]),
          file.metrics,
          false,
          `${file.ord * ORD_SHIFT}::BIGINT`,
        ),
      );
  else
    for (const [known, files] of Map.groupBy(source.files, (file) => file.metrics))
      list.push(select(source, fileList(source.folder, files), known, false, null));
  for (const table of source.memtables)
    list.push(
      select(
        source,
        table.name,
        table.metrics,
        true,
        ordered ? `${table.serial * ORD_SHIFT}::BIGINT + rowid` : null,
      ),
    );
  return list;
}

function none(source: Source): string {
  const metrics = source.wanted.map((i) => `, NULL::DOUBLE AS c${i}, 0::BIGINT AS k${i}`);
  return `SELECT 0 AS dev, 0::BIGINT AS ts, 0::BIGINT AS lag, 0 AS flags${metrics.join('')} WHERE false`;
}

/**
 * A query with columns `dev, ts, lag, flags` and for each wanted metric `c<i>` (value or NULL) and `k<i>` (quality
 * code). Each (device, time) stands once: of two values the later counts, metric by metric; the receive time is the
 * first, and a row is backfill only when it never came live, so that the order of arrival does not matter.
 */
export function rowsOnce(source: Source): string {
  if (source.files.length + source.memtables.length === 0) return none(source);
  if (!mayRepeat(source)) return parts(source, false).join(' UNION ALL ');
  const metrics = source.wanted.map(
    (i) =>
      `, arg_max(c${i}, ord) AS c${i}, coalesce(arg_max(CASE WHEN c${i} IS NOT NULL THEN k${i} END, ord), 0) AS k${i}`,
  );
  return `SELECT dev, ts, min(lag) AS lag, bit_and(flags) AS flags${metrics.join('')}
    FROM (${parts(source, true).join(' UNION ALL ')}) GROUP BY dev, ts`;
}

/** The rows as archive files hold them: sorted, quality packed into words. */
export function archiveRows(source: Source): string {
  const columns = ['ts', 'dev', 'lag', 'flags'];
  const words = Math.ceil(source.metrics.length / METRICS_PER_QUALITY_WORD);
  for (let word = 0; word < words; word++) {
    const first = word * METRICS_PER_QUALITY_WORD;
    const terms = source.wanted
      .slice(first, first + METRICS_PER_QUALITY_WORD)
      .map((i) => `(CASE WHEN c${i} IS NULL THEN 0 ELSE k${i} END << ${4 * (i - first)})`);
    columns.push(`CAST(${terms.join(' | ')} AS BIGINT) AS q${word}`);
  }
  for (const i of source.wanted) columns.push(`c${i} AS ${columnName(source.metrics, i)}`);
  return `SELECT ${columns.join(', ')} FROM (${rowsOnce(source)}) ORDER BY dev, ts`;
}

/**
 * Rows of a Parquet row group: a fiftieth of the file. One device's rows lie in one or two, which are read whole, so a day's
 * are small; each has dictionaries of its own, so a month's are large and take a thirtieth less room.
 */
function rowGroupRows(rows: number): number {
  return Math.min(60_000, Math.max(20_000, Math.round(rows / 50)));
}

/** Levels of zstd: quick while readings come in, and a twentieth smaller for files that stay. */
const LEVEL = { quick: 3, lasting: 9 } as const;

/** COPY of a query to a Parquet file. */
export function copyToParquet(
  query: string,
  path: string,
  { rows, lasting = false }: { readonly rows: number; readonly lasting?: boolean },
): string {
  return `COPY (${query}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd,
    COMPRESSION_LEVEL ${lasting ? LEVEL.lasting : LEVEL.quick}, ROW_GROUP_SIZE ${rowGroupRows(rows)}, USE_TMP_FILE false)`;
}
