import { describe, expect, it } from 'vitest';
import { compileExpression } from './index.ts';
import { slotsOf } from './testing.ts';

/** What was tried on the libraries for expressions, and what our own choice of parser adds. */
const HOSTILE = [
  '__proto__ == 1',
  'constructor > 1',
  'toString > 1',
  'value.constructor > 1',
  'value.__proto__ == value',
  "value['constructor'] == 1",
  "value.constructor.constructor('return process')() == 1",
  'constructor.constructor("return this")() == 1',
  'hasOwnProperty(value)',
  'constructor(value) > 1',
  '__proto__(value) > 1',
  'valueOf() > 1',
  'value.danger()',
  '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("^(a+)+$")',
  'matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "^(a|a)*$")',
  '[1,2,3].all(x, x > 0)',
  `${'[1,2,3,4,5,6,7,8,9,10].all(a, '.repeat(8)}true${')'.repeat(8)}`,
  '[1].map(x, [x, x]).size() > 0',
  '[1].filter(x, true) == [1]',
  '[1].exists(x, true)',
  'has(value.x)',
  'cel.bind(x, 1, x > 0)',
  '{"a": 1}.a == 1',
  '{"__proto__": 1} == {}',
  'size("aaa") > 1',
  'dyn(value) == 1',
  'type(value) == type(1)',
  'timestamp("2026-01-01T00:00:00Z") > timestamp("2025-01-01T00:00:00Z")',
  'duration("1h") > duration("1m")',
  'string(value) == "1"',
  `value > ${'('.repeat(20_000)}1${')'.repeat(20_000)}`,
  `${'('.repeat(500)}value > 1${')'.repeat(500)}`,
  `${'!'.repeat(1_000)}(value > 1) && nope`,
  `${'-'.repeat(1_010)}value`,
  `value > ${'1+'.repeat(20_000)}1`,
  `value > ${'1+'.repeat(500)}1`,
  `${'value > 1 ? '.repeat(60)}true`,
  `value > ${'9'.repeat(1_000)}`,
  'a'.repeat(20_000),
  ' '.repeat(20_000),
  '"'.repeat(1_001),
  '\\u0000',
  '\u0000',
  'value\u2028> 1',
  `avg(value, "${'9'.repeat(900)}m") > 1`,
  `attribute("__proto__") > 1`,
  `attribute('constructor') > 1`,
  `quality(value) == '__proto__'`,
  `quality(constructor) == 'good'`,
];

describe('hostile expressions', () => {
  it.each(HOSTILE)('%#: is refused', (source) => {
    const { compiled, faults } = compileExpression(source, slotsOf(['value']));
    expect(compiled).toBeNull();
    expect(faults.length).toBeGreaterThan(0);
    for (const { start, end } of faults) {
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeGreaterThanOrEqual(start);
      expect(end).toBeLessThanOrEqual(Math.max(source.length, 1));
    }
  });

  it('refuses the whole list a hundred times within the time of one test', () => {
    for (let round = 0; round < 100; round++)
      for (const source of HOSTILE) compileExpression(source, slotsOf(['value']));
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    expect(Object.keys(Object.prototype)).toEqual([]);
  }, 20_000);

  it('takes what is just within the limits', () => {
    const long = `value > 1 ${' '.repeat(1_014)}`;
    expect(long).toHaveLength(1_024);
    expect(compileExpression(long, slotsOf(['value'])).faults).toEqual([]);
    expect(compileExpression(`${long} `, slotsOf(['value'])).faults).toHaveLength(1);
    const deep = (levels: number): string => `${'('.repeat(levels)}value > 1${')'.repeat(levels)}`;
    expect(compileExpression(deep(31), slotsOf(['value'])).faults).toEqual([]);
    expect(compileExpression(deep(32), slotsOf(['value'])).faults).toMatchObject([
      { code: 'too-deep' },
    ]);
    const wide = (parts: number): string => `value > ${'1+'.repeat(parts)}1`;
    expect(compileExpression(wide(98), slotsOf(['value'])).faults).toEqual([]);
    expect(compileExpression(wide(99), slotsOf(['value'])).faults).toMatchObject([
      { code: 'too-large' },
    ]);
  });
});
