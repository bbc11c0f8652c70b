/** Queries about events, each of which stands once however often it was sent. */
import type { DeviceEvent } from '@village/core';
import type { EventQuery } from '../../contract.ts';
import type { Columns } from '../duck/messages.ts';
import { eventsOnce } from '../files/flush.ts';
import type { ArchiveParts } from '../parts.ts';
import { runQuery, withRepairs } from './run-query.ts';
import { fileList, literal } from './sql.ts';

const LIMIT_MAX = 100_000;

/** Rows looked at for each event wanted at first: an event may have been sent more than once. */
const ROWS_PER_EVENT = 2;

interface Asked {
  readonly device?: string;
  readonly from: number;
  readonly to: number;
}

/** Where the list begins and ends; see `EventQuery`. */
interface Page {
  readonly limit: number;
  readonly skip: number;
  readonly bytesMax: number;
}

/** The rows of events in memtables and files, each as often as it was sent. */
function sentRows(archive: ArchiveParts, query: Asked, columns: string): string[] {
  const device = query.device === undefined ? '' : ` AND device = ${literal(query.device)}`;
  const condition = `ts >= ${query.from} AND ts < ${query.to}${device}`;
  const files = archive.view.eventFiles(query);
  const parts = archive.view.generations
    .filter((generation) => generation.events > 0)
    .map((generation) => generation.eventsName);
  if (files.length > 0) parts.push(fileList(archive.folder, files));
  return parts.map((part) => `SELECT ${columns} FROM ${part} WHERE ${condition}`);
}

/** Events by time, oldest first. */
export async function events(
  archive: ArchiveParts,
  query: EventQuery,
  signal: AbortSignal | undefined,
): Promise<DeviceEvent[]> {
  const limit = Math.max(0, Math.min(query.limit, LIMIT_MAX));
  const { skip = 0, bytesMax = Number.MAX_SAFE_INTEGER } = query;
  const page = { limit, skip, bytesMax };
  // The texts of years don't fit the memory; those up to the last time that is wanted do.
  for (let rows = (skip + limit) * ROWS_PER_EVENT; ; rows *= 4) {
    const to = await endOf(archive, query, rows, signal);
    const { found, cut } = await eventsUpTo(archive, { ...query, to }, page, signal);
    if (cut || to === query.to) return found;
  }
}

/** The end of the span that holds the first so many rows. */
async function endOf(
  archive: ArchiveParts,
  query: Asked,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const make = (): string => {
    const parts = sentRows(archive, query, 'ts');
    if (parts.length === 0) return 'SELECT 0::DOUBLE, 0::DOUBLE';
    return `SELECT count(*)::DOUBLE, max(ts)::DOUBLE FROM (
      SELECT ts FROM (${parts.join(' UNION ALL ')}) ORDER BY ts LIMIT ${rows})`;
  };
  const ask = (sql: string): Promise<Columns> =>
    archive.duck.query(sql, { signal, queryClass: 'interactive' });
  const { columns } = await withRepairs(archive, ask, make, signal);
  const [count, last] = columns.map((column) => column[0] as number);
  return count! < rows ? query.to : Math.min(query.to, last! + 1);
}

async function eventsUpTo(
  archive: ArchiveParts,
  query: Asked,
  { limit, skip, bytesMax }: Page,
  signal: AbortSignal | undefined,
): Promise<{ found: DeviceEvent[]; cut: boolean }> {
  const order = 'ORDER BY ts, device, type, detail';
  const make = (): string => {
    const selects = sentRows(archive, query, 'device, ts, received, type, detail');
    if (selects.length === 0)
      selects.push(
        `SELECT '' AS device, 0 AS ts, 0 AS received, '' AS type, '' AS detail WHERE false`,
      );
    // What is not wanted any more never leaves DuckDB: as text and as objects it would be many times as large here.
    return `SELECT device, ts::DOUBLE, received::DOUBLE, type, detail, upto::DOUBLE FROM (
      SELECT *, sum(strlen(detail)) OVER (${order} ROWS UNBOUNDED PRECEDING) AS upto FROM (
        SELECT * FROM (${eventsOnce(selects)}) ${order} LIMIT ${limit} OFFSET ${skip}))
      WHERE upto - strlen(detail) < ${bytesMax} ${order}`;
  };
  const { rows, columns } = await runQuery(archive, make, { layouts: [-1], span: query }, signal);
  const [devices, ts, received, types, details, upto] = columns;
  const found = Array.from({ length: rows }, (_, row) => ({
    device: devices![row] as string,
    at: ts![row] as number,
    receivedAt: received![row] as number,
    type: types![row] as string,
    detail: JSON.parse(details![row] as string) as Record<string, unknown>,
  }));
  const bytes = (upto?.[rows - 1] as number | undefined) ?? 0;
  return { found, cut: rows === limit || bytes >= bytesMax };
}
