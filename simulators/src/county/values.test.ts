import { DAY, HOUR, MINUTE, QUANTITIES, type QuantityId, quantity } from '@village/core';
import type { Metric } from '@village/device-profiles';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogProfiles, testProfiles } from '../testing.ts';
import { modelValue } from './values.ts';
import { EPOCH, Rain } from './weather.ts';

const ids = Object.keys(QUANTITIES) as QuantityId[];
const start = Date.UTC(2026, 0, 1);

function metric(id: QuantityId, more: Partial<Metric> = {}): Metric {
  const { unit = '', zh = '', en = '' } = quantity(id) ?? {};
  return {
    key: 'x',
    quantity: id,
    span: 'instant',
    statistic: 'value',
    unit,
    name: { zh, en },
    range: [0, 1000],
    deadband: 0,
    optional: false,
    ...more,
  };
}

const ats = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2049, 0, 1) });
const ranges = fc
  .tuple(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.double({ min: 0, max: 1e9, noNaN: true }),
  )
  .map(([low, width]): [number, number] => [low, low + width]);

describe('the values of a device', () => {
  it('stay inside the plausible range of any metric of any profile', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ids),
        ranges,
        fc.integer(),
        fc.string({ maxLength: 8 }),
        fc.string({ maxLength: 8 }),
        ats,
        (id, range, seed, device, key, at) => {
          const value = modelValue(seed, new Rain(seed), device, metric(id, { range, key }), at);
          expect(value).toBeGreaterThanOrEqual(range[0]);
          expect(value).toBeLessThanOrEqual(range[1]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('stay inside the ranges of the catalogue, and move', () => {
    for (const profile of [...catalogProfiles().values(), ...testProfiles().values()])
      for (const one of profile.metrics) {
        const seen = new Set<number>();
        for (let at = start; at < start + 3 * DAY; at += 31 * MINUTE) {
          const value = modelValue(1, new Rain(1), 'd-1', one, at);
          expect(value, `${profile.id} ${one.key}`).toBeGreaterThanOrEqual(one.range[0]);
          expect(value, `${profile.id} ${one.key}`).toBeLessThanOrEqual(one.range[1]);
          if (one.states !== undefined) expect(Object.values(one.states)).toContain(value);
          seen.add(value);
        }
        const still = quantity(one.quantity)?.state || /neg|revers|back|export/.test(one.key);
        if (!still) expect(seen.size, `${profile.id} ${one.key} never moves`).toBeGreaterThan(3);
      }
  });

  it('are the same for the same question, and others for another device or seed', () => {
    const ask = (seed: number, device: string): number[] =>
      ids.map((id) => modelValue(seed, new Rain(seed), device, metric(id), start));
    expect(ask(1, 'a')).toEqual(ask(1, 'a'));
    expect(ask(1, 'a')).not.toEqual(ask(1, 'b'));
    expect(ask(1, 'a')).not.toEqual(ask(2, 'a'));
  });
});

describe('totals', () => {
  const totals = ids.filter((id) => quantity(id)?.total);

  it('never decrease, whatever their range', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...totals),
        fc.double({ min: 1, max: 1e9, noNaN: true }),
        ats,
        fc.integer({ min: 0, max: 3 * DAY }),
        (id, top, at, later) => {
          const rain = new Rain(5);
          const one = metric(id, { range: [0, top] });
          const before = modelValue(5, rain, 'd', one, at);
          expect(modelValue(5, rain, 'd', one, at + later)).toBeGreaterThanOrEqual(before);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('grow by what flows: the volume of a day is the integral of its flow', () => {
    const rain = new Rain(3);
    const flow = metric('water.flow-rate', { key: 'flow' });
    const total = metric('water.volume-total', { key: 'total', range: [0, 1e9] });
    let flowed = 0;
    for (let at = start; at < start + DAY; at += MINUTE / 2)
      flowed += (modelValue(3, rain, 'd', flow, at) * (MINUTE / 2)) / HOUR;
    const grown =
      modelValue(3, rain, 'd', total, start + DAY) - modelValue(3, rain, 'd', total, start);
    expect(Math.abs(grown - flowed) / flowed).toBeLessThan(0.02);
  });
});

describe('rain', () => {
  it('falls on some days, and what has fallen is the integral of its rate', () => {
    const rain = new Rain(1);
    let integral = 0;
    for (let at = EPOCH; at < EPOCH + 30 * DAY; at += MINUTE / 6)
      integral += (rain.rate(at) * (MINUTE / 6)) / HOUR;
    expect(integral).toBeGreaterThan(1);
    expect(Math.abs(rain.fallen(EPOCH + 30 * DAY) - integral)).toBeLessThan(0.02 * integral);
  });

  it('gives the same sum whether it was asked day by day or at once', () => {
    const step = new Rain(9);
    for (let day = 0; day < 400; day++) step.fallen(EPOCH + day * DAY);
    expect(step.fallen(EPOCH + 399.5 * DAY)).toBe(new Rain(9).fallen(EPOCH + 399.5 * DAY));
  });

  it('of a scenario raises the flow and the humidity', () => {
    const spell = { from: start, to: start + HOUR, rate: 20 };
    const at = start + HOUR / 2;
    for (const id of ['water.flow-rate', 'air.humidity'] as const) {
      const one = metric(id, { range: [0, id === 'air.humidity' ? 100 : 500] });
      const dry = modelValue(1, new Rain(1), 'd', one, at);
      const wet = modelValue(1, new Rain(1, [spell]), 'd', one, at);
      expect(wet).toBeGreaterThan(dry);
    }
  });
});
