/** Queries about events, each of which stands once however often it was sent. */
import type { DeviceEvent } from '@village/core';
import { eventsOnce } from '../files/flush.ts';
import type { ArchiveParts } from '../parts.ts';
import { runQuery } from './run-query.ts';
import { fileList, literal } from './sql.ts';

const LIMIT_MAX = 100_000;

/** Events by time, oldest first. */
export async function events(
  archive: ArchiveParts,
  query: { device?: string; from: number; to: number; limit: number },
  signal: AbortSignal | undefined,
): Promise<DeviceEvent[]> {
  const make = (): string => {
    const device = query.device === undefined ? '' : ` AND device = ${literal(query.device)}`;
    const condition = `ts >= ${query.from} AND ts < ${query.to}${device}`;
    const files = archive.view.eventFiles(query);
    const parts = archive.view.generations
      .filter((generation) => generation.events > 0)
      .map((generation) => generation.eventsName);
    if (files.length > 0) parts.push(fileList(archive.folder, files));
    const selects = parts.map(
      (part) => `SELECT device, ts, received, type, detail FROM ${part} WHERE ${condition}`,
    );
    if (selects.length === 0)
      selects.push(
        `SELECT '' AS device, 0 AS ts, 0 AS received, '' AS type, '' AS detail WHERE false`,
      );
    return `SELECT device, ts::DOUBLE, received::DOUBLE, type, detail FROM (${eventsOnce(selects)})
      ORDER BY ts, device, type, detail LIMIT ${Math.min(query.limit, LIMIT_MAX)}`;
  };
  const { rows, columns } = await runQuery(archive, make, { layouts: [-1], span: query }, signal);
  const [devices, ts, received, types, details] = columns;
  return Array.from({ length: rows }, (_, row) => ({
    device: devices![row] as string,
    at: ts![row] as number,
    receivedAt: received![row] as number,
    type: types![row] as string,
    detail: JSON.parse(details![row] as string) as Record<string, unknown>,
  }));
}
