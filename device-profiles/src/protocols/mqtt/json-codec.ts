/** JSON frames of one profile, and binary ones that a network server wraps in JSON. */
import { OperationalError } from '@village/core';
import type { ChannelOf } from '../../channels/schema.ts';
import type { Codec, EncodeContext, LocatedDetail } from '../../codec.ts';
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
  refusePart,
  refuseRepeated,
  refuseStranger,
} from '../../metric/metric.ts';
import type { Options } from '../../options.ts';
import type { MetricFile, ProfileFile } from '../../schema/file.ts';
import type { DecodedEvent, RefusedPart } from '../../types.ts';
import { compileMisplacements, type Misplacements, templatesOf } from './channels/placeholder.ts';
import {
  type ChannelReader,
  compileChannels,
  type OpenTopic,
  type Said,
  type TopicLevels,
  type Where,
} from './channels/reader.ts';
import { compileEvent, type EventRule } from './event-rule.ts';
import { addField, compileFields, locateFields, NO_FIELDS } from './fields.ts';
import { MQTT, type MqttFrame, mqttFrame } from './frame.ts';
import { compilePointer, compileTime, type JsonObject, parseObject, setPointer } from './json.ts';
import { type JsonNode, jsonNodes, nodeOf } from './json-positions.ts';
import { compileRepeated } from './repeated-keys.ts';
import { fieldOf, type MqttFile, pathsOf, tlvOf } from './schema.ts';
import { compileTlv, type TlvCodec } from './tlv.ts';
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
  readonly of: ChannelOf | undefined;
}

const NO_EVENTS: readonly DecodedEvent[] = [];
const NO_TOPIC: TopicLevels = { all: [], rest: [] };
const NOTHING_SAID: ReadonlyMap<string, Said> = new Map();

function compileSources(metric: MetricFile): Compiled['sources'] {
  return pathsOf(metric).map((from) => ({
    pointer: from.path,
    text: from.text === true,
    topic: from.topic?.split('/'),
    topicText: from.topic ?? '',
    find: compilePointer(from.path),
  }));
}

/** A message with what it says of its channels. */
interface Message {
  readonly root: JsonObject;
  readonly topic: TopicLevels;
  readonly said: ReadonlyMap<string, Said>;
}

/** Where a metric's places are looked for; undefined when the message does not speak of its channel. */
function whereOf({ of }: Pick<Compiled, 'of'>, { root, said }: Message): Where | undefined {
  const channels = of === undefined ? undefined : said.get(of.kind);
  return of === undefined || channels === undefined ? { root, at: '' } : channels.found.get(of.key);
}

function addFrom(
  readings: OpenReading[],
  refused: RefusedPart[],
  { rule, sources }: Compiled,
  { root, at }: Where,
  rest: readonly string[],
): void {
  let asked: Source | undefined;
  for (const source of sources) {
    if (source.topic !== undefined && !fitsFilter(source.topic, rest)) continue;
    const value = source.find(root);
    asked ??= source;
    if (value === undefined || value === null) continue;
    asked = source;
    try {
      const raw = rawOfJson(rule, value, source.text);
      if (raw !== undefined) addRaw(readings, rule, raw);
    } catch (error) {
      refusePart(refused, error, at + source.pointer, rule.key);
    }
    return;
  }
  if (asked === undefined) return;
  try {
    noteMissing(rule);
  } catch (error) {
    refusePart(refused, error, at + asked.pointer, rule.key);
  }
}

/** The node that `addFrom` reads. */
function nodeFrom(metric: Compiled, message: Message, nodes: JsonNode): JsonNode | undefined {
  const where = whereOf(metric, message);
  if (where === undefined) return undefined;
  const source = sourceIn(metric, where.root, message.topic.rest);
  return source === undefined ? undefined : nodeOf(nodes, where.at + source.pointer);
}

/** The first place of a metric that has a value. */
function sourceIn(
  { sources }: Pick<Compiled, 'sources'>,
  root: JsonObject,
  rest: readonly string[],
): Source | undefined {
  return sources.find((one) => {
    if (one.topic !== undefined && !fitsFilter(one.topic, rest)) return false;
    const value = one.find(root);
    return value !== undefined && value !== null;
  });
}

/** Values that lie in a message which speaks of no known channel, or in elements of one that comes again. */
function refuseOthers(
  refused: RefusedPart[],
  metrics: readonly Compiled[],
  { topic, said }: Message,
): void {
  for (const [kind, { strangers, repeated }] of said) {
    if (strangers.length === 0 && repeated.length === 0) continue;
    const own = metrics.filter(({ of }) => of?.kind === kind);
    // The first channel stands for all: their places are the same.
    const bases = new Map(own.toReversed().map((metric) => [metric.of?.base, metric]));
    const byChannel = Map.groupBy(own, ({ of }) => of?.key);
    for (const { root, at, word } of strangers) {
      for (const [base = '', metric] of bases) {
        const source = sourceIn(metric, root, topic.rest);
        if (source !== undefined) refuseStranger(refused, base, kind, word, at + source.pointer);
      }
    }
    for (const { key, where } of repeated)
      for (const metric of byChannel.get(key) ?? []) {
        const source = sourceIn(metric, where.root, topic.rest);
        if (source !== undefined)
          refuseRepeated(refused, metric.rule.key, where.at + source.pointer);
      }
  }
}

