/** The module of events: what devices said happened. */
import { events } from '@village/api';
import { type DeviceEvent, formatTime } from '@village/core';
import { type Caller, cursorOf, defineModule, openCursor, route, span } from '@village/platform';
import type { Static } from 'typebox';
import { areaFor, deviceFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';

/** Rows looked at for one page: an asker with a small area gets a short page and a cursor rather than a long wait. */
const LOOKED_AT_MAX = 20_000;
const CHUNK = 1_000;

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
  caller: Caller,
  query: Static<typeof events.list.query>,
  signal: AbortSignal,
): Promise<{ items: events.DeviceEventRow[]; next: string | null }> {
  if (query.device !== undefined) deviceFor(directory, caller, query.device);
  const area = areaFor(directory, caller, query.area).area.code;
  const { from, to } = span(query);
  const { limit = 100, device } = query;
  const opened = openCursor(query.cursor, ['number', 'number']) as [number, number] | null;
  let at = Math.max(from, opened?.[0] ?? from);
  let told = opened?.[1] ?? 0;
  const items: DeviceEvent[] = [];
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; ) {
    const found = await fair.events(
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
      route(events.list, ({ caller, query, signal }) => listEvents(needs, caller, query, signal)),
    ],
  }),
});
