/** Queries about single devices: their readings, which of those expected are there, and events. */
import { type DeviceEvent, gapAfterMs, HOUR } from '@village/core';
import { ROW_FLAG } from '../../journal/contract.ts';
import { cut, ends, Slots, slotOf } from '../completeness/slots.ts';
import {
  type Completeness,
  type CompletenessQuery,
  type EventQuery,
  GAPS_MAX,
  type RangeQuery,
  type RangeRow,
} from '../contract.ts';
import { oncePerTime } from '../registrations/once-per-time.ts';
import { type InfluxClient, identifier, literal } from './client.ts';
import { EVENTS, FLAGS, fieldOf, qualityField, RECEIVED, readRows } from './points.ts';
import type { Registration, Registrations } from './registrations.ts';

const LIMIT_MAX = 100_000;
/** Rows of one answer of the server: some dozen columns of them are read without holding up others. */
export const PAGE = 2_500;

/** Which rows of one registration are asked for. */
export function selection(
  { device, profile }: Registration,
  from: number,
  to: number,
  metrics: readonly string[] | undefined,
): string {
  const columns =
    metrics === undefined
      ? ['*']
      : [
          RECEIVED,
          FLAGS,
          ...metrics.flatMap((metric) => [fieldOf(metric), qualityField(metric)]),
        ].map(identifier);
  const present =
    metrics === undefined
      ? ''
      : ` AND (${metrics.map((metric) => `${identifier(qualityField(metric))} >= 0`).join(' OR ')})`;
  return `SELECT ${columns.join(', ')} FROM ${identifier(profile)}
    WHERE device = ${literal(device)} AND time >= ${from}ms AND time < ${to}ms${present} ORDER BY time`;
}

