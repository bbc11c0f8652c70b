/** What an engine gives to the store above it. */
import type { Dialect } from 'kysely';
import type { SqlEngine } from '../modules.ts';

export interface EngineCounters {
  /** Writes that wait for their turn now. */
  readonly waiting: number;
  /** Statements refused since the start because too many waited, or too long. */
  readonly refused: number;
  /** Threads started anew after a death. */
  readonly restarts: number;
}

export interface Connected {
  readonly engine: SqlEngine;
  readonly dialect: Dialect;
  /** The same without the limit on transactions, for statements that may take long. */
  readonly migrating: Dialect;
  /** Looks whether anybody answers, soon: what migrates would wait for long. @throws relational-unavailable */
  readonly answers?: () => Promise<void>;
  /** Copies the database into a file while it is in use; absent where the engine has its own tools. */
  readonly backup?: (file: string) => Promise<void>;
  /**
   * Calls `heard`, which must not throw, when the database tells of something on the channel; returns what ends that. A
   * hint alone: what is told while the connection is down is lost. Absent where processes do not share a database.
   */
  readonly listen?: (channel: string, heard: () => void) => () => Promise<void>;
  counters(): EngineCounters;
  close(): Promise<void>;
}
