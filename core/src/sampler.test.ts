/** A sampler lets no more through for being asked about more kinds than it remembers. */
import { expect, it } from 'vitest';
import { HOUR } from './duration.ts';
import { Sampler } from './sampler.ts';

it('many kinds in turn: each has its few, those beyond the limit share theirs, and the next span begins anew', () => {
  const sampler = new Sampler(2, HOUR, 10);
  const admitted = (now: number): number[] =>
    Array.from({ length: 30 }, (_, kind) => {
      let count = 0;
      for (let n = 0; n < 5; n++) if (sampler.admit(`kind ${kind}`, now)) count++;
      return count;
    });
  const few = [...Array<number>(10).fill(2), 2, ...Array<number>(19).fill(0)];
  expect(admitted(HOUR)).toEqual(few);
  expect(admitted(HOUR + 1)).toEqual(few.map(() => 0));
  expect(admitted(2 * HOUR).reduce((sum, count) => sum + count, 0)).toBe(22);
});

it('kinds that come one after the other, round and round, are let through no oftener', () => {
  const sampler = new Sampler(1, HOUR, 10);
  let count = 0;
  for (let round = 0; round < 100; round++)
    for (let kind = 0; kind < 50; kind++) if (sampler.admit(`kind ${kind}`, HOUR)) count++;
  expect(count).toBe(11);
});
