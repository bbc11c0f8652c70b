/**
 * The contract of a time-series store. Writing is built for the way of a reading: rows are put into an open
 * group, the group is committed durably, then every waiting acknowledgement is called. Reading is asynchronous
 * and never delays a commit.
 */
import type { DeviceEvent, Lane, Quality } from '@village/core';

/** DeviceLocation of each head field in a row of doubles; quality words follow, then one value per metric. */
export const ROW = { at: 0, receivedAt: 1, device: 2, quality: 3 } as const;

/** Bits beside the device number: `row[ROW.device] = device * 4 + flags`. */
export const ROW_FLAG = { backfill: 1, clockReplaced: 2 } as const;

/** Metrics whose quality codes (4 bits each) one double holds exactly. */
export const METRICS_PER_QUALITY_WORD = 13;

/**
 * Rows of one profile in the open group, row-major. A metric that a row does not carry is NaN; a quality word is the
 * sum of `code * 16 ** (metric % 13)` over its metrics, so 0 is all good. Columns are only ever added at the end.
 */
export interface Layout {
  readonly profile: string;
  readonly number: number;
  readonly metrics: readonly string[];
  readonly metricIndex: ReadonlyMap<string, number>;
  /** Doubles a row takes. */
  readonly stride: number;
  /** Where the values start in a row: ROW.quality + quality words. */
  readonly valuesAt: number;
  /** The open group's rows; replaced when it grows or is committed, so read it anew after each `reserve`. */
  rows: Float64Array;
  count: number;
}

export interface DeadLetter {
  readonly receivedAt: number;
  /** Who sent it: credential id, or `http:<user>`. */
  readonly source: string;
  /** Device it claims to be from, where known. */
  readonly device: string | null;
  readonly topic: string;
  /** Error code, kebab-case. */
  readonly reason: string;
  readonly message: string;
  readonly payload: Uint8Array;
}

export interface StoredDeadLetter extends DeadLetter {
  readonly id: number;
  readonly state: 'open' | 'rerun' | 'discarded';
}

export interface LatestValue {
  readonly metric: string;
  readonly value: number;
  readonly at: number;
  readonly receivedAt: number;
  readonly quality: Quality;
}

export interface RangeRow {
  readonly at: number;
  readonly receivedAt: number;
  readonly lane: Lane;
  readonly clockReplaced: boolean;
  /** By metric asked for; absent metrics are absent. */
  readonly values: Readonly<Record<string, number>>;
  /** Only what is not good. */
  readonly quality: Readonly<Record<string, Quality>>;
}

export interface RangeQuery {
  readonly device: string;
  readonly metrics?: readonly string[];
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
  /** At most 100,000. */
  readonly limit: number;
}

