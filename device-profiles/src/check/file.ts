/** What must hold in a profile file beyond its shape. Every check adds its faults and none stops the others. */
import { conversion, quantity, unitsOf } from '@village/core';
import { intervalsOf, topicTextOf } from '../compile.ts';
import { stateValue } from '../metric/metric.ts';
import { tlvFaults } from '../protocols/mqtt/tlv.ts';
import { isFilter, parsePattern } from '../protocols/mqtt/topic.ts';
import type { MetricFile, ProfileFile } from '../schema/file.ts';
import { checkOptionRef, type Note, type Path, valuesOf } from './note.ts';
import { checkMetricSource } from './source.ts';

function checkSections(file: ProfileFile, note: Note): void {
  for (const name of ['modbus', 'mqtt'] as const) {
    if (name === file.protocol && file[name] === undefined)
      note([], `protocol is ${name}, but there is no ${name} section`);
    if (name !== file.protocol && file[name] !== undefined)
      note([name], `protocol is ${file.protocol}, so there must be no ${name} section`);
  }
  const section = file.protocol === 'modbus' ? file.modbus : file.mqtt;
  if (section === undefined) return;
  const { everyMs, reportEveryMs, silentAfterMs } = intervalsOf(file);
  if (everyMs <= 0) note([file.protocol, 'every'], 'must be longer than nothing');
  if (reportEveryMs < everyMs)
    note([file.protocol, 'reportEvery'], 'must not be shorter than `every`');
  if (silentAfterMs <= reportEveryMs)
    note([file.protocol, 'silentAfter'], 'must be longer than `reportEvery`');
}

function checkModbus(file: ProfileFile, note: Note): void {
  for (const [name, block] of Object.entries(file.modbus?.blocks ?? {}))
    if (block.address + block.count > 65_536)
      note(['modbus', 'blocks', name], 'ends beyond address 65535');
  if (file.protocol === 'modbus' && file.events.length > 0)
    note(['events'], 'only MQTT profiles have events');
}

