/** Runs a question: what it reads is held while it runs, and a file that can't be read is set aside and the question asked again. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lane, QueryFailure } from './duck.ts';
import type { Engine } from './engine.ts';
import type { ArchiveFile } from './log.ts';
import type { Columns } from './messages.ts';
import { fileList } from './sql.ts';

/** Damaged files that one question may meet before it fails. */
const REPAIRS_MAX = 8;

/**
 * Asks what `make` writes; it is called anew after a damaged file was set aside.
 * @throws store-busy, query-timeout, query-aborted, query-failed
 */
export async function ask(
  engine: Engine,
  make: () => string,
  signal: AbortSignal | undefined,
  lane: Lane = 'question',
): Promise<Columns> {
  for (let repairs = 0; ; repairs++) {
    const release = engine.pins.hold();
    try {
      return await engine.duck.query(make(), { signal, lane });
    } catch (error) {
      if (!(error instanceof QueryFailure) || repairs === REPAIRS_MAX) throw error;
      const found = await setAsideUnreadable(engine, error.message);
      if (found === 0) throw error;
    } finally {
      release();
    }
  }
}

/** Finds the files that DuckDB can't read among those that its message names, or all when it names none. */
async function setAsideUnreadable(engine: Engine, message: string): Promise<number> {
  const named = engine.view.files.filter((file) => message.includes(file.path));
  let found = 0;
  for (const file of named.length > 0 ? named : engine.view.files) {
    const fault = await readFault(engine, file);
    if (fault === null) continue;
    await setAside(engine, file, fault);
    found++;
  }
  return found;
}

/** Why a file can't be read, or null when all of it can. */
async function readFault(engine: Engine, file: ArchiveFile): Promise<string | null> {
  try {
    await engine.duck.query(
      `SELECT count(hash(COLUMNS(*))) FROM ${fileList(engine.folder, [file])}`,
      {
        lane: 'export',
      },
    );
    return null;
  } catch (error) {
    if (error instanceof QueryFailure) return error.message;
    throw error;
  }
}

/** Takes a file out of every later question and keeps it under another name. */
export async function setAside(engine: Engine, file: ArchiveFile, reason: string): Promise<void> {
  if (!engine.view.files.includes(file)) return;
  engine.view.files = engine.view.files.filter((one) => one !== file);
  engine.log.setUnreadable(file.path);
  engine.tally.filesUnreadable++;
  engine.settings.log('error', `archive file ${file.path} can't be read and is set aside`, {
    code: 'file-unreadable',
    path: file.path,
    rows: file.rows,
    reason,
  });
  const path = join(engine.folder, file.path);
  try {
    await rename(path, `${path}.unreadable`);
  } catch (error) {
    engine.settings.log('warn', `archive file ${file.path} can't be renamed`, {
      code: 'file-unreadable',
      reason: (error as Error).message,
    });
  }
}
