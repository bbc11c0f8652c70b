/** JSON frames of one profile, and binary ones that a network server wraps in JSON. */
import { OperationalError } from '@village/core';
import type { ByteRange, Codec, EncodeContext, LocatedDetail } from '../../codec.ts';
import {
  addRaw,
  closeReadings,
  compileMetric,
  compileQuality,
  jsonOf,
  type MetricRule,
  noteMissing,
  type OpenReading,
  rawOfJson,
} from '../../metric/metric.ts';
import type { Options } from '../../options.ts';
import type { MetricFile, ProfileFile } from '../../schema/file.ts';
import type { DecodedEvent } from '../../types.ts';
import { compileEvent, type EventRule } from './event-rule.ts';
import { MQTT, type MqttFrame, mqttFrame } from './frame.ts';
import { compilePointer, compileTime, type JsonObject, parseObject, setPointer } from './json.ts';
import { type JsonNode, jsonNodes, nodeOf } from './json-positions.ts';
import { fieldOf, type MqttFile, pathsOf, tlvOf } from './schema.ts';
import { compileTlv, hexBytes, type TlvCodec } from './tlv.ts';
import { fitsFilter, matchPattern, patternTopic, restTopic, type TopicPattern } from './topic.ts';

/** One place of a metric in the JSON. */
interface Source {
  readonly pointer: string;
  readonly text: boolean;
  readonly topic: readonly string[] | undefined;
  readonly topicText: string;
  find(root: JsonObject): unknown;
}

interface Compiled {
  readonly rule: MetricRule;
  readonly sources: readonly Source[];
  /** Name in the binary payload instead. */
  readonly field: string | undefined;
}

const NO_EVENTS: readonly DecodedEvent[] = [];
const NO_LEVELS: readonly string[] = [];

function compileSources(metric: MetricFile): Compiled['sources'] {
  return pathsOf(metric).map((from) => ({
    pointer: from.path,
    text: from.text === true,
    topic: from.topic?.split('/'),
    topicText: from.topic ?? '',
    find: compilePointer(from.path),
  }));
}

/** Where a field of the binary payload stands in the message: its digits, or the value that the server has decoded. */
function locateFields(
  { bytes, decoded }: MqttFile,
  tlv: TlvCodec,
  root: JsonObject,
  nodes: JsonNode,
): (field: string) => ByteRange | undefined {
  const byServer = decoded === undefined ? undefined : compilePointer(decoded)(root);
  if (isFilled(byServer)) return (field) => nodeOf(nodes, decoded ?? '')?.fields?.get(field);
  const text = bytes === undefined ? undefined : compilePointer(bytes.path)(root);
  const node = bytes === undefined ? undefined : nodeOf(nodes, bytes.path);
  const raw = typeof text === 'string' ? bytesOf(text, bytes?.encoding ?? 'hex') : undefined;
  if (node === undefined || raw === undefined) return () => undefined;
  const found = tlv.locate(raw);
  const positions = digitPositions(text as string, bytes?.encoding ?? 'hex');
  return (field) => {
    const range = found.get(field);
    if (range === undefined) return undefined;
    const [first, last] = positions(range);
    // After the quote. A message with escapes in the digits is lit as a whole.
    const plain = node.to - node.from === (text as string).length + 2;
    return plain ? { from: node.from + 1 + first, to: node.from + 1 + last } : node;
  };
}

/** Which digits of a text hold some of its bytes; base64 digits hold six bits each, so that the outer ones may hold more. */
function digitPositions(
  text: string,
  encoding: 'base64' | 'hex',
): (range: ByteRange) => [from: number, to: number] {
  if (encoding === 'base64')
    return ({ from, to }) => [Math.floor((from * 8) / 6), Math.ceil((to * 8) / 6)];
  const digits = [...text.matchAll(/\S/g)].map(({ index }) => index);
  return ({ from, to }) => [digits[2 * from] ?? 0, (digits[2 * to - 1] ?? 0) + 1];
}

const isFilled = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && Object.keys(value).length > 0;

