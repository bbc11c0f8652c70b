/**
 * A SQLite database that nobody has open, read without leaving anything beside it: as it lies when its write-ahead log is
 * empty, else from a copy of both.
 */
import { copyFileSync, mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/** What is copied at most; a larger database with a write-ahead log is not read. */
const COPY_BYTES_MAX = 512 * 1024 * 1024;
/** A larger one is not read whole: its faults are found where they lie. */
const CHECK_BYTES_MAX = 2 * 1024 * 1024 * 1024;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** What was made of a database; `unread` says why it was not looked into. */
export type Looked<T> = { readonly value: T } | { readonly unread: 'too-large' | 'no-room' };

/** @throws what SQLite says of one that is damaged */
export function readOnly<T>(path: string, work: (db: DatabaseSync) => T): Looked<T> {
  const log = sizeOf(`${path}-wal`);
  if (log === 0) {
    const url = pathToFileURL(path);
    url.searchParams.set('immutable', '1');
    return { value: withDatabase(new DatabaseSync(url, { readOnly: true }), work) };
  }
  const bytes = sizeOf(path) + log;
  if (bytes > COPY_BYTES_MAX) return { unread: 'too-large' };
  const disk = statfsSync(tmpdir());
  if (disk.bavail * disk.bsize < 2 * bytes) return { unread: 'no-room' };
  const folder = mkdtempSync(join(tmpdir(), 'village-inspect-'));
  try {
    const copy = join(folder, 'copy.sqlite');
    copyFileSync(path, copy);
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    return { value: withDatabase(new DatabaseSync(copy), work) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The same for one that others have open, without a copy: SQLite shares it. */
export function shared<T>(path: string, work: (db: DatabaseSync) => T): Looked<T> {
  return {
    value: withDatabase(new DatabaseSync(path, { readOnly: true, timeout: 2_000 }), work),
  };
}

function withDatabase<T>(db: DatabaseSync, work: (db: DatabaseSync) => T): T {
  try {
    return work(db);
  } finally {
    db.close();
  }
}

/** What SQLite's own check finds first; null when nothing. */
export function quickCheck(db: DatabaseSync, path: string): string | null {
  // Its head is read in any case.
  db.prepare('SELECT count(*) AS n FROM sqlite_schema').get();
  if (sizeOf(path) > CHECK_BYTES_MAX) return null;
  const row = db.prepare('PRAGMA quick_check(1)').get();
  const said = String(row === undefined ? '' : Object.values(row)[0]);
  // Of the whole database it says `*** in database main ***` first.
  const lines = said.split('\n').filter((line) => line !== '' && !line.startsWith('***'));
  return said === 'ok' ? null : (lines[0] ?? said);
}
