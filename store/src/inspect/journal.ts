/** The journal's database and the archive files that it lists, looked at while no server has them open. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { anyFile } from '../archive/embedded/files/files.ts';
import { type FileState, prove, SET_ASIDE } from '../archive/embedded/files/proof.ts';
import { formatOf, LOG_FILE, LOG_FORMAT } from '../journal/journal-db.ts';
import { type Looked, quickCheck, readOnly } from './read-only.ts';

/** One archive file, as the manifest lists it. */
export interface ListedFile {
  readonly path: string;
  readonly bytes: number;
  readonly crc: number;
  /** Whether queries read it; what was set aside is not. */
  readonly readable: boolean;
}

export interface JournalInspection {
  /** What SQLite's own check finds; null when nothing. */
  readonly fault: string | null;
  /** Whether a later version of this program has written it. */
  readonly newer: boolean;
  /** When something was written last, by the clock of then; null when nothing is in the log. */
  readonly committedAt: number | null;
  /** Log rows that could not be read and were moved away. */
  readonly damagedRows: number;
  readonly files: readonly ListedFile[];
}

const hasTable = (db: DatabaseSync, name: string): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !==
  undefined;

/** Looks into the store's folder; null when there is no journal in it. @throws what SQLite says of a damaged one */
export function inspectJournal(folder: string): Looked<JournalInspection> | null {
  const path = join(folder, LOG_FILE);
  if (!existsSync(path)) return null;
  return readOnly(path, (db) => ({
    fault: quickCheck(db, path),
    newer: formatOf(db) > LOG_FORMAT,
    committedAt: hasTable(db, 'log')
      ? (db.prepare('SELECT max(committed_at) AS at FROM log').get()?.['at'] as number | null)
      : null,
    damagedRows: hasTable(db, 'damaged')
      ? Number(db.prepare('SELECT count(*) AS n FROM damaged').get()?.['n'])
      : 0,
    files: hasTable(db, 'files')
      ? db
          .prepare('SELECT path, bytes, crc, readable FROM files ORDER BY last DESC, path')
          .all()
          .map((row) => ({
            path: row['path'] as string,
            bytes: row['bytes'] as number,
            crc: row['crc'] as number,
            readable: row['readable'] === 1,
          }))
      : [],
  }));
}

/** A file of readings in the store's folder whose log is missing or holds nothing; null when all is in order. */
export function orphanOf(folder: string): string | null {
  if (!existsSync(folder)) return null;
  const looked = inspectJournal(folder);
  if (looked !== null && 'unread' in looked) return null;
  const isEmpty =
    looked === null || (looked.value.committedAt === null && looked.value.files.length === 0);
  return isEmpty ? anyFile(folder) : null;
}

/** Compares files with their checksums, in order, until `signal` ends it; says how many were looked at. */
export async function proveFiles(
  folder: string,
  files: readonly ListedFile[],
  signal: AbortSignal,
): Promise<{
  readonly proved: number;
  readonly bad: readonly {
    readonly path: string;
    readonly state: FileState;
    readonly reason: string;
  }[];
}> {
  const bad: { path: string; state: FileState; reason: string }[] = [];
  let proved = 0;
  for (const file of files) {
    try {
      const at = join(folder, file.path);
      const set = !file.readable && !existsSync(at) ? `${at}${SET_ASIDE}` : at;
      const { state, reason } = await prove(set, file, signal);
      if (state !== 'whole') bad.push({ path: file.path, state, reason });
      else if (!file.readable) bad.push({ path: file.path, state, reason: 'It is set aside.' });
    } catch (error) {
      if (signal.aborted) break;
      throw error;
    }
    proved++;
  }
  return { proved, bad };
}
