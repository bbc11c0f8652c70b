/** Which requests read all blocks of a profile, how a refused one is split, and the frame that their answers make up. */
import { OperationalError } from '@village/core';
import {
  MODBUS,
  type ModbusFrame,
  type ModbusRead,
  type ModbusTable,
  type NotRead,
  type Places,
} from './frame.ts';
import { BITS_MAX, isBits, REGISTERS_MAX } from './registers.ts';
import type { ModbusValues } from './wire.ts';

/** A block of a profile as the planner needs it. */
export interface Block {
  readonly name: string;
  readonly table: ModbusTable;
  readonly address: number;
  readonly count: number;
  /** All its metrics may be absent: it is never read together with one that is needed. */
  readonly optional: boolean;
  /** The places of its values, in order. */
  readonly values?: readonly Places[];
}

export interface PlanLimits {
  /** Unused registers that may be read along; −1 for a request for each block. For bits sixteen times as many. */
  readonly maxGap: number;
  /** Registers of one request; for bits sixteen times as many. */
  readonly registersMax?: number;
}

interface OpenRead extends ModbusRead {
  count: number;
  parts: ModbusRead['parts'][number][];
  values: Places[];
}

/** Places in order, those that overlap put together. */
export function joinPlaces(places: readonly Places[]): Places[] {
  const joined: { at: number; count: number }[] = [];
  for (const { at, count } of [...places].sort((a, b) => a.at - b.at)) {
    const last = joined.at(-1);
    if (last !== undefined && at < last.at + last.count)
      last.count = Math.max(last.count, at + count - last.at);
    else joined.push({ at, count });
  }
  return joined;
}

function mostOf(table: ModbusTable, registersMax = REGISTERS_MAX): number {
  return isBits(table) ? Math.min(BITS_MAX, 16 * registersMax) : registersMax;
}

/** Cuts a block where one request ends, before a value that would come half from one answer and half from another. */
function piecesOf(block: Block, most: number) {
  const pieces: { block: Block; offset: number; address: number; count: number }[] = [];
  for (let offset = 0; offset < block.count; ) {
    let end = Math.min(offset + most, block.count);
    const cut = block.values?.find(({ at, count }) => at < end && end < at + count);
    if (cut !== undefined && cut.at > offset) end = cut.at;
    pieces.push({ block, offset, address: block.address + offset, count: end - offset });
    offset = end;
  }
  return pieces;
}

/** Splits blocks that one request can't read, then joins neighbours of one table whose gap is small enough. */
export function plan(blocks: readonly Block[], { maxGap, registersMax }: PlanLimits): ModbusRead[] {
  const pieces = blocks.flatMap((block) => piecesOf(block, mostOf(block.table, registersMax)));
  pieces.sort(
    (a, b) =>
      a.block.table.localeCompare(b.block.table) ||
      Number(a.block.optional) - Number(b.block.optional) ||
      a.address - b.address,
  );
  const reads: OpenRead[] = [];
  let last: { table: ModbusTable; optional: boolean } | undefined;
  for (const { block, offset, address, count } of pieces) {
    const gapMax = isBits(block.table) ? maxGap * 16 : maxGap;
    const open = reads.at(-1);
    const joins =
      open !== undefined &&
      maxGap >= 0 &&
      last?.table === block.table &&
      last.optional === block.optional &&
      address - (open.address + open.count) <= gapMax &&
      address + count - open.address <= mostOf(block.table, registersMax);
    const read = joins ? open : { table: block.table, address, count, parts: [], values: [] };
    if (!joins) reads.push(read);
    const at = address - read.address;
    read.parts.push({ block: block.name, length: block.count, offset, count, at });
    read.count = Math.max(read.count, at + count);
    for (const value of block.values ?? []) {
      const from = Math.max(value.at, offset);
      const to = Math.min(value.at + value.count, offset + count);
      if (from < to) read.values.push({ at: at + from - offset, count: to - from });
    }
    last = block;
  }
  return reads.map((read) => ({ ...read, values: joinPlaces(read.values) }));
}

/**
 * Two requests that read the values of one, without what lies between: cut at its widest gap, or in the middle where there
 * is none. Null when it reads one value alone.
 */
