/**
 * Sums over many readings. The server sums for each device and bucket; devices are put together here by where they stand,
 * since areas are no tags. What a query holds at once is bounded by asking for stretches of time one after the other.
 */
import { MINUTE, OperationalError, SECOND } from '@village/core';
import {
  AGGREGATE_ROWS_MAX,
  type Aggregate,
  type AggregateQuery,
  type AggregateRow,
  answerTooLarge,
} from '../contract.ts';
import { type InfluxClient, identifier, literal, type Series } from './client.ts';
import type { Locations, Stretch } from './locations.ts';
import { fieldOf, qualityField } from './points.ts';

const BUCKETS_MAX = 500_000;
/** Rows of one answer of the server: what is read at once without holding up others. */
const ROWS_MAX = 20_000;
const SPAN_MIN_MS = SECOND;
/** Readings that one query reads singly: only the first and last of an area need it. */
const READINGS_MAX = 1_000_000;
const ENDS: ReadonlySet<Aggregate> = new Set(['first', 'last', 'firstAt', 'lastAt']);
/** Devices that a condition names; of more all are asked for and the rest is left out here. */
const NAMED_MAX = 100;

/** What is known of one bucket and group so far. */
interface Sums {
  count: number;
  sum: number;
  min: number;
  max: number;
  firstAt: number;
  first: number;
  lastAt: number;
  last: number;
}

/** One bucket of one device, or one reading. */
interface Part extends Sums {
  readonly at: number;
}

/** Buckets by time and group. */
class Buckets {
  readonly #buckets = new Map<string, { at: number; group: string | null; sums: Sums }>();

  get size(): number {
    return this.#buckets.size;
  }

  add(at: number, group: string | null, part: Sums): void {
    const key = `${at} ${group ?? ''}`;
    const known = this.#buckets.get(key);
    if (known === undefined) {
      this.#buckets.set(key, { at, group, sums: { ...part } });
      return;
    }
    const { sums } = known;
    sums.count += part.count;
    sums.sum += part.sum;
    sums.min = Math.min(sums.min, part.min);
    sums.max = Math.max(sums.max, part.max);
    // Of readings at the same first (last) instant the smallest (largest) counts.
    if (part.firstAt < sums.firstAt || (part.firstAt === sums.firstAt && part.first < sums.first)) {
      sums.firstAt = part.firstAt;
      sums.first = part.first;
    }
    if (part.lastAt > sums.lastAt || (part.lastAt === sums.lastAt && part.last > sums.last)) {
      sums.lastAt = part.lastAt;
      sums.last = part.last;
    }
  }

  rows(aggregates: readonly Aggregate[]): AggregateRow[] {
    return [...this.#buckets.values()].map(({ at, group, sums }) => ({
      at,
      group,
      values: Object.fromEntries(aggregates.map((name) => [name, aggregateOf(sums, name)])),
    }));
  }
}

function aggregateOf(sums: Sums, name: Aggregate): number {
  return name === 'avg' ? sums.sum / sums.count : sums[name];
}

function compare(a: AggregateRow, b: AggregateRow): number {
  const one = a.group ?? '';
  const other = b.group ?? '';
  return a.at - b.at || (one < other ? -1 : one > other ? 1 : 0);
}

/** The lines of one series: what the server summed for each bucket of one device. */
function* summed(series: Series): Generator<Part> {
  for (const [at, count, sum, min, max] of series.values) {
    if (typeof count !== 'number' || count === 0) continue;
    yield {
      at: Number(at),
      count,
      sum: Number(sum),
      min: Number(min),
      max: Number(max),
      firstAt: Number.POSITIVE_INFINITY,
      first: Number.NaN,
      lastAt: Number.NEGATIVE_INFINITY,
      last: Number.NaN,
    };
  }
}

/** The readings of one series, each for itself. */
function* single(series: Series): Generator<Part> {
  for (const [time, cell] of series.values) {
    if (typeof cell !== 'number') continue;
    const at = Number(time);
    const value = { sum: cell, min: cell, max: cell, first: cell, last: cell };
    yield { at, count: 1, firstAt: at, lastAt: at, ...value };
  }
}

/** Whether each reading has to be seen: the server tells no time beside the first and last of a bucket. */
const needsReadings = ({ aggregates }: AggregateQuery): boolean =>
  aggregates.some((name) => ENDS.has(name));

/** Which good readings are asked for. */
function selected(
  { profile, metric }: AggregateQuery['columns'][number],
  devices: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
): string {
  const named =
    devices.length > NAMED_MAX
      ? ''
      : ` AND (${devices.map((id) => `device = ${literal(id)}`).join(' OR ')})`;
  return `FROM ${identifier(profile)} WHERE time >= ${from}ms AND time < ${to}ms
    AND ${identifier(qualityField(metric))} = 0${named}`;
}

/** Asks how many readings there are. */
const countText = (
  column: AggregateQuery['columns'][number],
  devices: readonly string[],
  span: { readonly from: number; readonly to: number },
): string =>
  `SELECT count(${identifier(fieldOf(column.metric))}) ${selected(column, devices, span)}`;

