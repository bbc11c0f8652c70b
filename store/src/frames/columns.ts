/**
 * Frames as columns, ready to be compressed: texts once each, numbers as differences, payloads that are no text byte by
 * byte over messages of one length, since what changes from one to the next stands at the same places.
 */
import type { ReceivedFrame } from '../journal/contract.ts';
import { blockDamaged, NumberReader, NumberWriter } from './numbers.ts';
import {
  putNumbers,
  sharedSkeletons,
  type TakenApart,
  takeApart,
  textsOf,
} from './text-payloads.ts';

const VERSION = 1;

/** Text columns of a frame, in the order in which they stand in a block. */
const TEXTS = ['device', 'source', 'way', 'epoch', 'decoding'] as const;

/** A frame while its block is read or written: the number of its skeleton, −1 for a payload that is no such text. */
interface Shaped {
  readonly device: string;
  readonly skeleton: number;
  /** Bytes of a payload that is kept as bytes; 0 of a text. */
  readonly length: number;
}

/** Runs of frames of one device whose payloads have one shape. */
function* runs(frames: readonly Shaped[]): Generator<readonly [from: number, to: number]> {
  for (let from = 0; from < frames.length; ) {
    const { device, skeleton, length } = frames[from]!;
    let to = from + 1;
    for (; to < frames.length; to++) {
      const next = frames[to]!;
      if (next.device !== device || next.skeleton !== skeleton || next.length !== length) break;
    }
    yield [from, to];
    from = to;
  }
}

interface Payloads {
  readonly skeletons: Buffer;
  readonly shapes: Buffer;
  readonly lengths: Buffer;
  readonly numbers: Buffer;
  readonly bytes: Buffer;
}

/** Payloads as columns: texts by skeleton and numbers, others byte by byte over frames of one length. */
function payloadColumns(frames: readonly ReceivedFrame[]): Payloads {
  const texts = frames.map(({ payload }) => takeApart(payload));
  const skeletons = sharedSkeletons(texts);
  const shaped = frames.map(({ device, payload }, i): Shaped => {
    const skeleton = skeletons.get(texts[i]?.skeleton ?? '') ?? -1;
    return { device, skeleton, length: skeleton < 0 ? payload.length : 0 };
  });
  const [shapes, lengths, numbers] = [new NumberWriter(), new NumberWriter(), new NumberWriter()];
  const bytes = Buffer.alloc(shaped.reduce((sum, { length }) => sum + length, 0));
  let length = 0;
  for (const one of shaped) {
    shapes.put(one.skeleton);
    lengths.put(one.length - length);
    length = one.length;
  }
  let at = 0;
  for (const [from, to] of runs(shaped)) {
    if (shaped[from]!.skeleton >= 0) putNumbers(texts.slice(from, to) as TakenApart[], numbers);
    else
      for (let byte = 0; byte < shaped[from]!.length; byte++)
        for (let i = from; i < to; i++) bytes[at++] = frames[i]!.payload[byte]!;
  }
  return {
    skeletons: Buffer.from(JSON.stringify([...skeletons.keys()])),
    shapes: shapes.bytes(),
    lengths: lengths.bytes(),
    numbers: numbers.bytes(),
    bytes,
  };
}

/** The payloads of frames of these devices; null of those that nobody wants. @throws frames-damaged */
function payloadsOf(
  devices: readonly string[],
  columns: Payloads,
  wanted: (i: number) => boolean,
): (Uint8Array | null)[] {
  const skeletons = JSON.parse(columns.skeletons.toString('utf8')) as string[];
  const [shapes, lengths, numbers] = [columns.shapes, columns.lengths, columns.numbers].map(
    (column) => new NumberReader(column),
  ) as [NumberReader, NumberReader, NumberReader];
  let length = 0;
  const shaped = devices.map((device): Shaped => {
    length += lengths.next();
    return { device, skeleton: shapes.next(), length };
  });
  const payloads: (Uint8Array | null)[] = [];
  let at = 0;
  for (const [from, to] of runs(shaped)) {
    const { skeleton } = shaped[from]!;
    if (skeleton >= 0) {
      const text = skeletons[skeleton];
      if (text === undefined) throw blockDamaged();
      for (const payload of textsOf(text, to - from, numbers, (i) => wanted(from + i)))
        payloads.push(payload === null ? null : new Uint8Array(payload));
      continue;
    }
    const [count, size] = [to - from, shaped[from]!.length];
    if (at + count * size > columns.bytes.length) throw blockDamaged();
    for (let i = 0; i < count; i++) {
      const payload = wanted(from + i) ? new Uint8Array(size) : null;
      if (payload !== null)
        for (let byte = 0; byte < size; byte++)
          payload[byte] = columns.bytes[at + byte * count + i]!;
      payloads.push(payload);
    }
    at += count * size;
  }
  if (at !== columns.bytes.length) throw blockDamaged();
  return payloads;
}

