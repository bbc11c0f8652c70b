/**
 * How much DuckDB may spill: never so much that the disk comes near the log's reserve, at which nothing would be acknowledged any more.
 * What is spilled already may stay.
 */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Duck, QueryFailure } from './duck/duck.ts';

const MEGABYTE = 1024 * 1024;
/** Steps in which it changes, so that DuckDB is told of it seldom. */
const STEP_MB = 16;
/** How often is looked, ms. */
export const LOOK_MS = 5_000;

export interface SpillSettings {
  readonly folder: string;
  readonly limitMb: number;
  /** Free disk that no query may take. */
  readonly keptFree: number;
}

/** Of a disk: what is free, and what is spilled. */
export interface SpillRoom {
  readonly free: number;
  readonly used: number;
}

/** Megabytes that may be spilled in all. */
export function spillAllowed(
  { limitMb, keptFree }: Pick<SpillSettings, 'limitMb' | 'keptFree'>,
  { free, used }: SpillRoom,
): number {
  const room = Math.max(0, used + free - keptFree) / MEGABYTE;
  return room >= limitMb ? limitMb : Math.floor(room / STEP_MB) * STEP_MB;
}

async function roomOf(folder: string): Promise<SpillRoom> {
  let used = 0;
  // DuckDB makes the folder when it spills, and deletes files while we look.
  for (const name of await readdir(folder).catch(() => []))
    used += await stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    );
  const { bavail, bsize } = await statfs(join(folder, '..'));
  return { free: bavail * bsize, used };
}

export class SpillLimit {
  readonly #settings: SpillSettings;
  readonly #room: (folder: string) => Promise<SpillRoom>;
  /** What which thread was told last; a new one begins with the limit of its settings. */
  #told: { readonly duck: Duck; readonly megabytes: number } | null = null;

  constructor(settings: SpillSettings, room = roomOf) {
    this.#settings = settings;
    this.#room = room;
  }

  /** Tells DuckDB what it may spill by now. */
  async look(duck: Duck): Promise<void> {
    const { folder, limitMb } = this.#settings;
    const megabytes = spillAllowed(this.#settings, await this.#room(folder));
    const told = this.#told?.duck === duck ? this.#told.megabytes : limitMb;
    if (megabytes === told || duck.dead !== null) return;
    try {
      await duck.query(`SET max_temp_directory_size = '${megabytes}MB'`);
      this.#told = { duck, megabytes };
    } catch (error) {
      // It does not go below what has been spilled meanwhile: so the next look tells it.
      if (!(error instanceof QueryFailure)) throw error;
    }
  }
}
