/** What maps are drawn from: polygons of areas, and where devices are. */
import { Readable } from 'node:stream';
import * as api from '@village/api';
import {
  type AnyRoute,
  answer,
  type Call,
  cursorOf,
  openCursor,
  problem,
  route,
} from '@village/platform';
import { compareNames, type DeviceEntry } from '@village/registry';
import { areaFor } from '../../http/query.ts';
import { streamed } from '../../http/streamed.ts';
import type { Needs } from '../needs.ts';
import { originOf } from './lifecycle.ts';

/** Kept by the asker, who asks each time whether it still holds. */
const KEPT = { 'cache-control': 'private, no-cache' };

/** Whether the asker has what is there now. */
const isKnown = (etag: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag) === true;

/** The first of entries, sorted by name, that come after the cursor's. */
function startOf(entries: readonly DeviceEntry[], cursor: string | undefined): number {
  const opened = openCursor(cursor, ['string', 'string']);
  if (opened === null) return 0;
  const [name, id] = opened as [string, string];
  let start = 0;
  let high = entries.length;
  while (start < high) {
    const middle = (start + high) >>> 1;
    if (compareNames(entries[middle]!.device, { name, id }) <= 0) start = middle + 1;
    else high = middle;
  }
  return start;
}

const viewOnMap = ({ device, profile, node, state }: DeviceEntry): api.map.MapDevice => ({
  ...{ id: device.id, name: device.name, kind: profile.kind, area: node.area.code, state },
  longitude: device.longitude ?? 0,
  latitude: device.latitude ?? 0,
});

function listPoints({ directory, sending }: Needs, call: Call<typeof api.map.devices>) {
  const { caller, query } = call;
  const { limit = 1000 } = query;
  const { entries } = areaFor(directory, caller, query.area);
  const items: DeviceEntry[] = [];
  let at = startOf(entries, query.cursor);
  for (; at < entries.length && items.length < limit; at++) {
    const entry = entries[at]!;
    if (entry.device.longitude !== null && entry.device.latitude !== null) items.push(entry);
  }
  const last = items.at(-1)?.device;
  const next = last === undefined || at >= entries.length ? null : cursorOf(last.name, last.id);
  return streamed(call, sending, { fields: { next }, items, view: viewOnMap });
}

export function mapRoutes(needs: Needs): AnyRoute[] {
  const { directory, geometries } = needs;
  return [
    route(api.map.geometry, async ({ caller, query, conditions }) => {
      const { body, etag } = await geometries.collection(areaFor(directory, caller, query.area));
      const headers = { ...KEPT, etag };
      if (isKnown(etag, conditions.ifNoneMatch)) return answer(304, null, headers);
      const type = { 'content-type': 'application/json; charset=utf-8' };
      return answer(200, Readable.from([body]), { ...headers, ...type });
    }),
    route(api.map.importGeometry, async ({ body, query, caller, audited, signal }) => {
      if (!Buffer.isBuffer(body))
        return problem(415, 'unsupported-content-type', 'send the file as application/geo+json');
      const { system, review = '' } = query;
      const file = { content: body, system, review: review.trim(), signal };
      const result = await geometries.take(file, caller.area, originOf({ caller, audited }));
      const told = { ...result, faults: [...result.faults] };
      return told.faults.length > 0 ? answer(422, told) : answer(200, told);
    }),
    route(api.map.removeGeometry, async ({ caller, query, audited }) => {
      const node = areaFor(directory, caller, query.area);
      return { areas: await geometries.remove(node, originOf({ caller, audited })) };
    }),
    route(api.map.devices, (call) => listPoints(needs, call)),
  ];
}
