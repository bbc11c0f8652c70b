/** Registers and bits: values in them, and which requests read all blocks of a profile. */
import { OperationalError } from '@village/core';
import { shortestFloat32 } from '../../metric/number.ts';
import { MODBUS, type ModbusFrame, type ModbusRead, type ModbusTable } from './frame.ts';
import type { RegisterType, WordOrder } from './schema.ts';

export const REGISTERS_MAX = 125;
export const BITS_MAX = 2_000;

/** Registers that a value of the type takes. */
export const REGISTER_COUNT: Readonly<Record<RegisterType, number>> = {
  bit: 1,
  uint16: 1,
  int16: 1,
  uint32: 2,
  int32: 2,
  float32: 2,
  float64: 4,
};

const scratch = new DataView(new ArrayBuffer(8));

/** Puts `count` registers into the scratch bytes, most significant byte first. */
function gather(words: Uint16Array, at: number, count: number, order: WordOrder): void {
  const lowWordFirst = order === 'CDAB' || order === 'DCBA';
  const lowByteFirst = order === 'BADC' || order === 'DCBA';
  for (let i = 0; i < count; i++) {
    const word = words[lowWordFirst ? at + count - 1 - i : at + i] as number;
    scratch.setUint16(2 * i, word, lowByteFirst);
  }
}

/** The number in registers; the word order concerns values of two or more registers only. */
export function readRegisters(
  words: Uint16Array,
  at: number,
  type: Exclude<RegisterType, 'bit'>,
  order: WordOrder,
): number {
  const first = words[at] as number;
  if (type === 'uint16') return first;
  if (type === 'int16') return (first << 16) >> 16;
  gather(words, at, REGISTER_COUNT[type], order);
  if (type === 'uint32') return scratch.getUint32(0);
  if (type === 'int32') return scratch.getInt32(0);
  return type === 'float32' ? shortestFloat32(scratch.getFloat32(0)) : scratch.getFloat64(0);
}

const INTEGER_LIMITS = {
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
} as const;

/** Writes a number as readRegisters reads it; whole types round and stop at their limits, as instruments do. */
export function writeRegisters(
  words: Uint16Array,
  at: number,
  type: Exclude<RegisterType, 'bit'>,
  order: WordOrder,
  value: number,
): void {
  const count = REGISTER_COUNT[type];
  if (type === 'float32') scratch.setFloat32(0, value);
  else if (type === 'float64') scratch.setFloat64(0, value);
  else {
    const [low, high] = INTEGER_LIMITS[type];
    const whole = Math.min(Math.max(Math.round(value), low), high);
    if (count === 1) scratch.setUint16(0, whole & 0xffff);
    else scratch.setUint32(0, whole >>> 0);
  }
  const ordered = count === 1 ? 'ABCD' : order;
  const lowWordFirst = ordered === 'CDAB' || ordered === 'DCBA';
  const lowByteFirst = ordered === 'BADC' || ordered === 'DCBA';
  for (let i = 0; i < count; i++)
    words[lowWordFirst ? at + count - 1 - i : at + i] = scratch.getUint16(2 * i, lowByteFirst);
}

/** A block of a profile as the planner needs it. */
export interface Block {
  readonly name: string;
  readonly table: ModbusTable;
  readonly address: number;
  readonly count: number;
  /** All its metrics may be absent: it is never read together with one that is needed. */
  readonly optional: boolean;
}

/** Whether a table holds single bits. */
export function isBits(table: ModbusTable): boolean {
  return table === 'coil' || table === 'discrete';
}

/** Splits blocks that one request can't read, then joins neighbours of one table whose gap is small enough. */
export function plan(blocks: readonly Block[], maxGap: number): ModbusRead[] {
  const pieces = blocks.flatMap((block) => {
    const most = isBits(block.table) ? BITS_MAX : REGISTERS_MAX;
    const starts = Array.from({ length: Math.ceil(block.count / most) }, (_, i) => i * most);
    return starts.map((offset) => ({
      block,
      offset,
      address: block.address + offset,
      count: Math.min(most, block.count - offset),
    }));
  });
  pieces.sort(
    (a, b) =>
      a.block.table.localeCompare(b.block.table) ||
      Number(a.block.optional) - Number(b.block.optional) ||
      a.address - b.address,
  );
  const reads: (ModbusRead & { count: number; parts: ModbusRead['parts'][number][] })[] = [];
  let last: { table: ModbusTable; optional: boolean } | undefined;
  for (const { block, offset, address, count } of pieces) {
    const most = isBits(block.table) ? BITS_MAX : REGISTERS_MAX;
    const gapMax = isBits(block.table) ? maxGap * 16 : maxGap;
    const open = reads.at(-1);
    const joins =
      open !== undefined &&
      maxGap >= 0 &&
      last?.table === block.table &&
      last.optional === block.optional &&
      address - (open.address + open.count) <= gapMax &&
      address + count - open.address <= most;
    if (joins) {
      open.parts.push({ block: block.name, offset, count, at: address - open.address });
      open.count = Math.max(open.count, address + count - open.address);
    } else {
      const parts = [{ block: block.name, offset, count, at: 0 }];
      reads.push({ table: block.table, address, count, parts });
    }
    last = block;
  }
  return reads;
}

/**
 * The frame that the answers to planned reads make up, in the order of the plan. An answer may be undefined when the
 * device refuses it: its blocks are then missing from the frame, which is fine if their metrics are all optional.
 * @throws frame-too-short when an answer holds less than was asked.
 */
export function assembleFrame(
  reads: readonly ModbusRead[],
  answers: readonly (Uint16Array | readonly boolean[] | undefined)[],
): ModbusFrame {
  const blocks: Record<string, Uint16Array | boolean[]> = {};
  const refused = new Set<string>();
  reads.forEach((read, i) => {
    const answer = answers[i];
    for (const part of read.parts) {
      if (answer === undefined) {
        refused.add(part.block);
        continue;
      }
      if (answer.length < part.at + part.count)
        throw new OperationalError(
          'frame-too-short',
          `${read.table} ${read.address}: ${answer.length} values of ${read.count}`,
        );
      const end = part.at + part.count;
      if (answer instanceof Uint16Array) {
        const before = blocks[part.block];
        const grown = new Uint16Array(part.offset + part.count);
        if (before instanceof Uint16Array) grown.set(before);
        grown.set(answer.subarray(part.at, end), part.offset);
        blocks[part.block] = grown;
      } else {
        const before = blocks[part.block];
        const head = Array.isArray(before) ? before : [];
        blocks[part.block] = [...head, ...answer.slice(part.at, end)];
      }
    }
  });
  for (const name of refused) delete blocks[name];
  return { protocol: MODBUS, blocks };
}
