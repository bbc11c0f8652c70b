/**
 * The body of one log row: all that one group commit made durable, with a checksum, so that a damaged row is noticed
 * and never replayed as something else. Little-endian; every block of doubles lies on an 8-byte border.
 */
import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { DeviceEvent, Lane } from '@village/core';
import { OperationalError } from '@village/core';
import type { ReceivedFrame, RememberedKind, SystemEvent } from './contract.ts';
import { measureFrames, readFrames, writeFrames } from './frame-section.ts';
import { rowShape } from './group.ts';

const MAGIC = 0x31474c56;
const HEAD_BYTES = 16;
/** Begins a row with frames; the length of their section follows the head. */
const MAGIC_FRAMES = 0x32474c56;
const FRAMES_HEAD_BYTES = 24;
const SECTION_BYTES = 16;

/** Rows of one layout, as they stood in the group. */
export interface RowSection {
  readonly layout: number;
  readonly metrics: number;
  readonly count: number;
  readonly rows: Float64Array;
}

/** What a group holds besides rows. */
export interface GroupNotes {
  readonly events: { readonly event: DeviceEvent; readonly lane: Lane }[];
  readonly sequences: { readonly gateway: string; readonly epoch: string; readonly seq: number }[];
  readonly dropped: {
    readonly gateway: string;
    readonly epoch: string;
    readonly ranges: readonly (readonly [number, number])[];
  }[];
  /** Absent in groups of before. */
  readonly system?: SystemEvent[];
  /** Absent in groups of before, and where there is nothing. */
  remembered?: [kind: RememberedKind, key: string, value: number][];
}

/** An empty set of notes. */
export function emptyNotes(): GroupNotes {
  return { events: [], sequences: [], dropped: [], system: [] };
}

/** Whether a group notes nothing. */
export function hasNotes(notes: GroupNotes): boolean {
  return (
    notes.events.length > 0 ||
    notes.sequences.length > 0 ||
    notes.dropped.length > 0 ||
    (notes.system?.length ?? 0) > 0 ||
    notes.remembered !== undefined
  );
}

/** Writes groups into one buffer that is used again; the result is valid until the next call. */
export class GroupEncoder {
  #buffer = Buffer.alloc(256 * 1024);

  encode(
    sections: readonly RowSection[],
    notes: GroupNotes,
    frames: readonly ReceivedFrame[] = [],
  ): Uint8Array {
    const text = hasNotes(notes) ? Buffer.from(JSON.stringify(notes)) : undefined;
    const part = frames.length > 0 ? measureFrames(frames) : undefined;
    const head = part === undefined ? HEAD_BYTES : FRAMES_HEAD_BYTES;
    let size = head + (text?.length ?? 0) + (part?.bytes ?? 0);
    for (const section of sections)
      size += SECTION_BYTES + section.count * rowShape(section.metrics).stride * 8;
    if (size > this.#buffer.length) this.#buffer = Buffer.alloc(size * 2);
    const buffer = this.#buffer;
    buffer.writeUInt32LE(part === undefined ? MAGIC : MAGIC_FRAMES, 0);
    buffer.writeUInt32LE(sections.length, 8);
    buffer.writeUInt32LE(text?.length ?? 0, 12);
    if (part !== undefined) {
      buffer.writeUInt32LE(part.bytes, 16);
      buffer.writeUInt32LE(0, 20);
    }
    let at = head;
    for (const section of sections) {
      const doubles = section.count * rowShape(section.metrics).stride;
      assert(section.rows.length >= doubles, 'BUG: a group is shorter than its count');
      buffer.writeUInt32LE(section.layout, at);
      buffer.writeUInt32LE(section.metrics, at + 4);
      buffer.writeUInt32LE(section.count, at + 8);
      buffer.writeUInt32LE(0, at + 12);
      at += SECTION_BYTES;
      buffer.set(new Uint8Array(section.rows.buffer, section.rows.byteOffset, doubles * 8), at);
      at += doubles * 8;
    }
    if (text !== undefined) buffer.set(text, at);
    if (part !== undefined) writeFrames(buffer, at + (text?.length ?? 0), part);
    buffer.writeUInt32LE(crc32(buffer.subarray(8, size)), 4);
    return buffer.subarray(0, size);
  }
}

function damaged(message: string): OperationalError {
  return new OperationalError('log-row-damaged', message);
}

/**
 * Reads what `GroupEncoder` wrote; the rows are copies.
 * @throws log-row-damaged when the checksum or the shape is wrong.
 */
export function decodeGroup(body: unknown): {
  sections: RowSection[];
  notes: GroupNotes;
  frames: ReceivedFrame[];
} {
  // A damaged record may hold a text or a number.
  if (!(body instanceof Uint8Array)) throw damaged('The row holds no bytes.');
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const magic = buffer.length < HEAD_BYTES ? 0 : buffer.readUInt32LE(0);
  const head = magic === MAGIC_FRAMES ? FRAMES_HEAD_BYTES : HEAD_BYTES;
  if ((magic !== MAGIC && magic !== MAGIC_FRAMES) || buffer.length < head)
    throw damaged('The row does not begin as a log row does.');
  if (buffer.readUInt32LE(4) !== crc32(buffer.subarray(8)))
    throw damaged('The checksum does not match.');
  const count = buffer.readUInt32LE(8);
  const textBytes = buffer.readUInt32LE(12);
  const frameBytes = magic === MAGIC_FRAMES ? buffer.readUInt32LE(16) : 0;
  const sections: RowSection[] = [];
  let at = head;
  for (let i = 0; i < count; i++) {
    if (at + SECTION_BYTES > buffer.length) throw damaged('A section is cut.');
    const metrics = buffer.readUInt32LE(at + 4);
    const rows = buffer.readUInt32LE(at + 8);
    const bytes = rows * rowShape(metrics).stride * 8;
    const layout = buffer.readUInt32LE(at);
    at += SECTION_BYTES;
    if (at + bytes > buffer.length) throw damaged('The rows of a section are cut.');
    const copy = new Float64Array(bytes / 8);
    new Uint8Array(copy.buffer).set(buffer.subarray(at, at + bytes));
    sections.push({ layout, metrics, count: rows, rows: copy });
    at += bytes;
  }
  const framesAt = at + textBytes;
  if (framesAt + frameBytes !== buffer.length) throw damaged('The notes have the wrong length.');
  const notes =
    textBytes === 0
      ? emptyNotes()
      : (JSON.parse(buffer.toString('utf8', at, framesAt)) as GroupNotes);
  const frames = frameBytes === 0 ? [] : readFrames(buffer.subarray(framesAt));
  return { sections, notes, frames };
}
