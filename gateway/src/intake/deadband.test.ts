import type { Quality } from '@village/core';
import { MINUTE } from '@village/core';
import type { DecodedReading } from '@village/device-profiles';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testCatalog } from '../testing.ts';
import { changed, Deadband } from './deadband.ts';

const profile = testCatalog.get('test/two-blocks');
if (profile === undefined) throw new Error('BUG: no test profile');
const reading = (metric: string, value: number, quality: Quality = 'good'): DecodedReading => ({
  metric,
  value,
  quality,
});

describe('deadband', () => {
  it('sends what changed by the deadband, and only that', () => {
    const band = new Deadband();
    const at = 10 * MINUTE;
    const frame = (ph: number, temp: number) => [
      reading('ph', ph),
      reading('temp', temp),
      reading('total', 5),
    ];
    const keys = (ph: number, temp: number, time: number) =>
      band.admit('d', profile, time, frame(ph, temp)).map((one) => one.metric);
    expect(keys(7, 20, at)).toEqual(['ph', 'temp', 'total']);
    expect(keys(7.04, 20.05, at + 1_000)).toEqual([]);
    expect(keys(7.05, 20.05, at + 2_000)).toEqual(['ph']);
    expect(keys(7.09, 20.1, at + 3_000)).toEqual(['temp']);
    expect(band.suppressed).toBe(3 + 2 + 2);
  });

  it('measures from the value sent last, so that a slow drift is seen', () => {
    const band = new Deadband();
    const sent: number[] = [];
    for (let i = 0; i <= 100; i++)
      for (const one of band.admit('d', profile, 1_000 + i, [reading('temp', 20 + i / 100)]))
        sent.push(one.value);
    expect(sent).toHaveLength(11);
  });

  it('sends a change of quality', () => {
    const band = new Deadband();
    band.admit('d', profile, 1_000, [reading('ph', 7)]);
    expect(band.admit('d', profile, 2_000, [reading('ph', 7, 'maintenance')])).toHaveLength(1);
    expect(band.admit('d', profile, 3_000, [reading('ph', 7, 'maintenance')])).toHaveLength(0);
    expect(band.admit('d', profile, 4_000, [reading('ph', 7)])).toHaveLength(1);
  });

  it('every report interval with a frame holds a whole row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 2 * MINUTE }), { minLength: 1, maxLength: 50 }),
        (steps) => {
          const band = new Deadband();
          const seen = new Set<number>();
          const whole = new Set<number>();
          let at = 0;
          for (const step of steps) {
            at += step;
            const interval = Math.floor(at / profile.reportEveryMs);
            seen.add(interval);
            const sent = band.admit('d', profile, at, [reading('ph', 7), reading('temp', 20)]);
            if (sent.length === 2) whole.add(interval);
          }
          expect(whole).toEqual(seen);
        },
      ),
    );
  });

  it('each metric goes once in every interval, where a frame holds one of them', () => {
    const band = new Deadband();
    const sent: string[] = [];
    const every = profile.reportEveryMs;
    for (let tenth = 0; tenth < 60; tenth++)
      for (const [metric, value] of [
        ['ph', 7],
        ['temp', 20],
      ] as const)
        for (const one of band.admit('d', profile, (tenth * every) / 10, [reading(metric, value)]))
          sent.push(one.metric);
    expect(sent).toEqual(Array.from({ length: 6 }, () => ['ph', 'temp']).flat());
  });

  it('history is not thinned by what came after it', () => {
    const band = new Deadband();
    band.admit('d', profile, 10_000, [reading('ph', 7)]);
    expect(band.admit('d', profile, 9_000, [reading('ph', 7)])).toHaveLength(1);
    expect(band.admit('d', profile, 11_000, [reading('ph', 7)])).toHaveLength(0);
  });

  it('after forgetting, everything is sent once', () => {
    const band = new Deadband();
    band.admit('a', profile, 1_000, [reading('ph', 7)]);
    band.admit('b', profile, 1_000, [reading('ph', 7)]);
    band.forget('a');
    expect(band.admit('a', profile, 2_000, [reading('ph', 7)])).toHaveLength(1);
    expect(band.admit('b', profile, 2_000, [reading('ph', 7)])).toHaveLength(0);
    band.forgetAll();
    expect(band.admit('b', profile, 3_000, [reading('ph', 7)])).toHaveLength(1);
  });

  it.each([
    [Number.NaN, 1, 0.1, true],
    [0.2, 0.3, 0.1, true],
    [1, 1, 0, false],
    [1, 1.000001, 0, true],
    [1, 1.09, 0.1, false],
    [1, 0.9, 0.1, true],
  ])('from %f to %f with %f: %s', (last, value, band, expected) => {
    expect(changed(last, value, band)).toBe(expected);
  });
});
