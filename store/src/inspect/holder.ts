/** Which process has a file open for itself, as Linux tells it. */
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** `1: POSIX  ADVISORY  WRITE 4711 08:01:131 1073741826 1073742335`: process and inode. */
const LOCK = /^\d+:(?: ->)?\s+(?:POSIX|OFDLCK)\s+\S+\s+\S+\s+(-?\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/;

/**
 * The process that holds a lock on a file; 0 where it lies beyond what we may see, null when nobody does or the system does
 * not tell.
 */
export function holderOf(path: string): number | null {
  let locks: string;
  let inode: number;
  try {
    inode = statSync(path).ino;
    locks = readFileSync('/proc/locks', 'utf8');
  } catch {
    return null;
  }
  for (const line of locks.split('\n')) {
    const [, pid, of] = LOCK.exec(line) ?? [];
    if (Number(of) !== inode) continue;
    // Files of different disks may have one number.
    if (Number(pid) <= 0) return 0;
    if (hasOpen(Number(pid), path) !== false) return Number(pid);
  }
  return null;
}

/** Whether a process has a file open; null when it is not ours to ask. */
function hasOpen(pid: number, path: string): boolean | null {
  try {
    const real = realpathSync(path);
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => linkOf(join(folder, fd)) === real);
  } catch {
    return null;
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    // Closed meanwhile.
    return null;
  }
}
