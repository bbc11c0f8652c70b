/** Days and hours as figures count them: days of Beijing by number, and their hours as bits of a mask. */
import { BEIJING_OFFSET_MS, DAY, HOUR, MINUTE } from '@village/core';
import type { Span } from '../corrections/statement.ts';

export type { Span };

export const FIGURE_SPANS = ['hour', 'day'] as const;
/** How much time one value of a figure covers. */
export type FigureSpan = (typeof FIGURE_SPANS)[number];

/** All 24 hours of a day. */
export const WHOLE_DAY = 2 ** 24 - 1;

export const lengthOf = (span: FigureSpan): number => (span === 'hour' ? HOUR : DAY);

/** Days since 1970-01-01 by the calendar of Beijing. */
export const dayOf = (at: number): number => Math.floor((at + BEIJING_OFFSET_MS) / DAY);

/** How long a day is over before it is computed: gateways send in groups, and what comes a little later is no change of a figure. */
const SETTLE_MS = 10 * MINUTE;

/** The first day that is not over for long enough at an instant. */
export const settledBefore = (now: number): number => {
  const day = dayOf(now);
  return now < dayStart(day) + SETTLE_MS ? day - 1 : day;
};

/** When a day begins, ms. */
export const dayStart = (day: number): number => day * DAY - BEIJING_OFFSET_MS;

/** The last day of which readings may have been deleted, with a day for figures that look around; none when they are kept for ever. */
export const lastDeletedDay = (deletedBefore: (() => number) | undefined): number =>
  deletedBefore === undefined ? Number.NEGATIVE_INFINITY : dayOf(deletedBefore()) + 1;

/** The bit of the hour of its day in which an instant lies. */
export const hourBit = (at: number): number => 1 << Math.floor((at - dayStart(dayOf(at))) / HOUR);

/** The hours of a day that are over at an instant. */
export function closedHours(day: number, now: number): number {
  const hours = Math.floor((now - dayStart(day)) / HOUR);
  return hours <= 0 ? 0 : hours >= 24 ? WHOLE_DAY : 2 ** hours - 1;
}

/** The hours of each day that a span touches. */
export function* masksOf({ from, to }: Span): Generator<readonly [day: number, mask: number]> {
  if (!(from < to)) return;
  for (let day = dayOf(from); day <= dayOf(to - 1); day++) {
    const start = dayStart(day);
    const first = Math.max(0, Math.floor((from - start) / HOUR));
    const end = Math.min(24, Math.ceil((to - start) / HOUR));
    yield [day, 2 ** end - 2 ** first];
  }
}

/** The spans of a figure that begin in a stretch of time, in order; the first and last may reach beyond it. */
export function spansIn(span: FigureSpan, { from, to }: Span): Span[] {
  const length = lengthOf(span);
  const spans: Span[] = [];
  const first = Math.floor((from + BEIJING_OFFSET_MS) / length) * length - BEIJING_OFFSET_MS;
  for (let at = first; at < to; at += length) spans.push({ from: at, to: at + length });
  return spans;
}

/** Days in order, as runs from the first to before the end. */
export function runsOf(days: readonly number[]): [first: number, end: number][] {
  const runs: [number, number][] = [];
  for (const day of days) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === day) last[1]++;
    else runs.push([day, day + 1]);
  }
  return runs;
}
