/** How the embedded archive is opened. */
import type { Timer } from '@village/core';
import type { Report } from '../contract.ts';
import type { WorkerOptions } from './duck/messages.ts';

export interface EmbeddedOptions {
  readonly flushRows?: number;
  readonly flushEveryMs?: number;
  /** Memory of the rows and events not flushed that starts a flush; a quarter of DuckDB's unless given. */
  readonly flushBytes?: number;
  /** A month's archive file of so many rows is full: later days of the month go into another. */
  readonly partRows?: number;
  /** Memory of DuckDB; the process needs about as much again. */
  readonly memoryLimitMb?: number;
  readonly threads?: number;
  /** Disk space that DuckDB may take for what does not fit its memory. */
  readonly spillLimitMb?: number;
}

/** What holds of an operator's options unless told otherwise. */
export const EMBEDDED_DEFAULTS = { flushEveryMs: 900_000, spillLimitMb: 4096 } as const;

/** Options with their defaults, and where the archive lives. */
export interface ArchiveSettings {
  readonly folder: string;
  readonly timer: Timer;
  readonly log: Report;
  readonly flushRows: number;
  readonly flushEveryMs: number;
  readonly flushBytes: number;
  readonly partRows: number;
  /** Free disk that what DuckDB spills must leave. */
  readonly keptFree: number;
  readonly duck: WorkerOptions;
}
