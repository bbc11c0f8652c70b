/** The module of events: what devices said happened. */
import { events } from '@village/api';
import { type DeviceEvent, formatTime } from '@village/core';
import { type Call, cursorOf, defineModule, openCursor, route, span } from '@village/platform';
import { areaFor, deviceFor } from '../../http/query.ts';
import { streamed } from '../../http/streamed.ts';
import type { Needs } from '../needs.ts';

/** Rows looked at for one page: an asker with a small area gets a short page and a cursor rather than a long wait. */
const LOOKED_AT_MAX = 20_000;
/** What is asked for at once; by its bytes some milliseconds. */
const CHUNK = { limit: 1_000, bytesMax: 1024 * 1024 } as const;
/** Bytes of details looked at for one page. */
const LOOKED_AT_BYTES = 8 * CHUNK.bytesMax;
/** Bytes of details on a page. */
const PAGE_BYTES = 1024 * 1024;

const viewEvent = (event: DeviceEvent): events.DeviceEventRow => ({
  device: event.device,
  at: formatTime(event.at),
  receivedAt: formatTime(event.receivedAt),
  type: event.type,
  detail: { ...event.detail },
});

/** Events by time. Several may share a millisecond: the cursor is the time and how many of it were told. */
async function listEvents(
  { directory, fair }: Needs,
  { caller, query, signal }: Call<typeof events.list>,
): Promise<{ items: DeviceEvent[]; next: string | null }> {
  if (query.device !== undefined) deviceFor(directory, caller, query.device);
  const area = areaFor(directory, caller, query.area).area.code;
  const { from, to } = span(query);
  const { limit = 100, device } = query;
  const opened = openCursor(query.cursor, ['number', 'number']) as [number, number] | null;
  let at = Math.max(from, opened?.[0] ?? from);
  let told = opened?.[0] === at ? Math.max(0, opened[1]) : 0;
  const items: DeviceEvent[] = [];
  let bytes = 0;
  let readInAll = 0;
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX && readInAll < LOOKED_AT_BYTES; ) {
    const asked = { from: at, to, skip: told, ...CHUNK };
    const found = await fair.events({ ...asked, ...(device && { device }) }, signal);
    let read = 0;
    for (const event of found) {
      told = event.at === at ? told + 1 : 1;
      at = event.at;
      const size = Buffer.byteLength(JSON.stringify(event.detail));
      read += size;
      if (directory.entry(area, event.device) === undefined) continue;
      items.push(event);
      bytes += size;
      if (items.length === limit || bytes >= PAGE_BYTES) return { items, next: cursorOf(at, told) };
    }
    if (found.length < CHUNK.limit && read < CHUNK.bytesMax) return { items, next: null };
    lookedAt += found.length;
    readInAll += read;
  }
  return { items, next: cursorOf(at, told) };
}

export const eventsModule = defineModule<Needs>({
  name: 'events',
  title: { zh: '事件', en: 'Events' },
  rights: {
    'events.read': {
      title: { zh: '查看事件', en: 'See events' },
      roles: ['clerk', 'officer', 'admin'],
    },
  },
  start: (needs) => ({
    routes: [
      route(events.list, async (call) => {
        const { items, next } = await listEvents(needs, call);
        const told = { fields: { next }, items, view: viewEvent };
        return streamed(call, needs.sending, told);
      }),
    ],
  }),
});
