/** How many messages a client may still be read of at once: so many a second, saved up for two seconds. */

export class TokenBucket {
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#left = 2 * perSecond;
    this.#at = now;
  }

  /** More than there are may be taken: the next wait is longer. */
  take(count: number): void {
    this.#left -= count;
  }

  /** Whether there is one. */
  get any(): boolean {
    return this.#left >= 1;
  }

  /** Gives what the time gone by is worth; says whether there is one now. */
  refill(now: number): boolean {
    const rate = this.#perSecond;
    this.#left = Math.min(2 * rate, this.#left + ((now - this.#at) * rate) / 1000);
    this.#at = now;
    return this.any;
  }
}
