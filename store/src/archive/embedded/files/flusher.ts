/** When the memtables become files: after so many rows or so long, and on request. */
import { OperationalError } from '@village/core';
import type { ArchiveParts } from '../parts.ts';
import { flush, writeDictionary } from './flush.ts';
import { refreshRollups } from './rollup.ts';

/** After a flush that failed, ms until the next by itself. */
const FLUSH_RETRY_MS = 30_000;
/** How often the age of the open generation is looked at, at most, ms. */
const FLUSH_CHECK_MS_MIN = 1_000;

/** Starts flushes in the background, one at a time. */
export class Flusher {
  readonly #archive: ArchiveParts;
  readonly #signal: AbortSignal;
  #ticking: Promise<void> = Promise.resolve();
  #flushing = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #dictionaryDevices = -1;

  constructor(archive: ArchiveParts, signal: AbortSignal) {
    this.#archive = archive;
    this.#signal = signal;
  }

  start(): void {
    this.#ticking = this.#tick();
  }

  ended(): Promise<void> {
    return this.#ticking;
  }

  async flush(): Promise<{ rows: number; files: number }> {
    const archive = this.#archive;
    const flushed = await archive.maintain(async () => {
      const result = await flush(archive);
      const { devices } = archive.names;
      if (this.#dictionaryDevices !== devices) {
        await writeDictionary(archive);
        this.#dictionaryDevices = devices;
      }
      return result;
    });
    if (archive.view.dirty.size > 0)
      archive
        .maintain(() => refreshRollups(archive))
        .catch((error: Error) => this.#complain('rollups could not be computed', error));
    return flushed;
  }

  flushWhenFull(): void {
    const { settings, view } = this.#archive;
    if (view.open.rows >= settings.flushRows || view.open.bytes >= settings.flushBytes)
      this.flushSoon();
  }

  #complain(message: string, error: Error): void {
    const code = error instanceof OperationalError ? error.code : undefined;
    this.#archive.settings.log('error', message, { reason: error.message, code });
  }

  /** Starts a flush, unless one runs or failed a moment ago. */
  flushSoon(): void {
    const { timer } = this.#archive.settings;
    if (this.#flushing || this.#signal.aborted || timer.elapsed() < this.#notBefore) return;
    this.#flushing = true;
    this.flush()
      .catch((error: Error) => {
        this.#notBefore = timer.elapsed() + FLUSH_RETRY_MS;
        this.#complain('flushing failed and will be tried again', error);
      })
      .finally(() => {
        this.#flushing = false;
      });
  }

  /** Flushes generations that are old enough or were left by a flush that failed, also when no group comes to notice it. */
  async #tick(): Promise<void> {
    const { timer, flushEveryMs } = this.#archive.settings;
    while (!this.#signal.aborted) {
      const { view } = this.#archive;
      const age = timer.elapsed() - view.open.startedAt;
      const leftOver = view.generations.length > 1;
      if (age >= flushEveryMs || leftOver) this.flushSoon();
      const soonest = leftOver ? FLUSH_RETRY_MS : flushEveryMs;
      const wait = Math.max(FLUSH_CHECK_MS_MIN, Math.min(soonest, flushEveryMs - age));
      await timer.sleep(wait, this.#signal).catch((error: unknown) => {
        if (!this.#signal.aborted) throw error;
      });
    }
  }
}
