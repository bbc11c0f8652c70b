/** Backups while running: both stores into a new folder, one at a time. */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, formatTime, OperationalError } from '@village/core';
import type { Relational } from '@village/store/relational';
import type { TimeSeriesStore } from '@village/store/time-series';

export interface BackupState {
  readonly folder: string;
  readonly startedAt: number;
  readonly state: 'running' | 'done' | 'failed';
}

export interface BackupOptions {
  /** Folder of all backups. */
  readonly folder: string;
  readonly clock: Clock;
  readonly relational: Relational;
  readonly store: Pick<TimeSeriesStore, 'backup'>;
  readonly failed: (error: unknown) => void;
}

/** To restore, copy the folder's `time-series` and `relational.sqlite` into an empty data folder. */
export class Backups {
  readonly #options: BackupOptions;
  #last: BackupState | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: BackupOptions) {
    this.#options = options;
  }

  get last(): BackupState | null {
    return this.#last;
  }

  /** Resolves when no backup runs. */
  settled(): Promise<void> {
    return this.#running;
  }

  /** Begins one and returns where it will lie; until it is whole the folder's name ends in `.part`. @throws backup-running */
  start(): BackupState {
    if (this.#last?.state === 'running')
      throw new OperationalError('backup-running', `a backup is being made: ${this.#last.folder}`);
    const startedAt = this.#options.clock();
    const folder = join(this.#options.folder, formatTime(startedAt).replaceAll(':', ''));
    const state = { folder, startedAt, state: 'running' } as const;
    this.#last = state;
    this.#running = this.#make(folder).then(
      () => this.#end(state, 'done'),
      (error: unknown) => {
        this.#end(state, 'failed');
        this.#options.failed(error);
      },
    );
    return state;
  }

  #end(state: BackupState, outcome: 'done' | 'failed'): void {
    this.#last = { ...state, state: outcome };
  }

  async #make(folder: string): Promise<void> {
    const part = `${folder}.part`;
    await mkdir(join(part, 'time-series'), { recursive: true });
    await this.#options.relational.backup(join(part, 'relational.sqlite'));
    await this.#options.store.backup(join(part, 'time-series'));
    await rename(part, folder);
  }
}
