/** What can be set of an outbox, and what it counts. */
import { SECOND } from '@village/core';

export interface OutboxOptions {
  /** Most bytes of waiting batches. */
  readonly bytesMax: number;
  /** Hard limit of the database file, against faults of our own; well above `bytesMax`. */
  readonly fileBytesMax: number;
  /** Room put aside on the disk for the case that it is full. */
  readonly reserveBytes: number;
  /** A batch that is older than this when it is taken for sending goes as backfill, ms. */
  readonly freshMs: number;
  /** Most rows and bytes of one batch. */
  readonly rowsMax: number;
  readonly batchBytesMax: number;
  /** How long a first row waits for company when nobody waits for its acknowledgement, ms of the machine's time. */
  readonly lingerMs: number;
  /** The same when a device waits. */
  readonly ackWindowMs: number;
  /** Most rows and bytes held in memory while the disk refuses. */
  readonly pendingRowsMax: number;
  readonly pendingBytesMax: number;
  /** Most bytes of frames refused in part that wait: a lane of their own, beside `bytesMax`. */
  readonly refusedBytesMax: number;
}

export const OUTBOX_DEFAULTS: OutboxOptions = {
  bytesMax: 512 * 1024 * 1024,
  fileBytesMax: 1024 * 1024 * 1024,
  reserveBytes: 4 * 1024 * 1024,
  freshMs: 90 * SECOND,
  rowsMax: 500,
  batchBytesMax: 100_000,
  lingerMs: 200,
  ackWindowMs: 10,
  pendingRowsMax: 5_000,
  pendingBytesMax: 8 * 1024 * 1024,
  refusedBytesMax: 4 * 1024 * 1024,
};

export interface OutboxCounters {
  readonly epoch: string;
  /** Highest seq given. */
  readonly seq: number;
  /** Batches not acknowledged. */
  readonly waiting: { readonly live: number; readonly backfill: number };
  readonly bytes: number;
  /** Readings lost since the outbox was made, by cause. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly droppedSeq: readonly (readonly [from: number, to: number])[];
  readonly commits: number;
  readonly commitFailures: number;
  /** Rows accepted and not yet durable. */
  readonly pendingRows: number;
  /** Frames refused in part that wait for the county, and those given up since the outbox was made, by cause. */
  readonly refusedWaiting: number;
  readonly refusedDropped: Readonly<Record<string, number>>;
  /** Frames left out since a batch could not hold them beside their rows. */
  readonly framesDropped: number;
  /** Times a damaged database was replaced since the start. */
  readonly replaced: number;
  /** Code of the fault that keeps it from writing, or null. */
  readonly fault: string | null;
}
