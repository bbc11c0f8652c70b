/** Registers and bits, and values in them. */
import { shortestFloat32 } from '../../metric/number.ts';
import type { ModbusTable } from './frame.ts';
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
  uint64: 4,
  int64: 4,
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
  // Beyond 2^53 the nearest double, as every other value that is one.
  if (type === 'uint64') return Number(scratch.getBigUint64(0));
  if (type === 'int64') return Number(scratch.getBigInt64(0));
  return type === 'float32' ? shortestFloat32(scratch.getFloat32(0)) : scratch.getFloat64(0);
}

const INTEGER_LIMITS = {
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
} as const;
const LIMITS_64 = {
  uint64: [0n, 2n ** 64n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
} as const;

type WholeType = keyof typeof INTEGER_LIMITS | keyof typeof LIMITS_64;

export function isWholeType(type: RegisterType): type is WholeType {
  return type in INTEGER_LIMITS || type in LIMITS_64;
}

/** The lowest and the highest number of a whole type; of 64 bits the nearest doubles. */
export function limitsOf(type: WholeType): readonly [low: number, high: number] {
  if (type !== 'uint64' && type !== 'int64') return INTEGER_LIMITS[type];
  const [low, high] = LIMITS_64[type];
  return [Number(low), Number(high)];
}

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
  else if (type === 'uint64' || type === 'int64') {
    const [low, high] = LIMITS_64[type];
    // A number that is none is written as 0, as by the others.
    const whole = BigInt(Math.round(Math.min(Math.max(value, Number(low)), Number(high))) || 0);
    scratch.setBigUint64(0, BigInt.asUintN(64, whole < low ? low : whole > high ? high : whole));
  } else {
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

/** Whether a table holds single bits. */
export function isBits(table: ModbusTable): boolean {
  return table === 'coil' || table === 'discrete';
}
