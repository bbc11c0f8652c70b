import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatCount,
  formatExact,
  formatLength,
  formatMark,
  formatMetric,
  formatPercent,
  formatReceipt,
  formatSpan,
  formatTime,
  formatValue,
  fromField,
  toField,
} from './format.ts';
import { language } from './text/language.ts';

afterEach(() => {
  language.value = 'zh';
});

describe('separators', () => {
  const plain = fc.oneof(
    fc.double({ noNaN: true, min: -2e6, max: 2e6 }),
    fc.integer({ min: -1e9, max: 1e9 }),
    fc.constantFrom(0, -0, 999.95, -999.96, 99_999, -0.0004, 1e15, 1e21, Number.NaN, -Infinity),
  );
  it.each(['zh', 'en'] as const)('are those that readers of %s know', (one) => {
    language.value = one;
    const locale = one === 'zh' ? 'zh-CN' : 'en-US';
    fc.assert(
      fc.property(plain, fc.constantFrom(0, 1, 2, 3), (value, decimals) => {
        const short = Number(value.toFixed(decimals));
        const kept = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
        const positive = short === 0 ? 0 : short;
        const mark = new Intl.NumberFormat(locale, kept).format(positive);
        expect(formatMark(value, 10 ** -decimals)).toBe(mark);
        if (Math.abs(value) < 100_000) {
          const count = new Intl.NumberFormat(locale).format(Math.round(value) + 0);
          expect(formatCount(value)).toBe(count);
        }
        const size = Math.abs(value);
        if (size !== 0 && size < 0.01) return;
        const figures = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
        const said = Number(value.toFixed(figures)) + 0;
        const known = new Intl.NumberFormat(locale, { maximumFractionDigits: figures }).format(
          said,
        );
        expect(formatValue(value)).toBe(known);
      }),
    );
  });
});

it('a thousand figures are put into words by as many formats as there are kinds of them', () => {
  const made = vi.spyOn(Intl, 'NumberFormat');
  for (const one of ['zh', 'en'] as const) {
    language.value = one;
    for (let n = 0; n < 1_000; n++) {
      formatValue(n / 7);
      formatCount(n * 1_000);
      formatExact(n / 8);
      formatMark(n, 0.5);
    }
  }
  // Of two languages: values of 0 to 3 decimals, counts and short ones, exact ones, marks.
  expect(made.mock.calls.length).toBeLessThan(20);
  made.mockRestore();
});

describe('formatMark', () => {
  it.each([
    [[2.4, 2.425, 2.45], 0.025, ['2.400', '2.425', '2.450']],
    [[49.24, 49.245, 49.25], 0.005, ['49.240', '49.245', '49.250']],
    [[413_965, 413_965.5], 0.5, ['413,965.0', '413,965.5']],
    [[0, 20, 40], 20, ['0', '20', '40']],
  ])('keeps %j apart', (values, step, marks) => {
    expect(values.map((value) => formatMark(value, step))).toEqual(marks);
  });
});

describe('formatAge', () => {
  const now = Date.UTC(2026, 2, 1, 4, 0, 0);
  it.each([
    [0, '刚刚', 'just now'],
    [9_999, '刚刚', 'just now'],
    [42_000, '42 秒前', '42 s ago'],
    [3 * 60_000 + 59_000, '3 分钟前', '3 min ago'],
    [5 * 3_600_000, '5 小时前', '5 h ago'],
    [3 * 86_400_000, '3 天前', '3 d ago'],
    [-30_000, '刚刚', 'just now'],
    // A clock ahead of ours and times long past are told exactly, on Beijing's clock.
    [-3_600_000, '03-01 13:00', '03-01 13:00'],
    [45 * 86_400_000, '01-15 12:00', '01-15 12:00'],
  ])('%d ms ago', (age, zh, en) => {
    expect(formatAge(now - age, now)).toBe(zh);
    language.value = 'en';
    expect(formatAge(now - age, now)).toBe(en);
  });
});

describe('times', () => {
  it('are told on the clock of Beijing, whatever the machine thinks', () => {
    expect(formatTime(Date.UTC(2026, 1, 28, 16, 5, 9))).toBe('2026-03-01 00:05:09');
    expect(formatReceipt(Date.UTC(2026, 1, 28, 16, 5, 9, 7))).toBe('2026-03-01 00:05:09.007');
  });
  it('come back from a field as they went in, to the minute', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000_000 }), (minute) => {
        expect(fromField(toField(minute * 60_000))).toBe(minute * 60_000);
      }),
    );
  });
  it.each(['', 'tomorrow', '2026-13-01'])('refuses the field %j', (field) => {
    expect(fromField(field)).toBeNaN();
  });
});

