import type { Quality } from '@village/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregateRow, ReadingRow } from '../api/answers.ts';
import {
  appendSample,
  bucketSeries,
  columns,
  rawSeries,
  resolutionFor,
  scale,
  shadedGaps,
  summarize,
  trend,
} from './series.ts';

const MINUTE = 60_000;
const row = (minute: number, value: number, quality?: Quality): ReadingRow => ({
  at: minute * MINUTE,
  receivedAt: minute * MINUTE + 500,
  lane: 'live',
  clockReplaced: false,
  values: new Map([['cod', value]]),
  quality: quality === undefined ? null : new Map([['cod', quality]]),
  received: null,
});
const bucket = (minute: number, avg: number | null): AggregateRow => ({
  at: minute * MINUTE,
  group: null,
  values: new Map([
    ['avg', avg],
    ['min', avg === null ? null : avg - 1],
    ['max', avg === null ? null : avg + 1],
  ]),
});

describe('rawSeries', () => {
  it('a silence of more than two intervals is a gap, one missed report is not', () => {
    const series = rawSeries([row(0, 1), row(5, 2), row(15, 3), row(30, 4)], 'cod', 5 * MINUTE);
    expect(series.gaps).toEqual([{ from: 15 * MINUTE, to: 30 * MINUTE }]);
  });
  it('leaves out rows without the metric and sorts late ones in', () => {
    const other = { ...row(3, 1), values: new Map([['ph', 7]]) };
    const series = rawSeries([row(5, 2), other, row(0, 1)], 'cod', 5 * MINUTE);
    expect(series.samples.map(({ value }) => value)).toEqual([1, 2]);
  });
});

describe('columns', () => {
  it('puts a break into each gap, so that no line crosses it', () => {
    const { x, line, sample } = columns(rawSeries([row(0, 1), row(60, 2)], 'cod', 5 * MINUTE));
    expect(line).toEqual([1, null, 2]);
    expect(sample).toEqual([0, -1, 1]);
    expect(x).toEqual([0, 1800, 3600]);
  });
  it('takes doubtful values off the line and marks them, at the edge when far off', () => {
    const series = rawSeries(
      [row(0, 10), row(5, 655, 'implausible'), row(10, 12)],
      'cod',
      5 * MINUTE,
    );
    const { line, doubtful } = columns(series);
    const bounds = scale(series);
    expect(line).toEqual([10, null, 12]);
    expect(doubtful).toEqual([null, bounds?.high, null]);
    expect(bounds?.outside).toBe(1);
    expect(bounds?.high).toBeLessThan(15);
  });
  it('x always rises and every sample is there once', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { maxLength: 200 }),
        (minutes) => {
          const { x, sample } = columns(
            rawSeries(
              minutes.map((minute) => row(minute, minute)),
              'cod',
              5 * MINUTE,
            ),
          );
          expect(x.every((at, index) => index === 0 || at > (x[index - 1] ?? 0))).toBe(true);
          expect(sample.filter((index) => index >= 0)).toEqual([...minutes.keys()]);
        },
      ),
    );
  });
});

describe('bucketSeries', () => {
  it('absent and empty buckets are gaps', () => {
    const series = bucketSeries(
      [bucket(0, 1), bucket(10, null), bucket(20, 3), bucket(50, 4)],
      'avg',
      10 * MINUTE,
    );
    expect(series.gaps).toEqual([
      { from: 10 * MINUTE, to: 20 * MINUTE },
      { from: 30 * MINUTE, to: 50 * MINUTE },
    ]);
    expect(columns(series).line).toEqual([1, null, 3, null, 4]);
  });
  it('keeps the band', () => {
    const { low, high } = columns(bucketSeries([bucket(0, 5)], 'avg', 10 * MINUTE));
    expect([low, high]).toEqual([[4], [6]]);
  });
});

