/** One after the other, in the order of asking: a lock with a bounded queue and an end to waiting. */
import { OperationalError } from '@village/core';

interface Waiting {
  readonly enter: () => void;
  readonly timer: NodeJS.Timeout;
}

/** Those who wait; more are refused. */
const WAITING_MAX = 1_000;
/** The longest that anybody waits, ms. */
const WAIT_MS = 15_000;

export class Turns {
  readonly #waiting: Waiting[] = [];
  #taken = false;
  #refused = 0;

  /** Those who wait now, and those who were sent away since the start. */
  get counters(): { waiting: number; refused: number } {
    return { waiting: this.#waiting.length, refused: this.#refused };
  }

  /** Resolves, when it is the caller's turn, with what ends it. @throws relational-unavailable */
  take(): Promise<() => void> {
    if (!this.#taken) {
      this.#taken = true;
      return Promise.resolve(this.#release());
    }
    if (this.#waiting.length >= WAITING_MAX)
      return Promise.reject(this.#refuse('too many writes wait already'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const at = this.#waiting.findIndex((one) => one.timer === timer);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(this.#refuse(`others have written for ${WAIT_MS / 1000} s`));
      }, WAIT_MS);
      this.#waiting.push({ timer, enter: () => resolve(this.#release()) });
    });
  }

  #refuse(why: string): OperationalError {
    this.#refused++;
    return new OperationalError('relational-unavailable', `relational store: ${why}`, {
      retry: true,
    });
  }

  #release(): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#taken = false;
        return;
      }
      clearTimeout(next.timer);
      next.enter();
    };
  }
}
