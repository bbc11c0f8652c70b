/** Runs a query: what it reads is held while it runs, and a file that can't be read is set aside and the query asked again. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArchiveFile } from '../../../journal/journal-db.ts';
import type { EmbeddedArchive } from '../archive.ts';
import { type QueryClass, QueryFailure } from '../duck/duck.ts';
import type { Columns } from '../duck/messages.ts';
import { fileList } from './sql.ts';

/** Damaged files that one query may meet before it fails. */
const REPAIRS_MAX = 8;

/**
 * Asks what `make` writes; it is called anew after a damaged file was set aside.
 * @throws store-busy, query-timeout, query-aborted, query-failed
 */
export async function runQuery(
  archive: EmbeddedArchive,
  make: () => string,
  signal: AbortSignal | undefined,
  queryClass: QueryClass = 'interactive',
): Promise<Columns> {
  for (let repairs = 0; ; repairs++) {
    const release = archive.pins.hold();
    try {
      return await archive.duck.query(make(), { signal, queryClass });
    } catch (error) {
      if (!(error instanceof QueryFailure) || repairs === REPAIRS_MAX) throw error;
      const found = await setAsideUnreadable(archive, error.message);
      if (found === 0) throw error;
    } finally {
      release();
    }
  }
}

/** Finds the files that DuckDB can't read among those that its message names, or all when it names none. */
async function setAsideUnreadable(archive: EmbeddedArchive, message: string): Promise<number> {
  const named = archive.view.files.filter((file) => message.includes(file.path));
  let found = 0;
  for (const file of named.length > 0 ? named : archive.view.files) {
    const fault = await readFault(archive, file);
    if (fault === null) continue;
    await setAside(archive, file, fault);
    found++;
  }
  return found;
}

/** Why a file can't be read, or null when all of it can. */
async function readFault(archive: EmbeddedArchive, file: ArchiveFile): Promise<string | null> {
  try {
    await archive.duck.query(
      `SELECT count(hash(COLUMNS(*))) FROM ${fileList(archive.folder, [file])}`,
      {
        queryClass: 'export',
      },
    );
    return null;
  } catch (error) {
    if (error instanceof QueryFailure) return error.message;
    throw error;
  }
}

/** Takes a file out of every later query and keeps it under another name. */
export async function setAside(
  archive: EmbeddedArchive,
  file: ArchiveFile,
  reason: string,
): Promise<void> {
  if (!archive.view.files.includes(file)) return;
  archive.view.files = archive.view.files.filter((one) => one !== file);
  archive.db.setUnreadable(file.path);
  archive.totals.filesUnreadable++;
  archive.settings.log('error', `archive file ${file.path} can't be read and is set aside`, {
    code: 'file-unreadable',
    path: file.path,
    rows: file.rows,
    reason,
  });
  const path = join(archive.folder, file.path);
  try {
    await rename(path, `${path}.unreadable`);
  } catch (error) {
    archive.settings.log('warn', `archive file ${file.path} can't be renamed`, {
      code: 'file-unreadable',
      reason: (error as Error).message,
    });
  }
}
