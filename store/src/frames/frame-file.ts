/**
 * One file of frames: blocks in the order of (device, at, receipt), each compressed with a checksum, pages that list 256
 * blocks each, and a footer that lists the pages and says how far the journal is in files. Memory holds footers alone.
 * Written once, under a temporary name first.
 */
import { hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, zstdCompress, zstdDecompress } from 'node:zlib';
import { OperationalError } from '@village/core';
import type { JournalPlace, ReceivedFrame } from '../journal/contract.ts';
import { weightOf } from '../journal/frame-section.ts';
import { decodeFrames, encodeFrames } from './columns.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const TAIL = 'VFRAMES2';
const TAIL_BYTES = 16;
/** A block is full at so many bytes of what was said and the texts about it, or frames. */
const BLOCK_BYTES = 512 * 1024;
const BLOCK_FRAMES = 1_024;
/** More than a full block can come to. */
const BLOCK_RAW_MAX = 16 * 1024 * 1024;
const FOOTER_RAW_MAX = 64 * 1024 * 1024;
const PAGE_BLOCKS = 256;

type Key = readonly [device: string, at: number];

/** A stretch of the file: a block of frames, or a page of blocks. */
export interface Stretch {
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
  readonly first: Key;
  readonly last: Key;
}

export interface Footer {
  /** Every group up to here has its frames in this file or in those before. */
  readonly place: JournalPlace;
  readonly frames: number;
  /** Times of receipt and event times of the frames, ms, both inclusive. */
  readonly received: readonly [from: number, to: number];
  readonly at: readonly [from: number, to: number];
  /** Names of the files whose frames are all here: they are deleted. */
  readonly replaces: readonly string[];
  /** Only pinned frames are left. */
  readonly pinnedOnly: boolean;
  readonly pages: readonly Stretch[];
}

/** What a writer says of a file besides its frames. */
export type FileHead = Pick<Footer, 'place' | 'replaces' | 'pinnedOnly'>;

export const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The order of frames in a file. */
export const compareFrames = (a: ReceivedFrame, b: ReceivedFrame): number =>
  compareTexts(a.device, b.device) || a.at - b.at || a.receivedAt - b.receivedAt;

/** Sorted frames without those that were sent again: of (device, at, payload) the one received first. */
export async function* once(
  frames: AsyncIterable<ReceivedFrame> | Iterable<ReceivedFrame>,
): AsyncGenerator<ReceivedFrame> {
  let first: ReceivedFrame | null = null;
  // Digests, since a clock that stands still gives a day of messages one time.
  let said: Set<string> | null = null;
  for await (const frame of frames) {
    if (first?.device !== frame.device || first.at !== frame.at) {
      first = frame;
      said = null;
    } else {
      said ??= new Set([digestOf(first)]);
      const before = said.size;
      if (said.add(digestOf(frame)).size === before) continue;
    }
    yield frame;
  }
}

const digestOf = ({ payload }: ReceivedFrame): string => hash('sha256', payload, 'base64');

const damaged = (path: string): OperationalError =>
  new OperationalError('frames-damaged', `${path} is not as it was written.`);

async function readExactly(
  file: FileHandle,
  path: string,
  offset: number,
  bytes: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  const { bytesRead } = await file.read(buffer, 0, bytes, offset);
  if (bytesRead !== bytes) throw damaged(path);
  return buffer;
}

async function unpack(packed: Buffer, path: string, most: number): Promise<Buffer> {
  try {
    return await decompress(packed, { maxOutputLength: most });
  } catch (cause) {
    throw new OperationalError('frames-damaged', `${path} can't be unpacked.`, { cause });
  }
}

/** The footer of a file. @throws frames-damaged */
export async function readFooter(path: string): Promise<Footer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size < TAIL_BYTES) throw damaged(path);
    const tail = await readExactly(file, path, size - TAIL_BYTES, TAIL_BYTES);
    const bytes = tail.readUInt32LE(0);
    if (tail.toString('latin1', 8) !== TAIL || bytes > size - TAIL_BYTES) throw damaged(path);
    const packed = await readExactly(file, path, size - TAIL_BYTES - bytes, bytes);
    if (crc32(packed) !== tail.readUInt32LE(4)) throw damaged(path);
    return JSON.parse((await unpack(packed, path, FOOTER_RAW_MAX)).toString('utf8')) as Footer;
  } finally {
    await file.close();
  }
}

