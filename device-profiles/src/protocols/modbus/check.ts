/** Checks of Modbus profiles: blocks inside the address space, metrics inside their blocks. */
import { checkOptionRef, type Note, type Path, valuesOf } from '../../check/note.ts';
import type { MetricFile, ProfileFile } from '../../schema/file.ts';
import { checkAbsent } from './absent.ts';
import { isBits, REGISTER_COUNT } from './registers.ts';
import { modbusOf, type RegisterFile, registersOf, WORD_ORDERS } from './schema.ts';

/** Notes what is wrong with the section. */
export function checkModbus(file: ProfileFile, note: Note): void {
  for (const [name, block] of Object.entries(modbusOf(file)?.blocks ?? {})) {
    const { address, count, channel } = block;
    if (channel !== undefined)
      note(['modbus', 'blocks', name, 'channel'], `there is no kind of channel ${channel}`);
    else if (address === undefined) note(['modbus', 'blocks', name], 'address is missing');
    else if (address + count > 65_536)
      note(['modbus', 'blocks', name], 'ends beyond address 65535');
  }
  if (file.events.length > 0) note(['events'], 'only MQTT profiles have events');
  checkWordOrder(file, note);
}

function checkRegister(file: ProfileFile, from: RegisterFile, path: Path, note: Note): void {
  checkOptionRef(file, from.at, 'number', [...path, 'at'], note);
  checkOptionRef(file, from.wordOrder, 'string', [...path, 'wordOrder'], note);
  const blocks = modbusOf(file)?.blocks ?? {};
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
  const order = modbusOf(file)?.wordOrder;
  const path = ['modbus', 'wordOrder'];
  checkOptionRef(file, order, 'string', path, note);
  for (const one of valuesOf<string>(file, order))
    if (!(WORD_ORDERS as readonly string[]).includes(one)) note(path, `${one} is no word order`);
}

/** Notes what is wrong with a metric's `from`. */
export function checkModbusSource(
  file: ProfileFile,
  metric: MetricFile,
  path: Path,
  note: Note,
): void {
  const refs = registersOf(metric);
  if (refs.length === 0) note([...path, 'from'], 'must name a block, or the sum of two places');
  const at = refs.length > 1 ? [...path, 'from', 'sum'] : [...path, 'from'];
  refs.forEach((from, i) => {
    checkRegister(file, from, refs.length > 1 ? [...at, i] : at, note);
  });
  checkAbsent(metric, path, note);
  if (refs.length > 1 && refs.filter((from) => from.type.startsWith('float')).length > 1)
    note(at, 'one of the two must be whole, the other its fraction');
}
