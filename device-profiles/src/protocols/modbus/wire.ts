/**
 * Modbus on the wire (application protocol V1.1b3, TCP V1.0b, serial line V1.02): requests and answers of functions 1 to 4
 * as bytes. The gateway's driver, the simulated slaves and tests share it.
 */
import type { ModbusTable } from './frame.ts';
import { BITS_MAX, isBits, REGISTERS_MAX } from './registers.ts';

/** What a PDU travels in: a header with transaction and length, or, behind a transparent converter, a unit and a checksum. */
export const FRAMINGS = ['tcp', 'rtu'] as const;
export type Framing = (typeof FRAMINGS)[number];

/** Transaction, protocol and length; the unit that follows counts to the length. */
export const HEADER_BYTES = 6;
/** Unit and a PDU of at most 253 bytes. */
export const LENGTH_MAX = 254;

export const FUNCTION_OF: Readonly<Record<ModbusTable, number>> = {
  coil: 1,
  discrete: 2,
  holding: 3,
  input: 4,
};
const tables = new Map(
  Object.entries(FUNCTION_OF).map(([table, code]) => [code, table as ModbusTable]),
);

export const EXCEPTION = { illegalFunction: 1, illegalAddress: 2, illegalValue: 3 } as const;
/** Set in the function of an answer that refuses. */
export const REFUSES = 0x80;

/** Registers, or bits. */
export type ModbusValues = Uint16Array | readonly boolean[];

export interface ReadPdu {
  readonly table: ModbusTable;
  readonly address: number;
  readonly count: number;
}

export function requestPdu({ table, address, count }: ReadPdu): Buffer {
  const pdu = Buffer.alloc(5);
  pdu[0] = FUNCTION_OF[table];
  pdu.writeUInt16BE(address, 1);
  pdu.writeUInt16BE(count, 3);
  return pdu;
}

/** What a request asks for, or the code of the exception that answers it. */
export function readOf(pdu: Uint8Array): ReadPdu | number {
  const table = tables.get(pdu[0] ?? 0);
  if (table === undefined) return EXCEPTION.illegalFunction;
  if (pdu.length !== 5) return EXCEPTION.illegalValue;
  const [, high = 0, low = 0, many = 0, few = 0] = pdu;
  const count = many * 256 + few;
  if (count < 1 || count > (isBits(table) ? BITS_MAX : REGISTERS_MAX))
    return EXCEPTION.illegalValue;
  return { table, address: high * 256 + low, count };
}

export function exceptionPdu(code: number, exception: number): Buffer {
  return Buffer.of(code | REFUSES, exception);
}

/** Bytes of values that answer a request. */
export function byteCountOf({ table, count }: ReadPdu): number {
  return isBits(table) ? Math.ceil(count / 8) : 2 * count;
}

/** Byte count, then bits from the lowest, or registers high byte first. */
export function answerPdu(read: ReadPdu, values: ArrayLike<number>): Buffer {
  const bytes = byteCountOf(read);
  const pdu = Buffer.alloc(2 + bytes);
  pdu[0] = FUNCTION_OF[read.table];
  pdu[1] = bytes;
  for (let i = 0; i < read.count; i++) {
    const value = values[i] ?? 0;
    if (!isBits(read.table)) pdu.writeUInt16BE(value & 0xffff, 2 + 2 * i);
    else if (value !== 0) pdu[2 + (i >> 3)] = (pdu[2 + (i >> 3)] ?? 0) | (1 << (i & 7));
  }
  return pdu;
}

/** The values of an answer to a request, from where they begin in the bytes. */
export function valuesOf({ table, count }: ReadPdu, bytes: Uint8Array, at: number): ModbusValues {
  if (isBits(table))
    return Array.from(
      { length: count },
      (_, i) => ((bytes[at + (i >> 3)] ?? 0) & (1 << (i & 7))) !== 0,
    );
  const words = new Uint16Array(count);
  for (let i = 0; i < count; i++)
    words[i] = (bytes[at + 2 * i] ?? 0) * 256 + (bytes[at + 2 * i + 1] ?? 0);
  return words;
}

/** A PDU behind the header of Modbus TCP. */
export function tcpFrame(transaction: number, unit: number, pdu: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + 1 + pdu.length);
  frame.writeUInt16BE(transaction, 0);
  frame.writeUInt16BE(pdu.length + 1, 4);
  frame[HEADER_BYTES] = unit;
  frame.set(pdu, HEADER_BYTES + 1);
  return frame;
}

/** A PDU as it goes over a serial line. */
export function rtuFrame(unit: number, pdu: Uint8Array): Buffer {
  const frame = Buffer.alloc(3 + pdu.length);
  frame[0] = unit;
  frame.set(pdu, 1);
  frame.writeUInt16LE(crc16(frame.subarray(0, -2)), 1 + pdu.length);
  return frame;
}

/** Checksum of a frame on a serial line; sent low byte first. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}
