/** The contract of the frame store: what devices said, as it was received, found by device and event time. */
import type { MissedSpan, ReceivedFrame } from '../journal/contract.ts';

/** Frames that are kept beyond their time, since something quotes them. */
export interface Pin {
  readonly device: string;
  /** Event times, ms: `from` ≤ at < `to`. */
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export interface FoundFrames {
  /** By event time, each (device, at, payload) once, as it was first received. */
  readonly frames: readonly ReceivedFrame[];
  /** More lie in the span than were asked for. */
  readonly more: boolean;
  /** Spans of receive time, about the time asked for, whose frames are missing. */
  readonly missing: readonly MissedSpan[];
}

export interface FrameCounters {
  /** Frames made durable since the start, and those that were too large to be kept. */
  readonly kept: number;
  readonly tooLarge: number;
  /** Frames since the start that were more of a device than is kept in a day. */
  readonly overBudget: number;
  /** Frames that are not in a file yet. */
  readonly waiting: number;
  readonly files: number;
  readonly bytes: number;
  /** Spans of receive time that were missed, since the store could not be written for too long. */
  readonly missedSpans: number;
  readonly filesDamaged: number;
  /** Blocks of frames whose checksum failed since the start. */
  readonly blocksDamaged: number;
  readonly writeFailures: number;
}

export interface FrameStore {
  /**
   * Frames of a device by event time, `from` ≤ at < `to`; whatever was acknowledged before the call is there.
   * @throws frames-behind (retry)
   */
  find(
    device: string,
    from: number,
    to: number,
    limit: number,
    signal?: AbortSignal,
  ): Promise<FoundFrames>;
  /** Keeps these frames for good, where they are not deleted yet. @throws bad-pin, too-many-pins, pins-damaged */
  pin(pin: Pin): Promise<void>;
  /** Deletes what was received before a time and is not pinned. @throws pins-damaged */
  retain(before: number): Promise<{ readonly files: number }>;
  /** Joins the files of each closed day. */
  compact(now: number): Promise<{ readonly compacted: number }>;
  /** Writes what is in memory to a file. */
  flush(): Promise<void>;
  counters(): FrameCounters;
}
