/** A day's mean of devices that report hourly or more often, and of those that don't. */
import { DAY, HOUR, MINUTE, type QuantityId } from '@village/core';
import { type InputRow, Readings } from '@village/platform';
import { expect, it } from 'vitest';
import { dailyMean } from './means.ts';

/** Midnight in Beijing. */
const FROM = Date.UTC(2026, 2, 9, 16);
const TO = FROM + DAY;
const EVER = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
type Part = { readonly from: number; readonly to: number; readonly every: number };

const good = (hours: number, value: number): InputRow => ({
  ...{ at: FROM + hours * HOUR, value, quality: 'good' },
});

function mean(
  rows: readonly InputRow[],
  measured: readonly Part[],
  quantity: QuantityId = 'water.ph',
): number | null {
  const readings = new Readings(
    rows,
    measured.map(({ every, ...span }) => ({ ...span, metric: 'm', reportEveryMs: every })),
  );
  const bug = (): never => {
    throw new Error('BUG: it uses neither');
  };
  return dailyMean(quantity).compute({
    ...{ span: { from: FROM, to: TO }, readings: () => readings },
    ...{ attribute: bug, standard: bug },
  });
}

const ofFour = [{ ...EVER, every: 4 * HOUR }];

it('is that of the report intervals where these are longer than an hour, of which three quarters must be there', () => {
  const all = [0.5, 4.5, 8.5, 12.5, 16.5, 20.5].map((hours, n) => good(hours, n + 1));
  expect(mean(all, ofFour)).toBe(3.5);
  expect(mean(all.slice(1), ofFour)).toBe(4);
  expect(mean(all.slice(2), ofFour)).toBeNull();
  // A reading that is not good is none.
  const bad = all.map((row, n) => (n < 2 ? { ...row, quality: 'fault' as const } : row));
  expect(mean(bad, ofFour)).toBeNull();
  // However often it reported in one of them, that weighs as the others do.
  const often = [good(0, 10), good(1, 20), good(2, 30), ...all.slice(1)];
  expect(mean(often, ofFour)).toBe((20 + 2 + 3 + 4 + 5 + 6) / 6);
  expect(mean([good(7, 6.5)], [{ ...EVER, every: DAY }])).toBe(6.5);
  expect(mean([good(7, 6.5)], [{ ...EVER, every: 7 * DAY }])).toBe(6.5);
  expect(mean([], [{ ...EVER, every: DAY }])).toBeNull();
  // Five hours don't divide a day: the fifth interval is four hours long.
  const fives = [1, 6, 11, 16, 21].map((hours, n) => good(hours, n));
  expect(mean(fives, [{ ...EVER, every: 5 * HOUR }])).toBe(2);
  expect(mean(fives.slice(0, 4), [{ ...EVER, every: 5 * HOUR }])).toBe(1.5);
  expect(mean(fives.slice(0, 3), [{ ...EVER, every: 5 * HOUR }])).toBeNull();
});

it('needs the day, also of a device that was there for a part of it', () => {
  const noon = FROM + 12 * HOUR;
  const late = [12.5, 16.5, 20.5].map((hours) => good(hours, 1));
  expect(mean(late, [{ from: noon, to: TO, every: 4 * HOUR }])).toBeNull();
  const hourly = Array.from({ length: 12 }, (_, n) => good(12 + n, 1));
  expect(mean(hourly, [{ from: noon, to: TO, every: HOUR }])).toBeNull();
  // One that reports each four hours until noon, and one that reports each ten minutes after it.
  const replaced = [
    { from: EVER.from, to: noon, every: 4 * HOUR },
    { from: noon, to: EVER.to, every: 10 * MINUTE },
  ];
  const first = [good(1, 1), good(5, 2), good(9, 3)];
  const dense = Array.from({ length: 72 }, (_, n) => good(12 + n / 6, 4 + Math.floor(n / 24)));
  expect(mean([...first, ...dense], replaced)).toBe(3.5);
  expect(mean([...first, ...dense.slice(0, 30)], replaced)).toBeNull();
});

it('is of twenty hours for all that report hourly, and for pollutants whose standard says so', () => {
  const hours = Array.from({ length: 24 }, (_, n) => good(n, n));
  const hourly = [{ ...EVER, every: HOUR }];
  expect(mean(hours, hourly)).toBe(11.5);
  expect(mean(hours.slice(0, 20), hourly)).toBe(9.5);
  expect(mean(hours.slice(0, 19), hourly)).toBeNull();
  const all = [0.5, 4.5, 8.5, 12.5, 16.5, 20.5].map((at) => good(at, 1));
  for (const pollutant of ['air.pm25', 'air.pm10', 'air.o3', 'air.co'] as const)
    expect(mean(all, ofFour, pollutant)).toBeNull();
  expect(mean(all, ofFour, 'air.temperature')).toBe(1);
});
