/** When a rule is awake. */
import { BEIJING_OFFSET_MS, DAY, MINUTE } from '@village/core';
import { minuteOfDayAt, weekdayAt } from '../beijing.ts';
import type { Schedule } from '../model.ts';

/** Whether an instant lies in a schedule; one whose end is before its begin goes on after midnight, into the next day. */
export function isAwake({ days, from, to }: Schedule, at: number): boolean {
  const day = weekdayAt(at);
  const minute = minuteOfDayAt(at);
  if (from < to) return days.includes(day) && minute >= from && minute < to;
  if (minute >= from) return days.includes(day);
  return minute < to && days.includes((day + 6) % 7);
}

const WEEK_DAYS = 7;

/** When it wakes next after an instant at which it sleeps; Infinity when it never does. */
export function nextAwake(schedule: Schedule, at: number): number {
  const midnight = Math.floor((at + BEIJING_OFFSET_MS) / DAY) * DAY - BEIJING_OFFSET_MS;
  for (let day = 0; day <= WEEK_DAYS; day++) {
    const wakes = midnight + day * DAY + schedule.from * MINUTE;
    if (wakes > at && isAwake(schedule, wakes)) return wakes;
  }
  return Number.POSITIVE_INFINITY;
}
