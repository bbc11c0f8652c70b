import { expect, it } from 'vitest';
import { Takeovers } from './takeovers.ts';

it('counts who takes its own place, and tells once when that happens five times in ten minutes', () => {
  const takeovers = new Takeovers<object>();
  const first = {};
  expect(takeovers.enter('a', first, 0)).toEqual({ took: false, often: false });
  const often = Array.from({ length: 10 }, (_, n) => takeovers.enter('a', {}, 1000 * n).often);
  expect(often.flatMap((one, n) => (one ? [n] : []))).toEqual([4, 9]);
  // Once every three minutes is four in ten.
  const slow = Array.from({ length: 20 }, (_, n) => takeovers.enter('a', {}, 1e6 + 180_000 * n));
  expect(slow.every(({ took, often: many }) => took && !many)).toBe(true);
  expect(takeovers.enter('b', {}, 0).took).toBe(false);
});

it('an old connection that closes late does not free the place of the new one', () => {
  const takeovers = new Takeovers<object>();
  const [old, fresh] = [{}, {}];
  takeovers.enter('a', old, 0);
  takeovers.enter('a', fresh, 1);
  takeovers.leave('a', old);
  expect(takeovers.enter('a', {}, 2).took).toBe(true);
  takeovers.leave('b', fresh);
  const last = {};
  takeovers.enter('a', last, 3);
  takeovers.leave('a', last);
  expect(takeovers.enter('a', {}, 4).took).toBe(false);
});
