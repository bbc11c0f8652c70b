/**
 * Hourly sums by township, one file for each profile and month. An hour that got rows since is dirty until it has been
 * computed again; queries read dirty hours from the rows themselves.
 */
import { BEIJING_OFFSET_MS, DAY, HOUR } from '@village/core';
import type { ArchiveParts } from '../parts.ts';
import { withRepairs } from '../query/run-query.ts';
import { fileList, rowsOnce, type Source } from '../query/sql.ts';
import type { Span } from '../view.ts';
import {
  dayText,
  listedOrDeleted,
  listOrDelete,
  ROLLUP_FOLDER,
  unlinkLater,
  writeParquet,
} from './files.ts';
import { STATE_NEXT_GENERATION } from './flush.ts';
import type { ArchiveFile } from './manifest.ts';

/** Stretches of hours asked for one by one; more are read as one. */
const SPANS_MAX = 64;
/** Fractions are summed as whole multiples of 2^-62, so that the sum does not depend on the order. */
export const FRACTION = '4611686018427387904';
/** Values beyond are summed as if they were this; no quantity comes near. */
const SUMMED_MAX = '1e12';

/**
 * Columns that sum `value` exactly: whole parts and fractions apart, both as integers. Any order and any split give the
 * same bits, which plain floating-point sums don't.
 */
export function exactSum(value: string, hi: string, lo: string): string {
  const bounded = `CASE WHEN abs(${value}) < ${SUMMED_MAX} THEN ${value} ELSE sign(${value}) * ${SUMMED_MAX} END`;
  return `sum(CAST(trunc(${bounded}) AS BIGINT)) AS ${hi},
    sum(CAST((${value} - trunc(${value})) * ${FRACTION}::DOUBLE AS BIGINT)) AS ${lo}`;
}

/** Columns of a metric in a rollup file, or NULLs where the file is older than the metric. */
export function rollupColumns(metric: number): string[] {
  return ['n', 'hi', 'lo', 'mn', 'mx'].map((name) => `${name}${metric}`);
}

/** Hours that follow each other as spans of time. */
function spansOf(hours: readonly number[]): Span[] {
  const spans: { from: number; to: number }[] = [];
  for (const hour of hours) {
    const last = spans.at(-1);
    if (last !== undefined && last.to === hour * HOUR) last.to += HOUR;
    else spans.push({ from: hour * HOUR, to: (hour + 1) * HOUR });
  }
  if (spans.length <= SPANS_MAX) return spans;
  return [{ from: spans[0]!.from, to: spans.at(-1)!.to }];
}

/** Computes all dirty hours again; a month that fails stays dirty, and the rest goes on. To be called as maintenance. */
export async function refreshRollups(archive: ArchiveParts): Promise<void> {
  for (const [layout, hours] of archive.view.dirty) {
    const byMonth = Map.groupBy(
      [...hours].sort((a, b) => a - b),
      (hour) => dayText(Math.floor((hour * HOUR + BEIJING_OFFSET_MS) / DAY)).slice(0, 7),
    );
    for (const [month, list] of byMonth)
      await archive.health.isolated(`rollup ${layout} ${month}`, () =>
        refreshMonth(archive, layout, month, list),
      );
  }
}

