/** Frames of devices that speak our own wire: the standard reading object of core, keys and canonical units as they are. */
import {
  formatTime,
  OperationalError,
  parseTime,
  type Quality,
  qualityCode,
  topics,
  type WireReading,
} from '@village/core';
import { unknownKey } from '../../channels/unknown.ts';
import type { ByteRange, Codec, LocatedDetail, LocatedField } from '../../codec.ts';
import {
  addCanonical,
  closeReadings,
  compileMetric,
  compileQuality,
  type MetricRule,
  noteMissing,
  type OpenReading,
  refusePart,
} from '../../metric/metric.ts';
import type { Options } from '../../options.ts';
import type { ProfileFile } from '../../schema/file.ts';
import type { RefusedPart } from '../../types.ts';
import { isJsonNumber, parseDeviceJson } from './device-json.ts';
import { MQTT, type MqttFrame, mqttFrame } from './frame.ts';
import { type JsonObject, parseObject } from './json.ts';
import { jsonNodes, nodeOf } from './json-positions.ts';
import { refuseKeys, repeatedKeys } from './repeated-keys.ts';
import type { MqttFile } from './schema.ts';

function refuse(code: string, message: string): never {
  throw new OperationalError(code, message);
}

function objectOf(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('value-missing', `${name} must be an object`);
  return value as JsonObject;
}

function readAt(root: JsonObject): number | null {
  const text = Object.hasOwn(root, 'at') ? root['at'] : undefined;
  if (text === undefined || text === null) return null;
  const at = typeof text === 'string' ? parseTime(text) : Number.NaN;
  if (Number.isNaN(at))
    refuse('time-unreadable', `at is no RFC 3339 time: ${JSON.stringify(text).slice(0, 40)}`);
  return at;
}

/** The quality that the frame itself gives a value; undefined when it gives none. @throws unknown-quality */
function qualityOf(marks: JsonObject, key: string): Quality | undefined {
  const word = Object.hasOwn(marks, key) ? marks[key] : undefined;
  if (word === undefined || word === null) return undefined;
  if (typeof word !== 'string' || qualityCode(word) === undefined)
    refuse('unknown-quality', `${key}: ${JSON.stringify(word)?.slice(0, 40)}`);
  return word as Quality;
}

const shortKey = (key: string): string => key.slice(0, 40);

/** Reads the values one by one; a value whose quality nobody understands is refused with it. */
function readValues(
  values: JsonObject,
  marks: JsonObject,
  rules: ReadonlyMap<string, MetricRule>,
  { profile, bases }: { profile: string; bases: ReadonlySet<string> },
  refused: RefusedPart[],
): OpenReading[] {
  const readings: OpenReading[] = [];
  for (const key of Object.keys(values)) {
    const value = values[key];
    if (value === null) continue;
    const rule = rules.get(key);
    try {
      if (rule === undefined) refuse(unknownKey(bases, key), `${profile} has no ${shortKey(key)}`);
      if (typeof value !== 'number')
        refuse('value-not-a-number', `${key}: ${JSON.stringify(value).slice(0, 40)}`);
      qualityOf(marks, key);
      addCanonical(readings, rule, value + 0);
    } catch (error) {
      refusePart(refused, error, `/values/${shortKey(key)}`, rule === undefined ? null : key);
    }
  }
  return readings;
}

/** Marks readings as the frame says, after the rules of the profile. */
function markQuality(
  readings: readonly OpenReading[],
  marks: JsonObject,
  values: JsonObject,
  refused: RefusedPart[],
): void {
  for (const reading of readings)
    reading.quality = qualityOf(marks, reading.metric) ?? reading.quality;
  for (const key of Object.keys(marks)) {
    if (marks[key] === null || (Object.hasOwn(values, key) && values[key] !== null)) continue;
    const fault = new OperationalError('unknown-metric', `quality of ${shortKey(key)}, no value`);
    refusePart(refused, fault, `/quality/${shortKey(key)}`, null);
  }
}

/** A metric that the type always sends and the frame lacks. */
function noteAbsent(rule: MetricRule, values: JsonObject, refused: RefusedPart[]): void {
  if (Object.hasOwn(values, rule.key) && values[rule.key] !== null) return;
  try {
    noteMissing(rule);
  } catch (error) {
    refusePart(refused, error, `/values/${rule.key}`, rule.key);
  }
}

