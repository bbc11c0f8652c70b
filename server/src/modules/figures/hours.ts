/** What a mean over an hour of readings is, for figures that are made of such means. */
import { HOUR } from '@village/core';
import type { InputReadings } from '@village/platform';

/** How much of an hour must be there for its mean, as a share of its report intervals. */
export interface HourRule {
  readonly share: number;
}

/**
 * GB 3095-2026 table 4: at least 45 minutes of sampling for the hourly mean of a gas. Taken from the text of the standard
 * for gases of air; for all other quantities it is our own rule.
 */
export const FORTY_FIVE_MINUTES: HourRule = { share: 45 / 60 };

/** Arithmetic mean of an hour's good readings in order of time; null when there are none or too few. */
export const hourMean = (readings: InputReadings, from: number, rule: HourRule): number | null =>
  meanBetween(readings, from, from + HOUR, rule);

/** The same of any stretch of time. */
export function meanBetween(
  readings: InputReadings,
  from: number,
  to: number,
  { share }: HourRule,
): number | null {
  const { expected, valid } = readings.validity(from, to);
  if (valid === 0 || valid / expected < share) return null;
  let sum = 0;
  let count = 0;
  for (const { value, quality } of readings.between(from, to))
    if (quality === 'good') {
      sum += value;
      count++;
    }
  return sum / count;
}
