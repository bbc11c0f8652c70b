/** Notices at each stamp that the gateway's own clock was set, so that what was stamped before is told from what comes then. */
import { MINUTE, type Timer } from '@village/core';

/**
 * The county corrects what is more than two minutes off; a clock that is set by less than this may not change the correction,
 * and what is sent again then must keep the time it had.
 */
const SET_MIN_MS = 5 * MINUTE;

export class ClockWatch {
  readonly #timer: Timer;
  readonly #set: (ms: number) => void;
  /** How far the clock is ahead of the time that passes. */
  #base: number;

  /** `set` is called with how far the clock was moved, ms. */
  constructor(timer: Timer, set: (ms: number) => void) {
    this.#timer = timer;
    this.#set = set;
    this.#base = timer.now() - timer.elapsed();
  }

  look(): void {
    const base = this.#timer.now() - this.#timer.elapsed();
    const ms = Math.round(base - this.#base);
    if (Math.abs(ms) < SET_MIN_MS) return;
    this.#base = base;
    this.#set(ms);
  }

  /** The time for a stamp. */
  readonly now = (): number => {
    this.look();
    return this.#timer.now();
  };
}
