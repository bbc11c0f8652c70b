/**
 * Which batches were stamped before the gateway's own clock was set, and by how much it was: the county is told, so that
 * what waited meanwhile is stored under the time at which it was measured.
 */

/** Batches from one number to another, which a set of the clock came after. */
interface ClockSet {
  readonly from: number;
  readonly to: number;
  readonly ms: number;
}

const SETS_MAX = 100;

export class ClockStates {
  /** The first number of this run: what is older may be of another state of the clock, which nobody saw change. */
  #from = 1;
  #sets: ClockSet[] = [];

  /** Begins a run behind the batch `newest`; `sets` are those of earlier runs. */
  begin(newest: number, sets: Iterable<readonly [key: string, ms: number]>): void {
    this.#from = newest + 1;
    this.#sets = [];
    for (const [key, ms] of sets) {
      const [from, to] = key.split('-').map(Number);
      if (from !== undefined && to !== undefined) this.#sets.push({ from, to, ms });
    }
  }

  get from(): number {
    return this.#from;
  }

  /** The clock was set by `ms` after the batch `newest`; the key under which that is to be remembered, null where nothing is. */
  set(newest: number, ms: number): string | null {
    if (newest < this.#from) return null;
    this.#sets.push({ from: this.#from, to: newest, ms });
    if (this.#sets.length > SETS_MAX) this.#sets.shift();
    return `${this.#from}-${newest}`;
  }

  /** By how much the clock was set since a batch was stamped, as far as the gateway saw it, ms. */
  shiftOf(seq: number): number {
    let shift = 0;
    for (const { from, to, ms } of this.#sets) if (seq >= from && seq <= to) shift += ms;
    return shift;
  }
}
