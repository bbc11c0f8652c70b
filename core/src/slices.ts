/**
 * Long work of the thread that also acknowledges readings, in slices of about a millisecond: all who have such work take turns, and
 * between any two slices, whoever they are of, the thread looks after its sockets and timers. What a device waits for is one slice,
 * not one of each asker.
 */

/** A slice, ms. */
const SLICE_MS = 0.5;

const waiting: (() => void)[] = [];
let planned = false;

function plan(): void {
  planned = true;
  // What an immediate plans comes after the sockets have been looked at.
  setImmediate(() => {
    planned = false;
    const next = waiting.shift();
    if (waiting.length > 0) plan();
    next?.();
  });
}

/**
 * Resolves when nobody who waited before has a slice to come: work that is short by itself waits for it where many may begin
 * at once.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (!planned) plan();
  });
}

/** The slices of one piece of work: `if (slices.over) await slices.next()` after each of its small steps. */
export class Slices {
  readonly #elapsed: () => number;
  #until: number;

  /** @param elapsed measures how long a slice is, ms. */
  constructor(elapsed: () => number = () => performance.now()) {
    this.#elapsed = elapsed;
    this.#until = elapsed() + SLICE_MS;
  }

  get over(): boolean {
    return this.#elapsed() >= this.#until;
  }

  /** Waits for the next slice; the one that runs is given up, over or not. */
  async next(): Promise<void> {
    await turn();
    this.#until = this.#elapsed() + SLICE_MS;
  }
}
