/** Sums over many readings: from the hourly rollups where these say all there is, from the rows everywhere else. */
import { HOUR, OperationalError, Slices, sortInSlices } from '@village/core';
import {
  AGGREGATE_ROWS_MAX,
  type Aggregate,
  type AggregateQuery,
  type AggregateRow,
  answerTooLarge,
} from '../../contract.ts';
import { exactSum, FRACTION, rollupColumns } from '../files/rollup.ts';
import type { ArchiveParts } from '../parts.ts';
import type { Span } from '../view.ts';
import { runQuery } from './run-query.ts';
import { fileList, lessLeftOut, rowsOnce, within } from './sql.ts';

const BUCKETS_MAX = 500_000;
/** Stretches of dirty hours between clean ones; more, and all is read from the rows. */
const SPANS_MAX = 64;
/** Stretches of time that are compared with each row, before areas' hours are looked up. */
const STRETCHES_MAX = 8;

/** One (profile, metric) that exists. */
interface Target {
  readonly layout: number;
  readonly metric: number;
  /** Dense number of the device asked for; undefined when an area is. */
  readonly device: number | undefined;
}

/** The columns that exist. */
export function targets(archive: ArchiveParts, query: AggregateQuery): Target[] {
  const list: Target[] = [];
  for (const { profile, metric } of query.columns) {
    const layout = archive.layoutByProfile.get(profile);
    const index = layout?.metricIndex.get(metric);
    if (layout === undefined || index === undefined) continue;
    if (query.device === undefined) {
      list.push({ layout: layout.number, metric: index, device: undefined });
      continue;
    }
    const device = layout.devices.get(query.device);
    if (device !== undefined) list.push({ layout: layout.number, metric: index, device });
  }
  return list;
}

/** Hours of one rollup area. */
interface UnitHours extends Span {
  readonly unit: number;
}

/** How the time asked for is read. */
interface Split {
  /** Hours that the rollups hold whole, but for those of `mixed`. */
  readonly rolled: readonly Span[];
  /** Hours of areas of which the rollups hold too much, since readings of some devices are left out; whole hours, in ms. */
  readonly mixed: readonly UnitHours[];
  readonly raw: readonly Span[];
}

/** Spans as few stretches in order. */
function stretched(spans: readonly Span[]): Span[] {
  const list: { from: number; to: number }[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const last = list.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else list.push({ from, to });
  }
  return list;
}

/** The hours of areas in which devices stand or have stood of which readings are left out. */
function lessened(
  archive: ArchiveParts,
  layout: number,
  { without = [] }: AggregateQuery,
): UnitHours[] {
  const hours = new Map<number, Span[]>();
  for (const { device, from, to } of without) {
    if (from >= to) continue;
    const whole = { from: Math.floor(from / HOUR) * HOUR, to: Math.ceil(to / HOUR) * HOUR };
    const units = new Set(
      (archive.numbersOf.get(device) ?? [])
        .filter((number) => archive.layoutOf[number] === layout)
        .flatMap((number) => archive.locations.units(number).map(({ unit }) => unit)),
    );
    for (const unit of units) {
      const list = hours.get(unit) ?? [];
      hours.set(unit, list);
      list.push(whole);
    }
  }
  return [...hours].flatMap(([unit, spans]) => stretched(spans).map((one) => ({ unit, ...one })));
}

/** What spans, in order, share with a stretch. */
const inside = (spans: readonly Span[], stretch: Span): Span[] =>
  spans
    .map(({ from, to }) => ({ from: Math.max(from, stretch.from), to: Math.min(to, stretch.to) }))
    .filter(({ from, to }) => from < to);

function split(archive: ArchiveParts, layout: number, query: AggregateQuery): Split {
  const rolled: { from: number; to: number }[] = [];
  const raw: { from: number; to: number }[] = [];
  const push = (list: { from: number; to: number }[], from: number, to: number): void => {
    if (from >= to) return;
    const last = list.at(-1);
    if (last !== undefined && last.to === from) last.to = to;
    else list.push({ from, to });
  };
  const first = Math.ceil(query.from / HOUR);
  const end = Math.max(first, Math.floor(query.to / HOUR));
  push(raw, query.from, Math.min(query.to, first * HOUR));
  for (let hour = first; hour < end; hour++)
    push(archive.view.isSettled(layout, hour) ? rolled : raw, hour * HOUR, (hour + 1) * HOUR);
  push(raw, Math.max(end * HOUR, query.from), query.to);
  if (Math.max(raw.length, rolled.length) > SPANS_MAX)
    return { rolled: [], mixed: [], raw: [{ from: query.from, to: query.to }] };
  const mixed = lessened(archive, layout, query).flatMap(({ unit, ...span }) =>
    inside(rolled, span).map((one) => ({ unit, ...one })),
  );
  return { rolled, mixed, raw };
}

