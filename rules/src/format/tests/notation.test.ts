import { describe, expect, it } from 'vitest';
import { NOTATION_VALUES_MAX, seriesValues } from './notation.ts';

const valuesOf = (text: string) => {
  const found = seriesValues(text);
  return 'values' in found ? found.values : found.fault;
};

describe('the notation of series', () => {
  // The first six are the examples of promtool's documentation.
  it.each([
    ['-2+4x3', [-2, 2, 6, 10]],
    ['1-2x4', [1, -1, -3, -5, -7]],
    ['1x4', [1, 1, 1, 1, 1]],
    ['1 _x3 4', [1, null, null, null, 4]],
    ['1+0x5', [1, 1, 1, 1, 1, 1]],
    ['_ 6x2', [null, 6, 6, 6]],
    ['8.5', [8.5]],
    ['  8   9\n10 ', [8, 9, 10]],
    ['0.1+0.1x3', [0.1, 0.2, 0.3, 0.4]],
    ['1e2-5e-1x2', [100, 99.5, 99]],
    ['7x0', [7]],
    ['_x0', []],
    ['', []],
  ])('%j is %j', (text, values) => {
    expect(valuesOf(text)).toEqual(values);
  });

  it.each([
    ['8 stale', 2],
    ['8 nine', 2],
    ['8+2', 0],
    ['8x', 0],
    ['8x-1', 0],
    ['__', 0],
    ['1 2x3x4', 2],
    ['1e999', 0],
    ['NaN', 0],
  ])('%j is none, from character %d on', (text, start) => {
    expect(valuesOf(text)).toMatchObject({ start });
  });

  it('holds so many values and no more, whatever is written', () => {
    expect(valuesOf(`1x${NOTATION_VALUES_MAX - 1}`)).toHaveLength(NOTATION_VALUES_MAX);
    expect(valuesOf(`1x${NOTATION_VALUES_MAX}`)).toMatchObject({ start: 0 });
    expect(valuesOf(`1 _x${NOTATION_VALUES_MAX}`)).toMatchObject({ start: 2 });
    expect(valuesOf('1x999999999')).toMatchObject({ start: 0 });
  });
});
