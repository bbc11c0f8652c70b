/** Sorting in slices, so that what else happens in the process is not held up. */
import type { Slices } from './slices.ts';

/** Sorted at once; about eight comparisons for each. */
const RUN = 256;

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
    if (slices.over) await slices.next();
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
  if (items.length < RUN) return [...items].sort(compare);
  let runs: T[][] = [];
  for (let at = 0; at < items.length; at += RUN) {
    if (slices.over) await slices.next();
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
