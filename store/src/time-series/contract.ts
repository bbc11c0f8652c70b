/** The time-series store as a whole: the journal and one archive behind it, under one set of names. */
import type {
  Archive,
  ArchiveCheck,
  ArchiveHost,
  ArchiveQueries,
  CountQuery,
  DeviceLocation,
  LackingQuery,
  LackingSpan,
} from '../archive/contract.ts';
import type { EmbeddedOptions } from '../archive/embedded/settings.ts';
import type { FrameStore } from '../frames/contract.ts';
import type { Journal, JournalCounters } from '../journal/contract.ts';
import type { JournalOptions } from '../journal/settings.ts';

/** How a store is opened. */
export interface TimeSeriesOptions extends JournalOptions, EmbeddedOptions {
  /** Opens another archive than the embedded one. */
  readonly archive?: (host: ArchiveHost) => Promise<Archive>;
  /** Bytes of journal that may wait for the frames; beyond it they are given up, counted and told. */
  readonly framesLagMax?: number;
  /** How often a tick is put into the journal; Infinity for tools that are no platform. */
  readonly tickMs?: number;
}

/** Counters of both halves; what an engine does not count is 0. */
export interface StoreCounters extends JournalCounters {
  readonly rowsInMemtable: number;
  readonly rowsFlushed: number;
  readonly flushes: number;
  readonly flushFailures: number;
  /** Archive files that are not read, since they were proved damaged or are missing. */
  readonly filesUnreadable: number;
  /** Queries whose answers may lack readings that lie in such files. */
  readonly queriesIncomplete: number;
  /** Groups of files that could not be compacted and rollups that could not be computed; both are tried again. */
  readonly maintenanceFailures: number;
  /** Times that the archive's engine was started again after it had ended by itself. */
  readonly restarts: number;
  readonly archiveBytes: number;
}

/**
 * An open store. A query sees everything that was acknowledged before it was asked, or fails with a fault that is worth
 * a retry while the archive is behind.
 */
export interface TimeSeriesStore extends Omit<Journal, 'counters'>, ArchiveQueries {
  locate(locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>): void;
  retain(before: number): Promise<{ files: number }>;
  /** What answers lack at the moment, since archive files are damaged or missing. */
  lacking(query: LackingQuery): readonly LackingSpan[];
  /** About how many readings there are, by asking the archive; absent where `weigh` knows. */
  countReadings?(query: CountQuery, signal?: AbortSignal): Promise<number>;
  /** Writes the rows of exported Parquet files as one file, in the order of the files; absent where exports are CSV alone. */
  joinParquet?(paths: readonly string[], path: string, signal?: AbortSignal): Promise<void>;
  /** Free disk below which nothing is committed. */
  readonly diskReserveBytes: number;
  /** What devices said, as it was received. */
  readonly frames: FrameStore;
  /** Makes everything committed durable in the archive and deletes what the log need not hold; nothing to do elsewhere. */
  flush(): Promise<{ rows: number; files: number }>;
  /** Nothing to do where the engine looks after itself. */
  compact(now: number): Promise<{ compacted: number }>;
  /** Proves every archive file and reads again what was set aside and is whole; no files where the engine looks after itself. */
  checkArchive(signal?: AbortSignal): Promise<ArchiveCheck>;
  /**
   * A consistent copy into an empty folder while running; open a store on it to restore. Where the engine keeps no files of
   * ours it holds the journal alone: what the engine has not taken yet, names, latest values, sequences, dead letters.
   */
  backup(folder: string): Promise<void>;
  /** Whether the archive's files are ours to flush, compact, prove and back up; false where the engine looks after itself. */
  readonly keepsFiles: boolean;
  /** Why the archive takes nothing at the moment, or null; readings are acknowledged meanwhile. */
  readonly archiveFault: Error | null;
  counters(): StoreCounters;
  /** Commits, stops every reader, and closes the archive. */
  close(): Promise<void>;
}