describe('shadedGaps', () => {
  const silences = [
    { from: 0, to: 7 * MINUTE },
    { from: 20 * MINUTE, to: 26 * MINUTE },
  ];
  it('raw readings shade the silences of the device and those of the metric alone, each stretch once', () => {
    // The metric is absent from 5 to 25; the device was silent up to 7 and from 20 on.
    const series = rawSeries([row(5, 1), row(25, 2)], 'cod', 5 * MINUTE);
    expect(shadedGaps(series, silences)).toEqual([{ from: 0, to: 26 * MINUTE }]);
    expect(shadedGaps(series, undefined)).toEqual([{ from: 5 * MINUTE, to: 25 * MINUTE }]);
  });
  it('buckets shade real times, not whole buckets', () => {
    const series = bucketSeries([bucket(0, 5), bucket(30, 5)], 'avg', 10 * MINUTE);
    expect(series.gaps).toEqual([{ from: 10 * MINUTE, to: 30 * MINUTE }]);
    expect(shadedGaps(series, silences)).toEqual(silences);
  });
});

describe('appendSample', () => {
  const sample = (minute: number) => ({
    at: minute * MINUTE,
    value: 3,
    min: null,
    max: null,
    quality: 'good',
    lane: 'live',
    receivedAt: null,
  });
  const series = rawSeries([row(0, 1), row(5, 2)], 'cod', 5 * MINUTE);
  it('puts what is newer at the end, with the gap before it', () => {
    expect(appendSample(series, sample(10), 5 * MINUTE)).toMatchObject({ gaps: [] });
    expect(appendSample(series, sample(17), 5 * MINUTE).gaps).toEqual([
      { from: 5 * MINUTE, to: 17 * MINUTE },
    ]);
  });
  it('leaves alone what is not newer, and buckets', () => {
    expect(appendSample(series, sample(5), 5 * MINUTE)).toBe(series);
    const buckets = bucketSeries([bucket(0, 5)], 'avg', 10 * MINUTE);
    expect(appendSample(buckets, sample(90), 5 * MINUTE)).toBe(buckets);
  });
});

describe('summarize and scale', () => {
  it('speak of good values only', () => {
    const series = rawSeries([row(0, 2), row(5, 4), row(10, 900, 'over-range')], 'cod', 5 * MINUTE);
    expect(summarize(series)).toMatchObject({
      avg: 3,
      min: 2,
      max: 4,
      maxAt: 5 * MINUTE,
      count: 3,
      doubtful: new Map([['over-range', 1]]),
    });
  });
  it('nothing to say of nothing', () => {
    const empty = rawSeries([], 'cod', 5 * MINUTE);
    expect(summarize(empty)).toBeNull();
    expect(scale(empty)).toBeNull();
  });
  it('a level line has an axis around it, and a quantity above zero none below', () => {
    const flat = scale(rawSeries([row(0, 0), row(5, 0)], 'cod', 5 * MINUTE));
    expect(flat).toMatchObject({ low: 0 });
    expect(flat?.high).toBeGreaterThan(0);
  });
});

describe('resolutionFor', () => {
  const DAY = 86_400_000;
  it.each([
    [DAY, 60_000, 'raw'],
    [7 * DAY, 300_000, '10m'],
    [30 * DAY, 300_000, '1h'],
    [365 * DAY, 300_000, '1d'],
    // A bin that speaks once a day is never averaged.
    [30 * DAY, DAY, 'raw'],
    [60 * DAY, 1_800_000, '1h'],
  ] as const)('%d ms of a device heard every %d ms', (range, every, resolution) => {
    expect(resolutionFor(range, every)).toBe(resolution);
  });
});

describe('trend', () => {
  it('tells rising, falling and steady', () => {
    expect(trend([1, 2, 3, 4, 5, 6, 7, 8, 9])).toBe('rising');
    expect(trend([9, 8, 7, 6, 5, 4, 3, 2, 1])).toBe('falling');
    expect(trend([5, 6, 5, 6, 5, 6, 5, 6, 5])).toBe('flat');
    expect(trend([1, 9])).toBe('flat');
  });
});
