/** Backups while running: both stores into a new folder, one at a time; old ones are deleted, new ones proved by checksums. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, formatTime, OperationalError, parseTime } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { type BackupList, readList, syncPath, writeList } from './backup-files.ts';
import { checkRoom } from './room.ts';

export interface BackupState {
  readonly folder: string;
  readonly startedAt: number;
  readonly state: 'running' | 'done' | 'failed';
}

export interface BackupOptions {
  /** Folder of all backups; those of other servers in it are left alone. */
  readonly folder: string;
  /** The data folder. */
  readonly data: string;
  readonly clock: Clock;
  readonly relational: Pick<Relational, 'backup'>;
  readonly store: Pick<TimeSeriesStore, 'id' | 'backup' | 'keepsFiles' | 'diskReserveBytes'>;
  /** Whole backups kept; older ones are deleted after a new one was made. */
  readonly keep: number;
}

/** Folders of whole backups: `2026-11-24T040000.000Z`. */
const NAME = /^(\d{4}-\d{2}-\d{2}T\d{2})(\d{2})(\d{2}(?:\.\d+)?Z)$/;
/** The same with whose it is and the mark of one that is being made, or never was finished. */
const UNFINISHED = /(?:\.([0-9a-f-]{36}))?\.part$/;

/** `npm run serve -- restore <folder>` brings one back. */
export class Backups {
  readonly #options: BackupOptions;
  #made = 0;
  #lastWhole: number | null = null;
  #deleted = 0;
  #last: BackupState | null = null;
  #busy = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: BackupOptions) {
    this.#options = options;
  }

  get last(): BackupState | null {
    return this.#last;
  }

  /** When the last whole one was begun; null before the first since the start. */
  get lastWhole(): number | null {
    return this.#lastWhole;
  }

  /** Since the start. */
  counters(): { made: number; deleted: number } {
    return { made: this.#made, deleted: this.#deleted };
  }

  /** Names of those that were never finished; the newest counts as the last until there is another. The next backup deletes them. */
  async unfinished(): Promise<string[]> {
    const { folder: place, store } = this.#options;
    const names = (await readdir(place).catch(() => []))
      .filter((name) => isUnfinished(name, store.id))
      .sort();
    const folder = names.at(-1)?.replace(UNFINISHED, '');
    if (folder !== undefined && this.#last === null)
      this.#last = {
        folder: join(place, folder),
        startedAt: timeOf(folder) ?? 0,
        state: 'failed',
      };
    return names;
  }

  /** Resolves when no backup runs. */
  settled(): Promise<void> {
    return this.#running;
  }

  /**
   * Begins one and returns where it will lie; until it is whole the folder's name ends in `.part`. `failed` is told why it
   * fails. @throws backup-running
   */
  start(failed: (error: unknown) => void): BackupState {
    const { state, whole } = this.#begin();
    whole.catch(failed);
    return state;
  }

  /** Makes one and returns where it lies. @throws the same, and what makes it fail */
  async make(): Promise<string> {
    const { state, whole } = this.#begin();
    await whole;
    return state.folder;
  }

  #begin(): { state: BackupState; whole: Promise<void> } {
    if (this.#busy)
      throw new OperationalError('backup-running', `a backup is being made: ${this.#last?.folder}`);
    const startedAt = this.#options.clock();
    const folder = join(this.#options.folder, formatTime(startedAt).replaceAll(':', ''));
    const state = { folder, startedAt, state: 'running' } as const;
    this.#last = state;
    this.#busy = true;
    const whole = this.#run(state).finally(() => {
      this.#busy = false;
    });
    this.#running = whole.catch(() => undefined);
    return { state, whole };
  }

  /** What can't be deleted keeps no backup from being made, and is told after it. @throws not-deleted, and what makes it fail */
  async #run(state: BackupState): Promise<void> {
    const left: string[] = [];
    try {
      await mkdir(this.#options.folder, { recursive: true });
      // Before it takes room itself: those that were killed night after night must not fill the disk.
      left.push(...(await this.#delete(await this.unfinished())));
      await this.#make(state);
    } catch (error) {
      this.#last = { ...state, state: 'failed' };
      throw error;
    }
    this.#last = { ...state, state: 'done' };
    this.#made++;
    this.#lastWhole = state.startedAt;
    const whole = (await this.#whole()).map(({ name }) => name);
    const old = whole.slice(0, Math.max(0, whole.length - this.#options.keep));
    left.push(...(await this.#delete(old)));
    if (left.length > 0)
      throw new OperationalError(
        'not-deleted',
        `已备份，但旧备份无法删除 · the backup was made, old ones can't be deleted: ${left.join(', ')}`,
      );
  }

  async #make({ folder, startedAt }: BackupState): Promise<void> {
    const { data, store } = this.#options;
    const { diskReserveBytes } = store;
    await checkRoom({ folder: this.#options.folder, data, diskReserveBytes });
    const part = `${folder}.${store.id}.part`;
    try {
      await this.#fill(part, startedAt);
      await rename(part, folder);
      await syncPath(this.#options.folder);
    } catch (error) {
      // What fails night after night must not fill the disk.
      await rm(part, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #fill(part: string, startedAt: number): Promise<void> {
    await mkdir(join(part, 'time-series'), { recursive: true });
    const copied = await this.#options.relational.backup(join(part, 'relational.sqlite'));
    await this.#options.store.backup(join(part, 'time-series'));
    await writeList(part, {
      createdAt: formatTime(startedAt),
      number: ((await this.#whole()).at(-1)?.number ?? 0) + 1,
      of: this.#options.store.id,
      relational: copied ? 'sqlite' : 'postgresql',
      ...(this.#options.store.keepsFiles ? {} : { readings: 'influxdb' as const }),
    });
  }

  /** Own whole backups in the order in which they were made: names follow the clock, which may have been wrong. */
  async #whole(): Promise<{ name: string; number: number }[]> {
    const names = await readdir(this.#options.folder);
    return names
      .filter((name) => timeOf(name) !== null)
      .map((name) => ({ name, ...this.#ofName(name) }))
      .filter(({ of }) => of === undefined || of === this.#options.store.id)
      .sort((a, b) => a.number - b.number || (a.name < b.name ? -1 : 1));
  }

  #ofName(name: string): Pick<BackupList, 'number' | 'of'> {
    try {
      return readList(join(this.#options.folder, name));
    } catch {
      // Not one that could be restored.
      return { number: 0 };
    }
  }

  /** Deletes backups and says which can't be. */
  async #delete(names: readonly string[]): Promise<string[]> {
    const left: string[] = [];
    for (const name of names)
      try {
        await rm(join(this.#options.folder, name), { recursive: true });
        this.#deleted++;
      } catch (error) {
        left.push((error as Error).message);
      }
    return left;
  }
}

/** Whether it is one of a server that was never finished; those that don't say whose they are are its own. */
function isUnfinished(name: string, id: string): boolean {
  const [, of = id] = UNFINISHED.exec(name) ?? [];
  return UNFINISHED.test(name) && of === id && timeOf(name.replace(UNFINISHED, '')) !== null;
}

/** When the backup of that name was begun; null for any other name. */
export function timeOf(name: string): number | null {
  const [, hour, minute, rest] = NAME.exec(name) ?? [];
  if (hour === undefined) return null;
  const at = parseTime(`${hour}:${minute}:${rest}`);
  return Number.isNaN(at) ? null : at;
}
