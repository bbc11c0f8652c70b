/**
 * Frames as columns, ready to be compressed: texts once each, numbers as differences, payloads of one length of one
 * device byte by byte, since what changes from message to message stands at the same places.
 */
import { OperationalError } from '@village/core';
import type { ReceivedFrame } from '../journal/contract.ts';

const VERSION = 1;

/** Whole numbers of any size that a double holds, small ones in one byte. */
class NumberWriter {
  #buffer = Buffer.alloc(1024);
  #at = 0;

  /** Negative ones too: 0, −1, 1, −2 … */
  put(value: number): void {
    if (this.#at + 10 > this.#buffer.length)
      this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(this.#buffer.length)]);
    let rest = value < 0 ? -value * 2 - 1 : value * 2;
    while (rest >= 128) {
      this.#buffer[this.#at++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}

class NumberReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  next(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined) throw damaged();
      value += (byte % 128) * weight;
      if (byte < 128) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

const damaged = (): OperationalError =>
  new OperationalError('frames-damaged', 'A block of frames is not as it was written.');

/** Text columns of a frame, in the order in which they stand in a block. */
const TEXTS = ['device', 'source', 'way', 'epoch', 'decoding'] as const;

/** Runs of frames of one device with payloads of one length. */
function* runs(
  frames: readonly { readonly device: string; readonly payload: { readonly length: number } }[],
): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < frames.length; ) {
    const { device, payload } = frames[from]!;
    let to = from + 1;
    while (frames[to]?.device === device && frames[to]?.payload.length === payload.length) to++;
    yield [from, to];
    from = to;
  }
}

function payloadColumn(frames: readonly ReceivedFrame[]): Buffer {
  const out = Buffer.alloc(frames.reduce((sum, { payload }) => sum + payload.length, 0));
  let at = 0;
  for (const [from, to] of runs(frames))
    for (let byte = 0; byte < frames[from]!.payload.length; byte++)
      for (let i = from; i < to; i++) out[at++] = frames[i]!.payload[byte]!;
  return out;
}

/** The bytes of frames, which may stand in any order; sorted ones take the least room. */
export function encodeFrames(frames: readonly ReceivedFrame[]): Buffer {
  const numbers = new Map<string, number>();
  const texts = TEXTS.map(() => new NumberWriter());
  const times = new NumberWriter();
  const delays = new NumberWriter();
  const sequences = new NumberWriter();
  const lengths = new NumberWriter();
  let [at, step, delay, sequence, length] = [0, 0, 0, 0, 0];
  for (const frame of frames) {
    TEXTS.forEach((name, i) => {
      const text = frame[name];
      const number = numbers.get(text) ?? numbers.size;
      if (number === numbers.size) numbers.set(text, number);
      texts[i]!.put(number);
    });
    times.put(frame.at - at - step);
    step = frame.at - at;
    at = frame.at;
    delays.put(frame.receivedAt - frame.at - delay);
    delay = frame.receivedAt - frame.at;
    sequences.put((frame.sequence ?? -1) - sequence);
    sequence = frame.sequence ?? -1;
    lengths.put(frame.payload.length - length);
    length = frame.payload.length;
  }
  const columns = [
    Buffer.from(JSON.stringify([...numbers.keys()])),
    ...texts.map((column) => column.bytes()),
    times.bytes(),
    delays.bytes(),
    sequences.bytes(),
    lengths.bytes(),
    payloadColumn(frames),
  ];
  const head = Buffer.alloc(8 + 4 * columns.length);
  head.writeUInt32LE(VERSION, 0);
  head.writeUInt32LE(frames.length, 4);
  columns.forEach((column, i) => {
    head.writeUInt32LE(column.length, 8 + 4 * i);
  });
  return Buffer.concat([head, ...columns]);
}

const COLUMNS = TEXTS.length + 6;

function columnsOf(block: Buffer): Buffer[] {
  let at = 8 + 4 * COLUMNS;
  if (block.length < at || block.readUInt32LE(0) !== VERSION) throw damaged();
  const columns = Array.from({ length: COLUMNS }, (_, i) => {
    const end = at + block.readUInt32LE(8 + 4 * i);
    const column = block.subarray(at, end);
    at = end;
    return column;
  });
  if (at !== block.length) throw damaged();
  return columns;
}

/** The frames of such bytes, in their order. @throws frames-damaged */
export function decodeFrames(block: Buffer): ReceivedFrame[] {
  const columns = columnsOf(block);
  const known = JSON.parse(columns[0]!.toString('utf8')) as string[];
  const texts = TEXTS.map((_, i) => new NumberReader(columns[1 + i]!));
  const [times, delays, sequences, lengths] = columns
    .slice(1 + TEXTS.length, -1)
    .map((column) => new NumberReader(column)) as [
    NumberReader,
    NumberReader,
    NumberReader,
    NumberReader,
  ];
  const payloads = columns.at(-1)!;
  let [at, step, delay, sequence, length] = [0, 0, 0, 0, 0];
  const frames = Array.from({ length: block.readUInt32LE(4) }, () => {
    const [device, source, way, epoch, decoding] = texts.map((column) => {
      const text = known[column.next()];
      if (text === undefined) throw damaged();
      return text;
    }) as [string, string, string, string, string];
    step += times.next();
    at += step;
    delay += delays.next();
    sequence += sequences.next();
    length += lengths.next();
    return {
      device,
      at,
      receivedAt: at + delay,
      source,
      way,
      epoch,
      sequence: sequence === -1 ? null : sequence,
      decoding,
      payload: new Uint8Array(length),
    };
  });
  let next = 0;
  for (const [from, to] of runs(frames))
    for (let byte = 0; byte < frames[from]!.payload.length; byte++)
      for (let i = from; i < to; i++) frames[i]!.payload[byte] = payloads[next++]!;
  if (next !== payloads.length) throw damaged();
  return frames;
}