export function splitRead(read: ModbusRead): readonly [ModbusRead, ModbusRead] | null {
  const { values } = read;
  let cut = 0;
  let widest = -1;
  for (let i = 1; i < values.length; i++) {
    const before = values[i - 1] as Places;
    const gap = (values[i] as Places).at - (before.at + before.count);
    const isMoreInTheMiddle = Math.abs(2 * i - values.length) < Math.abs(2 * cut - values.length);
    if (gap > widest || (gap === widest && isMoreInTheMiddle)) {
      widest = gap;
      cut = i;
    }
  }
  if (cut === 0) return null;
  return [partOf(read, values.slice(0, cut)), partOf(read, values.slice(cut))];
}

/** The request for some of the values of another. */
function partOf(read: ModbusRead, values: readonly Places[]): ModbusRead {
  const from = (values[0] as Places).at;
  const to = Math.max(...values.map(({ at, count }) => at + count));
  return {
    table: read.table,
    address: read.address + from,
    count: to - from,
    values: values.map(({ at, count }) => ({ at: at - from, count })),
    parts: read.parts.flatMap(({ block, length, offset, count, at }) => {
      const begin = Math.max(at, from);
      const end = Math.min(at + count, to);
      if (begin >= end) return [];
      return [{ block, length, offset: offset + begin - at, count: end - begin, at: begin - from }];
    }),
  };
}

/** What became of a planned read: its values, or why there are none. */
export type ReadResult = ModbusValues | OperationalError;

/** A block while it is put together. */
interface OpenBlock {
  readonly values: Uint16Array | boolean[];
  /** Which of its places were read. */
  readonly read: Uint8Array;
  readonly faults: NotRead[];
}

/**
 * The frame that the results of reads make up. What was not read stands in `notRead` with its reason; a block of which
 * nothing was read is not in the frame.
 * @throws frame-too-short when an answer holds less than was asked.
 */
export function assembleFrame(
  reads: readonly ModbusRead[],
  results: readonly ReadResult[],
): ModbusFrame {
  const open = new Map<string, OpenBlock>();
  reads.forEach((read, i) => {
    const result = results[i];
    if (result === undefined) throw new Error('BUG: a read without its result');
    for (const { block: name, length, offset, count, at } of read.parts) {
      let block = open.get(name);
      if (block === undefined) {
        const values = isBits(read.table)
          ? new Array<boolean>(length).fill(false)
          : new Uint16Array(length);
        block = { values, read: new Uint8Array(length), faults: [] };
        open.set(name, block);
      }
      if (result instanceof OperationalError) {
        block.faults.push({ at: offset, count, reason: result.code, message: result.message });
        continue;
      }
      if (result.length < at + count)
        throw new OperationalError(
          'frame-too-short',
          `${read.table} ${read.address}: ${result.length} values of ${read.count}`,
        );
      for (let k = 0; k < count; k++) block.values[offset + k] = result[at + k] as never;
      block.read.fill(1, offset, offset + count);
    }
  });
  return closeFrame(open);
}

function closeFrame(open: ReadonlyMap<string, OpenBlock>): ModbusFrame {
  const blocks: Record<string, ModbusValues> = {};
  const notRead: Record<string, readonly NotRead[]> = {};
  for (const [name, { values, read, faults }] of open) {
    if (read.includes(1)) blocks[name] = values;
    // Between values that were asked for alone there are places that nobody asked for.
    const gaps = read.includes(0) ? gapsOf(read, faults) : [];
    if (gaps.length > 0) notRead[name] = gaps;
  }
  return { protocol: MODBUS, blocks, ...(Object.keys(notRead).length === 0 ? {} : { notRead }) };
}

function gapsOf(read: Uint8Array, faults: readonly NotRead[]): NotRead[] {
  const gaps: NotRead[] = [...faults];
  const asked = Uint8Array.from(read);
  for (const { at, count } of faults) asked.fill(1, at, at + count);
  for (let at = asked.indexOf(0); at >= 0; at = asked.indexOf(0, at)) {
    const next = asked.indexOf(1, at);
    const end = next < 0 ? asked.length : next;
    gaps.push({ at, count: end - at });
    at = end;
  }
  return gaps.sort((a, b) => a.at - b.at);
}
