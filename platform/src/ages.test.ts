/** What is old enough to be deleted, with clocks that are right, behind and years ahead. */
import { DAY, HOUR } from '@village/core';
import { expect, it } from 'vitest';
import { Ages, latestNow } from './ages.ts';

const T = Date.UTC(2026, 10, 1);
const own = (at: number) => [{ at, receivedAt: at + 200 }];
const stamped = (at: number) => [{ at, receivedAt: at }];

it('reckons to a month after what a tenth of the devices tell', () => {
  const many = Array.from({ length: 20 }, (_, n) => own(T - n * DAY));
  expect(latestNow(many)).toBe(T - 2 * DAY + 31 * DAY);
  expect(latestNow([own(T)])).toBe(T + 31 * DAY);
  // Two of twenty are ahead themselves.
  expect(latestNow([...many.slice(2), own(T + 900 * DAY), own(T + 900 * DAY)])).toBe(
    T - 2 * DAY + 31 * DAY,
  );
});

it('believes times that the server gave where there are no others', () => {
  expect(latestNow([stamped(T), own(T - DAY)])).toBe(T - DAY + 31 * DAY);
  expect(latestNow([stamped(T), []])).toBe(T + 31 * DAY);
  expect(latestNow([])).toBe(Number.POSITIVE_INFINITY);
  expect(latestNow([[]])).toBe(Number.POSITIVE_INFINITY);
});

it('takes nothing for old that is not, whatever the clock says', () => {
  let now = T;
  const timer = { now: () => now, elapsed: () => now };
  const ages = new Ages({ timer, devices: () => ['a'], latest: () => own(T - HOUR) });
  expect(ages.before(undefined)).toBe(Number.NEGATIVE_INFINITY);
  expect(ages.before(90 * DAY)).toBe(T - 90 * DAY);
  now = Date.UTC(2100, 0, 1);
  expect(ages.before(90 * DAY)).toBe(T - HOUR - 59 * DAY);
  now = 0;
  expect(ages.before(90 * DAY)).toBe(-90 * DAY);
});
