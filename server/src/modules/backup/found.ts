/** The backups that lie in a folder, whole or not: what a page lists and the doctor looks at. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { readList } from './backup-files.ts';
import { timeOf } from './backups.ts';

export interface FoundBackup {
  readonly folder: string;
  /** When it was begun. */
  readonly startedAt: number;
  /** Journal that it is of; undefined in old ones and where it is not whole. */
  readonly of: string | undefined;
  readonly bytes: number;
  readonly files: number;
  /** Why it can't be restored; null when its list is whole. */
  readonly fault: string | null;
}

/** Newest first, at most so many. Of each the list is read, not its files; others are served between two. */
export async function findBackups(
  place: string,
  limit = Number.POSITIVE_INFINITY,
): Promise<FoundBackup[]> {
  const names = await readdir(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const newest = names
    .map((name) => ({ folder: join(place, name), startedAt: timeOf(name) }))
    .filter((one): one is Pick<FoundBackup, 'folder' | 'startedAt'> => one.startedAt !== null)
    .sort((a, b) => b.startedAt - a.startedAt)
    .slice(0, limit);
  const found: FoundBackup[] = [];
  for (const one of newest) {
    found.push({ ...one, ...listOf(one.folder) });
    await turn();
  }
  return found;
}

function listOf(folder: string): Omit<FoundBackup, 'folder' | 'startedAt'> {
  try {
    const { of, files } = readList(folder);
    const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
    return { of, bytes, files: files.length, fault: null };
  } catch (error) {
    return { of: undefined, bytes: 0, files: 0, fault: (error as Error).message };
  }
}