function nativeFrame(topic: string, reading: WireReading): MqttFrame {
  return { protocol: MQTT, topic, payload: Buffer.from(JSON.stringify(reading)) };
}

/** The fields of an object in the payload. */
function fieldNodes(payload: Uint8Array, pointer: string): [key: string, range: ByteRange][] {
  const values = nodeOf(jsonNodes(payload), pointer)?.fields;
  return [...(values ?? [])].map(([key, { from, to }]) => [key, { from, to }]);
}

/** As ingest takes it. @throws payload-not-json */
function parseRow(payload: Uint8Array): unknown {
  try {
    return parseDeviceJson(payload);
  } catch (cause) {
    throw new OperationalError('payload-not-json', (cause as Error).message, { cause });
  }
}

/** Which bytes of an event object of our own wire say which detail. @throws payload-not-json */
export function locateEvent(payload: Uint8Array): LocatedDetail[] {
  const event = (parseRow(payload) as { readonly type?: unknown } | null)?.type;
  if (typeof event !== 'string') return [];
  return fieldNodes(payload, '/detail').map(([detail, range]) => ({ event, detail, ...range }));
}

/** Which bytes of a reading object of our own wire gave which value; its values are what they say. @throws payload-not-json */
export function locateReading(payload: Uint8Array): LocatedField[] {
  parseRow(payload);
  return fieldNodes(payload, '/values').flatMap(([metric, { from, to }]) => {
    const text = Buffer.from(payload.subarray(from, to)).toString('latin1');
    const value: unknown = isJsonNumber(text) ? JSON.parse(text) : Number.NaN;
    return Number.isFinite(value) ? [{ metric, value: value as number, from, to }] : [];
  });
}

/** Whether anybody looks at a place of our own reading object. */
export const isReadKey = (keys: readonly string[]): boolean =>
  keys.length === 1
    ? ['device', 'at', 'values', 'quality'].includes(keys[0] ?? '')
    : keys.length === 2 && ['values', 'quality'].includes(keys[0] ?? '');

/** Compiles a native profile. */
export function compileNative(file: ProfileFile, mqtt: MqttFile, options: Options): Codec {
  const rules = new Map(file.metrics.map((metric) => [metric.key, compileMetric(metric, options)]));
  const required = [...rules.values()].filter((rule) => !rule.optional);
  const bases = new Set(file.metrics.flatMap(({ of }) => (of === undefined ? [] : [of.base])));
  const quality = compileQuality(file);
  return {
    decode(frame, context) {
      const { payload } = mqttFrame(frame, file.profile);
      const root = parseObject(payload, mqtt.payloadMax);
      const named = Object.hasOwn(root, 'device') ? root['device'] : null;
      if (named !== null && context.device !== undefined && named !== context.device)
        refuse('device-mismatch', `the payload names ${JSON.stringify(named).slice(0, 80)}`);
      const values = objectOf(Object.hasOwn(root, 'values') ? root['values'] : undefined, 'values');
      const said = Object.hasOwn(root, 'quality') ? root['quality'] : null;
      const marks = said === null ? {} : objectOf(said, 'quality');
      const at = readAt(root);
      const refused: RefusedPart[] = [];
      const readings = readValues(values, marks, rules, { profile: file.profile, bases }, refused);
      for (const rule of required) noteAbsent(rule, values, refused);
      refuseKeys(refused, repeatedKeys(payload, root), isReadKey, (keys) =>
        keys[0] === 'values' && rules.has(keys[1] ?? '') ? (keys[1] ?? null) : null,
      );
      const closed = closeReadings(readings, quality);
      markQuality(readings, marks, values, refused);
      return { at, readings: closed, events: [], refused };
    },
    locate(frame) {
      const { payload } = mqttFrame(frame, file.profile);
      return new Map(fieldNodes(payload, '/values').map(([key, range]) => [key, [range]]));
    },
    encode(values, context) {
      const known = Object.entries(values).filter(([key]) => rules.has(key));
      const reading: WireReading = {
        device: context.address,
        at: formatTime(context.at),
        values: Object.fromEntries(known),
      };
      return [nativeFrame(topics.deviceReadings(context.address), reading)];
    },
  };
}
