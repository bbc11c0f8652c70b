/** How often something was done in the time just past: windows that roll, exact to the millisecond. */
import { BoundedMap } from '@village/core';

/** Whoever was counted longest ago is forgotten. */
const COUNTED_MAX = 20_000;

export class Rolling {
  readonly #times = new BoundedMap<string, number[]>(COUNTED_MAX);
  readonly #most: number;
  readonly #inMs: number;

  constructor(most: number, inMs: number) {
    this.#most = most;
    this.#inMs = inMs;
  }

  /** Counts one more of the key. False when that is too many: then it is not counted. */
  take(key: string, now: number): boolean {
    const times = (this.#times.get(key) ?? []).filter(
      (time) => time > now - this.#inMs && time <= now,
    );
    const free = times.length < this.#most;
    if (free) times.push(now);
    this.#times.set(key, times);
    return free;
  }
}