/** Finds the fields of a binary payload: decoded by the server, or in the bytes it passes on. */
function compileFields(
  mqtt: MqttFile,
  tlv: TlvCodec | undefined,
): ((root: JsonObject) => JsonObject) | undefined {
  if (tlv === undefined || mqtt.bytes === undefined) return undefined;
  const { path, encoding } = mqtt.bytes;
  const findBytes = compilePointer(path);
  const findDecoded = mqtt.decoded === undefined ? undefined : compilePointer(mqtt.decoded);
  return (root) => {
    const decoded = findDecoded?.(root);
    if (isFilled(decoded)) return decoded;
    const text = findBytes(root);
    if (text === undefined || text === null)
      throw new OperationalError('value-missing', `${path} is missing`);
    const bytes = typeof text === 'string' ? bytesOf(text, encoding) : undefined;
    if (bytes === undefined)
      throw new OperationalError('payload-not-bytes', `${path} is no ${encoding}`);
    return tlv.unpack(bytes);
  };
}

function bytesOf(text: string, encoding: 'base64' | 'hex'): Uint8Array | undefined {
  if (encoding === 'hex') return hexBytes(text);
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0
    ? Buffer.from(text, 'base64')
    : undefined;
}

function addFrom(
  readings: OpenReading[],
  { rule, sources }: Compiled,
  root: JsonObject,
  rest: readonly string[],
): void {
  let concerned = false;
  for (const source of sources) {
    if (source.topic !== undefined && !fitsFilter(source.topic, rest)) continue;
    concerned = true;
    const value = source.find(root);
    if (value === undefined) continue;
    const raw = rawOfJson(rule, value, source.text);
    if (raw === undefined) continue;
    addRaw(readings, rule, raw);
    return;
  }
  if (concerned) noteMissing(rule);
}

/** The node that `addFrom` reads. */
function nodeFrom(
  { rule, sources }: Compiled,
  root: JsonObject,
  rest: readonly string[],
  nodes: JsonNode,
): JsonNode | undefined {
  const source = sources.find((one) => {
    if (one.topic !== undefined && !fitsFilter(one.topic, rest)) return false;
    const value = one.find(root);
    return value !== undefined && rawOfJson(rule, value, one.text) !== undefined;
  });
  return source === undefined ? undefined : nodeOf(nodes, source.pointer);
}

/** Where the details of an event stand; none when the message holds no such event. */
function detailsOf(
  event: EventRule,
  root: JsonObject,
  rest: readonly string[],
  nodes: JsonNode,
): LocatedDetail[] {
  const found = event.find(root, rest);
  if (found === undefined) return [];
  return Object.keys(found.detail).flatMap((detail) => {
    const node = nodeOf(nodes, event.pointers.get(detail) ?? '');
    return node === undefined ? [] : [{ event: found.type, detail, from: node.from, to: node.to }];
  });
}

function addField(readings: OpenReading[], rule: MetricRule, field: string, fields: JsonObject) {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  const raw = value === undefined ? undefined : rawOfJson(rule, value, false);
  if (raw === undefined) noteMissing(rule);
  else addRaw(readings, rule, raw);
}

