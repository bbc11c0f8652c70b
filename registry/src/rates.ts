/** How many readings an area has had stored in the last minute, summed second by second. */
import { SECOND } from '@village/core';

/** How many seconds the rate is summed over. */
export const RATE_SECONDS = 60;

export const emptyRate = (): number[] => Array<number>(RATE_SECONDS).fill(0);

/** Which second of the clock is counted into now. */
export class RateClock {
  #second = 0;

  /** Moves to the present second and empties the slots of seconds gone by; all of them when the clock was put back. */
  advance(now: number, rates: Iterable<number[]>): number {
    const second = Math.floor(now / SECOND);
    const gone = second - this.#second;
    const past = gone < 0 ? RATE_SECONDS : Math.min(gone, RATE_SECONDS);
    for (const perSecond of rates)
      for (let back = 0; back < past; back++) perSecond[(second - back) % RATE_SECONDS] = 0;
    this.#second = second;
    return second % RATE_SECONDS;
  }
}