/** The event that `decode` takes; one that is too large is none. */
function findWhole(event: EventRule, message: Message): DecodedEvent | undefined {
  return eventsIn([event], message, [])[0];
}

/** Where the details of an event stand; none when the message holds no such event. */
function detailsOf(event: EventRule, message: Message, nodes: JsonNode): LocatedDetail[] {
  const found = findWhole(event, message);
  if (found === undefined) return [];
  return Object.keys(found.detail).flatMap((detail) => {
    const node = nodeOf(nodes, event.pointers.get(detail) ?? '');
    return node === undefined ? [] : [{ event: found.type, detail, from: node.from, to: node.to }];
  });
}

/** The events that a message tells; one that is too large costs only itself. */
function eventsIn(
  events: readonly EventRule[],
  { root, topic, said }: Message,
  refused: RefusedPart[],
): readonly DecodedEvent[] {
  if (events.length === 0) return NO_EVENTS;
  const found: DecodedEvent[] = [];
  for (const rule of events) {
    try {
      const event = rule.find(root, topic.rest, said);
      if (event !== undefined) found.push(event);
    } catch (error) {
      refusePart(refused, error, `event ${rule.type}`, null);
    }
  }
  return found;
}

/** The searches for values of channels that are not listed, among the paths of the message and the fields that the server decodes. */
function misplacementsOf(
  file: ProfileFile,
  metrics: readonly Compiled[],
  tlv: TlvCodec | undefined,
): { inPaths: Misplacements | undefined; inFields: Misplacements | undefined } {
  const [ofFields = [], ofPaths = []] = [true, false].map((isField) =>
    file.metrics.filter((metric) => isField === (fieldOf(metric) !== undefined)),
  );
  const paths = metrics.flatMap(({ sources }) => sources.map(({ pointer }) => pointer));
  const fields = [...(tlv?.fields ?? [])].map((field) => `/${field}`);
  return {
    inPaths: compileMisplacements(templatesOf(file, ofPaths), new Set(paths)),
    inFields: compileMisplacements(templatesOf(file, ofFields), new Set(fields)),
  };
}

/** Compiles the JSON side of a profile. */
export function compileJson(
  file: ProfileFile,
  mqtt: MqttFile,
  pattern: TopicPattern,
  options: Options,
): Codec {
  const records = tlvOf(file);
  const tlv = records === undefined ? undefined : compileTlv(records, file.channels);
  const metrics: Compiled[] = file.metrics.map((metric) => ({
    rule: compileMetric(metric, options),
    sources: compileSources(metric),
    field: fieldOf(metric),
    of: metric.of,
  }));
  const quality = compileQuality(file);
  const events = file.events.map(compileEvent);
  const time = mqtt.time === undefined ? undefined : compileTime(mqtt.time);
  const { inPaths, inFields } = misplacementsOf(file, metrics, tlv);
  const fieldsOf = compileFields(mqtt, tlv, inFields);
  const refuseTwice = compileRepeated(file, mqtt);
  const channels = compileChannels(file, pattern, options);
  // Only these look at the levels of #; other profiles need not match the topic again.
  const needsRest =
    channels.length > 0 ||
    file.events.some((event) => event.topic !== undefined) ||
    metrics.some(({ sources }) => sources.some(({ topic }) => topic !== undefined));
  const open = (frame: MqttFrame): Message => {
    const root = parseObject(frame.payload, mqtt.payloadMax);
    const topic = needsRest ? levelsOf(pattern, frame.topic) : NO_TOPIC;
    if (channels.length === 0) return { root, topic, said: NOTHING_SAID };
    return { root, topic, said: new Map(channels.map((one) => [one.kind, one.read(root, topic)])) };
  };
  return {
    decode(frame) {
      const said = mqttFrame(frame, file.profile);
      const message = open(said);
      const { root } = message;
      const at = time === undefined ? null : time.read(root);
      const readings: OpenReading[] = [];
      const refused: RefusedPart[] = [];
      const fields = fieldsOf?.(root, refused) ?? NO_FIELDS;
      for (const metric of metrics) {
        if (metric.field !== undefined) {
          addField(readings, refused, metric.rule, metric.field, fields);
          continue;
        }
        const where = whereOf(metric, message);
        if (where !== undefined) addFrom(readings, refused, metric, where, message.topic.rest);
      }
      refuseOthers(refused, metrics, message);
      for (const { base, kind, word, pointer } of inPaths?.(root) ?? [])
        refuseStranger(refused, base, kind, word, pointer);
      refuseTwice(refused, said.payload, root);
      const told = { events: eventsIn(events, message, refused), refused };
      return { at, readings: closeReadings(readings, quality), ...told };
    },
    locate(frame) {
      const said = mqttFrame(frame, file.profile);
      const message = open(said);
      const nodes = jsonNodes(said.payload);
      const fieldAt = tlv === undefined ? undefined : locateFields(mqtt, tlv, message.root, nodes);
      return new Map(
        metrics.map((metric) => {
          const { rule, field } = metric;
          const range = field === undefined ? nodeFrom(metric, message, nodes) : fieldAt?.(field);
          return [rule.key, range === undefined ? [] : [{ from: range.from, to: range.to }]];
        }),
      );
    },
    locateEvents(frame) {
      const said = mqttFrame(frame, file.profile);
      const message = open(said);
      const nodes = jsonNodes(said.payload);
      return events.flatMap((event) => detailsOf(event, message, nodes));
    },
    encode: (values, context) =>
      groupByMessage(metrics, values, channels).map((group) => {
        const root: JsonObject = {};
        for (const [pointer, value] of Object.entries(mqtt.constants))
          setPointer(root, pointer, value === '{device}' ? context.address : value);
        time?.write(root, context.at);
        const rest = group.topic === '' ? [] : restTopic(group.topic).split('/');
        const topic: OpenTopic = { rest, names: new Map() };
        writeValues(root, group, values, { mqtt, tlv, channels }, topic);
        return frameOf(pattern, topic, root, context);
      }),
  };
}