function checkMqtt(file: ProfileFile, note: Note): void {
  const { mqtt } = file;
  if (mqtt === undefined) {
    if (file.tlv !== undefined) note(['tlv'], 'only a payload of kind tlv has records');
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
  if (tlv && file.tlv === undefined) note([], 'payload is tlv, but there is no tlv section');
  if (tlv && mqtt.bytes === undefined) note(['mqtt'], 'payload is tlv, but `bytes` is missing');
  if (!tlv && file.tlv !== undefined) note(['tlv'], `payload is ${mqtt.payload}, not tlv`);
  if (!tlv && !native && mqtt.bytes !== undefined) note(['mqtt', 'bytes'], 'only with payload tlv');
  if (mqtt.time?.format === 'local' && mqtt.time.zone === undefined)
    note(['mqtt', 'time'], 'a local time needs its zone, such as "+08:00"');
  if (mqtt.time?.zone !== undefined && mqtt.time.format !== 'local')
    note(['mqtt', 'time', 'zone'], 'only local times need one');
  for (const { place, message } of file.tlv === undefined ? [] : tlvFaults(file.tlv))
    note(['tlv', 'records', ...placePath(place)], message);
}

function placePath(place: string): (string | number)[] {
  return [...place.matchAll(/\[(\d+)\]|(\w+)/g)].map((match) => match[2] ?? Number(match[1]));
}

function checkOptions(file: ProfileFile, note: Note): void {
  const used = new Set(
    [...JSON.stringify([file.modbus, file.metrics]).matchAll(/\{"option":"([^"]*)"\}/g)].map(
      (match) => match[1],
    ),
  );
  for (const [name, option] of Object.entries(file.options)) {
    if (!option.values.includes(option.default))
      note(['options', name, 'default'], 'must be one of the values');
    if (!used.has(name)) note(['options', name], 'no rule uses it');
  }
}

function checkUnit(file: ProfileFile, metric: MetricFile, path: Path, note: Note): void {
  for (const key of ['scale', 'offset'] as const)
    checkOptionRef(file, metric[key], 'number', [...path, key], note);
  checkOptionRef(file, metric.unit, 'string', [...path, 'unit'], note);
  if (valuesOf(file, metric.scale).includes(0)) note([...path, 'scale'], 'must not be 0');
  for (const unit of valuesOf(file, metric.unit))
    if (typeof unit === 'string' && conversion(metric.quantity, unit) === undefined)
      note(
        [...path, 'unit'],
        `${unit} is no unit of ${metric.quantity}; known are ${unitsOf(metric.quantity)
          .map((one) => one || '(none)')
          .join(', ')}`,
      );
  const state = quantity(metric.quantity)?.state === true;
  for (const key of ['scale', 'offset', 'unit'] as const)
    if (state && metric[key] !== undefined) note([...path, key], 'a state has none');
}

function checkValues(metric: MetricFile, path: Path, note: Note): void {
  const state = quantity(metric.quantity)?.state === true;
  const { range, states } = metric;
  if (range === undefined && !state) note(path, 'range is missing');
  if (range !== undefined) {
    if (!range.every(Number.isFinite)) note([...path, 'range'], 'must be finite');
    else if (!((range[0] as number) < (range[1] as number)))
      note([...path, 'range'], 'must be [low, high] with low below high');
  }
  if (states !== undefined) {
    if (!state) note([...path, 'states'], `${metric.quantity} is measured, not a state`);
    const values = Object.values(states);
    if (new Set(values).size < values.length) note([...path, 'states'], 'values must be unique');
  }
  for (const name of Object.keys(metric.stateNames ?? {}))
    if (!Object.hasOwn(states ?? {}, name)) note([...path, 'stateNames', name], 'is no state');
  if (metric.absent !== undefined && !metric.optional)
    note([...path, 'absent'], 'a metric that may have no value must be optional: true');
}

function checkMetrics(file: ProfileFile, note: Note): void {
  const keys = new Set<string>();
  const names = new Set<string>();
  file.metrics.forEach((metric, i) => {
    const path = ['metrics', i];
    if (keys.has(metric.key)) note([...path, 'key'], `${metric.key} stands twice`);
    keys.add(metric.key);
    const name = metric.name?.zh ?? quantity(metric.quantity)?.zh ?? '';
    if (names.has(name)) note(path, `another metric is called ${name} too: give both a name`);
    names.add(name);
    checkUnit(file, metric, path, note);
    checkValues(metric, path, note);
    checkMetricSource(file, metric, path, note);
  });
}

function checkQuality(file: ProfileFile, note: Note): void {
  const metrics = new Map(file.metrics.map((metric) => [metric.key, metric]));
  file.quality.forEach((rule, i) => {
    rule.metrics.forEach((key, j) => {
      if (!metrics.has(key)) note(['quality', i, 'metrics', j], `there is no metric ${key}`);
    });
    for (const [key, wanted] of Object.entries(rule.when)) {
      const metric = metrics.get(key);
      if (metric === undefined) note(['quality', i, 'when', key], `there is no metric ${key}`);
      for (const one of Array.isArray(wanted) ? wanted : [wanted])
        if (metric !== undefined && Number.isNaN(stateValue(metric.states ?? {}, one)))
          note(['quality', i, 'when', key], `${key} has no state ${one}`);
    }
  });
}

function checkEvents(file: ProfileFile, note: Note): void {
  const hasRest = parsePattern(topicTextOf(file)).pattern?.hasRest === true;
  file.events.forEach((event, i) => {
    if (event.topic === undefined) return;
    if (!hasRest) note(['events', i, 'topic'], 'mqtt.topic must end with # for this');
    if (!isFilter(event.topic)) note(['events', i, 'topic'], 'is no topic filter');
  });
}

/** All faults of a file whose shape is right, examples excepted. */
export function checkFile(file: ProfileFile, note: Note): void {
  checkSections(file, note);
  checkOptions(file, note);
  checkModbus(file, note);
  checkMqtt(file, note);
  checkMetrics(file, note);
  checkQuality(file, note);
  checkEvents(file, note);
}
