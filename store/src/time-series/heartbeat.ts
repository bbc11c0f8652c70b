/** Start, ticks and stop of the platform in the journal, so that readers' timers go by what they read. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Timer } from '@village/core';
import type { Appender } from '../journal/contract.ts';

export const TICK_MS = 10_000;
/** A simulated clock may run faster than a disk can write. */
const REAL_MS_MIN = 1_000;

/** Notes that time passes. */
export class Heartbeat {
  readonly #appender: Pick<Appender, 'note'>;
  readonly #timer: Timer;
  readonly #stop = new AbortController();
  readonly #tickMs: number;
  readonly #ticking: Promise<void>;

  constructor(appender: Pick<Appender, 'note'>, timer: Timer, tickMs: number) {
    this.#appender = appender;
    this.#timer = timer;
    this.#tickMs = tickMs;
    this.#ticking = Number.isFinite(tickMs) ? this.#run() : Promise.resolve();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    this.#note('platform-start');
    while (!signal.aborted) {
      await Promise.all([
        this.#timer.sleep(this.#tickMs, signal),
        delay(Math.min(REAL_MS_MIN, this.#tickMs), undefined, { signal }),
      ]).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      if (!signal.aborted) this.#note('platform-tick');
    }
    this.#note('platform-stop');
  }

  #note(type: 'platform-start' | 'platform-tick' | 'platform-stop'): void {
    this.#appender.note({ type, at: this.#timer.now() });
  }

  /** Notes the stop; the caller commits. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ticking;
  }
}
