/**
 * Threads of the process's pool. Each statement of DuckDB holds one while it runs, and so does each work on files: with the four
 * that Node makes, a few long questions would hold up the disk. It must be said before anything uses the pool, so this comes first.
 *
 * Where there are more of them than processors, the thread that acknowledges readings would wait its turn behind all: they give way
 * to it, as far as the system lets threads do so (Linux). DuckDB's own are made by one of them, and are as polite.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { getPriority, setPriority } from 'node:os';

const THREADS = 12;
/** As `nice` has it: about a tenth of the processor where somebody else wants it too. */
const POLITE = 10;
const TASKS = '/proc/self/task';
/** What the pool's threads are called. */
const POOL = 'libuv-worker';

process.env['UV_THREADPOOL_SIZE'] ??= String(THREADS);

// They are made when there is something to do for the first of them.
await stat('.');
// Who is politer yet may not be made less so.
if (process.platform === 'linux' && getPriority() < POLITE)
  for (const thread of readdirSync(TASKS)) giveWay(thread);

function giveWay(thread: string): void {
  try {
    if (readFileSync(`${TASKS}/${thread}/comm`, 'utf8').trim() === POOL)
      setPriority(Number(thread), POLITE);
  } catch (error) {
    // One that has ended meanwhile needs no manners.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
  }
}
