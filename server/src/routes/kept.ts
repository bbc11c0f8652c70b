/** What was kept beside the readings: events of devices, and quarantine with its re-run. */

import { events, quarantine } from '@village/api';
import type { DeviceEvent } from '@village/core';
import { formatTime } from '@village/core';
import type { StoredDeadLetter } from '@village/store/time-series';
import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import { callerOf } from '../http/access.ts';
import type { Caller, Context } from '../http/context.ts';
import { areaFor, cursorOf, deviceFor, openCursor, span } from '../http/query.ts';
import { route } from '../http/route.ts';
import { note } from './people.ts';
import { gone } from './readings.ts';

/** Rows looked at for one page: an asker with a small area gets a short page and a cursor rather than a long wait. */
const LOOKED_AT_MAX = 20_000;
const CHUNK = 1_000;
/** Quarantined payloads are up to 256 KiB each. */
const PAYLOADS = 100;

/** Adds `/events` and `/quarantine`. */
export function keptRoutes(app: FastifyInstance, context: Context): void {
  eventRoute(app, context);
  quarantineRoutes(app, context);
}

const viewEvent = (event: DeviceEvent): events.DeviceEventRow => ({
  device: event.device,
  at: formatTime(event.at),
  receivedAt: formatTime(event.receivedAt),
  type: event.type,
  detail: { ...event.detail },
});

/** Events by time. Several may share a millisecond: the cursor is the time and how many of it were told. */
async function listEvents(
  context: Context,
  caller: Caller,
  query: Static<typeof events.list.query>,
  signal: AbortSignal,
): Promise<{ items: events.DeviceEventRow[]; next: string | null }> {
  const { directory, store } = context;
  if (query.device !== undefined) deviceFor(directory, caller, query.device);
  const area = areaFor(directory, caller, query.area).area.code;
  const { from, to } = span(query);
  const { limit = 100, device } = query;
  const opened = openCursor(query.cursor, ['number', 'number']) as [number, number] | null;
  let at = Math.max(from, opened?.[0] ?? from);
  let told = opened?.[1] ?? 0;
  const items: DeviceEvent[] = [];
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; ) {
    const found = await store.events(
      { ...(device === undefined ? {} : { device }), from: at, to, limit: CHUNK + told },
      signal,
    );
    const fresh = found.slice(told);
    for (const event of fresh) {
      told = event.at === at ? told + 1 : 1;
      at = event.at;
      if (directory.entry(area, event.device) !== undefined) items.push(event);
      if (items.length === limit) break;
    }
    lookedAt += fresh.length;
    if (items.length === limit) break;
    if (fresh.length < CHUNK) return { items: items.map(viewEvent), next: null };
  }
  return { items: items.map(viewEvent), next: cursorOf(at, told) };
}

function eventRoute(app: FastifyInstance, context: Context): void {
  route(app, events.list, (request, reply) =>
    listEvents(context, callerOf(request), request.query, gone(reply)),
  );
}

/** Entries of devices in scope; what belongs to no known device is seen at the top only. */
function maySee(context: Context, caller: Caller, entry: StoredDeadLetter): boolean {
  const { directory } = context;
  if (entry.device !== null && directory.holder(entry.device) !== undefined)
    return directory.entry(caller.area, entry.device) !== undefined;
  return directory.isTop(caller.area);
}

/** The payload as text, when it is text. */
function textOf(payload: Uint8Array): string | undefined {
  const text = Buffer.from(payload).toString('utf8');
  return text.includes('\u{fffd}') ? undefined : text;
}

function viewEntry(entry: StoredDeadLetter): quarantine.QuarantineRow {
  const text = textOf(entry.payload);
  const { id, source, device, topic, reason, message, state } = entry;
  return {
    id,
    receivedAt: formatTime(entry.receivedAt),
    source,
    device,
    topic,
    reason,
    message,
    payload: Buffer.from(entry.payload).toString('base64'),
    ...(text === undefined ? {} : { text }),
    state,
  };
}

function listQuarantine(
  context: Context,
  caller: Caller,
  query: Static<typeof quarantine.list.query>,
): { items: quarantine.QuarantineRow[]; next: string | null } {
  const { limit = 100, state } = query;
  let after = (openCursor(query.cursor, ['number'])?.[0] as number | undefined) ?? 0;
  const items: StoredDeadLetter[] = [];
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += PAYLOADS) {
    const found = context.store.deadLetters({
      after,
      limit: PAYLOADS,
      ...(state === undefined ? {} : { state }),
    });
    for (const entry of found) {
      after = entry.id;
      if (maySee(context, caller, entry)) items.push(entry);
      if (items.length === limit) break;
    }
    if (items.length === limit) break;
    if (found.length < PAYLOADS) return { items: items.map(viewEntry), next: null };
  }
  return { items: items.map(viewEntry), next: cursorOf(after) };
}

function quarantineRoutes(app: FastifyInstance, context: Context): void {
  const { store, pipeline } = context;
  route(app, quarantine.list, (request) =>
    listQuarantine(context, callerOf(request), request.query),
  );

  route(app, quarantine.rerun, async (request) => {
    const caller = callerOf(request);
    const wanted = request.body.ids === undefined ? null : new Set(request.body.ids);
    const ids = store
      .deadLetters({ limit: quarantine.RERUN_MAX, state: 'open' })
      .filter((entry) => wanted?.has(entry.id) !== false && maySee(context, caller, entry))
      .map((entry) => entry.id);
    const result = await pipeline.rerunQuarantine(ids);
    const { accepted, refused } = result;
    await note(context, request, 'rerun-quarantine', '', { accepted, refused: refused.length });
    return result;
  });
}
