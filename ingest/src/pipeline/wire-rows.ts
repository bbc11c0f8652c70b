/** Lists of readings and events in our own form, as gateways and HTTP clients send them: each row stands for itself. */
import { OperationalError } from '@village/core';
import { listPositions, type RepeatedKey, repeatedKeys } from '@village/device-profiles/mqtt';
import type { Reject } from '../dialects/dialect.ts';
import type { MessageContext } from './message-context.ts';
import { rejectRowParts } from './refused-parts.ts';
import type { RegisteredDevice } from './registered-device.ts';
import type { Rows } from './rows.ts';
import { type Fields, isAbsent, MessagePath, object, textIn } from './shape.ts';

/** Stores readings and events one by one; a bad one is rejected alone, with its place counted over both lists. `root` is what the payload was parsed to. */
export function takeRows(
  rows: Rows,
  readings: readonly unknown[],
  events: readonly unknown[],
  context: MessageContext,
  reject: Reject,
  payload: Uint8Array | null,
  root: unknown = null,
): void {
  const bytes = rowBytes(payload);
  const repeated = payload === null || root === null ? NONE : repeatedKeys(payload, root);
  const twice = byRow(repeated);
  const path = new MessagePath('readings');
  for (let n = 0; n < readings.length; n++) {
    path.index = n;
    let registered: RegisteredDevice | undefined;
    try {
      const fields = object(readings[n], path);
      const id = textIn(fields, 'device', path, 64);
      registered = rows.deviceFor(id, context, path);
      const refused = rows.put(
        registered,
        fields,
        context,
        path,
        () => bytes('readings', n),
        twice.get(n),
      );
      rejectRowParts(id, fields, refused, n, reject);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      rows.spoke(registered, context);
      reject(readings[n], n, error);
    }
  }
  if (events.length > 0) takeEvents(rows, events, readings.length, context, reject, bytes);
}

const NONE: readonly RepeatedKey[] = [];

/** Keys that stand twice in a row of `readings`, from the row on. */
function byRow(repeated: readonly RepeatedKey[]): ReadonlyMap<number, RepeatedKey[]> {
  const rows = new Map<number, RepeatedKey[]>();
  for (const one of repeated) {
    const [list, index = '', ...keys] = one.keys;
    if (list !== 'readings' || keys.length === 0) continue;
    const known = rows.get(Number(index));
    if (known === undefined) rows.set(Number(index), [{ ...one, keys }]);
    else known.push({ ...one, keys });
  }
  return rows;
}

type RowBytes = (list: 'readings' | 'events', index: number) => Uint8Array | undefined;

/** The bytes of a row in the message it came in, looked for when the first is asked for. */
function rowBytes(payload: Uint8Array | null): RowBytes {
  let positions: ReturnType<typeof listPositions> | undefined;
  return (list, index) => {
    if (payload === null) return undefined;
    positions ??= listPositions(payload);
    const range = positions(list, index);
    return range === undefined ? undefined : payload.subarray(range.from, range.to);
  };
}

function takeEvents(
  rows: Rows,
  events: readonly unknown[],
  first: number,
  context: MessageContext,
  reject: Reject,
  bytes: RowBytes,
): void {
  const path = new MessagePath('events');
  for (let n = 0; n < events.length; n++) {
    path.index = n;
    let registered: RegisteredDevice | undefined;
    try {
      const fields = object(events[n], path);
      const id = textIn(fields, 'device', path, 64);
      registered = rows.deviceFor(id, context, path);
      rows.putEvent(registered, fields, context, path, () => bytes('events', n));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      rows.spoke(registered, context);
      reject(events[n], first + n, error);
    }
  }
}

/** Stores a reading or an event that was rejected alone and is run again. */
export function takeRow(
  rows: Rows,
  row: Fields,
  context: MessageContext,
  reject: Reject,
  payload: Uint8Array,
): void {
  const list = isAbsent(row['type']) ? 'readings' : 'events';
  const batch = Buffer.concat([Buffer.from(`{"${list}":[`), payload, Buffer.from(']}')]);
  if (list === 'readings') takeRows(rows, [row], [], context, reject, batch, { readings: [row] });
  else takeRows(rows, [], [row], context, reject, batch);
}
