/** All that later transitions follow from, as bytes and back: a restart changes nothing. */
import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import { OperationalError } from '@village/core';
import type { Held } from './inhibitors.ts';
import type { ProgramState } from './program-state.ts';
import type { SilenceState } from './silence.ts';

/** Raised when a snapshot of before can't be read any more. */
const VERSION = 1;

export interface EngineState {
  readonly now: number;
  readonly programs: readonly ProgramState[];
  /** When each device was heard last; NaN of one that never was. */
  readonly devices: readonly string[];
  readonly heard: Float64Array;
  readonly silent: Uint8Array;
  readonly silence: SilenceState;
  readonly held: readonly Held[];
  readonly releases: readonly (readonly [at: number, cause: string])[];
}

const DIGEST_BYTES = 32;
const digestOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** With a checksum before it. */
export function toBytes(state: EngineState): Uint8Array {
  const body = serialize([VERSION, state]);
  return Buffer.concat([digestOf(body), body]);
}

/** @throws snapshot-damaged, snapshot-of-another-version */
export function fromBytes(bytes: Uint8Array): EngineState {
  const body = bytes.subarray(DIGEST_BYTES);
  if (!digestOf(body).equals(bytes.subarray(0, DIGEST_BYTES)))
    throw new OperationalError('snapshot-damaged', 'the snapshot of the rules engine is damaged');
  const [version, state] = deserialize(body) as [number, EngineState];
  if (version !== VERSION)
    throw new OperationalError(
      'snapshot-of-another-version',
      `the snapshot of the rules engine is of version ${version}, not ${VERSION}`,
    );
  return state;
}
