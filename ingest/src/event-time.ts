/** What a device's own clock is worth: plausible times are kept, others are replaced by the receive time. */
import { DAY, HOUR, MINUTE } from '@village/core';

/** A clock may run ahead by this much. */
export const AHEAD_MAX_MS = 5 * MINUTE;
/** Nothing was measured before: a device that says so has lost its clock. */
export const OLDEST = Date.UTC(2000, 0, 1);
/** What a device itself sends later than this is history, not news. */
export const NEWS_MS = 15 * MINUTE;

const REMEMBERED = 16;
const REMEMBER_MS = DAY;

/** Whether a device's time can't be true. */
export function absurd(at: number, receivedAt: number): boolean {
  return at > receivedAt + AHEAD_MAX_MS || at < OLDEST;
}

/**
 * Remembers, for one device, which receive time replaced which absurd time, so that a frame sent again because its
 * acknowledgement was lost gets the same time and is stored once. Holds the last 16 for a day, and not over a restart.
 */
export class ReplacedTimes {
  readonly #assigned = new Map<number, number>();

  replace(at: number, receivedAt: number): number {
    const known = this.#assigned.get(at);
    if (known !== undefined && receivedAt - known < REMEMBER_MS && known <= receivedAt + HOUR)
      return known;
    this.#assigned.delete(at);
    this.#assigned.set(at, receivedAt);
    if (this.#assigned.size > REMEMBERED) {
      const oldest = this.#assigned.keys().next().value;
      if (oldest !== undefined) this.#assigned.delete(oldest);
    }
    return receivedAt;
  }
}
