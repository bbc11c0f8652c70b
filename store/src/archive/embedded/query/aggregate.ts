/** Sums over many readings: from the hourly rollups where these say all there is, from the rows everywhere else. */
import { HOUR, OperationalError } from '@village/core';
import type { Aggregate, AggregateQuery, AggregateRow } from '../../contract.ts';
import { exactSum, FRACTION, rollupColumns } from '../files/rollup.ts';
import type { ArchiveParts } from '../parts.ts';
import type { Span } from '../view.ts';
import { runQuery } from './run-query.ts';
import { fileList, lessLeftOut, rowsOnce, within } from './sql.ts';

const BUCKETS_MAX = 500_000;
/** Stretches of dirty hours between clean ones; more, and all is read from the rows. */
const SPANS_MAX = 64;

/** One (profile, metric) that exists. */
interface Target {
  readonly layout: number;
  readonly metric: number;
  /** Dense number of the device asked for; undefined when an area is. */
  readonly device: number | undefined;
}

function targets(archive: ArchiveParts, query: AggregateQuery): Target[] {
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

/** How the time asked for is read. */
interface Split {
  /** Hours that the rollups hold whole. */
  readonly rolled: Span[];
  /** Hours of which the rollups hold too much, since readings of some devices are left out. */
  readonly mixed: Span[];
  readonly raw: Span[];
}

/** The hours that spans meet, as few stretches in order. */
function hoursOf(spans: readonly Span[]): Span[] {
  const hours = spans
    .filter(({ from, to }) => from < to)
    .map(({ from, to }) => ({ from: Math.floor(from / HOUR), to: Math.ceil(to / HOUR) }))
    .sort((a, b) => a.from - b.from);
  const list: { from: number; to: number }[] = [];
  for (const { from, to } of hours) {
    const last = list.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else list.push({ from, to });
  }
  return list;
}

function split(archive: ArchiveParts, layout: number, query: AggregateQuery): Split {
  const rolled: { from: number; to: number }[] = [];
  const mixed: { from: number; to: number }[] = [];
  const raw: { from: number; to: number }[] = [];
  const without = hoursOf(query.without ?? []);
  let next = 0;
  const lessened = (hour: number): boolean => {
    while (next < without.length && without[next]!.to <= hour) next++;
    return next < without.length && without[next]!.from <= hour;
  };
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
    push(
      !archive.view.isSettled(layout, hour) ? raw : lessened(hour) ? mixed : rolled,
      hour * HOUR,
      (hour + 1) * HOUR,
    );
  push(raw, Math.max(end * HOUR, query.from), query.to);
  if (Math.max(raw.length, rolled.length, mixed.length) > SPANS_MAX)
    return { rolled: [], mixed: [], raw: [{ from: query.from, to: query.to }] };
  return { rolled, mixed, raw };
}

/** Whether the query can be answered from sums by hour and township. */
function rollable(archive: ArchiveParts, query: AggregateQuery): boolean {
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

/** Rollup areas in which the devices stand or have stood of which readings are left out. */
function lessenedUnits(archive: ArchiveParts, layout: number, query: AggregateQuery): number[] {
  const numbers = (query.without ?? []).flatMap(({ device }) =>
    (archive.numbersOf.get(device) ?? []).filter((number) => archive.layoutOf[number] === layout),
  );
  return [
    ...new Set(
      numbers.flatMap((number) => archive.locations.units(number).map(({ unit }) => unit)),
    ),
  ];
}

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

/** The area that rollups count a reading in, of the table `locations` (as p). */
const UNIT = 'CASE WHEN p.township <> 0 THEN p.township ELSE p.county END';

function rawPart(
  archive: ArchiveParts,
  query: AggregateQuery,
  target: Target,
  spans: readonly Span[],
  units?: readonly number[],
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
    byArea || area !== undefined || units !== undefined
      ? `JOIN locations AS p ON ${archive.locations.joined('r')}`
      : '';
  const inArea = area === undefined ? '' : ` AND ${archive.locations.condition(area)}`;
  const inUnits = units === undefined ? '' : ` AND ${UNIT} IN (${units.join(', ')})`;
  const condition = `${inArea}${inUnits}`;
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
    FROM (${rows}) AS r ${join} WHERE ${value} IS NOT NULL AND k${metric} = 0${condition} GROUP BY b, g`;
}

function rolledPart(
  archive: ArchiveParts,
  query: AggregateQuery,
  target: Target,
  spans: readonly Span[],
  less: readonly number[] = [],
): string[] {
  const { layout, metric } = target;
  const files = archive.view.rollups(layout, spans).filter((file) => metric < file.metrics);
  if (files.length === 0) return [];
  const [n, hi, lo, mn, mx] = rollupColumns(metric);
  const units = archive.locations.unitsIn(query.area!)!.filter((unit) => !less.includes(unit));
  if (units.length === 0) return [];
  const hours = spans.map(({ from, to }) => ({ from: from / HOUR, to: to / HOUR }));
  const townships = units.filter((unit) => archive.locations.isTownship(unit));
  const group =
    query.groupBy === 'none' || townships.length === 0
      ? '0'
      : `CASE WHEN unit IN (${townships.join(', ')}) THEN unit ELSE 0 END`;
  return [
    `SELECT (hour * ${HOUR} + ${query.offsetMs}) // ${query.everyMs} AS b, ${group} AS g, sum(${n}) AS n,
      sum(${hi}) AS hi, sum(${lo}) AS lo, min(${mn}) AS mn, max(${mx}) AS mx, NULL AS fst, NULL AS lst
    FROM ${fileList(archive.folder, files)} WHERE ${within('hour', hours)} AND unit IN (${units.join(', ')}) AND ${n} > 0
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
    const units = mixed.length === 0 ? [] : lessenedUnits(archive, target.layout, query);
    return [
      ...rolledPart(archive, query, target, rolled),
      ...(mixed.length > 0 ? rolledPart(archive, query, target, mixed, units) : []),
      ...(units.length > 0 ? [rawPart(archive, query, target, mixed, units)] : []),
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
  if (query.top === undefined) return answer;
  // All rows as good as the last of the top are sent, so that ties are cut by name and not by chance.
  return `WITH answer AS MATERIALIZED (${answer})
    SELECT * FROM answer WHERE v0 >= (SELECT min(v0) FROM (SELECT v0 FROM answer ORDER BY v0 DESC LIMIT ${query.top}))`;
}

/**
 * Aggregates of good readings. Buckets without any are left out. The answer depends only on the readings, not on their
 * order of arrival: sums are exact, and of readings at the same first (last) instant the smallest (largest) counts.
 * @throws range-too-wide, and as `runQuery` does.
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
  const answer = Array.from({ length: rows }, (_, row) => ({
    at: buckets![row]! * query.everyMs - query.offsetMs,
    group: name(groups![row]!),
    values: Object.fromEntries(
      query.aggregates.map((key, i) => {
        const value = values[i]![row]!;
        return [key, Number.isNaN(value) ? null : value];
      }),
    ),
  }));
  const byGroup = (a: AggregateRow, b: AggregateRow): number =>
    (a.group ?? '') < (b.group ?? '') ? -1 : (a.group ?? '') > (b.group ?? '') ? 1 : 0;
  if (query.top === undefined) return answer.sort((a, b) => a.at - b.at || byGroup(a, b));
  const key = query.aggregates[0]!;
  return answer
    .sort(
      (a, b) =>
        (b.values[key] ?? -Infinity) - (a.values[key] ?? -Infinity) || a.at - b.at || byGroup(a, b),
    )
    .slice(0, query.top);
}
