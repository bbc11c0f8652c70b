import { expect, it } from 'vitest';
import { numberOption } from './options.ts';

it('takes numbers from the least on, and no word for one', () => {
  expect(numberOption('rounds', '50')).toBe(50);
  expect(numberOption('minutes', '0.5', 0.1)).toBe(0.5);
  for (const text of ['x', '', ' ', '0', '-1', 'Infinity'])
    expect(() => numberOption('rounds', text), text).toThrow('--rounds must be a number from 1 on');
});
