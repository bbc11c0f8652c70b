/** Backups while running: both stores into a new folder, one at a time; old ones are deleted, new ones proved by checksums. */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, formatTime, OperationalError, parseTime } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';
import { writeList } from './backup-files.ts';

export interface BackupState {
  readonly folder: string;
  readonly startedAt: number;
  readonly state: 'running' | 'done' | 'failed';
}

export interface BackupOptions {
  /** Folder of all backups. */
  readonly folder: string;
  readonly clock: Clock;
  readonly relational: Pick<Relational, 'backup'>;
  readonly store: Pick<TimeSeriesStore, 'backup' | 'keepsFiles'>;
  /** Whole backups kept; older ones are deleted after a new one was made. */
  readonly keep: number;
}

/** Folders of whole backups: `2026-11-24T040000.000Z`. */
const NAME = /^(\d{4}-\d{2}-\d{2}T\d{2})(\d{2})(\d{2}(?:\.\d+)?Z)$/;
/** The same with the mark of one that is being made, or never was finished. */
const UNFINISHED = /\.part$/;

/** `npm run serve -- restore <folder>` brings one back. */
export class Backups {
  readonly #options: BackupOptions;
  #made = 0;
  #lastWhole: number | null = null;
  #deleted = 0;
  #last: BackupState | null = null;
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
    if (this.#last?.state === 'running')
      throw new OperationalError('backup-running', `a backup is being made: ${this.#last.folder}`);
    const startedAt = this.#options.clock();
    const folder = join(this.#options.folder, formatTime(startedAt).replaceAll(':', ''));
    const state = { folder, startedAt, state: 'running' } as const;
    this.#last = state;
    const whole = this.#make(folder, startedAt).then(
      () => this.#end(state, 'done'),
      (error: unknown) => {
        this.#end(state, 'failed');
        throw error;
      },
    );
    this.#running = whole.catch(() => undefined);
    return { state, whole };
  }

  #end(state: BackupState, outcome: 'done' | 'failed'): void {
    this.#last = { ...state, state: outcome };
    if (outcome !== 'done') return;
    this.#made++;
    this.#lastWhole = state.startedAt;
  }

  async #make(folder: string, startedAt: number): Promise<void> {
    const part = `${folder}.part`;
    try {
      await this.#fill(part, startedAt);
      await rename(part, folder);
    } catch (error) {
      // What fails night after night must not fill the disk.
      await rm(part, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    await this.#deleteOld();
  }

  async #fill(part: string, startedAt: number): Promise<void> {
    await mkdir(join(part, 'time-series'), { recursive: true });
    const copied = await this.#options.relational.backup(join(part, 'relational.sqlite'));
    await this.#options.store.backup(join(part, 'time-series'));
    await writeList(part, {
      createdAt: formatTime(startedAt),
      relational: copied ? 'sqlite' : 'postgresql',
      ...(this.#options.store.keepsFiles ? {} : { readings: 'influxdb' as const }),
    });
  }

  /** Deletes whole backups beyond those kept, and what was left of unfinished ones; touches nothing of other names. */
  async #deleteOld(): Promise<void> {
    const names = await readdir(this.#options.folder);
    const whole = names.filter((name) => timeOf(name) !== null).sort();
    const old = whole.slice(0, Math.max(0, whole.length - this.#options.keep));
    const unfinished = names.filter(
      (name) => UNFINISHED.test(name) && timeOf(name.replace(UNFINISHED, '')) !== null,
    );
    for (const name of [...old, ...unfinished]) {
      await rm(join(this.#options.folder, name), { recursive: true });
      this.#deleted++;
    }
  }
}

/** When the backup of that name was begun; null for any other name. */
function timeOf(name: string): number | null {
  const [, hour, minute, rest] = NAME.exec(name) ?? [];
  if (hour === undefined) return null;
  const at = parseTime(`${hour}:${minute}:${rest}`);
  return Number.isNaN(at) ? null : at;
}
