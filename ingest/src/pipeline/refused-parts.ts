/** Hands the bad parts of a row or frame over to be kept aside, each so that it can be run again by itself. */
import { formatTime, OperationalError } from '@village/core';
import type { Decoded } from '@village/device-profiles';
import type { Reject } from '../dialects/dialect.ts';
import type { KeptFrame } from './kept-frames.ts';
import type { RegisteredDevice } from './registered-device.ts';
import { type RowParts, rowOfTwice } from './row-parts.ts';
import type { Fields } from './shape.ts';

/** Of a row: the payload of each part is a row again, of that value alone. */
export function rejectRowParts(
  device: string,
  row: Fields,
  refused: RowParts | null,
  index: number,
  reject: Reject,
): void {
  if (refused === null) return;
  const { at, taken, parts } = refused;
  for (const { keys, known, place, error, twice } of parts) {
    const own = {
      device,
      at: formatTime(at),
      ...pick(row, 'values', keys),
      ...pick(row, 'quality', keys),
    };
    const metric = known ? (keys[0] ?? null) : null;
    const payload =
      twice === undefined ? {} : { payload: rowOfTwice({ device, at: formatTime(at) }, twice) };
    reject(own, index, error, { device, at, place, metric, taken, framing: null, ...payload });
  }
}

/** Some entries of an object in a row; nothing where there are none. */
function pick(row: Fields, field: string, keys: readonly string[]): Fields {
  const all = row[field];
  if (typeof all !== 'object' || all === null) return {};
  const own = keys.filter((key) => Object.hasOwn(all, key));
  if (own.length === 0) return {};
  return { [field]: Object.fromEntries(own.map((key) => [key, (all as Fields)[key]])) };
}

/** Of a device's own frame: each part has the whole frame, since only that can be decoded again. */
export function rejectParts(
  { device }: RegisteredDevice,
  { refused = [], readings }: Pick<Decoded, 'refused' | 'readings'>,
  at: number,
  frame: () => KeptFrame,
  reject: Reject,
): void {
  if (refused.length === 0) return;
  const taken = readings.map(({ metric }) => metric);
  const { payload, framing } = frame();
  for (const { reason, message, place, metric } of refused) {
    const error = new OperationalError(reason, message);
    reject(null, 0, error, { device: device.id, at, place, metric, taken, framing, payload });
  }
}
