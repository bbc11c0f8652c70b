import { DAY, MINUTE, parseTime, qualityCode } from '@village/core';
import { describe, expect, it } from 'vitest';
import { compileExpression } from './index.ts';
import { factsOf, slotsOf, soundExpression } from './testing.ts';

const NAN = Number.NaN;

describe('what an expression says', () => {
  const KNOWN = { value: 9, turb: 150, low: -2 };
  it.each([
    ['value > 8.8', 1],
    ['value > 9', 0],
    ['value >= 9', 1],
    ['9 <= value', 1],
    ['value < 9 || turb < 200', 1],
    ['value == 9.0 && turb != 150', 0],
    ['!(value > 8)', 0],
    ['abs(low) == 2', 1],
    ['min(value, turb, low) == low && max(value, turb) == turb', 1],
    ['clamp(turb, 0, 100) == 100 && clamp(low, 0, 100) == 0', 1],
    ['hypot(3, 4) == 5', 1],
    ['between(value, 9, 10)', 1],
    ['between(value, 9.01, 10)', 0],
    ['ratio(value, turb) == 0.06', 1],
    ['value > 8 ? turb > 100 : turb > 1000', 1],
    ['(value > 8 ? turb : low) == 150', 1],
    ['-value + 2 * turb / 3 - 1 == 90', 1],
    ['(value > 8) == (turb > 100)', 1],
    ['(value > 8) != true', 0],
    ['value > 0x08', 1],
    ['value > 8.5e0', 1],
    ['true', 1],
    // Unknown: 1 and 0 decide whatever the other side is.
    ['none > 1', NAN],
    ['none > 1 || value > 1', 1],
    ['value > 1 || none > 1', 1],
    ['none > 1 && value > 100', 0],
    ['value > 100 && none > 1', 0],
    ['none > 1 || value > 100', NAN],
    ['none > 1 && value > 1', NAN],
    ['!(none > 1)', NAN],
    ['none == none', NAN],
    ['none != 1', NAN],
    ['none > 1 ? true : true', NAN],
    ['(value > 1 ? turb : none) > 1', 1],
    ['between(value, 100, none)', 0],
    ['between(value, 1, none)', NAN],
    ['min(none, -1000) < 0', NAN],
    ['hypot(none, 1) > 0', NAN],
    ['isKnown(none)', 0],
    ['isKnown(value) && !isKnown(none + value)', 1],
    // What is no number any more is unknown.
    ['1 / (value - 9) > 0', NAN],
    ['ratio(turb, value - 9) > 0', NAN],
    ['value * 1e308 > 0', NAN],
    ['-value * 1e308 < 0', NAN],
    ['(value - 9) / (value - 9) == 1', NAN],
    ['hypot(value * 1e307, 1.7e308) > 0', NAN],
  ])('%s is %d', (source, wanted) => {
    const slots = slotsOf(['value', 'turb', 'low', 'none']);
    const { expression } = soundExpression(source, slots);
    expect(expression.evaluate(factsOf(slots, KNOWN))).toBe(wanted);
    expect(expression.source).toBe(source);
  });

  it('knows ages, qualities, limits, attributes and counters', () => {
    const slots = slotsOf(['value', 'turb', 'none'], { hasLimit: true, counters: ['total'] });
    const is = (source: string): number => {
      const { expression } = soundExpression(source, slots);
      const facts = factsOf(
        slots,
        { value: 9, total: 40 },
        {
          ages: Float64Array.of(3, 61, NAN, NAN),
          qualities: Int8Array.of(0, qualityCode('calibration') ?? NAN, -1, -1),
          limit: 8,
          attributes: Float64Array.from(slots.attributes, () => 120),
        },
      );
      return expression.evaluate(facts);
    };
    expect(is('age(turb) > 60 && age(value) == 3')).toBe(1);
    expect(is('age(none) > 60')).toBeNaN();
    expect(is("quality(turb) == 'calibration'")).toBe(1);
    expect(is('"good" == quality(turb)')).toBe(0);
    expect(is("quality(turb) != 'good'")).toBe(1);
    expect(is("quality(none) == 'good'")).toBeNaN();
    expect(is('value > limit * 1.1')).toBe(1);
    expect(is("value * 24 > attribute('design-capacity')")).toBe(1);
    expect(is("attribute('population') == attribute('design-capacity')")).toBe(1);
    expect(is('total > 39 && ratio(value, total) < 0.3')).toBe(1);
    expect(slots.attributes).toEqual(['design-capacity', 'population']);
  });

  it.each([
    ['2026-11-30T15:59:59Z', 23, 1],
    ['2026-11-30T16:00:00Z', 0, 2],
    ['2026-12-05T16:00:00Z', 0, 0],
    ['1969-12-31T15:00:00Z', 23, 3],
  ])('hour and weekday at %s are of Beijing: %d, %d', (at, hour, weekday) => {
    const slots = slotsOf(['value']);
    const { expression } = soundExpression(`hour() == ${hour} && weekday() == ${weekday}`, slots);
    expect(expression.evaluate(factsOf(slots, {}, { at: parseTime(at) }))).toBe(1);
  });

  it('gives equal series functions one slot, over all expressions of a rule', () => {
    const slots = slotsOf(['value', 'flow']);
    soundExpression("avg(value, '10m') > avg(value, '600s') + max(flow, '1h')", slots);
    const { expression } = soundExpression(
      "avg(value, '10m') > 3 && changed(flow) && rate(flow) < 2",
      slots,
    );
    expect(slots.windows).toEqual([
      { function: 'avg', input: 0, ms: 10 * MINUTE },
      { function: 'max', input: 1, ms: 60 * MINUTE },
      { function: 'changed', input: 1, ms: 0 },
      { function: 'rate', input: 1, ms: 0 },
    ]);
    const windows = Float64Array.of(4, NAN, 1, -1);
    expect(expression.evaluate(factsOf(slots, {}, { windows }))).toBe(1);
    expect(expression.evaluate(factsOf(slots, {}, { windows: windows.with(3, 2) }))).toBe(0);
  });

  it.each([
    ['turb > 5', { input: 1, operator: '>', value: 5 }],
    ['5 > turb', { input: 1, operator: '<', value: 5 }],
    ['-5 >= value', { input: 0, operator: '<=', value: -5 }],
    ['(value) < 2 * 4.5 - 1', { input: 0, operator: '<', value: 8 }],
    ['value == 5', null],
    ['value > 5 || turb > 5', null],
    ['!(value > 5)', null],
    ['value > turb', null],
    ['value + 1 > 5', null],
    ["avg(value, '10m') > 5", null],
  ])('%s is a threshold: %o', (source, threshold) => {
    const slots = slotsOf(['value', 'turb']);
    expect(soundExpression(source, slots).expression.threshold).toEqual(threshold);
  });
});