/** Asks for the readings, or for what the server sums of them. */
function queryText(
  query: AggregateQuery,
  column: AggregateQuery['columns'][number],
  devices: readonly string[],
  span: { readonly from: number; readonly to: number },
): string {
  const field = identifier(fieldOf(column.metric));
  const where = selected(column, devices, span);
  if (needsReadings(query)) return `SELECT ${field} ${where} GROUP BY device`;
  const { everyMs, offsetMs } = query;
  const shift = (everyMs - (offsetMs % everyMs)) % everyMs;
  return `SELECT count(${field}), sum(${field}), min(${field}), max(${field}) ${where}
    GROUP BY time(${everyMs}ms, ${shift}ms), device fill(none)`;
}

/** Stretches of time whose answers are small enough, at borders of buckets. */
function* windows(
  { from, to, everyMs, offsetMs }: AggregateQuery,
  devices: number,
): Generator<{ from: number; to: number }> {
  const width = Math.max(1, Math.floor(ROWS_MAX / Math.max(1, devices))) * everyMs;
  let start = from;
  while (start < to) {
    const border = Math.floor((start + offsetMs) / everyMs) * everyMs - offsetMs + width;
    const end = Math.min(to, border);
    yield { from: start, to: end };
    start = end;
  }
}

/** Devices that are asked for in one query, over the same time. */
interface Together {
  readonly span: { readonly from: number; readonly to: number };
  readonly members: ReadonlyMap<string, Stretch>;
}

/** Devices that stood in one place all the time are asked for together; each stretch of one that moved by itself. */
function askedTogether({ from, to }: AggregateQuery, stretches: readonly Stretch[]): Together[] {
  const still = stretches.filter((one) => one.from === from && one.to === to);
  const moved = stretches.filter((one) => one.from !== from || one.to !== to);
  return [
    ...(still.length === 0
      ? []
      : [{ span: { from, to }, members: new Map(still.map((one) => [one.device, one])) }]),
    ...moved.map((one) => ({ span: one, members: new Map([[one.device, one]]) })),
  ];
}

/**
 * Aggregates of good readings. Buckets without any are left out.
 * @throws range-too-wide, answer-too-large, and as `InfluxClient.query` does
 */
export async function aggregate(
  client: InfluxClient,
  locations: Locations,
  query: AggregateQuery,
  signal: AbortSignal | undefined,
): Promise<AggregateRow[]> {
  if (!(query.from < query.to) || query.aggregates.length === 0) return [];
  if ((query.to - query.from) / query.everyMs > BUCKETS_MAX)
    throw new OperationalError(
      'range-too-wide',
      `At most ${BUCKETS_MAX} buckets can be asked for.`,
    );
  const stretches = locations.stretches(query);
  if (stretches.length === 0) return [];
  const buckets = new Buckets();
  const seen = { readings: 0 };
  for (const column of query.columns)
    for (const together of askedTogether(query, stretches)) {
      const devices = [...together.members.keys()];
      const read = async (window: { from: number; to: number }): Promise<void> => {
        for (const series of await client.query(queryText(query, column, devices, window), signal))
          addSeries(buckets, query, together.members, series);
        if (query.top === undefined && buckets.size > AGGREGATE_ROWS_MAX) throw answerTooLarge();
      };
      const count = async (window: { from: number; to: number }): Promise<number> => {
        const [series] = await client.query(countText(column, devices, window), signal);
        return Number(series?.values[0]?.[1] ?? 0);
      };
      if (needsReadings(query)) await readSingly(together, count, read, seen);
      else
        for (const window of windows({ ...query, ...together.span }, together.members.size))
          await read(window);
    }
  const rows = buckets.rows(query.aggregates);
  if (query.top === undefined) return rows.sort(compare);
  const key = query.aggregates[0]!;
  return rows
    .sort((a, b) => (b.values[key] ?? 0) - (a.values[key] ?? 0) || compare(a, b))
    .slice(0, query.top);
}

/** Reads every reading, counted before, so that each answer holds few of them. @throws range-too-wide */
async function readSingly(
  { span, members }: Together,
  count: (window: { from: number; to: number }) => Promise<number>,
  read: (window: { from: number; to: number }) => Promise<void>,
  seen: { readings: number },
): Promise<void> {
  // A reading a minute of each device, to begin with.
  let width = Math.ceil(ROWS_MAX / members.size) * MINUTE;
  for (let { from } = span; from < span.to; ) {
    const window = { from, to: Math.min(span.to, from + width) };
    const readings = await count(window);
    if (readings > ROWS_MAX && width > SPAN_MIN_MS) {
      width = Math.max(SPAN_MIN_MS, Math.floor(width / Math.max(2, readings / ROWS_MAX)));
      continue;
    }
    seen.readings += readings;
    if (seen.readings > READINGS_MAX)
      throw new OperationalError(
        'range-too-wide',
        `At most ${READINGS_MAX} readings can be looked through for the first and last.`,
      );
    if (readings > 0) await read(window);
    if (readings < ROWS_MAX / 4) width *= 2;
    from = window.to;
  }
}

function addSeries(
  buckets: Buckets,
  query: AggregateQuery,
  stretches: ReadonlyMap<string, Stretch>,
  series: Series,
): void {
  const stretch = stretches.get(series.tags['device'] ?? '');
  if (stretch === undefined) return;
  const { everyMs, offsetMs } = query;
  for (const part of needsReadings(query) ? single(series) : summed(series)) {
    const at = Math.floor((part.at + offsetMs) / everyMs) * everyMs - offsetMs;
    buckets.add(at, stretch.group, part);
  }
}