/** Whether the query can be answered from sums by hour and township. */
export function rollable(archive: ArchiveParts, query: AggregateQuery): boolean {
  return (
    query.area !== undefined &&
    query.everyMs % HOUR === 0 &&
    query.offsetMs % HOUR === 0 &&
    (query.groupBy === 'none' || query.groupBy === 'township') &&
    !ends(query) &&
    (query.to - query.from) / HOUR < 200_000 &&
    archive.locations.unitsIn(query.area) !== null
  );
}

const ENDS: ReadonlySet<Aggregate> = new Set(['first', 'last', 'firstAt', 'lastAt']);

const ends = (query: AggregateQuery): boolean => query.aggregates.some((name) => ENDS.has(name));

/** One number for each device: that of its first registration, also for rows of a later one. */
function deviceNumber(archive: ArchiveParts, layout: number): string {
  const later: string[] = [];
  for (const numbers of archive.numbersOf.values()) {
    if (numbers.length === 1) continue;
    for (const number of numbers.slice(1))
      if (archive.layoutOf[number] === layout) later.push(`WHEN ${number} THEN ${numbers[0]}`);
  }
  return later.length === 0 ? 'r.dev' : `CASE r.dev ${later.join(' ')} ELSE r.dev END`;
}

const valuesOf = (mixed: readonly UnitHours[]): string =>
  mixed.map(({ unit, from, to }) => `(${unit}, ${from}, ${to})`).join(', ');

/** Stretches that hold all of many, by which files and rows are chosen. */
function fewOf(spans: readonly Span[]): Span[] {
  const list = stretched(spans);
  const [first, last] = [list[0], list.at(-1)];
  return list.length <= STRETCHES_MAX || first === undefined || last === undefined
    ? list
    : [{ from: first.from, to: last.to }];
}

/** The area that rollups count a reading in, of the table `locations` (as p). */
const UNIT = 'CASE WHEN p.township <> 0 THEN p.township ELSE p.county END';

function rawPart(
  archive: ArchiveParts,
  query: AggregateQuery,
  target: Target,
  spans: readonly Span[],
  mixed?: readonly UnitHours[],
): string {
  const { layout, metric, device } = target;
  const all = rowsOnce({
    folder: archive.folder,
    metrics: archive.layouts[layout]!.metrics,
    files: archive.view.dataFiles(layout, spans),
    memtables: archive.view.memtables(layout, spans),
    spans,
    devices: device === undefined ? undefined : [device],
    wanted: [metric],
  });
  const rows = lessLeftOut(all, archive, layout, query);
  const area =
    query.area !== undefined && !archive.locations.holdsAll(query.area) ? query.area : undefined;
  const byArea = query.groupBy === 'township' || query.groupBy === 'village';
  const group =
    query.groupBy === 'none'
      ? '0'
      : query.groupBy === 'device'
        ? deviceNumber(archive, layout)
        : `p.${query.groupBy}`;
  const join =
    byArea || area !== undefined || mixed !== undefined
      ? `JOIN locations AS p ON ${archive.locations.joined('r')}`
      : '';
  const inArea = area === undefined ? '' : ` AND ${archive.locations.condition(area)}`;
  // Stretches of an area don't meet each other, so a row is there once.
  const inMixed =
    mixed === undefined
      ? ''
      : `JOIN (VALUES ${valuesOf(mixed)}) AS m(unit, since, until)
      ON m.unit = ${UNIT} AND r.ts >= m.since AND r.ts < m.until`;
  const value = `c${metric}`;
  const firstAndLast = ends(query)
    ? `min(struct_pack(t := ts, v := ${value})) AS fst, max(struct_pack(t := ts, v := ${value})) AS lst`
    : 'NULL AS fst, NULL AS lst';
  const sums =
    query.aggregates.includes('sum') || query.aggregates.includes('avg')
      ? exactSum(value, 'hi', 'lo')
      : '0::HUGEINT AS hi, 0::HUGEINT AS lo';
  return `SELECT (ts + ${query.offsetMs}) // ${query.everyMs} AS b, ${group} AS g, count(*) AS n, ${sums},
      min(${value}) AS mn, max(${value}) AS mx, ${firstAndLast}
    FROM (${rows}) AS r ${join} ${inMixed} WHERE ${value} IS NOT NULL AND k${metric} = 0${inArea} GROUP BY b, g`;
}

