/** JSON payloads: parsing with limits, pointers compiled to closures, times. */
import { formatTime, MINUTE, OperationalError, parseTime } from '@village/core';
import { parseDeviceJson } from './device-json.ts';
import type { MqttFile } from './schema.ts';

export type JsonObject = { [key: string]: unknown };

/** Largest time that a Date can hold, ms. */
const TIME_MAX = 8.64e15;

/** @throws payload-too-large, payload-not-json, payload-not-an-object */
export function parseObject(payload: Uint8Array, bytesMax: number): JsonObject {
  if (payload.length > bytesMax)
    throw new OperationalError('payload-too-large', `${payload.length} bytes; at most ${bytesMax}`);
  let value: unknown;
  try {
    value = parseDeviceJson(payload);
  } catch (cause) {
    throw new OperationalError('payload-not-json', (cause as SyntaxError).message, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new OperationalError('payload-not-an-object', 'the payload is JSON but no object');
  return value as JsonObject;
}

/** A JSON pointer of these keys. */
export const pointerOf = (keys: readonly string[]): string =>
  keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** The keys of a JSON pointer (RFC 6901). */
export function pointerKeys(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function step(node: unknown, key: string): unknown {
  if (typeof node !== 'object' || node === null) return undefined;
  if (Array.isArray(node)) {
    // ONVIF and others send a repeated element as an array and a single one bare: a name looks into the first.
    return /^\d+$/.test(key) ? node[Number(key)] : step(node[0], key);
  }
  return Object.hasOwn(node, key) ? (node as JsonObject)[key] : undefined;
}

/** A function that finds what a pointer points to; undefined when there is nothing. Own properties only. */
export function compilePointer(pointer: string): (root: JsonObject) => unknown {
  const keys = pointerKeys(pointer);
  const first = keys[0] ?? '';
  if (keys.length === 1) return (root) => (Object.hasOwn(root, first) ? root[first] : undefined);
  return (root) => {
    let node: unknown = root;
    for (const key of keys) node = step(node, key);
    return node;
  };
}

/** Sets what a pointer points to, making objects (and arrays, for a numeric key) on the way. */
export function setPointer(root: JsonObject, pointer: string, value: unknown): void {
  const keys = pointerKeys(pointer);
  let node: JsonObject = root;
  keys.forEach((key, i) => {
    if (i === keys.length - 1) node[key] = value;
    else {
      const made: JsonObject = /^\d+$/.test(keys[i + 1] ?? '') ? ([] as unknown as JsonObject) : {};
      if (!Object.hasOwn(node, key)) node[key] = made;
      node = node[key] as JsonObject;
    }
  });
}

/** How a payload carries the device's time. */
export interface TimeRule {
  /** Null when the payload carries none. @throws time-unreadable */
  read(root: JsonObject): number | null;
  write(root: JsonObject, at: number): void;
}

function zoneMs(zone: string): number {
  const [hours, minutes] = zone.slice(1).split(':').map(Number);
  const size = ((hours ?? 0) * 60 + (minutes ?? 0)) * MINUTE;
  return zone.startsWith('-') ? -size : size;
}

/** Local times as devices write them: 2026-01-01 08:00:00, with T or /, with a fraction, or 20260101080000. */
function parseLocal(text: string, zone: string): number {
  const match =
    /^(\d{4})[-/]?(\d\d)[-/]?(\d\d)[T ]?(\d\d):?(\d\d):?(\d\d)(\.\d{1,9})?$/.exec(text) ?? [];
  const [, year, month, day, hour, minute, second, fraction = ''] = match;
  return parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}${zone}`);
}

function parseUnix(value: unknown, unitMs: number): number {
  if (typeof value === 'number') return Math.round(value * unitMs);
  return typeof value === 'string' && /^\d{1,16}$/.test(value)
    ? Math.round(Number(value) * unitMs)
    : Number.NaN;
}

/** A value to be told to people; JSON has no word for a number that is too large. */
const shown = (value: unknown): string =>
  (typeof value === 'number' ? String(value) : JSON.stringify(value)).slice(0, 40);

/** Compiles the time of a payload. */
export function compileTime(time: NonNullable<MqttFile['time']>): TimeRule {
  const find = compilePointer(time.path);
  const zone = time.zone ?? 'Z';
  const shift = zone === 'Z' ? 0 : zoneMs(zone);
  const parse = {
    'unix-s': (value: unknown) => parseUnix(value, 1000),
    'unix-ms': (value: unknown) => parseUnix(value, 1),
    rfc3339: (value: unknown) => (typeof value === 'string' ? parseTime(value) : Number.NaN),
    local: (value: unknown) => (typeof value === 'string' ? parseLocal(value, zone) : Number.NaN),
  }[time.format];
  const print = {
    'unix-s': (at: number) => Math.floor(at / 1000),
    'unix-ms': (at: number) => at,
    rfc3339: (at: number) => formatTime(at),
    local: (at: number) => new Date(at + shift).toISOString().slice(0, 19).replace('T', ' '),
  }[time.format];
  return {
    read(root) {
      const value = find(root);
      if (value === undefined || value === null) return null;
      const at = parse(value);
      if (!(Math.abs(at) <= TIME_MAX))
        throw new OperationalError(
          'time-unreadable',
          `${time.path} is no ${time.format} time: ${shown(value)}`,
        );
      return at;
    },
    write: (root, at) => setPointer(root, time.path, print(at)),
  };
}
