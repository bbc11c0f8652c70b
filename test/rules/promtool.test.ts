/** The engine fires when Prometheus fires: `for` and `keep_firing_for` on random series, thousands of cases a run. */
import { MINUTE, type Random, seededRandom } from '@village/core';
import { History, type LimitOf } from '@village/rules';
import { device, rule, threshold } from '@village/rules/engine/testing';
import { describe, expect, it } from 'vitest';
import { differences, type PromCase } from '../lib/promtool.ts';

const CASES = 10_000;
const LENGTH = 60;
const OPERATORS = ['>', '>=', '<', '<='] as const;
const noLimit: LimitOf = () => Number.NaN;

const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T;

/** When the engine's alert is there, ms since the first value. */
function firing({ series, condition, forMs, keepMs }: Omit<PromCase, 'id' | 'firing'>) {
  const level = {
    severity: 'major' as const,
    when: threshold(condition.operator, condition.value),
    forMs,
  };
  const history = new History([rule([level], { clearForMs: keepMs })], device('d'), noLimit);
  history.add({
    metrics: ['x'],
    at: Float64Array.from(series, (_, n) => n * MINUTE),
    values: [Float64Array.from(series)],
    qualities: [null],
  });
  const end = series.length * MINUTE;
  return history.end(end).map(({ raised, to }) => [raised, to ?? end] as const);
}

function makeCase(random: Random, n: number): PromCase {
  let value = 5;
  const series = Array.from({ length: LENGTH }, () => {
    value = Math.max(0, Math.min(9, value + Math.floor(random() * 5) - 2));
    return value;
  });
  const one = {
    series,
    condition: { operator: pick(random, OPERATORS), value: 3 + Math.floor(random() * 5) },
    // Whole intervals: between two values Prometheus looks at nothing.
    forMs: pick(random, [0, 0, 1, 2, 5]) * MINUTE,
    keepMs: pick(random, [0, 0, 1, 3, 6]) * MINUTE,
  };
  return { id: `case-${n}`, ...one, firing: firing(one) };
}

describe('the engine and Prometheus', () => {
  const random = seededRandom('promtool');
  const cases = Array.from({ length: CASES }, (_, n) => makeCase(random, n));

  it(`fire in the same intervals in ${CASES} random cases`, async () => {
    expect(cases.filter((one) => one.firing.length > 0).length).toBeGreaterThan(CASES / 2);
    expect(await differences(cases)).toEqual([]);
  }, 240_000);

  it('do not when the engine holds an alert a minute longer', async () => {
    const some = cases.slice(0, 200);
    const longer = some.map((one) => ({
      ...one,
      firing: firing({ ...one, keepMs: one.keepMs + MINUTE }),
    }));
    const found = await differences(longer);
    expect(found.length).toBeGreaterThan(100);
  }, 120_000);
});
