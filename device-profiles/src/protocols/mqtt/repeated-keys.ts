/**
 * Keys that stand twice in one object of a JSON message. The last counts, as in `JSON.parse` and most libraries (RFC 8259 §4
 * leaves it open); what was said before it is gone without a trace unless somebody looks.
 */
import { OperationalError } from '@village/core';
import { refusePart } from '../../metric/metric.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { RefusedPart } from '../../types.ts';
import { pointerKeys, pointerOf } from './json.ts';
import { repeatedNodes } from './json-positions.ts';
import { type MqttFile, pathsOf } from './schema.ts';

export interface RepeatedKey {
  /** The keys on the way to it, that key last; places of arrays as digits. */
  readonly keys: readonly string[];
  /** What the message said for it before, as it stands there, and then. */
  readonly said: string;
  readonly last: string;
}

const NONE: readonly RepeatedKey[] = [];
/** Characters of a value that are kept. */
const SAID_MAX = 4_096;
const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];

/**
 * Those of a message that was parsed to `value`, earlier ones first; what is said twice in the same words is nothing lost.
 * Costs a look at each byte where there are none.
 */
export function repeatedKeys(payload: Uint8Array, value: unknown): readonly RepeatedKey[] {
  if (colonsIn(payload) === membersOf(value)) return NONE;
  const text = (from: number, to: number): string =>
    Buffer.from(payload.subarray(from, Math.min(to, from + SAID_MAX))).toString('utf8');
  return repeatedNodes(payload)
    .map(({ keys, before, after }) => ({
      keys,
      said: text(before.from, before.to),
      last: text(after.from, after.to),
    }))
    .filter(({ said, last }) => said !== last);
}

/** Colons outside of texts: each is of a key. Runs over each byte of each message. */
function colonsIn(bytes: Uint8Array): number {
  const end = bytes.length;
  let count = 0;
  for (let at = 0; at < end; at++) {
    const byte = bytes[at];
    if (byte === COLON) count++;
    if (byte !== QUOTE) continue;
    for (at++; at < end && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
  }
  return count;
}

/** Keys of all objects in a value. */
function membersOf(root: unknown): number {
  let count = 0;
  const open: object[] = [];
  const note = (one: unknown): void => {
    if (typeof one === 'object' && one !== null) open.push(one);
  };
  note(root);
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Array.isArray(value)) for (const one of value) note(one);
    else
      for (const key in value) {
        count++;
        note((value as Record<string, unknown>)[key]);
      }
  }
  return count;
}

/** The fault of one that was said before; `place` is told first. */
export function repeatedFault({ said }: RepeatedKey, place: string): OperationalError {
  const what = `${place}: ${said.slice(0, 80)} was said, and another value for the same key follows`;
  return new OperationalError('value-repeated', what);
}

/** Refuses those that are read by anybody; `metricOf` tells whose value it is. */
export function refuseKeys(
  refused: RefusedPart[],
  repeated: readonly RepeatedKey[],
  isRead: (keys: readonly string[]) => boolean,
  metricOf: (keys: readonly string[]) => string | null,
): void {
  for (const one of repeated) {
    if (!isRead(one.keys)) continue;
    const place = pointerOf(one.keys).slice(0, 200);
    refusePart(refused, repeatedFault(one, place), place, metricOf(one.keys));
  }
}

/** Refuses those on the way to a place that a profile names: what nobody looks at may be said twice. */
export function compileRepeated(
  file: ProfileFile,
  mqtt: MqttFile,
): (refused: RefusedPart[], payload: Uint8Array, root: unknown) => void {
  const names = new Set<string>();
  JSON.stringify([mqtt, file.metrics, file.events, file.channels], (_key, value: unknown) => {
    if (typeof value === 'string' && value.startsWith('/'))
      for (const name of pointerKeys(value)) names.add(name);
    return value;
  });
  const metrics = new Map(
    file.metrics.flatMap((metric) => pathsOf(metric).map(({ path }) => [path, metric.key])),
  );
  return (refused, payload, root) =>
    refuseKeys(
      refused,
      repeatedKeys(payload, root),
      (keys) => names.has(keys.at(-1) ?? ''),
      (keys) => metrics.get(pointerOf(keys)) ?? null,
    );
}
