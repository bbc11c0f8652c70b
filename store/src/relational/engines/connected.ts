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
  /** The same without the limit on transactions. */
  readonly migrating: Dialect;
  /** Copies the database into a file while it is in use; absent where the engine has its own tools. */
  readonly backup?: (file: string) => Promise<void>;
  counters(): EngineCounters;
  close(): Promise<void>;
}