/** The bytes of frames, which may stand in any order; sorted ones take the least room. */
export function encodeFrames(frames: readonly ReceivedFrame[]): Buffer {
  const numbers = new Map<string, number>();
  const texts = TEXTS.map(() => new NumberWriter());
  const times = new NumberWriter();
  const delays = new NumberWriter();
  const sequences = new NumberWriter();
  let [at, step, delay, sequence] = [0, 0, 0, 0];
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
  }
  const payloads = payloadColumns(frames);
  const columns = [
    Buffer.from(JSON.stringify([...numbers.keys()])),
    ...texts.map((column) => column.bytes()),
    times.bytes(),
    delays.bytes(),
    sequences.bytes(),
    payloads.skeletons,
    payloads.shapes,
    payloads.lengths,
    payloads.numbers,
    payloads.bytes,
  ];
  const head = Buffer.alloc(8 + 4 * columns.length);
  head.writeUInt32LE(VERSION, 0);
  head.writeUInt32LE(frames.length, 4);
  columns.forEach((column, i) => {
    head.writeUInt32LE(column.length, 8 + 4 * i);
  });
  return Buffer.concat([head, ...columns]);
}

/** Known texts, the columns of texts, three of numbers, five of payloads. */
const COLUMNS = TEXTS.length + 9;

function columnsOf(block: Buffer): Buffer[] {
  let at = 8 + 4 * COLUMNS;
  if (block.length < at || block.readUInt32LE(0) !== VERSION) throw blockDamaged();
  const columns = Array.from({ length: COLUMNS }, (_, i) => {
    const end = at + block.readUInt32LE(8 + 4 * i);
    const column = block.subarray(at, end);
    at = end;
    return column;
  });
  if (at !== block.length) throw blockDamaged();
  return columns;
}

/** Of the frames of such bytes, in their order, those of these devices and times. @throws frames-damaged */
export function decodeFrames(
  block: Buffer,
  isWanted: (device: string, at: number) => boolean = () => true,
): ReceivedFrame[] {
  const columns = columnsOf(block);
  const known = JSON.parse(columns[0]!.toString('utf8')) as string[];
  const after = 1 + TEXTS.length;
  const texts = TEXTS.map((_, i) => new NumberReader(columns[1 + i]!));
  const [times, delays, sequences] = columns
    .slice(after, after + 3)
    .map((column) => new NumberReader(column)) as [NumberReader, NumberReader, NumberReader];
  const [skeletons, shapes, lengths, numbers, bytes] = columns.slice(after + 3) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  let [at, step, delay, sequence] = [0, 0, 0, 0];
  const heads = Array.from({ length: block.readUInt32LE(4) }, () => {
    const [device, source, way, epoch, decoding] = texts.map((column) => {
      const text = known[column.next()];
      if (text === undefined) throw blockDamaged();
      return text;
    }) as [string, string, string, string, string];
    step += times.next();
    at += step;
    delay += delays.next();
    sequence += sequences.next();
    const batch = sequence === -1 ? null : sequence;
    return { device, at, receivedAt: at + delay, source, way, epoch, sequence: batch, decoding };
  });
  const wanted = heads.map((head) => isWanted(head.device, head.at));
  const payloads = payloadsOf(
    heads.map(({ device }) => device),
    { skeletons, shapes, lengths, numbers, bytes },
    (i) => wanted[i] === true,
  );
  return heads.flatMap((head, i) => {
    const payload = payloads[i]!;
    return payload === null ? [] : [{ ...head, payload }];
  });
}
