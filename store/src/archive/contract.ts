/**
 * The contract of an archive: what keeps readings for years and answers queries about them. It is a reader of the
 * journal, never part of a commit. Each engine has a folder beside this file; `testing.ts` holds what all of them keep.
 *
 * What is the same on every engine: value, quality and `at` of a reading exactly, sums within 1e-9. First receipt, lane
 * and how much was backfilled are the engine's own (`ArchiveTraits` in the suite): one that overwrites keeps the last.
 */
import {
  type DeviceEvent,
  type Lane,
  OperationalError,
  type Quality,
  type Reading,
  type Timer,
} from '@village/core';
import type { CommittedGroup } from '../journal/contract.ts';

/** Tells the operator; `detail` is for the structured log. */
export type Report = (
  level: 'info' | 'warn' | 'error',
  message: string,
  detail?: Readonly<Record<string, unknown>>,
) => void;

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
  /** Only what was received under this profile; all that the device has had when absent. */
  readonly profile?: string;
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
  /** At most 100,000. */
  readonly limit: number;
}

export const AGGREGATES = ['count', 'avg', 'min', 'max', 'sum', 'first', 'last'] as const;
/** `firstAt` and `lastAt` are the times of `first` and `last`, for those who join answers. */
export type Aggregate = (typeof AGGREGATES)[number] | 'firstAt' | 'lastAt';

/** A part of one device's time. */
export interface DeviceSpan {
  readonly device: string;
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
}

export interface RangeManyQuery {
  /** In any order; what spans of a device share is told once. */
  readonly spans: readonly DeviceSpan[];
  readonly metrics?: readonly string[];
  /** As of `RangeQuery`. */
  readonly profile?: string;
}

/** Some rows of one device, at most 10,000, in order of time. */
export interface DeviceRows {
  readonly device: string;
  readonly rows: readonly RangeRow[];
}

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
  /** Readings that are left out. */
  readonly without?: readonly DeviceSpan[];
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

/** Where a device stands from an instant on, for grouping; codes of areas. */
export interface DeviceLocation {
  /** A whole hour, ms. The first location of a device holds since ever, whatever this says. */
  readonly from?: number;
  readonly county: string;
  readonly township: string | null;
  readonly village: string | null;
}

export interface EventQuery {
  readonly device?: string;
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
  readonly limit: number;
  /** So many of the first are left out: where the last page ended within a millisecond. */
  readonly skip?: number;
  /**
   * Of the details as texts in UTF-8: the list ends with the event that reaches it. One that has neither so many bytes nor `limit`
   * events is all there is.
   */
  readonly bytesMax?: number;
}

/** A reading that was corrected, with what was received. */
export interface CorrectedReading extends Reading {
  readonly original: {
    readonly device: string;
    readonly at: number;
    readonly value: number;
    readonly quality: Quality;
    /** Statements that speak of it. */
    readonly statements: readonly number[];
  };
}

/** What an export tells of each reading beside itself where corrected readings are asked for. */
export const ORIGINAL_COLUMNS = [
  'original_device',
  'original_at',
  'original_value',
  'original_quality',
  'corrections',
] as const;

/** What people call a metric, and what it is measured in. */
export interface MetricWords {
  readonly zh: string;
  readonly en: string;
  readonly unit: string;
}

/** What people call what is exported; undefined for what has no name. */
export interface ExportWords {
  device(id: string): string | undefined;
  metric(profile: string, metric: string): MetricWords | undefined;
  /** Profile that a device has now, for readings of which only the device is known. */
  profile(device: string): string | undefined;
}

/** What an export tells of each reading in the end, for people. */
export const WORD_COLUMNS = ['device_name', 'metric_name', 'metric_name_en', 'unit'] as const;

/** What to export. */
export interface ExportQuery {
  readonly devices: readonly string[];
  readonly metrics?: readonly string[];
  readonly from: number;
  readonly to: number;
  /** Readings that are left out. */
  readonly without?: readonly DeviceSpan[];
  /**
   * Readings to write beside those of the archive, in no order; then each row also has `original_device`, `original_at`, `original_value`,
   * `original_quality` and `corrections`, the numbers of statements with spaces between.
   */
  readonly corrected?: AsyncIterable<CorrectedReading>;
  /** The same by device and time, for an archive that does not sort what it writes; it takes longer. */
  readonly correctedInOrder?: () => AsyncIterable<CorrectedReading>;
  /** Without them the last columns are empty. */
  readonly words?: ExportWords;
}

/** Which readings to count. */
export type CountQuery = Pick<ExportQuery, 'devices' | 'metrics' | 'from' | 'to'>;

export interface ArchiveCounters {
  /** Rows taken and not durable in the archive yet; they are in the journal. */
  readonly rowsNotDurable: number;
  /** Size on disk; 0 where the engine does not tell. */
  readonly archiveBytes: number;
  /** What only this engine counts, by name. */
  readonly own: Readonly<Record<string, number>>;
}

/** What the store lends an archive that it opens. */
export interface ArchiveHost {
  readonly timer: Timer;
  readonly report: Report;
  /** Everything up to this group is durable in the archive; for engines that learn it later than `take` ends. */
  durable(group: number): void;
  /** What was taken and is not durable is lost: the archive is given it again from the last durable group on. */
  lost(error: OperationalError): void;
}

/** Of what an answer may lack something. */
export interface LackingQuery {
  /** Profiles of the readings asked for. */
  readonly of: readonly string[] | 'events';
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
}

