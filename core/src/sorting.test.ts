/** Sorting in slices gives what a plain sort gives, and pauses on the way. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';
import { Slices } from './slices.ts';
import { mergeSorted, sortInSlices } from './sorting.ts';

const collator = new Intl.Collator('zh');
const compareNames = (a: { name: string }, b: { name: string }): number =>
  collator.compare(a.name, b.name);

const random = seededRandom('slices');
const WORDS = ['北', '南', '村', '空气站', '井', '10', '9', 'a', 'B', ''];
const word = (): string => WORDS[Math.floor(random() * WORDS.length)] ?? '';
const names = (count: number): { name: string; id: string }[] =>
  Array.from({ length: count }, (_, n) => ({ name: word() + word() + word(), id: `d-${n}` }));

describe('sorting in slices', () => {
  it.each([0, 1, 2, 255, 256, 257, 1_000, 5_000])('orders %i names as a plain sort', async (n) => {
    const items = names(n);
    const sorted = await sortInSlices(items, compareNames, new Slices());
    expect(sorted).toEqual([...items].sort(compareNames));
    const [some, others] = [items.slice(0, n / 3), items.slice(n / 3)];
    const merged = await mergeSorted(
      some.sort(compareNames),
      others.sort(compareNames),
      compareNames,
      new Slices(),
    );
    expect(merged).toEqual(sorted);
  });

  it('lets others run between any two slices', async () => {
    // Each look at the time finds a slice over: a pause is due before each run and after each comparison of two runs.
    let now = 0;
    const slices = new Slices(() => (now += 1));
    let inSlice = 0;
    let longest = 0;
    let turns = 0;
    let sorted = false;
    const other = (): void => {
      turns++;
      inSlice = 0;
      if (!sorted) setImmediate(other);
    };
    setImmediate(other);
    await sortInSlices(
      names(2_000),
      (a, b) => {
        longest = Math.max(longest, ++inSlice);
        return compareNames(a, b);
      },
      slices,
    );
    sorted = true;
    expect(turns).toBeGreaterThan(1_000);
    // A run is sorted at once: of 256 names, with some eight comparisons each.
    expect(longest).toBeLessThan(256 * 9);
  });
});
