/** All that later transitions follow from, as bytes and back: a restart changes nothing. */
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { OperationalError } from '@village/core';
import type { EngineState, StatePart } from './standing.ts';

/** Raised when a snapshot of before can't be read any more. */
export const SNAPSHOT_VERSION = 1;

const LENGTH_BYTES = 4;
export const DIGEST_BYTES = 32;
const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** A value as one record: its length, and what it is. */
export function recordOf(value: unknown): Buffer {
  const body = serialize(value);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}

/** The values of records that follow each other. */
export function* recordsIn(bytes: Uint8Array): Generator<unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const from = at + LENGTH_BYTES;
    at = from + view.getUint32(at, true);
    yield deserialize(bytes.subarray(from, at));
  }
}

/** With a checksum behind it. */
export function toBytes(state: EngineState): Uint8Array {
  const body = Buffer.concat([SNAPSHOT_VERSION, ...state].map(recordOf));
  return Buffer.concat([body, digestOf(body)]);
}

/** @throws snapshot-damaged, snapshot-of-another-version */
export function fromBytes(bytes: Uint8Array): EngineState {
  const body = bytes.subarray(0, -DIGEST_BYTES);
  if (!digestOf(body).equals(bytes.subarray(-DIGEST_BYTES)))
    throw new OperationalError('snapshot-damaged', 'the snapshot of the rules engine is damaged');
  const [version, ...parts] = recordsIn(body);
  if (version !== SNAPSHOT_VERSION)
    throw new OperationalError(
      'snapshot-of-another-version',
      `the snapshot of the rules engine is of version ${String(version)}, not ${SNAPSHOT_VERSION}`,
    );
  return parts as StatePart[];
}
