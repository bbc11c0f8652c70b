/** The list of devices: filtered, sorted and paged from memory. */
import type { Readable } from 'node:stream';
import type * as api from '@village/api';
import { DEVICE_STATES, Slices, sortInSlices } from '@village/core';
import { type Call, cursorOf, openCursor, type Reply } from '@village/platform';
import { compareNames, type DeviceEntry } from '@village/registry';
import type { Static } from 'typebox';
import { areaFor } from '../../http/query.ts';
import { streamed } from '../../http/streamed.ts';
import { viewDevice } from '../../http/views.ts';
import type { Needs } from '../needs.ts';

type DeviceQuery = Static<typeof api.devices.list.query>;

/** What a list is sorted by, as a number; names have no number and are compared as Chinese readers do. */
function sortValue(entry: DeviceEntry, by: string): number {
  if (by === 'lastSeenAt') return entry.lastSeenAt ?? 0;
  return by === 'state' ? DEVICE_STATES.indexOf(entry.state) : 0;
}

interface Position {
  readonly value: number;
  readonly name: string;
  readonly id: string;
}

const positionOf = ({ entry: { device }, value }: Found): Position => ({
  value,
  name: device.name,
  id: device.id,
});

const comparePositions = (a: Position, b: Position): number =>
  a.value - b.value || compareNames(a, b);

/** What was found, with the value that it had when it was found: what a device sends meanwhile moves it nowhere. */
interface Found {
  readonly entry: DeviceEntry;
  readonly value: number;
  /** Its place by name. */
  readonly place: number;
}

/**
 * One page: entries come sorted by name already, so that only other orders are sorted here. The cursor is the last
 * entry's own place, not a number of rows: what is added in between neither repeats nor hides a device.
 */
async function pageOf(
  found: Found[],
  query: DeviceQuery,
  slices: Slices,
): Promise<[DeviceEntry[], string | null]> {
  const { sort = 'name', limit = 100 } = query;
  const turn = sort.startsWith('-') ? -1 : 1;
  const order = (a: Found, b: Found): number => turn * (a.value - b.value || a.place - b.place);
  const entries = sort === 'name' ? found : await sortInSlices(found, order, slices);
  const opened = openCursor(query.cursor, ['number', 'string', 'string']);
  let start = 0;
  if (opened !== null) {
    const [value, name, id] = opened as [number, string, string];
    const after = { value, name, id };
    let high = entries.length;
    while (start < high) {
      const middle = (start + high) >>> 1;
      if (turn * comparePositions(positionOf(entries[middle]!), after) <= 0) start = middle + 1;
      else high = middle;
    }
  }
  const page = entries.slice(start, start + limit);
  const items = page.map(({ entry }) => entry);
  const last = page.at(-1);
  if (last === undefined || start + limit >= entries.length) return [items, null];
  const { value, name, id } = positionOf(last);
  return [items, cursorOf(value, name, id)];
}

const withoutSeparators = (text: string): string => text.replaceAll(/[-:.\s]/g, '');

/** Looked at before it is asked what time it is. */
const STEP = 64;

/** One page of the devices that the caller may see and the query wants; of a whole county they are looked at in slices. */
export async function listDevices(
  { directory, latest, sending }: Pick<Needs, 'directory' | 'latest' | 'sending'>,
  call: Call<typeof api.devices.list>,
): Promise<Reply<Readable>> {
  const { caller, query } = call;
  const node = areaFor(directory, caller, query.area);
  const needle = query.q?.toLowerCase();
  const bare = needle === undefined ? '' : withoutSeparators(needle);
  const counts = { online: 0, late: 0, offline: 0, never: 0 };
  const found: Found[] = [];
  const slices = new Slices();
  const by = (query.sort ?? 'name').replace('-', '');
  for (const [place, entry] of node.entries.entries()) {
    if (place % STEP === 0 && slices.over) await slices.next();
    const { device, profile } = entry;
    if (query.profile !== undefined && device.profile !== query.profile) continue;
    if (query.kind !== undefined && profile.kind !== query.kind) continue;
    if (
      needle !== undefined &&
      ![device.name, device.id, device.address].some((text) =>
        text.toLowerCase().includes(needle),
      ) &&
      // Addresses are stored without what is printed between their digits.
      !(bare.length >= 4 && withoutSeparators(device.address.toLowerCase()).includes(bare))
    )
      continue;
    counts[entry.state]++;
    if (query.state === undefined || entry.state === query.state)
      found.push({ entry, value: sortValue(entry, by), place });
  }
  const total = found.length;
  const [items, next] = await pageOf(found, query, slices);
  const view = (entry: DeviceEntry): api.devices.Device => viewDevice(entry, latest);
  const fields = { next, total, counts };
  return streamed(call, sending, { fields, items, view });
}