function levelsOf(pattern: TopicPattern, topic: string): TopicLevels {
  const all = topic.split('/');
  const match = matchPattern(pattern, all);
  if (match === undefined)
    throw new OperationalError('topic-mismatch', `${topic} does not match ${pattern.text}`);
  return { all, rest: match.rest };
}

/** Metrics that one message carries. */
interface Group {
  readonly topic: string;
  readonly metrics: Compiled[];
  /** The channel that the message names. */
  readonly of: ChannelOf | undefined;
}

/** A device with a topic for each matter needs a message for each topic, and one for each channel where a message names it. */
function groupByMessage(
  metrics: readonly Compiled[],
  values: Readonly<Record<string, number>>,
  channels: readonly ChannelReader[],
): Group[] {
  const groups = new Map<string, Group>();
  for (const metric of metrics) {
    if (!Object.hasOwn(values, metric.rule.key)) continue;
    const topic = metric.sources[0]?.topicText ?? '';
    const reader = channels.find(({ kind }) => kind === metric.of?.kind);
    const of = reader?.write === undefined ? undefined : metric.of;
    const name = `${topic} ${of?.kind} ${of?.key}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { topic, metrics: [metric], of });
    else group.metrics.push(metric);
  }
  return groups.size === 0 ? [{ topic: '', metrics: [], of: undefined }] : [...groups.values()];
}

interface Writers {
  readonly mqtt: MqttFile;
  readonly tlv: TlvCodec | undefined;
  readonly channels: readonly ChannelReader[];
}

function writeValues(
  root: JsonObject,
  group: Group,
  values: Readonly<Record<string, number>>,
  { mqtt, tlv, channels }: Writers,
  topic: OpenTopic,
): void {
  const readerOf = (of: ChannelOf | undefined): ChannelReader | undefined =>
    channels.find(({ kind }) => kind === of?.kind);
  const [word] = group.of?.says ?? [];
  if (word !== undefined) readerOf(group.of)?.write?.(root, word, topic);
  const fields: Record<string, number> = {};
  for (const { rule, sources, field, of } of group.metrics) {
    const value = values[rule.key] as number;
    const [source] = sources;
    if (field !== undefined) fields[field] = rule.scaling.toRaw(value);
    else if (source !== undefined) {
      const within = readerOf(of)?.elementOf(root, of?.says[0]) ?? root;
      setPointer(within, source.pointer, jsonOf(rule, value, source.text));
    }
  }
  if (tlv === undefined || mqtt.bytes === undefined) return;
  const bytes = Buffer.from(tlv.pack(fields));
  setPointer(root, mqtt.bytes.path, bytes.toString(mqtt.bytes.encoding));
}

function frameOf(
  pattern: TopicPattern,
  { rest, names }: OpenTopic,
  root: JsonObject,
  context: EncodeContext,
): MqttFrame {
  return {
    protocol: MQTT,
    topic: patternTopic(pattern, context.address, rest.join('/'), names),
    payload: Buffer.from(JSON.stringify(root)),
  };
}