export const AGGREGATES = ['count', 'avg', 'min', 'max', 'sum', 'first', 'last'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface AggregateQuery {
  /** The columns that one answer joins; a quantity resolves to several (profile, metric). */
  readonly columns: readonly { readonly profile: string; readonly metric: string }[];
  /** Exactly one of the two; area means it and all below. */
  readonly device?: string;
  readonly area?: string;
  readonly from: number;
  readonly to: number;
  /** Width of a bucket, ms. */
  readonly everyMs: number;
  /** Shift of bucket borders from UTC; 8 h makes days begin at midnight in Beijing. */
  readonly offsetMs: number;
  readonly aggregates: readonly Aggregate[];
  readonly groupBy: 'none' | 'township' | 'village' | 'device';
  /** Order by the first aggregate, descending, and keep this many rows (for a top-10). */
  readonly top?: number;
}

export interface AggregateRow {
  /** Start of the bucket, ms. */
  readonly at: number;
  /** Area code or device id; null without groupBy. */
  readonly group: string | null;
  /** Over good readings only; null where the bucket has none. */
  readonly values: Readonly<Partial<Record<Aggregate, number | null>>>;
}

export interface CompletenessHour {
  /** Start of the hour, ms. */
  readonly at: number;
  /**
   * Report intervals that lie in the asked part of the hour and are not over before the device's first row, and how many
   * of them hold a row: what is not connected yet is not missing.
   */
  readonly expected: number;
  readonly received: number;
  readonly rows: number;
  /** Rows that came through the backfill lane. */
  readonly backfilled: number;
}

export interface CompletenessQuery {
  readonly device: string;
  /** from ≤ at < to, ms; `to` is the present at most. */
  readonly from: number;
  readonly to: number;
  readonly reportEveryMs: number;
}

export interface Completeness {
  readonly hours: readonly CompletenessHour[];
  /**
   * Silences longer than `gapAfterMs(reportEveryMs)` between two rows, and after the last one up to the end of the span,
   * oldest first. How long a silence is follows from the rows around it, in the span or not; what is told is its part
   * in the span. The newest `GAPS_MAX` of them.
   */
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  /** All of them. */
  readonly gapCount: number;
  /** Event time of the device's first row, or from when on rows were kept; null when never heard or not known any more. */
  readonly since: number | null;
}

/** Most gaps that one answer tells. */
export const GAPS_MAX = 1_000;

/** What a store has seen of one gateway's sequence numbers, for one outbox (epoch). */
export interface SequenceState {
  readonly epoch: string;
  /** Highest number seen. */
  readonly highest: number;
  /** Numbers below it never seen and not given up by the gateway, as inclusive ranges, lowest first. */
  readonly gaps: readonly (readonly [from: number, to: number])[];
}

/** Where a device stands, for grouping; codes of areas. */
export interface DeviceLocation {
  readonly county: string;
  readonly township: string | null;
  readonly village: string | null;
}

export interface StoreCounters {
  readonly rows: number;
  readonly readings: number;
  readonly commits: number;
  readonly commitFailures: number;
  readonly rowsPending: number;
  readonly rowsInMemtable: number;
  readonly rowsFlushed: number;
  readonly flushes: number;
  readonly flushFailures: number;
  readonly filesUnreadable: number;
  /** Log rows whose checksum failed at the last start; they are kept aside. */
  readonly logRowsDamaged: number;
  readonly deadLetters: number;
  readonly deadLettersDropped: number;
  readonly logBytes: number;
  readonly archiveBytes: number;
  /** Of the last 1,000 commits or so, seconds. */
  readonly commitSeconds: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** What the writer side of the pipeline may do. Everything here is synchronous and cheap. */
export interface Appender {
  /** The layout of a profile's rows; metrics it lacks are added as new columns. Same object each time. */
  layout(profile: string, metrics: readonly string[]): Layout;
  /** The dense number of a device under a profile; a new one becomes durable with the next commit. */
  device(id: string, layout: Layout): number;
  /** Opens one row (head set, quality 0, values NaN) and returns where it starts in `layout.rows`. */
  reserve(layout: Layout, device: number, at: number, receivedAt: number, flags: number): number;
  /** Takes back the row reserved last in this layout. */
  unreserve(layout: Layout): void;
  event(event: DeviceEvent, lane: Lane): void;
  /** Notes that a gateway's batch is in this group. */
  sequence(gateway: string, epoch: string, seq: number): void;
  /** Seq ranges that a gateway says it dropped for good: no longer gaps. */
  sequenceDropped(
    gateway: string,
    epoch: string,
    ranges: readonly (readonly [number, number])[],
  ): void;
  deadLetter(entry: DeadLetter): void;
  /**
   * Called at the end of each message. `done` runs once everything put in so far is durable. It is not called while
   * the disk refuses: the caller's own limit on what is in flight holds the senders back.
   */
  settle(done: () => void): void;
  /** Rows put in and not yet durable. */
  readonly rowsPending: number;
  /** Set while commits fail (disk full, I/O error); cleared by the next success. */
  readonly commitFault: Error | null;
}

export interface TimeSeriesStore extends Appender {
  /** Commits what is open now and resolves when it is durable. */
  commitNow(): Promise<void>;
  /** Sets where devices stand; unknown ids are kept for when they appear. */
  locate(locations: ReadonlyMap<string, DeviceLocation>): void;

  /** From memory: newest by event time for each metric; older data never changes it. Empty when never heard. */
  latest(device: string): LatestValue[];
  /** Receive time of the newest live row; null when never heard. */
  lastSeen(device: string): number | null;
  /** Devices whose latest values or last-seen changed since the cursor (0 = all), and the new cursor. */
  changedSince(cursor: number): { devices: string[]; cursor: number };

  /** Readings of one device by event time, each (device, metric, at) once. */
  range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]>;
  aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]>;
  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<Completeness>;
  events(
    query: { device?: string; from: number; to: number; limit: number },
    signal?: AbortSignal,
  ): Promise<DeviceEvent[]>;
  sequences(gateway: string): SequenceState[];
  deadLetters(query: {
    after?: number;
    limit: number;
    state?: StoredDeadLetter['state'];
  }): StoredDeadLetter[];
  /** Marks entries after they were run again or given up. */
  resolveDeadLetters(ids: readonly number[], state: 'rerun' | 'discarded'): void;
  /** Writes readings as long-form rows (device, metric, at, value, quality, lane, received_at) to a file. */
  exportTo(
    path: string,
    format: 'csv' | 'parquet',
    query: { devices: readonly string[]; metrics?: readonly string[]; from: number; to: number },
    signal?: AbortSignal,
  ): Promise<{ rows: number }>;

  /** Moves committed rows into archive files; what is not flushed stays in the log. */
  flush(): Promise<{ rows: number; files: number }>;
  /** Compacts the files of closed days into one a day, of closed months into one a month, and refreshes rollups. */
  compact(now: number): Promise<{ compacted: number }>;
  /** Deletes archive files whose whole time lies before. */
  retain(before: number): Promise<{ files: number }>;
  /** A consistent copy into an empty folder while running; open a store on it to restore. */
  backup(folder: string): Promise<void>;
  counters(): StoreCounters;
  /** Commits, keeps or flushes, and stops the worker. */
  close(): Promise<void>;
}
