/** Long work in slices, with a pause between them, so that what else happens in the process is not held up. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';

/** Comparisons of names between two pauses: a few milliseconds. */
export const COMPARISONS_MAX = 4_000;
/** Rows of an imported file between two pauses. */
export const ROWS_PER_SLICE = 500;
/** Sorted at once; about eight comparisons for each. */
const RUN = 256;

/** Lets others run after every so many steps. */
export class Slices {
  readonly #stepsMax: number;
  readonly #pause: () => Promise<unknown>;
  #steps = 0;

  constructor(stepsMax: number, pause: () => Promise<unknown> = () => yieldToEvents()) {
    this.#stepsMax = stepsMax;
    this.#pause = pause;
  }

  /** Whether it is time for a pause after so many more steps. */
  due(steps = 1): boolean {
    this.#steps += steps;
    return this.#steps >= this.#stepsMax;
  }

  async pause(): Promise<void> {
    this.#steps = 0;
    await this.#pause();
  }
}

type Compare<T> = (a: T, b: T) => number;

/** Two sorted lists as one; of equals those of `a` come first. */
export async function mergeSorted<T>(
  a: readonly T[],
  b: readonly T[],
  compare: Compare<T>,
  slices: Slices,
): Promise<T[]> {
  const merged: T[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [left, right] = [a[i] as T, b[j] as T];
    if (compare(left, right) <= 0) {
      merged.push(left);
      i++;
    } else {
      merged.push(right);
      j++;
    }
    if (slices.due()) await slices.pause();
  }
  for (; i < a.length; i++) merged.push(a[i] as T);
  for (; j < b.length; j++) merged.push(b[j] as T);
  return merged;
}

/** The items in order, as Array.sort would have them. */
export async function sortInSlices<T>(
  items: readonly T[],
  compare: Compare<T>,
  slices: Slices,
): Promise<T[]> {
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += RUN) {
    if (slices.due(RUN * Math.log2(RUN))) await slices.pause();
    runs.push(items.slice(at, at + RUN).sort(compare));
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let n = 0; n < runs.length; n += 2)
      longer.push(await mergeSorted(runs[n] ?? [], runs[n + 1] ?? [], compare, slices));
    runs = longer;
  }
  return runs[0] ?? [];
}
