/** The disks that the server writes to, and the room that they have. */
import { statfs } from 'node:fs/promises';
import type * as api from '@village/api';
import type { Needs } from '../needs.ts';

/** What does not answer (a network disk that is gone) is left out: the rest must be told all the same. */
const ASK_MS = 2_000;

type Disk = api.system.System['disks'][number];

/** One folder's disk; null while the folder is not there, or does not answer. */
async function diskOf(
  purpose: Disk['purpose'],
  folder: string,
  reserveBytes: number,
): Promise<Disk | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ASK_MS);
  try {
    const disk = await Promise.race([statfs(folder), late.promise]);
    if (disk === null) return null;
    const { blocks, bavail, bsize } = disk;
    return {
      purpose,
      folder,
      totalBytes: blocks * bsize,
      freeBytes: bavail * bsize,
      reserveBytes,
    };
  } catch {
    // Made when something is first written there.
    return null;
  } finally {
    clearTimeout(timer);
  }
}

export async function disksOf({ config, store }: Needs): Promise<Disk[]> {
  const found = await Promise.all([
    diskOf('data', config.data, store.diskReserveBytes),
    diskOf('backups', config.backup.folder, 0),
    diskOf('exports', config.exports.folder, 0),
  ]);
  return found.filter((one) => one !== null);
}
