/** When a job runs next. */
import { BEIJING_OFFSET_MS, DAY, HOUR } from '@village/core';

export interface Schedule {
  /** The first time after `now`, ms. */
  next(now: number): number;
}

const NIGHT_MS = 2 * HOUR;

/** Milliseconds from `now` to the next 02:00 in Beijing. */
export function untilNight(now: number): number {
  const sinceMidnight = (now + BEIJING_OFFSET_MS) % DAY;
  return (NIGHT_MS - sinceMidnight + DAY) % DAY || DAY;
}

/** Each night at 02:00 in Beijing, or so much later. */
export const nightly = (laterMs = 0): Schedule => ({
  next: (now) => now + untilNight(now - laterMs),
});

/** Again and again with that much time between. */
export const every = (ms: number): Schedule => ({ next: (now) => now + ms });
