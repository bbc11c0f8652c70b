/** An allowance that grows with time up to a limit. It may be overdrawn: who has done so waits until it is made up for. */
export class Allowance {
  readonly #perMs: number;
  readonly #most: number;
  #left: number;
  #at: number;

  /** Full at `now`, which counts in ms of a clock that never goes back. */
  constructor(perMs: number, most: number, now: number) {
    this.#perMs = perMs;
    this.#most = most;
    this.#left = most;
    this.#at = now;
  }

  #grow(now: number): void {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
  }

  spend(amount: number, now: number): void {
    this.#grow(now);
    this.#left -= amount;
  }

  /** How long it is overdrawn, ms. */
  waitMs(now: number): number {
    this.#grow(now);
    return this.#left >= 0 ? 0 : -this.#left / this.#perMs;
  }
}
