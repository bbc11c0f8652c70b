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
import type { ByteRange, Codec, LocatedDetail, LocatedField } from '../../codec.ts';
import {
  addCanonical,
  closeReadings,
  compileMetric,
  compileQuality,
  type MetricRule,
  noteMissing,
  type OpenReading,
} from '../../metric/metric.ts';
import type { Options } from '../../options.ts';
import type { ProfileFile } from '../../schema/file.ts';
import { MQTT, type MqttFrame, mqttFrame } from './frame.ts';
import { type JsonObject, parseObject } from './json.ts';
import { jsonNodes, nodeOf } from './json-positions.ts';
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
  if (text === undefined) return null;
  const at = typeof text === 'string' ? parseTime(text) : Number.NaN;
  if (Number.isNaN(at))
    refuse('time-unreadable', `at is no RFC 3339 time: ${JSON.stringify(text).slice(0, 40)}`);
  return at;
}

function markQuality(readings: OpenReading[], marks: JsonObject): void {
  for (const [key, word] of Object.entries(marks)) {
    if (typeof word !== 'string' || qualityCode(word) === undefined)
      refuse('unknown-quality', `${key}: ${JSON.stringify(word)?.slice(0, 40)}`);
    const reading = readings.find((one) => one.metric === key);
    if (reading === undefined) refuse('unknown-metric', `quality of ${key.slice(0, 40)}`);
    reading.quality = word as Quality;
  }
}

function readValues(values: JsonObject, rules: ReadonlyMap<string, MetricRule>, profile: string) {
  const readings: OpenReading[] = [];
  for (const key of Object.keys(values)) {
    const rule = rules.get(key);
    if (rule === undefined) refuse('unknown-metric', `${profile} has no ${key.slice(0, 40)}`);
    const value = values[key];
    if (value === null) continue;
    if (typeof value !== 'number')
      refuse('value-not-a-number', `${key}: ${JSON.stringify(value).slice(0, 40)}`);
    addCanonical(readings, rule, value + 0);
  }
  return readings;
}

function nativeFrame(topic: string, reading: WireReading): MqttFrame {
  return { protocol: MQTT, topic, payload: Buffer.from(JSON.stringify(reading)) };
}

/** The fields of an object in the payload. */
function fieldNodes(payload: Uint8Array, pointer: string): [key: string, range: ByteRange][] {
  const values = nodeOf(jsonNodes(payload), pointer)?.fields;
  return [...(values ?? [])].map(([key, { from, to }]) => [key, { from, to }]);
}

/** As ingest takes it: texts in another encoding than UTF-8 beside the values harm nothing. @throws payload-not-json */
function parseRow(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
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
    const value: unknown = JSON.parse(Buffer.from(payload.subarray(from, to)).toString('utf8'));
    return typeof value === 'number' ? [{ metric, value, from, to }] : [];
  });
}

/** Compiles a native profile. */
export function compileNative(file: ProfileFile, mqtt: MqttFile, options: Options): Codec {
  const rules = new Map(file.metrics.map((metric) => [metric.key, compileMetric(metric, options)]));
  const required = [...rules.values()].filter((rule) => !rule.optional);
  const quality = compileQuality(file);
  return {
    decode(frame, context) {
      const root = parseObject(mqttFrame(frame, file.profile).payload, mqtt.payloadMax);
      const named = Object.hasOwn(root, 'device') ? root['device'] : undefined;
      if (named !== undefined && context.device !== undefined && named !== context.device)
        refuse('device-mismatch', `the payload names ${JSON.stringify(named).slice(0, 80)}`);
      const values = objectOf(Object.hasOwn(root, 'values') ? root['values'] : undefined, 'values');
      const readings = readValues(values, rules, file.profile);
      for (const rule of required)
        if (!readings.some((reading) => reading.metric === rule.key)) noteMissing(rule);
      const closed = closeReadings(readings, quality);
      if (Object.hasOwn(root, 'quality'))
        markQuality(readings, objectOf(root['quality'], 'quality'));
      return { at: readAt(root), readings: closed, events: [] };
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
