/** Stores rejected input with its reason, bounded for each source so that none drowns the others. */
import { MINUTE, type OperationalError } from '@village/core';
import type { Appender } from '@village/store/time-series';
import type { Counters } from './counters.ts';

/** Entries one source may add in a minute. */
export const ENTRIES_PER_MINUTE = 600;
/** Bytes of payload one source may add in a minute. */
export const BYTES_PER_MINUTE = 8 * 1024 * 1024;
const SOURCES_MAX = 20_000;

export interface Refused {
  readonly source: string;
  readonly device: string | null;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAt: number;
}

export class DeadLetters {
  readonly #store: Appender;
  readonly #counters: Counters;
  /** What each source added in the current minute. */
  readonly #recent = new Map<string, { entries: number; bytes: number }>();
  #minute = 0;

  constructor(store: Appender, counters: Counters) {
    this.#store = store;
    this.#counters = counters;
  }

  add(refused: Refused, error: OperationalError): void {
    this.#counters.countQuarantined(error.code);
    if (!this.#allowed(refused)) {
      this.#counters.quarantineFlooded++;
      return;
    }
    this.#store.deadLetter({
      ...refused,
      reason: error.code,
      message: error.message.slice(0, 500),
    });
  }

  #allowed({ source, receivedAt, payload }: Refused): boolean {
    const minute = Math.floor(receivedAt / MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#recent.clear();
    }
    let sum = this.#recent.get(source);
    if (sum === undefined) {
      if (this.#recent.size >= SOURCES_MAX) return false;
      sum = { entries: 0, bytes: 0 };
      this.#recent.set(source, sum);
    }
    sum.entries++;
    sum.bytes += payload.length;
    return sum.entries <= ENTRIES_PER_MINUTE && sum.bytes <= BYTES_PER_MINUTE;
  }
}
