/**
 * Shape checks of what our own wire carries. Written by hand because they run for each message on the way of a reading;
 * each refusal names its position in the message.
 */
import { LANES, type Lane, OperationalError, parseTime, WIRE_ROWS_MAX } from '@village/core';
import { parseDeviceJson } from '@village/device-profiles/mqtt';

/** A JSON object whose keys are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a field says nothing: null is as good as no field. */
export const isAbsent = (value: unknown): value is undefined | null =>
  value === undefined || value === null;

/** A fault with its position in front of the message. */
export function fault(code: string, path: string, message: string): OperationalError {
  return new OperationalError(code, path === '' ? message : `${path}: ${message}`);
}

/** Refuses with the position in front of the message. */
export function refuse(code: string, path: string, message: string): never {
  throw fault(code, path, message);
}

/** A position in a message: the message itself, or one element of a list in it. */
export class MessagePath {
  readonly list: string;
  index = 0;

  constructor(list = '') {
    this.list = list;
  }

  /** The path of a field here; built only when something is wrong with it. */
  of(field: string): string {
    if (this.list === '') return field;
    return field === '' ? `${this.list}[${this.index}]` : `${this.list}[${this.index}].${field}`;
  }
}

/** The message itself. */
export const TOP = new MessagePath();

const DEPTH_MAX = 16;

/** Whether a JSON value is nested deeper than anything of ours; stringifying it may overflow the stack. */
export function tooDeep(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth >= DEPTH_MAX || Object.values(value).some((one) => tooDeep(one, depth + 1));
}

/** The JSON value of a payload. @throws payload-not-json */
export function parseJson(payload: Buffer): unknown {
  try {
    return parseDeviceJson(payload);
  } catch (error) {
    throw new OperationalError('payload-not-json', (error as Error).message, { cause: error });
  }
}

/** The value itself as an object. @throws not-an-object */
export function object(value: unknown, path: string | MessagePath): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse('not-an-object', typeof path === 'string' ? path : path.of(''), 'not an object');
  return value as Fields;
}

/** A whole number from `low` to 2^53. */
export function integer(value: unknown, path: string, low: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < low)
    refuse('not-an-integer', path, `not a whole number from ${low}`);
  return value;
}

/** Milliseconds of the RFC 3339 text in a field. @throws bad-time */
export function time(fields: Fields, field: string, path: MessagePath): number {
  const value = fields[field];
  const at = typeof value === 'string' ? parseTime(value) : Number.NaN;
  if (Number.isNaN(at)) refuse('bad-time', path.of(field), 'not an RFC 3339 time with a zone');
  return at;
}

/** The object in a field. @throws not-an-object */
export function objectIn(fields: Fields, field: string, path: MessagePath): Fields {
  const value = fields[field];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    refuse('not-an-object', path.of(field), 'not an object');
  return value as Fields;
}

/** The text in a field, 1 to `lengthMax` characters. @throws not-a-text */
export function textIn(
  fields: Fields,
  field: string,
  path: MessagePath,
  lengthMax: number,
): string {
  const value = fields[field];
  if (typeof value !== 'string' || value === '' || value.length > lengthMax)
    refuse('not-a-text', path.of(field), `not a text of 1 to ${lengthMax} characters`);
  return value;
}

export function lane(value: unknown, path: string): Lane {
  const word = LANES.find((one) => one === value);
  if (word === undefined) refuse('unknown-lane', path, `not one of ${LANES.join(', ')}`);
  return word;
}

/** A list of at most WIRE_ROWS_MAX elements; absent is empty when `optional`. */
export function list(value: unknown, path: string, optional = false): readonly unknown[] {
  if (isAbsent(value) && optional) return [];
  if (!Array.isArray(value)) refuse('not-a-list', path, 'not a list');
  if (value.length > WIRE_ROWS_MAX)
    refuse('too-many-rows', path, `${value.length} elements, at most ${WIRE_ROWS_MAX}`);
  return value as readonly unknown[];
}

/** Inclusive ranges of sequence numbers, at most 10,000. */
export function ranges(value: unknown, path: string): [number, number][] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value) || value.length > 10_000)
    refuse('not-a-list', path, 'not a list of at most 10,000 ranges');
  return value.map((range: unknown, n): [number, number] => {
    if (!Array.isArray(range) || range.length !== 2)
      refuse('bad-range', `${path}[${n}]`, 'not [from, to]');
    const from = integer(range[0], `${path}[${n}][0]`, 1);
    return [from, integer(range[1], `${path}[${n}][1]`, from)];
  });
}
