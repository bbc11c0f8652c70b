/** What a profile compiles to: one codec for each settled set of options. */
import type { Device } from '@village/core';
import type { Decoded, Frame } from './types.ts';

export interface DecodeContext {
  /** Options of the device, where it overrides those of its profile. */
  readonly options?: Device['options'];
  /** Address of the device when it is known; a native payload that names another is refused. */
  readonly device?: string;
}

export interface EncodeContext {
  /** Device time, ms since 1970. */
  readonly at: number;
  /** Address of the device on its own wire. */
  readonly address: string;
  readonly options?: Device['options'];
}

export interface Decoder {
  decode(frame: Frame, context: DecodeContext): Decoded;
}

/** Bytes of a frame, `from` ≤ byte < `to`. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** A value and the bytes that say it; a value that is put together has a field for each run of bytes. */
export interface LocatedField extends ByteRange {
  readonly metric: string;
  readonly value: number;
}

/** A detail of an event and the bytes that say it. */
export interface LocatedDetail extends ByteRange {
  readonly event: string;
  readonly detail: string;
}

export interface Codec extends Decoder {
  /**
   * Which of a frame's bytes, as the protocol keeps them, say each metric: several ranges where a value is put together.
   * Called with frames that `decode` takes. Absent where a frame does not stand for itself.
   */
  locate?(frame: Frame): ReadonlyMap<string, readonly ByteRange[]>;
  /** The same for the details of each event. Absent where the protocol has no events. */
  locateEvents?(frame: Frame): readonly LocatedDetail[];
  encode(values: Readonly<Record<string, number>>, context: EncodeContext): Frame[];
  /**
   * Begins a session with one device, for protocols whose frames lean on earlier ones (names announced at birth,
   * differences): the decoder remembers, and is thrown away when the connection ends. Absent where a frame says all.
   */
  open?(): Decoder;
}