async function readStretch(path: string, { offset, bytes, crc }: Stretch): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const packed = await readExactly(file, path, offset, bytes);
    if (crc32(packed) !== crc) throw damaged(path);
    return await unpack(packed, path, BLOCK_RAW_MAX);
  } finally {
    await file.close();
  }
}

/** The blocks of a page. @throws frames-damaged */
export async function readPage(path: string, page: Stretch): Promise<Stretch[]> {
  return JSON.parse((await readStretch(path, page)).toString('utf8')) as Stretch[];
}

/** The frames of one block, or those of these devices and times alone. @throws frames-damaged */
export async function readBlock(
  path: string,
  block: Stretch,
  isWanted?: (device: string, at: number) => boolean,
): Promise<ReceivedFrame[]> {
  return decodeFrames(await readStretch(path, block), isWanted);
}

class BlockWriter {
  readonly #file: FileHandle;
  #blocks: Stretch[] = [];
  readonly pages: Stretch[] = [];
  offset = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#file.writev([bytes], this.offset);
    this.offset += bytes.length;
  }

  async add(frames: readonly ReceivedFrame[]): Promise<void> {
    const [first, last] = [frames[0]!, frames.at(-1)!];
    const keys = [
      [first.device, first.at],
      [last.device, last.at],
    ] as const;
    this.#blocks.push(await this.#stretch(encodeFrames(frames), ...keys));
    if (this.#blocks.length === PAGE_BLOCKS) await this.endPage();
  }

  async endPage(): Promise<void> {
    const blocks = this.#blocks;
    if (blocks.length === 0) return;
    this.#blocks = [];
    const content = Buffer.from(JSON.stringify(blocks));
    this.pages.push(await this.#stretch(content, blocks[0]!.first, blocks.at(-1)!.last));
  }

  async #stretch(content: Buffer, first: Key, last: Key): Promise<Stretch> {
    const packed = await compress(content);
    const { offset } = this;
    await this.write(packed);
    return { offset, bytes: packed.length, crc: crc32(packed), first, last };
  }
}

/** What was renamed in a folder outlives a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Writes sorted frames as a file, durably: after a kill it is there whole or not at all. Resolves to its name and footer,
 * or to null when there are no frames: then no file is made.
 */
export async function writeFrameFile(
  folder: string,
  nameOf: (received: Footer['received']) => string,
  frames: AsyncIterable<ReceivedFrame> | Iterable<ReceivedFrame>,
  head: FileHead,
): Promise<{ name: string; footer: Footer; bytes: number } | null> {
  const temporary = join(folder, `${process.pid}-${Math.round(performance.now() * 1000)}.tmp`);
  const file = await open(temporary, 'w');
  try {
    const writer = new BlockWriter(file);
    let open_: ReceivedFrame[] = [];
    let [bytes, count] = [0, 0];
    const received: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const at: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for await (const frame of once(frames)) {
      open_.push(frame);
      count++;
      bytes += weightOf(frame);
      received[0] = Math.min(received[0], frame.receivedAt);
      received[1] = Math.max(received[1], frame.receivedAt);
      at[0] = Math.min(at[0], frame.at);
      at[1] = Math.max(at[1], frame.at);
      if (bytes < BLOCK_BYTES && open_.length < BLOCK_FRAMES) continue;
      await writer.add(open_);
      open_ = [];
      bytes = 0;
    }
    if (open_.length > 0) await writer.add(open_);
    await writer.endPage();
    if (count === 0) return null;
    const footer: Footer = { ...head, frames: count, received, at, pages: writer.pages };
    const packed = await compress(Buffer.from(JSON.stringify(footer)));
    const tail = Buffer.alloc(TAIL_BYTES);
    tail.writeUInt32LE(packed.length, 0);
    tail.writeUInt32LE(crc32(packed), 4);
    tail.write(TAIL, 8, 'latin1');
    await writer.write(packed);
    await writer.write(tail);
    await file.sync();
    const name = nameOf(received);
    await rename(temporary, join(folder, name));
    await syncFolder(dirname(join(folder, name)));
    return { name, footer, bytes: writer.offset };
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}