describe('what is no expression', () => {
  const faultsOf = (source: string): string[] => {
    const slots = slotsOf(['value', 'turb'], { counters: ['total'] });
    return compileExpression(source, slots).faults.map(
      ({ code, start, end }) => `${code} ${source.slice(start, end)}`,
    );
  };

  it.each([
    ['', ['syntax ']],
    ['value >', ['syntax ']],
    ['value = 5', ['syntax =']],
    ['value ＞ 5', ['syntax ＞']],
    ['value > 5 and turb > 5', ['syntax and']],
    ['avg(value, 10m) > 5', ['syntax m']],
    ["avg(value, '10m > 5", ["syntax '10m > 5"]],
    ['if > 5', ['syntax if']],
    ['value', ['type-clash value']],
    ['value + 1', ['type-clash value + 1']],
    ['value && turb > 1', ['type-clash value']],
    ['value > (turb > 1)', ['type-clash turb > 1']],
    ['(value > 1) + 2 > 3', ['type-clash value > 1']],
    ['-(value > 1) > 3', ['type-clash value > 1']],
    ['!value', ['type-clash value']],
    ['(value > 1) == 1', ['type-clash 1']],
    ['value ? true : false', ['type-clash value']],
    ['value > 1 ? 1 : true', ['type-clash true', 'type-clash value > 1 ? 1 : true'].slice(0, 1)],
    ['value == "good"', ['type-clash "good"']],
    ['changed(value) > 0', ['type-clash changed(value)']],
    ['quality(value)', ['type-clash quality(value)']],
    ['quality(value) < "good"', ['type-clash quality(value) < "good"']],
    ['quality(value) == "bad"', ['unknown-quality "bad"']],
    ['quality(value, turb) == "good"', ['wrong-arguments quality(value, turb)']],
    ['ph > 5 || nh > 3', ['unknown-name ph', 'unknown-name nh']],
    ['value > limit', ['unknown-name limit']],
    ['foo(value) > 5', ['unknown-function foo']],
    ['abs(value, turb) > 5', ['wrong-arguments abs(value, turb)']],
    ['min(value) > 5', ['wrong-arguments min(value)']],
    ["min(value, '10m', turb) > 5", ["wrong-arguments min(value, '10m', turb)"]],
    ['avg(value) > 5', ['wrong-arguments avg(value)']],
    ["rate(value, '10m') > 5", ["wrong-arguments rate(value, '10m')"]],
    ["avg(value + 1, '10m') > 5", ['not-an-input value + 1']],
    ["avg(total, '10m') > 5", ['not-an-input total']],
    ['age(total) > 5', ['not-an-input total']],
    ["avg(value, 'soon') > 5", ["bad-duration 'soon'"]],
    ["avg(value, '0s') > 5", ["bad-duration '0s'"]],
    ["avg(value, '32d') > 5", ["bad-duration '32d'"]],
    ['avg(value, 600) > 5', ['bad-duration 600']],
    ["attribute('water-class') > 5", ["unknown-attribute 'water-class'"]],
    ['attribute(value) > 5', ['unknown-attribute value']],
    ['hour(value) > 5', ['wrong-arguments hour(value)']],
    ['1 / 0 > value', ['never-known 1 / 0']],
    ['value % 2 == 0', ['not-allowed value % 2']],
    ['value in [1, 2]', ['not-allowed value in [1, 2]']],
    ['value > null', ['not-allowed null']],
    ['value > b"a"', ['not-allowed b"a"']],
    ['value > 1u', ['not-allowed 1u']],
    [`value > 1${'0'.repeat(310)}`, [`not-allowed 1${'0'.repeat(310)}`]],
  ])('%s: %j', (source, wanted) => {
    expect(faultsOf(source)).toEqual(wanted);
  });

  it('lets sixteen different series functions be, and no more', () => {
    const calls = (count: number): string =>
      Array.from({ length: count }, (_, i) => `avg(value, '${i + 1}m') > 1`).join(' || ');
    expect(faultsOf(calls(16))).toEqual([]);
    expect(faultsOf(`${calls(16)} || avg(value, '2m') > 3`)).toEqual([]);
    expect(faultsOf(calls(17))).toEqual(["too-many-windows avg(value, '17m')"]);
    expect(faultsOf(`avg(value, '${31}d') > 1`)).toEqual([]);
    expect(31 * DAY).toBe(2_678_400_000);
  });

  it('tells every fault in both languages', () => {
    const { faults } = compileExpression('ph > limit + foo(1) || value == "x"', slotsOf(['value']));
    expect(faults).toHaveLength(4);
    for (const { message } of faults) {
      expect(message.zh).toMatch(/[\u4e00-\u9fff]/);
      expect(message.en).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });
});