function recompute(archive: ArchiveParts, number: number, hours: readonly number[]): string {
  const layout = archive.layouts[number]!;
  const spans = spansOf(hours);
  const source: Source = {
    folder: archive.folder,
    metrics: layout.metrics,
    files: archive.view.dataFiles(number, spans),
    memtables: [],
    spans,
    wanted: layout.metrics.map((_, i) => i),
  };
  const columns = source.wanted.map((i) => {
    const good = `CASE WHEN k${i} = 0 THEN c${i} END`;
    return `count(${good}) AS n${i}, ${exactSum(`(${good})`, `h${i}`, `l${i}`)}, min(${good}) AS mn${i}, max(${good}) AS mx${i}`;
  });
  const carried = source.wanted.map(
    (i) =>
      `n${i}, CAST(h${i} + l${i} // ${FRACTION}::HUGEINT AS BIGINT) AS hi${i}, CAST(l${i} % ${FRACTION}::HUGEINT AS BIGINT) AS lo${i}, mn${i}, mx${i}`,
  );
  return `SELECT hour, unit, ${carried.join(', ')} FROM (
    SELECT ts // ${HOUR} AS hour, coalesce(CASE WHEN p.township <> 0 THEN p.township ELSE p.county END, 0) AS unit,
      ${columns.join(', ')}
    FROM (${rowsOnce(source)}) AS r LEFT JOIN locations AS p ON ${archive.locations.joined('r')}
    GROUP BY hour, unit) WHERE hour IN (${hours.join(', ')})`;
}

function kept(
  archive: ArchiveParts,
  file: ArchiveFile,
  metrics: number,
  hours: readonly number[],
): string {
  const columns = Array.from({ length: metrics }, (_, i) =>
    rollupColumns(i)
      .map((name) =>
        i < file.metrics ? name : `NULL::${/^m/.test(name) ? 'DOUBLE' : 'BIGINT'} AS ${name}`,
      )
      .join(', '),
  );
  return `SELECT hour, unit, ${columns.join(', ')} FROM ${fileList(archive.folder, [file])}
    WHERE hour NOT IN (${hours.join(', ')})`;
}

async function refreshMonth(
  archive: ArchiveParts,
  number: number,
  month: string,
  hours: readonly number[],
): Promise<void> {
  const { view, db, manifest } = archive;
  const layout = archive.layouts[number]!;
  const metrics = layout.metrics.length;
  if (metrics === 0) return;
  const path = `${ROLLUP_FOLDER}/${layout.profile}/${month}/${archive.takeFileNumber()}.parquet`;
  const { moves } = archive;
  let old: ArchiveFile[] = [];
  const query = (): string => {
    old = view.files.filter(
      (file) => file.kind === 'rollup' && file.layout === number && file.period === month,
    );
    archive.sendLocations();
    const kepts = old.map((file) => kept(archive, file, metrics, hours));
    return `${[recompute(archive, number, hours), ...kepts].join(' UNION ALL ')} ORDER BY hour, unit`;
  };
  const print = await withRepairs(
    archive,
    (sql) => writeParquet(archive, sql, { path, rows: 0 }),
    query,
  );
  const stats = await listedOrDeleted(archive, [{ path }], () =>
    archive.duck.query(
      `SELECT count(*)::DOUBLE, min(hour)::DOUBLE, max(hour)::DOUBLE FROM read_parquet('${archive.folder.replaceAll("'", "''")}/${path}')`,
      { queryClass: 'maintenance' },
    ),
  );
  // A device moved meanwhile: the hours stay dirty.
  if (archive.moves !== moves) return unlinkLater(archive, [{ path }]);
  const [rows, first, last] = stats.columns.map((column) => (column as Float64Array)[0]!);
  const file: ArchiveFile = {
    path,
    kind: 'rollup',
    layout: number,
    period: month,
    first: first! * HOUR,
    last: (last! + 1) * HOUR - 1,
    rows: rows!,
    ord: 0,
    metrics,
    repeats: false,
    ...print,
  };
  listOrDelete(archive, file, () => {
    for (const one of old) manifest.removeFile(one.path);
    if (file.rows > 0) manifest.addFile(file);
    for (const hour of hours) manifest.removeDirty(number, hour);
    db.setState(STATE_NEXT_GENERATION, archive.nextGeneration);
  });
  view.files = view.files.filter((one) => !old.includes(one));
  if (file.rows > 0) view.files = [...view.files, file];
  const dirty = view.dirty.get(number);
  for (const hour of hours) dirty?.delete(hour);
  unlinkLater(archive, file.rows > 0 ? old : [...old, file]);
}
