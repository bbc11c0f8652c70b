import { DAY, HOUR } from '@village/core';
import { describe, expect, it } from 'vitest';
import { every, nightly, untilNight } from './schedule.ts';

describe('nights', () => {
  it('are Beijing nights, never now', () => {
    const two = Date.UTC(2026, 0, 1, 18);
    expect(untilNight(two)).toBe(DAY);
    expect(untilNight(two - 1)).toBe(1);
    expect(untilNight(two + HOUR)).toBe(23 * HOUR);
  });
});

describe('a schedule', () => {
  it('names the next time after now', () => {
    const two = Date.UTC(2026, 0, 1, 18);
    expect(nightly().next(two)).toBe(two + DAY);
    expect(nightly().next(two - 5)).toBe(two);
    expect(nightly(HOUR).next(two)).toBe(two + HOUR);
    expect(nightly(HOUR).next(two + HOUR)).toBe(two + HOUR + DAY);
    expect(every(HOUR).next(7)).toBe(HOUR + 7);
  });
});
