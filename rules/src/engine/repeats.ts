/** So many true readings in so long a time, whatever was between: when they were, by level of an instance. */
import type { Rule } from '../model.ts';

export class Repeats {
  readonly #repeat: NonNullable<Rule['repeat']>;
  readonly #times = new Map<number, readonly number[]>();

  constructor(repeat: NonNullable<Rule['repeat']>) {
    this.#repeat = repeat;
  }

  /** Notes a true reading; the time of the first of them once there are enough, and then it begins anew. */
  note(k: number, at: number): number | null {
    const { count, inMs } = this.#repeat;
    const times = [...(this.#times.get(k) ?? []).filter((one) => one > at - inMs), at];
    if (times.length < count) {
      this.#times.set(k, times);
      return null;
    }
    this.#times.delete(k);
    return times[0] ?? null;
  }

  /** Of levels of instances from one before another, counted from the first. */
  state(from: number, to: number): [k: number, at: readonly number[]][] {
    const found: [number, readonly number[]][] = [];
    for (let k = from; k < to; k++) {
      const times = this.#times.get(k);
      if (times !== undefined) found.push([k - from, times]);
    }
    return found;
  }

  /** `to` says where each is now; undefined of one that is gone. */
  restore(
    state: readonly (readonly [number, readonly number[]])[],
    to: (k: number) => number | undefined,
  ): void {
    for (const [k, at] of state) {
      const now = to(k);
      if (now !== undefined) this.#times.set(now, at);
    }
  }
}
