/** Numbers that the gateway knows again after a restart: which times it gave to what, what clocks are corrected by, and when its own was set. */
import type { DatabaseSync } from 'node:sqlite';

/** What is to be known after a restart; the newest of a kind and key counts. */
export interface Memory {
  readonly kind: MemoryKind;
  readonly key: string;
  readonly value: number;
}

/** How many of a kind are kept, the newest. */
const KEPT = { 'given-time': 5_000, clock: 5_000, 'clock-set': 100 } as const;
export type MemoryKind = keyof typeof KEPT;
const KINDS = Object.keys(KEPT) as MemoryKind[];
/** So many more than that may be there before the oldest are deleted. */
const SLACK = 500;

export const memoryTable = `
  CREATE TABLE IF NOT EXISTS memory (
    n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, value INTEGER NOT NULL,
    UNIQUE (kind, key)) STRICT;
`;

export class MemoryTable {
  readonly #db: DatabaseSync;
  /** Written since the oldest were deleted. */
  #written = SLACK;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Within the caller's transaction. */
  write(memory: readonly Memory[]): void {
    if (memory.length === 0) return;
    const put = this.#db.prepare(
      'INSERT OR REPLACE INTO memory (kind, key, value) VALUES (?, ?, ?)',
    );
    for (const { kind, key, value } of memory) put.run(kind, key, value);
    this.#written += memory.length;
    if (this.#written < SLACK) return;
    this.#written = 0;
    const forget = this.#db.prepare(
      `DELETE FROM memory WHERE kind = ? AND n <=
        (SELECT n FROM memory WHERE kind = ? ORDER BY n DESC LIMIT 1 OFFSET ?)`,
    );
    for (const kind of KINDS) forget.run(kind, kind, KEPT[kind]);
  }

  /** What was remembered of a kind, the newest last. */
  read(kind: MemoryKind): [key: string, value: number][] {
    const rows = this.#db
      .prepare('SELECT key, value FROM memory WHERE kind = ? ORDER BY n')
      .all(kind);
    return rows.map(({ key, value }) => [String(key), Number(value)]);
  }
}