function rolledPart(
  archive: ArchiveParts,
  query: AggregateQuery,
  target: Target,
  spans: readonly Span[],
  mixed: readonly UnitHours[],
): string[] {
  const { layout, metric } = target;
  const files = archive.view.rollups(layout, spans).filter((file) => metric < file.metrics);
  if (files.length === 0) return [];
  const [n, hi, lo, mn, mx] = rollupColumns(metric);
  const units = archive.locations.unitsIn(query.area!)!;
  const less =
    mixed.length === 0
      ? ''
      : `ANTI JOIN (VALUES ${valuesOf(mixed)}) AS m(unit, since, until)
      ON m.unit = r.unit AND r.hour * ${HOUR} >= m.since AND r.hour * ${HOUR} < m.until`;
  const hours = spans.map(({ from, to }) => ({ from: from / HOUR, to: to / HOUR }));
  const townships = units.filter((unit) => archive.locations.isTownship(unit));
  const group =
    query.groupBy === 'none' || townships.length === 0
      ? '0'
      : `CASE WHEN unit IN (${townships.join(', ')}) THEN unit ELSE 0 END`;
  return [
    `SELECT (hour * ${HOUR} + ${query.offsetMs}) // ${query.everyMs} AS b, ${group} AS g, sum(${n}) AS n,
      sum(${hi}) AS hi, sum(${lo}) AS lo, min(${mn}) AS mn, max(${mx}) AS mx, NULL AS fst, NULL AS lst
    FROM ${fileList(archive.folder, files)} AS r ${less} WHERE ${within('hour', hours)} AND unit IN (${units.join(', ')}) AND ${n} > 0
    GROUP BY b, g`,
  ];
}

/** The exact sum as one integer, rounded to a double once; sums too large for that lose their fraction. */
const SUM = `CASE WHEN abs(hi) < 10000000000000000000::HUGEINT
  THEN (hi * ${FRACTION}::HUGEINT + lo)::DOUBLE / ${FRACTION}::DOUBLE ELSE hi::DOUBLE END`;

const EXPRESSIONS: Readonly<Record<Aggregate, string>> = {
  count: 'n',
  avg: `(${SUM}) / n`,
  sum: SUM,
  min: 'mn',
  max: 'mx',
  first: 'fst.v',
  last: 'lst.v',
  firstAt: 'fst.t',
  lastAt: 'lst.t',
};

function writeSql(archive: ArchiveParts, query: AggregateQuery, list: readonly Target[]): string {
  const parts = list.flatMap((target) => {
    if (!rollable(archive, query)) return [rawPart(archive, query, target, [query])];
    const { rolled, mixed, raw } = split(archive, target.layout, query);
    return [
      ...rolledPart(archive, query, target, rolled, mixed),
      ...(mixed.length > 0 ? [rawPart(archive, query, target, fewOf(mixed), mixed)] : []),
      ...(raw.length > 0 ? [rawPart(archive, query, target, raw)] : []),
    ];
  });
  if (parts.length === 0) return '';
  archive.sendLocations();
  const firstAndLast = ends(query) ? ', min(fst) AS fst, max(lst) AS lst' : '';
  // One part alone has each bucket and group once already.
  const whole =
    parts.length === 1
      ? parts[0]!
      : `SELECT b, g, sum(n) AS n, sum(hi)::HUGEINT AS hi, sum(lo)::HUGEINT AS lo, min(mn) AS mn, max(mx) AS mx${firstAndLast}
        FROM (${parts.join(' UNION ALL ')}) GROUP BY b, g`;
  const values = query.aggregates.map((name, i) => `(${EXPRESSIONS[name]})::DOUBLE AS v${i}`);
  const answer = `SELECT b::DOUBLE AS b, g::DOUBLE AS g, ${values.join(', ')} FROM (${whole}) WHERE n > 0`;
  // In the order of the answer, so that a slice of it can be put in order by itself.
  if (query.top === undefined) return `${answer} ORDER BY b LIMIT ${AGGREGATE_ROWS_MAX + 1}`;
  // Rows as good as the last of the top and of its bucket are sent too, so that ties are cut by name and not by chance.
  return `WITH answer AS MATERIALIZED (${answer}),
      last AS (SELECT v0 AS m, b AS mb FROM (SELECT v0, b FROM answer ORDER BY v0 DESC, b LIMIT ${query.top}) ORDER BY m, mb DESC LIMIT 1)
    SELECT answer.* FROM answer, last WHERE v0 > m OR (v0 = m AND b <= mb) LIMIT ${AGGREGATE_ROWS_MAX + 1}`;
}

