/** The bytes of a Modbus frame as they are kept and shown: the words that were read, block after block, two bytes each. */
import { OperationalError } from '@village/core';
import type { ModbusFrame, NotRead, Places } from './frame.ts';
import { MODBUS } from './frame.ts';
import { type Block, joinPlaces } from './plan.ts';
import { isBits } from './registers.ts';

/** The runs of a block's places that were read. */
export function readPlaces(length: number, notRead: readonly NotRead[] = []): Places[] {
  const runs: Places[] = [];
  let at = 0;
  for (const gap of joinPlaces(notRead)) {
    if (gap.at > at) runs.push({ at, count: gap.at - at });
    at = Math.max(at, gap.at + gap.count);
  }
  if (at < length) runs.push({ at, count: length - at });
  return runs;
}

/** High byte first as on the wire; a bit is a word too. */
export function bytesOfFrame({ blocks, notRead }: ModbusFrame): Buffer {
  const words = Object.entries(blocks).flatMap(([name, block]) =>
    readPlaces(block.length, notRead?.[name]).flatMap(({ at, count }) =>
      [...block.slice(at, at + count)].map(Number),
    ),
  );
  const bytes = Buffer.alloc(2 * words.length);
  for (const [i, word] of words.entries()) bytes.writeUInt16BE(word, 2 * i);
  return bytes;
}

/**
 * The blocks in their order with the words of each, `water:12`: a device may refuse one, and answer more than was asked. Of
 * a block that was not read whole each run with where it begins: `water@0:4 water@6:2`.
 */
export function framingOf({ blocks, notRead }: ModbusFrame): string {
  return Object.entries(blocks)
    .flatMap(([name, block]) => {
      const gaps = notRead?.[name];
      if (gaps === undefined) return [`${name}:${block.length}`];
      return readPlaces(block.length, gaps).map(({ at, count }) => `${name}@${at}:${count}`);
    })
    .join(' ');
}

/** @throws frame-too-short when the bytes are not those of the blocks */
export function frameOfBytes(
  known: readonly Block[],
  payload: Uint8Array,
  framing: string,
): ModbusFrame {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const blocks: Record<string, Uint16Array | boolean[]> = {};
  const runs = new Map<string, Places[]>();
  let at = 0;
  for (const part of framing.split(' ').filter((word) => word !== '')) {
    const [, name = '', first, length = '0'] = /^(.+?)(?:@(\d{1,6}))?:(\d{1,6})$/.exec(part) ?? [];
    const block = known.find((one) => one.name === name);
    const count = Number(length);
    const offset = Number(first ?? 0);
    if (
      block === undefined ||
      at + 2 * count > bytes.length ||
      (first !== undefined && offset + count > block.count)
    )
      throw new OperationalError('frame-too-short', `${part} is no block of these bytes`);
    const size = first === undefined ? count : block.count;
    const values =
      blocks[name] ??
      (isBits(block.table) ? new Array<boolean>(size).fill(false) : new Uint16Array(size));
    blocks[name] = values;
    for (let i = 0; i < count; i++) {
      const word = bytes.readUInt16BE(at + 2 * i);
      values[offset + i] = (isBits(block.table) ? word !== 0 : word) as never;
    }
    if (first !== undefined) runs.set(name, [...(runs.get(name) ?? []), { at: offset, count }]);
    at += 2 * count;
  }
  if (at !== bytes.length)
    throw new OperationalError('frame-too-short', `${bytes.length - at} bytes are of no block`);
  if (runs.size === 0) return { protocol: MODBUS, blocks };
  const notRead = Object.fromEntries(
    [...runs].map(([name, read]) => [name, readPlaces(blocks[name]?.length ?? 0, read)]),
  );
  return { protocol: MODBUS, blocks, notRead };
}

/** Where a place of a block begins in the bytes, counted from the block's first; undefined when it was not read. */
export function byteOf(
  place: Places,
  length: number,
  notRead: readonly NotRead[] | undefined,
): number | undefined {
  let before = 0;
  for (const { at, count } of readPlaces(length, notRead)) {
    if (place.at >= at && place.at + place.count <= at + count) return 2 * (before + place.at - at);
    before += count;
  }
  return undefined;
}
