/**
 * Frames in the body of a log row: texts once each, a head of fixed length for each frame, then the payloads one after
 * the other. Little-endian.
 */
import { OperationalError } from '@village/core';
import type { ReceivedFrame } from './contract.ts';

const SECTION_BYTES = 16;
const HEAD_BYTES = 48;
/** In place of a sequence number that there is none of. */
const NO_SEQUENCE = -1;

/** Characters about a frame: who sent it, which way, how it is decoded. */
export const textsAbout = ({ device, source, way, epoch, decoding }: ReceivedFrame): number =>
  device.length + source.length + way.length + epoch.length + decoding.length;

/** What a frame takes while it waits, about. */
export const weightOf = (frame: ReceivedFrame): number =>
  frame.payload.length + textsAbout(frame) + HEAD_BYTES;

interface Part {
  readonly heads: Buffer;
  readonly texts: Buffer;
  readonly frames: readonly ReceivedFrame[];
  readonly bytes: number;
}

/** What is to be written, measured. */
export function measureFrames(frames: readonly ReceivedFrame[]): Part {
  const numbers = new Map<string, number>();
  const numberOf = (text: string): number => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    numbers.set(text, numbers.size);
    return numbers.size - 1;
  };
  const heads = Buffer.alloc(frames.length * HEAD_BYTES);
  let at = 0;
  let payloads = 0;
  for (const frame of frames) {
    heads.writeDoubleLE(frame.at, at);
    heads.writeDoubleLE(frame.receivedAt, at + 8);
    heads.writeDoubleLE(frame.sequence ?? NO_SEQUENCE, at + 16);
    heads.writeUInt32LE(numberOf(frame.device), at + 24);
    heads.writeUInt32LE(numberOf(frame.source), at + 28);
    heads.writeUInt32LE(numberOf(frame.way), at + 32);
    heads.writeUInt32LE(numberOf(frame.epoch), at + 36);
    heads.writeUInt32LE(numberOf(frame.decoding), at + 40);
    heads.writeUInt32LE(frame.payload.length, at + 44);
    payloads += frame.payload.length;
    at += HEAD_BYTES;
  }
  const texts = Buffer.from(JSON.stringify([...numbers.keys()]));
  return {
    heads,
    texts,
    frames,
    bytes: SECTION_BYTES + heads.length + texts.length + payloads,
  };
}

/** Writes what was measured. */
export function writeFrames(buffer: Buffer, start: number, part: Part): void {
  const { heads, texts, frames } = part;
  buffer.writeUInt32LE(frames.length, start);
  buffer.writeUInt32LE(texts.length, start + 4);
  buffer.writeDoubleLE(0, start + 8);
  let at = start + SECTION_BYTES;
  buffer.set(heads, at);
  at += heads.length;
  buffer.set(texts, at);
  at += texts.length;
  for (const { payload } of frames) {
    buffer.set(payload, at);
    at += payload.length;
  }
}

const damaged = (): never => {
  throw new OperationalError('log-row-damaged', 'The frames of the row are cut.');
};

/** The frames in these bytes, which hold nothing else; payloads are copies. @throws log-row-damaged */
export function readFrames(section: Buffer): ReceivedFrame[] {
  if (section.length < SECTION_BYTES) damaged();
  const count = section.readUInt32LE(0);
  const textsAt = SECTION_BYTES + count * HEAD_BYTES;
  const payloadsAt = textsAt + section.readUInt32LE(4);
  if (payloadsAt > section.length) damaged();
  const texts = JSON.parse(section.toString('utf8', textsAt, payloadsAt)) as string[];
  const text = (at: number): string => texts[section.readUInt32LE(at)] ?? damaged();
  const frames: ReceivedFrame[] = [];
  let payloadAt = payloadsAt;
  for (let at = SECTION_BYTES; at < textsAt; at += HEAD_BYTES) {
    const end = payloadAt + section.readUInt32LE(at + 44);
    if (end > section.length) damaged();
    const sequence = section.readDoubleLE(at + 16);
    frames.push({
      device: text(at + 24),
      at: section.readDoubleLE(at),
      receivedAt: section.readDoubleLE(at + 8),
      source: text(at + 28),
      way: text(at + 32),
      epoch: text(at + 36),
      sequence: sequence === NO_SEQUENCE ? null : sequence,
      decoding: text(at + 40),
      payload: new Uint8Array(section.subarray(payloadAt, end)),
    });
    payloadAt = end;
  }
  if (payloadAt !== section.length) damaged();
  return frames;
}