describe('formatSpan', () => {
  it.each([
    [0, '0 秒', '0 s'],
    [6.4, '6.4 毫秒', '6.4 ms'],
    [30_000, '30 秒', '30 s'],
    [300_000, '5 分钟', '5 min'],
    [3_600_000, '1 小时', '1 h'],
  ])('says %d ms in words of the language', (ms, zh, en) => {
    language.value = 'zh';
    expect(formatSpan(ms)).toBe(zh);
    language.value = 'en';
    expect(formatSpan(ms)).toBe(en);
    language.value = 'zh';
  });
});

describe('formatLength', () => {
  it.each([
    [45_000, '45 秒', '45 s'],
    [23 * 60_000, '23 分钟', '23 min'],
    [3 * 3_600_000 + 11.6 * 60_000, '3 小时 12 分钟', '3 h 12 min'],
    [59.7 * 60_000, '1 小时', '1 h'],
    [50 * 3_600_000 + 60_000, '2 天 2 小时', '2 d 2 h'],
  ])('%d ms', (ms, zh, en) => {
    expect(formatLength(ms)).toBe(zh);
    language.value = 'en';
    expect(formatLength(ms)).toBe(en);
  });
});

describe('figures', () => {
  it.each([
    [7.256, '7.26'],
    [0.4213, '0.421'],
    [1012.4, '1,012'],
    [120.44, '120.4'],
    [-0.0001, '-0.0001'],
    [0.000_456_78, '0.000457'],
    [1e-7, '1e-7'],
    [-1e-300, '-1e-300'],
    [-0, '0'],
    [0, '0'],
  ])('%d', (value, text) => {
    expect(formatValue(value)).toBe(text);
  });
  it('none but zero reads as zero', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(formatValue(value).replaceAll(',', '')) === 0).toBe(value === 0);
      }),
    );
  });
  it.each([
    [338_889.6, '338,889.6'],
    [123_456_789, '123,456,789'],
    [Math.fround(7.39), '7.39'],
    [Math.fround(0.1), '0.1'],
    [0.1, '0.1'],
    [8.469 - 2.5, '5.969'],
    [1e-7, '1e-7'],
    [-0.000_45, '-0.00045'],
    [-0, '0'],
  ])('%d with all its digits', (value, text) => {
    expect(formatExact(value)).toBe(text);
  });
  it('with all digits says the number that it is, of four bytes these bytes', () => {
    const read = (text: string): number => Number(text.replaceAll(',', ''));
    const numbers = { noNaN: true, noDefaultInfinity: true };
    fc.assert(
      fc.property(
        fc.double({ ...numbers, min: -1e300, max: 1e300 }),
        fc.float(numbers),
        (double, float) => {
          expect(Math.fround(read(formatExact(float)))).toBe(float === 0 ? 0 : float);
          if (Math.fround(double) !== double)
            expect(read(formatExact(double)) / double).toBeCloseTo(1, 13);
        },
      ),
    );
  });
  it('counts beyond a hundred thousand are shortened', () => {
    expect(formatCount(99_999)).toBe('99,999');
    expect(formatCount(1_234_567)).toBe('123.5万');
    language.value = 'en';
    expect(formatCount(1_234_567)).toBe('1.2M');
  });
  it('a share is never rounded up to all', () => {
    expect(formatPercent(1999, 2000)).toBe('99.9');
    expect(formatPercent(2000, 2000)).toBe('100');
    expect(formatPercent(0, 0)).toBe('–');
  });
  it('bytes', () => {
    expect(formatBytes(512)).toBe('512 B');
    expect(formatBytes(1_572_864)).toBe('1.5 MiB');
  });
  it('a named state is a word, a code without a name a figure', () => {
    const mode = {
      key: 'mode',
      quantity: 'device.mode',
      name: { zh: '运行模式', en: 'Mode' },
      unit: '',
      range: [0, 9] as [number, number],
      states: new Map([
        ['running', 1],
        ['dozing', 2],
      ]),
      stateNames: new Map([['dozing', { zh: '打盹', en: 'Dozing' }]]),
      span: null,
      statistic: null,
      total: false,
      state: true,
      channel: null,
    };
    expect(formatMetric(mode, 1)).toBe('运行');
    expect(formatMetric(mode, 7)).toBe('7');
    expect(formatMetric(mode, 2)).toBe('打盹');
    language.value = 'en';
    expect(formatMetric(mode, 2)).toBe('Dozing');
  });
});