/** Event times of which some readings or events can't be read: they lie in a file that is damaged or missing. */
export interface LackingSpan {
  readonly from: number;
  readonly to: number;
  /** Rows of the file. */
  readonly rows: number;
}

/** Most rows of one aggregate's answer. */
export const AGGREGATE_ROWS_MAX = 50_000;

/** A question whose cost is wanted before it is asked. */
export type Weighed =
  | { readonly of: 'spans'; readonly spans: readonly DeviceSpan[] }
  | { readonly of: 'aggregate'; readonly query: AggregateQuery };

/** The queries; every one rejects with an `OperationalError`, with `retry` set when waiting helps. */
export interface ArchiveQueries {
  /** Readings of one device by event time, each (device, metric, at) once; rows without a metric asked for are left out. */
  range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]>;
  /**
   * The same of many devices' spans at once, which costs as its rows do and not as the number of spans. What comes of a device comes
   * together, in order of time; devices come in no particular order, and those without rows don't. Whoever has enough may
   * stop: no more than an answer of some megabytes is read ahead.
   */
  rangeMany(query: RangeManyQuery, signal?: AbortSignal): AsyncIterable<DeviceRows>;
  /** @throws answer-too-large when it has more than `AGGREGATE_ROWS_MAX` rows */
  aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]>;
  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<Completeness>;
  /**
   * By time, oldest first, and within a millisecond in an order of the engine's that stays the same; events with the same device,
   * time, type and detail are one.
   */
  events(query: EventQuery, signal?: AbortSignal): Promise<DeviceEvent[]>;
  /**
   * Writes readings as long-form rows to a file: `device, metric, at, value, quality, lane, received_at`, those of corrected
   * readings, `WORD_COLUMNS`. Rows come by device, time and metric; times are instants that say that they are UTC.
   */
  exportTo(
    path: string,
    format: 'csv' | 'parquet',
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<{ rows: number }>;
  /** Rows that answering would read, about, without reading any; absent where the engine can't know. */
  weigh?(weighed: Weighed): number;
}

/** More rows than one answer has. */
export const answerTooLarge = (): OperationalError =>
  new OperationalError(
    'answer-too-large',
    `the answer has more than ${AGGREGATE_ROWS_MAX} rows: ask for wider buckets, fewer groups or less time`,
  );

export interface Archive extends ArchiveQueries {
  /** Name of the engine, as in the configuration. */
  readonly engine: string;
  /**
   * The last group of which the archive itself knows that it and all before are durable in it; null when it keeps no
   * place: the journal remembers one for it then. Read when following begins and after each fault.
   */
  readonly durableUpTo: number | null;
  /**
   * Takes groups, in order and without gaps. When it resolves, every query sees them; the result is the last group that
   * is durable in the archive (kept through a crash of it and of this process), which may be an older one.
   *
   * It is called by one caller at a time and may take as long as it likes: that holds nobody's acknowledgement, and it
   * ends soon once the signal comes. When it rejects, it is called again after a pause with everything after
   * the last durable group; so is it after a restart. Therefore the same groups may come again, always a tail of
   * what came, in the same order, and taking them again must change nothing: a (device, metric, at) holds the value
   * that was committed last, and an event is once there. Groups must not be kept after it resolves or rejects.
   */
  take(groups: readonly CommittedGroup[], signal: AbortSignal): Promise<number>;
  /** Deletes readings and events before; as coarse as the engine's storage, never more. */
  retain(before: number): Promise<{ files: number }>;
  /**
   * Sets where devices stand and have stood, by time; queries group each reading by where its device stood then. One location
   * alone holds for all times. Unknown ids are kept for when they appear. Where it throws, everything stands as before.
   */
  locate(locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>): void;
  /** What answers lack at the moment; absent where the engine can't know. */
  lacking?(query: LackingQuery): readonly LackingSpan[];
  /** About how many readings there are, by asking; absent where `weigh` knows. */
  countReadings?(query: CountQuery, signal?: AbortSignal): Promise<number>;
  /** Writes the rows of exported Parquet files as one file, in the order of the files; absent where exports are CSV alone. */
  joinParquet?(paths: readonly string[], path: string, signal?: AbortSignal): Promise<void>;
  counters(): ArchiveCounters;
  /** Present where the engine needs care that only it can have. */
  readonly maintenance?: Maintenance;
  /** Ends everything that runs; called once no `take` is under way. */
  close(): Promise<void>;
}

/** What a check of all archive files found. */
export interface ArchiveCheck {
  readonly files: number;
  /** Files that were set aside, proved whole and are read again. */
  readonly restored: readonly string[];
  /** Files that are damaged or missing: no query reads them. */
  readonly setAside: readonly { readonly path: string; readonly reason: string }[];
  /** Files that could not be read for the moment. */
  readonly unknown: readonly { readonly path: string; readonly reason: string }[];
}

/** What an engine with files of its own offers. */
export interface Maintenance {
  /** Moves what was taken into durable files. */
  flush(): Promise<{ rows: number; files: number }>;
  /** Merges the files of closed days into one a day, of closed months into one a month, and refreshes rollups. */
  compact(now: number): Promise<{ compacted: number }>;
  /** Proves every file; those set aside that are whole are read again. */
  check(signal?: AbortSignal): Promise<ArchiveCheck>;
  /** A consistent copy into an empty folder while running; open a store on it to restore. */
  backup(folder: string): Promise<void>;
}
