/** The backups that lie in a folder, whole or not: what a page lists and the doctor looks at. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readList } from './backup-files.ts';
import { timeOf } from './backups.ts';

export interface FoundBackup {
  readonly folder: string;
  /** When it was begun. */
  readonly startedAt: number;
  /** Rises with each, whatever the clock said. */
  readonly number: number;
  /** Journal that it is of; undefined in old ones and where it is not whole. */
  readonly of: string | undefined;
  readonly bytes: number;
  readonly files: number;
  /** Why it can't be restored; null when its list is whole. */
  readonly fault: string | null;
}

/** Newest first. Of each the list is read, not its files. */
export async function findBackups(place: string): Promise<FoundBackup[]> {
  const names = await readdir(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = names.flatMap((name): FoundBackup[] => {
    const startedAt = timeOf(name);
    if (startedAt === null) return [];
    const folder = join(place, name);
    try {
      const { number, of, files } = readList(folder);
      const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
      return [{ folder, startedAt, number, of, bytes, files: files.length, fault: null }];
    } catch (error) {
      const fault = (error as Error).message;
      return [{ folder, startedAt, number: 0, of: undefined, bytes: 0, files: 0, fault }];
    }
  });
  return found.sort((a, b) => b.startedAt - a.startedAt);
}
