import { seededRandom } from '@village/core';
import { describe, expect, it } from 'vitest';
import { compareNames } from './devices.ts';
import { mergeSorted, Slices, sortInSlices } from './slices.ts';

const random = seededRandom('slices');
const WORDS = ['北', '南', '村', '空气站', '井', '10', '9', 'a', 'B', ''];
const word = (): string => WORDS[Math.floor(random() * WORDS.length)] ?? '';
const names = (count: number): { name: string; id: string }[] =>
  Array.from({ length: count }, (_, n) => ({ name: word() + word() + word(), id: `d-${n}` }));

describe('sorting in slices', () => {
  it.each([0, 1, 2, 255, 256, 257, 1_000, 5_000])('orders %i names as a plain sort', async (n) => {
    const items = names(n);
    const sorted = await sortInSlices(items, compareNames, new Slices(100));
    expect(sorted).toEqual([...items].sort(compareNames));
    const [some, others] = [items.slice(0, n / 3), items.slice(n / 3)];
    const merged = await mergeSorted(
      some.sort(compareNames),
      others.sort(compareNames),
      compareNames,
      new Slices(100),
    );
    expect(merged).toEqual(sorted);
  });

  it('lets others run after so many comparisons at most', async () => {
    let inSlice = 0;
    let longest = 0;
    let pauses = 0;
    const slices = new Slices(4_000, () => {
      pauses++;
      inSlice = 0;
      return Promise.resolve();
    });
    await sortInSlices(
      names(20_000),
      (a, b) => {
        longest = Math.max(longest, ++inSlice);
        return compareNames(a, b);
      },
      slices,
    );
    expect(pauses).toBeGreaterThan(50);
    // A run that is sorted at once may be the last of a slice.
    expect(longest).toBeLessThan(8_000);
  });
});
