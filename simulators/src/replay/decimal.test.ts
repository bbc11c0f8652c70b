import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecimalSum, decimalText, parseDecimal, plusDecimal, timesDecimal } from './decimal.ts';

describe('decimal numbers', () => {
  it.each([
    ['0', '0'],
    ['-0.50', '-0.5'],
    ['007', '7'],
    ['1.25e-7', '0.000000125'],
    ['3e2', '300'],
    ['2243.3276666666657', '2243.3276666666657'],
  ])('%s is %s', (text, expected) => {
    const decimal = parseDecimal(text);
    expect(decimal && decimalText(decimal)).toBe(expected);
  });

  it.each(['', 'NA', '1,5', '0x10', '.5', '5.', 'Infinity', ' 1', '1e999'])(
    'refuses %j',
    (text) => {
      expect(parseDecimal(text)).toBeNull();
      expect(new DecimalSum().add(text)).toBe(false);
    },
  );

  it('sums of a tenth and two tenths are three tenths, however many', () => {
    const sum = new DecimalSum();
    for (let i = 0; i < 10_000; i++) for (const text of ['0.1', '0.2']) sum.add(text);
    expect(decimalText(sum.total())).toBe('3000');
  });

  it('sums agree with whole-number arithmetic at any size', () => {
    const cents = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n });
    fc.assert(
      fc.property(
        fc.array(cents, { maxLength: 50 }),
        fc.integer({ min: 0, max: 8 }),
        (all, scale) => {
          const sum = new DecimalSum();
          for (const digits of all) expect(sum.add(decimalText({ digits, scale }))).toBe(true);
          const digits = all.reduce((left, right) => left + right, 0n);
          expect(decimalText(sum.total())).toBe(decimalText({ digits, scale }));
        },
      ),
    );
  });

  it('multiply and add exactly', () => {
    const factor = { digits: 1n, scale: 3 };
    const sum = { digits: 123_456_789n, scale: 1 };
    expect(decimalText(timesDecimal(sum, factor))).toBe('12345.6789');
    expect(decimalText(plusDecimal(sum, factor))).toBe('12345678.901');
  });
});
