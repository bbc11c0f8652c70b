import { expect, it } from 'vitest';
import { Rolling } from './rolling.ts';

it('a window rolls: what is older than it counts no more, to the millisecond', () => {
  const rolling = new Rolling(2, 1000);
  const taken = [0, 400, 999, 1000, 1399, 1400].map((at) => rolling.take('a', at));
  expect(taken).toEqual([true, true, false, true, false, true]);
  expect(rolling.take('b', 1400)).toBe(true);
});

it('a clock that is set back starts it anew', () => {
  const rolling = new Rolling(1, 1000);
  expect([rolling.take('a', 5000), rolling.take('a', 100), rolling.take('a', 200)]).toEqual([
    true,
    true,
    false,
  ]);
});
