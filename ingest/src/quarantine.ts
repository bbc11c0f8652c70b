/** Keeps bad input aside with its reason, but not so much of one source that it drowns the rest. */
import { MINUTE, type OperationalError } from '@village/core';
import type { Appender } from '@village/store/time-series';
import type { Counters } from './counters.ts';

/** Entries one source may add in a minute. */
export const ENTRIES_PER_MINUTE = 600;
const SOURCES_MAX = 20_000;

export interface Refused {
  readonly source: string;
  readonly device: string | null;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAt: number;
}

export class Quarantine {
  readonly #store: Appender;
  readonly #counters: Counters;
  /** Entries of each source in the current minute. */
  readonly #recent = new Map<string, number>();
  #minute = 0;

  constructor(store: Appender, counters: Counters) {
    this.#store = store;
    this.#counters = counters;
  }

  keep(refused: Refused, error: OperationalError): void {
    this.#counters.countQuarantined(error.code);
    if (!this.#allowed(refused.source, refused.receivedAt)) {
      this.#counters.quarantineFlooded++;
      return;
    }
    this.#store.quarantine({
      ...refused,
      reason: error.code,
      message: error.message.slice(0, 500),
    });
  }

  #allowed(source: string, now: number): boolean {
    const minute = Math.floor(now / MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#recent.clear();
    }
    const count = (this.#recent.get(source) ?? 0) + 1;
    if (count === 1 && this.#recent.size >= SOURCES_MAX) return false;
    this.#recent.set(source, count);
    return count <= ENTRIES_PER_MINUTE;
  }
}
