/** Checks of MQTT profiles: topics, payloads, and where metrics stand in them. */
import type { Note, Path } from '../../check/note.ts';
import type { MetricFile, ProfileFile } from '../../schema/file.ts';
import { fieldOf, mqttOf, pathsOf, tlvOf } from './schema.ts';
import { fieldNames, tlvFaults, whyNeverCarried } from './tlv.ts';
import { isFilter, parsePattern } from './topic.ts';
import { topicTextOf } from './topics.ts';

/** Notes what is wrong with the sections and the events. */
export function checkMqtt(file: ProfileFile, note: Note): void {
  checkSection(file, note);
  checkEvents(file, note);
}

function checkSection(file: ProfileFile, note: Note): void {
  const mqtt = mqttOf(file);
  const records = tlvOf(file);
  if (mqtt === undefined) {
    if (records !== undefined) note(['tlv'], 'only a payload of kind tlv has records');
    return;
  }
  const native = mqtt.payload === 'native';
  if (native) {
    for (const key of ['topic', 'time', 'bytes', 'decoded'] as const)
      if (mqtt[key] !== undefined) note(['mqtt', key], 'a native payload fixes it');
    if (file.events.length > 0) note(['events'], 'a native payload has none to find');
  } else if (mqtt.topic === undefined) note(['mqtt'], 'topic is missing');
  else for (const fault of parsePattern(mqtt.topic).faults) note(['mqtt', 'topic'], fault);
  const tlv = mqtt.payload === 'tlv';
  if (tlv && records === undefined) note([], 'payload is tlv, but there is no tlv section');
  if (tlv && mqtt.bytes === undefined) note(['mqtt'], 'payload is tlv, but `bytes` is missing');
  if (!tlv && records !== undefined) note(['tlv'], `payload is ${mqtt.payload}, not tlv`);
  if (!tlv && !native && mqtt.bytes !== undefined) note(['mqtt', 'bytes'], 'only with payload tlv');
  if (mqtt.time?.format === 'local' && mqtt.time.zone === undefined)
    note(['mqtt', 'time'], 'a local time needs its zone, such as "+08:00"');
  if (mqtt.time?.zone !== undefined && mqtt.time.format !== 'local')
    note(['mqtt', 'time', 'zone'], 'only local times need one');
  for (const { place, message } of records === undefined ? [] : tlvFaults(records, file.channels))
    note(['tlv', 'records', ...placePath(place)], message);
}

function placePath(place: string): (string | number)[] {
  return [...place.matchAll(/\[(\d+)\]|(\w+)/g)].map((match) => match[2] ?? Number(match[1]));
}

function checkEvents(file: ProfileFile, note: Note): void {
  const hasRest = parsePattern(topicTextOf(file)).pattern?.hasRest === true;
  file.events.forEach((event, i) => {
    if (event.topic === undefined) return;
    if (!hasRest) note(['events', i, 'topic'], 'mqtt.topic must end with # for this');
    if (!isFilter(event.topic)) note(['events', i, 'topic'], 'is no topic filter');
  });
}

/** Notes numbers for "no value" that no bytes of the field make. */
function checkAbsent(
  file: ProfileFile,
  metric: MetricFile,
  field: string,
  path: Path,
  note: Note,
): void {
  const records = tlvOf(file);
  metric.absent?.forEach((value, i) => {
    const raw = value === 'nan' ? Number.NaN : value;
    const why =
      records === undefined ? undefined : whyNeverCarried(records, file.channels, field, raw);
    if (why !== undefined) note([...path, 'absent', i], why);
  });
}

function checkPayloadSource(file: ProfileFile, metric: MetricFile, path: Path, note: Note): void {
  const field = fieldOf(metric);
  const paths = pathsOf(metric);
  if (field !== undefined) {
    const records = tlvOf(file);
    const known = records !== undefined && fieldNames(records, file.channels).has(field);
    if (!known) note([...path, 'from', 'field'], `no record of tlv has a field ${field}`);
    else checkAbsent(file, metric, field, path, note);
  } else if (paths.length === 0)
    note([...path, 'from'], 'must be a path (or, with payload tlv, a field)');
  const hasRest = parsePattern(topicTextOf(file)).pattern?.hasRest === true;
  paths.forEach((from, i) => {
    if (from.topic === undefined) return;
    const at = [...path, 'from', ...(Array.isArray(metric.from) ? [i] : []), 'topic'];
    if (!hasRest) note(at, 'mqtt.topic must end with # for this');
    if (!isFilter(from.topic)) note(at, 'is no topic filter');
    if (!metric.optional) note(path, 'a metric of some topics only must be optional: true');
  });
}

/** Notes what is wrong with a metric's `from`. */
export function checkMqttSource(
  file: ProfileFile,
  metric: MetricFile,
  path: Path,
  note: Note,
): void {
  if (mqttOf(file)?.payload !== 'native') {
    checkPayloadSource(file, metric, path, note);
    return;
  }
  for (const key of ['from', 'scale', 'offset', 'unit', 'absent'] as const)
    if (metric[key] !== undefined)
      note([...path, key], 'a native payload carries canonical values by key');
}