/**
 * Aggregates of good readings. Buckets without any are left out. The answer depends only on the readings, not on their
 * order of arrival: sums are exact, and of readings at the same first (last) instant the smallest (largest) counts.
 * @throws range-too-wide, answer-too-large, and as `runQuery` does.
 */
export async function aggregate(
  archive: ArchiveParts,
  query: AggregateQuery,
  signal: AbortSignal | undefined,
): Promise<AggregateRow[]> {
  if (!(query.from < query.to) || query.aggregates.length === 0) return [];
  if ((query.to - query.from) / query.everyMs > BUCKETS_MAX)
    throw new OperationalError(
      'range-too-wide',
      `At most ${BUCKETS_MAX} buckets can be asked for.`,
    );
  const list = targets(archive, query);
  if (list.length === 0 || writeSql(archive, query, list) === '') return [];
  const { rows, columns } = await runQuery(
    archive,
    () => writeSql(archive, query, list),
    { layouts: new Set(list.map(({ layout }) => layout)), span: query },
    signal,
  );
  const [buckets, groups, ...values] = columns as Float64Array[];
  const name = (group: number): string | null => {
    if (query.groupBy === 'none') return null;
    if (query.groupBy === 'device') return archive.names.id(group);
    if (query.groupBy === 'township' && !archive.locations.isTownship(group)) return null;
    return archive.locations.code(group);
  };
  if (rows > AGGREGATE_ROWS_MAX) throw answerTooLarge();
  const slices = new Slices();
  const inOrder = await order(rows, groups!, name, slices);
  const answer: AggregateRow[] = [];
  // They come by bucket.
  for (let first = 0, end = 0; first < rows; first = end) {
    const bucket = buckets![first]!;
    do end++;
    while (end < rows && buckets![end] === bucket);
    const at = bucket * query.everyMs - query.offsetMs;
    for (const row of await inOrder(first, end)) {
      if (slices.over) await slices.next();
      const told: Partial<Record<Aggregate, number | null>> = {};
      for (const [i, key] of query.aggregates.entries()) {
        const value = values[i]![row]!;
        told[key] = Number.isNaN(value) ? null : value;
      }
      answer.push({ at, group: name(groups![row]!), values: told });
    }
  }
  if (query.top === undefined) return answer;
  const key = query.aggregates[0]!;
  const byName = (a: AggregateRow, b: AggregateRow): number =>
    compareText(a.group ?? '', b.group ?? '');
  const best = await sortInSlices(
    answer,
    (a, b) =>
      (b.values[key] ?? -Infinity) - (a.values[key] ?? -Infinity) || a.at - b.at || byName(a, b),
    slices,
  );
  return best.slice(0, query.top);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Puts rows of a bucket, which are told by number, in the order of their groups' names. */
async function order(
  rows: number,
  groups: Float64Array,
  name: (group: number) => string | null,
  slices: Slices,
): Promise<(first: number, end: number) => Promise<readonly number[]>> {
  const names = new Map<number, string>();
  for (const group of groups.subarray(0, rows)) {
    if (!names.has(group)) names.set(group, name(group) ?? '');
    if (slices.over) await slices.next();
  }
  const sorted = await sortInSlices([...names], ([, a], [, b]) => compareText(a, b), slices);
  const rankOf = new Map(sorted.map(([group], rank) => [group, rank]));
  const ranks = Int32Array.from({ length: rows }, (_, row) => rankOf.get(groups[row]!)!);
  return (first, end) => {
    const all = Array.from({ length: end - first }, (_, n) => first + n);
    return sortInSlices(all, (a, b) => ranks[a]! - ranks[b]!, slices);
  };
}
