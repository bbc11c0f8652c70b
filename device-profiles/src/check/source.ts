/** Checks of where a metric comes from: registers inside their blocks, paths, fields. */

import { topicTextOf } from '../compile.ts';
import { registersOf } from '../protocols/modbus/codec.ts';
import { isBits, REGISTER_COUNT } from '../protocols/modbus/registers.ts';
import { fieldOf, pathsOf } from '../protocols/mqtt/json-codec.ts';
import { isFilter, parsePattern } from '../protocols/mqtt/topic.ts';
import {
  type MetricFile,
  type ProfileFile,
  type RegisterFile,
  WORD_ORDERS,
} from '../schema/file.ts';
import { checkOptionRef, type Note, type Path, valuesOf } from './note.ts';

function checkRegister(file: ProfileFile, from: RegisterFile, path: Path, note: Note): void {
  checkOptionRef(file, from.at, 'number', [...path, 'at'], note);
  checkOptionRef(file, from.wordOrder, 'string', [...path, 'wordOrder'], note);
  const blocks = file.modbus?.blocks ?? {};
  const block = Object.hasOwn(blocks, from.block) ? blocks[from.block] : undefined;
  if (block === undefined) {
    note([...path, 'block'], `there is no block ${from.block}`);
    return;
  }
  for (const at of valuesOf<number>(file, from.at)) {
    const end = at + REGISTER_COUNT[from.type];
    if (typeof at !== 'number' || !Number.isInteger(at) || at < 0 || end > block.count)
      note(
        [...path, 'at'],
        `${from.type} at ${at} lies outside block ${from.block}, which holds ${block.count}`,
      );
  }
  if (isBits(block.table)) {
    if (from.type !== 'bit') note([...path, 'type'], `a ${block.table} is a bit`);
    if (from.bit !== undefined) note([...path, 'bit'], `a ${block.table} is one bit`);
  } else if (from.type === 'bit' && from.bit === undefined)
    note(path, 'bit is missing: which bit of the register');
  else if (from.type !== 'bit' && from.bit !== undefined)
    note([...path, 'bit'], 'only with type: bit');
}

function checkWordOrder(file: ProfileFile, note: Note): void {
  const order = file.modbus?.wordOrder;
  const path = ['modbus', 'wordOrder'];
  checkOptionRef(file, order, 'string', path, note);
  for (const one of valuesOf<string>(file, order))
    if (!(WORD_ORDERS as readonly string[]).includes(one)) note(path, `${one} is no word order`);
}

function checkModbusSource(file: ProfileFile, metric: MetricFile, path: Path, note: Note): void {
  const places = registersOf(metric);
  if (places.length === 0) note([...path, 'from'], 'must name a block, or the sum of two places');
  const at = places.length > 1 ? [...path, 'from', 'sum'] : [...path, 'from'];
  places.forEach((from, i) => {
    checkRegister(file, from, places.length > 1 ? [...at, i] : at, note);
  });
  if (places.length > 1 && places.filter((from) => from.type.startsWith('float')).length > 1)
    note(at, 'one of the two must be whole, the other its fraction');
}

function checkJsonSource(file: ProfileFile, metric: MetricFile, path: Path, note: Note): void {
  const field = fieldOf(metric);
  const paths = pathsOf(metric);
  if (field !== undefined) {
    const known = file.tlv?.records.some((one) => one.fields.some((is) => is.field === field));
    if (known !== true) note([...path, 'from', 'field'], `no record of tlv has a field ${field}`);
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

/** Notes what is wrong with a metric's `from`, by the protocol and payload of its file. */
export function checkMetricSource(
  file: ProfileFile,
  metric: MetricFile,
  path: Path,
  note: Note,
): void {
  if (file.protocol === 'modbus') {
    if (path[1] === 0) checkWordOrder(file, note);
    checkModbusSource(file, metric, path, note);
  } else if (file.mqtt?.payload === 'native') {
    for (const key of ['from', 'scale', 'offset', 'unit', 'absent'] as const)
      if (metric[key] !== undefined)
        note([...path, key], 'a native payload carries canonical values by key');
  } else checkJsonSource(file, metric, path, note);
}
