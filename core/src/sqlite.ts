/** What SQLite's faults mean, and its transactions; the database is the caller's. Codes: sqlite.org/rescode.html. */

const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

export type SqliteFault = 'in-use' | 'corrupt' | 'other';

/** The kind of an error of SQLite; null when the error is no fault of SQLite. */
export function sqliteFault(error: unknown): SqliteFault | null {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== 'number') return null;
  // The upper bits say more about the same kind.
  const kind = code & 0xff;
  if (kind === BUSY || kind === LOCKED) return 'in-use';
  if (kind === CORRUPT || kind === NOT_A_DATABASE) return 'corrupt';
  return 'other';
}

/** Runs `work` in one transaction; rolls back and throws on when it fails. */
export function inTransaction<T>(
  database: { exec(sql: string): void; readonly isTransaction: boolean },
  work: () => T,
): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has already rolled back by itself after some faults (full disk, I/O).
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