/** Readings of one registration, page by page, at most `limit`. */
async function rowsOf(
  client: InfluxClient,
  registration: Registration,
  query: RangeQuery,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<RangeRow[]> {
  const rows: RangeRow[] = [];
  for (let from = query.from; ; ) {
    const page = Math.min(PAGE, limit - rows.length);
    const text = `${selection(registration, from, query.to, query.metrics)} LIMIT ${page}`;
    const [series] = await client.query(text, signal);
    if (series === undefined) return rows;
    for (const row of readRows(series, query.metrics)) rows.push(row);
    if (series.values.length < page || rows.length >= limit) return rows;
    from = Number(series.values.at(-1)?.[0]) + 1;
  }
}

/** Readings of one device by event time, each (device, metric, at) once; rows without a metric asked for are left out. */
export async function range(
  client: InfluxClient,
  registrations: Registrations,
  query: RangeQuery,
  signal: AbortSignal | undefined,
): Promise<RangeRow[]> {
  const limit = Math.min(query.limit, LIMIT_MAX);
  if (!(query.from < query.to) || limit <= 0 || query.metrics?.length === 0) return [];
  const lists: RangeRow[][] = [];
  for (const registration of registrations.of(query.device))
    if (query.profile === undefined || registration.profile === query.profile)
      lists.push(await rowsOf(client, registration, query, limit, signal));
  return lists.length === 1 ? lists[0]! : oncePerTime(lists).slice(0, limit);
}

/** Event times of a device's rows in a span, rising, with whether each came through the backfill lane. */
async function timesOf(
  client: InfluxClient,
  list: readonly Registration[],
  span: { from: number; to: number },
  signal: AbortSignal | undefined,
): Promise<{ at: number; backfilled: boolean }[]> {
  const times = new Map<number, boolean>();
  for (const { device, profile } of list)
    for (let from = span.from; ; ) {
      const [series] = await client.query(
        `SELECT ${identifier(FLAGS)} FROM ${identifier(profile)}
         WHERE device = ${literal(device)} AND time >= ${from}ms AND time < ${span.to}ms ORDER BY time LIMIT ${PAGE}`,
        signal,
      );
      for (const [time, flags] of series?.values ?? []) {
        const at = Number(time);
        const backfilled = (Number(flags) & ROW_FLAG.backfill) !== 0;
        times.set(at, (times.get(at) ?? true) && backfilled);
      }
      if (series === undefined || series.values.length < PAGE) break;
      from = Number(series.values.at(-1)?.[0]) + 1;
    }
  return [...times].map(([at, backfilled]) => ({ at, backfilled })).sort((a, b) => a.at - b.at);
}

/** Event time of the newest row at or after an instant; −Infinity when there is none. */
async function newestFrom(
  client: InfluxClient,
  list: readonly Registration[],
  from: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  let newest = Number.NEGATIVE_INFINITY;
  for (const { device, profile } of list) {
    const [series] = await client.query(
      `SELECT ${identifier(FLAGS)} FROM ${identifier(profile)}
       WHERE device = ${literal(device)} AND time >= ${from}ms ORDER BY time DESC LIMIT 1`,
      signal,
    );
    newest = Math.max(newest, Number(series?.values[0]?.[0] ?? Number.NEGATIVE_INFINITY));
  }
  return newest;
}

/** Expected against received, hour by hour, and the silences by their real times. @throws range-too-wide */
export async function completeness(
  client: InfluxClient,
  registrations: Registrations,
  query: CompletenessQuery,
  signal: AbortSignal | undefined,
): Promise<Completeness> {
  const list = registrations.of(query.device);
  const since = Math.min(...list.map(({ oldest }) => oldest));
  const firstAt = Number.isFinite(since) ? since : null;
  if (!(query.from < query.to)) return { hours: [], gaps: [], gapCount: 0, since: firstAt };
  const slots = new Slots(query, since);
  if (since >= query.to) return { hours: slots.hours, gaps: [], gapCount: 0, since: firstAt };
  const { from, to, reportEveryMs: every } = query;
  const gap = gapAfterMs(every);
  const rows = await timesOf(client, list, { from: from - gap, to: to + gap }, signal);
  for (const { at, backfilled } of rows)
    if (at >= from && at < to)
      slots.fill(slotOf(at, every), Math.floor(at / HOUR), 1, backfilled ? 1 : 0);
  const inner = rows.flatMap(({ at }, i) => {
    const previous = rows[i - 1];
    const silent = previous !== undefined && at > from && previous.at < to;
    return silent ? [cut({ from: previous.at, to: at }, query)] : [];
  });
  const edges = rows.length === 0 ? null : { from: rows[0]!.at, to: rows.at(-1)!.at };
  const newest = await newestFrom(client, list, to, signal);
  const gaps = [...inner, ...ends(edges, query, since, newest)]
    .filter((one) => one !== null)
    .sort((a, b) => a.from - b.from);
  return { hours: slots.hours, gaps: gaps.slice(-GAPS_MAX), gapCount: gaps.length, since: firstAt };
}

/** Events that are asked for at once where their bytes are bounded: their texts are as long again and again as they are here. */
const EVENTS_AT_ONCE = 200;

/** Events by time, oldest first; of one millisecond in the order of their points. */
export async function events(
  client: InfluxClient,
  query: EventQuery,
  signal: AbortSignal | undefined,
): Promise<DeviceEvent[]> {
  const { skip = 0, bytesMax } = query;
  const limit = Math.max(0, Math.min(query.limit, LIMIT_MAX));
  const atOnce = bytesMax === undefined ? limit : EVENTS_AT_ONCE;
  const found: DeviceEvent[] = [];
  for (let bytes = 0; found.length < limit; ) {
    const wanted = Math.min(atOnce, limit - found.length);
    const piece = await eventsFrom(client, query, wanted, skip + found.length, signal);
    for (const event of piece) {
      found.push(event);
      bytes += bytesMax === undefined ? 0 : Buffer.byteLength(JSON.stringify(event.detail));
      if (bytesMax !== undefined && bytes >= bytesMax) return found;
    }
    if (piece.length < wanted) break;
  }
  return found;
}

async function eventsFrom(
  client: InfluxClient,
  query: EventQuery,
  limit: number,
  skip: number,
  signal: AbortSignal | undefined,
): Promise<DeviceEvent[]> {
  const device = query.device === undefined ? '' : ` AND device = ${literal(query.device)}`;
  const [series] = await client.query(
    `SELECT type, detail, received, device FROM ${identifier(EVENTS)}
     WHERE time >= ${query.from}ms AND time < ${query.to}ms${device} ORDER BY time
     LIMIT ${limit} OFFSET ${skip}`,
    signal,
  );
  return (series?.values ?? []).map(([at, type, detail, received, id]) => ({
    device: String(id),
    at: Number(at),
    receivedAt: Number(received),
    type: decodeURIComponent(String(type)),
    detail: JSON.parse(decodeURIComponent(String(detail))) as Record<string, unknown>,
  }));
}