/** Compiles the JSON side of a profile. */
export function compileJson(
  file: ProfileFile,
  mqtt: MqttFile,
  pattern: TopicPattern,
  options: Options,
): Codec {
  const records = tlvOf(file);
  const tlv = records === undefined ? undefined : compileTlv(records);
  const metrics: Compiled[] = file.metrics.map((metric) => ({
    rule: compileMetric(metric, options),
    sources: compileSources(metric),
    field: fieldOf(metric),
  }));
  const quality = compileQuality(file);
  const events = file.events.map(compileEvent);
  const time = mqtt.time === undefined ? undefined : compileTime(mqtt.time);
  const fieldsOf = compileFields(mqtt, tlv);
  // Only these look at the levels of #; other profiles need not match the topic again.
  const needsRest =
    file.events.some((event) => event.topic !== undefined) ||
    metrics.some(({ sources }) => sources.some(({ topic }) => topic !== undefined));
  return {
    decode(frame) {
      const { topic, payload } = mqttFrame(frame, file.profile);
      const root = parseObject(payload, mqtt.payloadMax);
      const rest = needsRest ? restOf(pattern, topic) : NO_LEVELS;
      const at = time === undefined ? null : time.read(root);
      const fields = fieldsOf?.(root);
      const readings: OpenReading[] = [];
      for (const metric of metrics) {
        if (metric.field === undefined) addFrom(readings, metric, root, rest);
        else addField(readings, metric.rule, metric.field, fields ?? {});
      }
      let found = NO_EVENTS;
      if (events.length > 0)
        found = events
          .map((event) => event.find(root, rest))
          .filter((event) => event !== undefined);
      return { at, readings: closeReadings(readings, quality), events: found };
    },
    locate(frame) {
      const { topic, payload } = mqttFrame(frame, file.profile);
      const root = parseObject(payload, mqtt.payloadMax);
      const rest = needsRest ? restOf(pattern, topic) : NO_LEVELS;
      const nodes = jsonNodes(payload);
      const fieldAt = tlv === undefined ? undefined : locateFields(mqtt, tlv, root, nodes);
      return new Map(
        metrics.map((metric) => {
          const { rule, field } = metric;
          const range =
            field === undefined ? nodeFrom(metric, root, rest, nodes) : fieldAt?.(field);
          return [rule.key, range === undefined ? [] : [{ from: range.from, to: range.to }]];
        }),
      );
    },
    locateEvents(frame) {
      const { topic, payload } = mqttFrame(frame, file.profile);
      const root = parseObject(payload, mqtt.payloadMax);
      const rest = needsRest ? restOf(pattern, topic) : NO_LEVELS;
      const nodes = jsonNodes(payload);
      return events.flatMap((event) => detailsOf(event, root, rest, nodes));
    },
    encode(values, context) {
      const groups = groupByTopic(metrics, values);
      return [...groups].map(([topic, group]) => {
        const root: JsonObject = {};
        for (const [pointer, value] of Object.entries(mqtt.constants))
          setPointer(root, pointer, value === '{device}' ? context.address : value);
        time?.write(root, context.at);
        writeValues(root, group, values, mqtt, tlv);
        return frameOf(pattern, topic, root, context);
      });
    },
  };
}

function restOf(pattern: TopicPattern, topic: string): readonly string[] {
  const match = matchPattern(pattern, topic.split('/'));
  if (match === undefined)
    throw new OperationalError('topic-mismatch', `${topic} does not match ${pattern.text}`);
  return match.rest;
}

/** A device with a topic for each matter needs a message for each topic. */
function groupByTopic(
  metrics: readonly Compiled[],
  values: Readonly<Record<string, number>>,
): Map<string, Compiled[]> {
  const groups = new Map<string, Compiled[]>();
  for (const metric of metrics) {
    if (!Object.hasOwn(values, metric.rule.key)) continue;
    const topic = metric.sources[0]?.topicText ?? '';
    const group = groups.get(topic);
    if (group === undefined) groups.set(topic, [metric]);
    else group.push(metric);
  }
  if (groups.size === 0) groups.set('', []);
  return groups;
}

function writeValues(
  root: JsonObject,
  metrics: readonly Compiled[],
  values: Readonly<Record<string, number>>,
  mqtt: MqttFile,
  tlv: TlvCodec | undefined,
): void {
  const fields: Record<string, number> = {};
  for (const { rule, sources, field } of metrics) {
    const value = values[rule.key] as number;
    const [source] = sources;
    if (field !== undefined) fields[field] = rule.scaling.toRaw(value);
    else if (source !== undefined)
      setPointer(root, source.pointer, jsonOf(rule, value, source.text));
  }
  if (tlv === undefined || mqtt.bytes === undefined) return;
  const bytes = Buffer.from(tlv.pack(fields));
  setPointer(root, mqtt.bytes.path, bytes.toString(mqtt.bytes.encoding));
}

function frameOf(
  pattern: TopicPattern,
  filter: string,
  root: JsonObject,
  context: EncodeContext,
): MqttFrame {
  const rest = restTopic(filter);
  return {
    protocol: MQTT,
    topic: patternTopic(pattern, context.address, rest),
    payload: Buffer.from(JSON.stringify(root)),
  };
}
