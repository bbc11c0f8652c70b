/** Queries about single devices: their readings and events. */
import type { DeviceEvent } from '@village/core';
import type { EventQuery, RangeQuery, RangeRow } from '../contract.ts';
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
