/** Day of the week and time of day by Beijing's clocks. */
import { BEIJING_OFFSET_MS, DAY, MINUTE } from '@village/core';

/** 1970-01-01 was a Thursday. */
const FIRST_WEEKDAY = 4;
const WEEK = 7;

const within = (value: number, length: number): number =>
  value - length * Math.floor(value / length);

/** 0 is Sunday; NaN of what is no time. */
export const weekdayAt = (at: number): number =>
  within(Math.floor((at + BEIJING_OFFSET_MS) / DAY) + FIRST_WEEKDAY, WEEK);

/** Minutes since midnight, whole ones; NaN of what is no time. */
export const minuteOfDayAt = (at: number): number =>
  Math.floor(within(at + BEIJING_OFFSET_MS, DAY) / MINUTE);
