import { describe, expect, it } from 'vitest';
import { nearest } from './nearest.ts';

describe('the nearest word', () => {
  const known = ['clearFor', 'minActive', 'for', 'levels', 'limit', 'ph'];
  it.each([
    ['clearfor', 'clearFor'],
    ['claerFor', 'clearFor'],
    ['minactve', 'minActive'],
    ['level', 'levels'],
    ['limits', 'limit'],
    ['fro', 'for'],
    ['phh', 'ph'],
    ['x', null],
    ['routes', null],
    ['', null],
    ['a'.repeat(100_000), null],
  ])('of %s is %s', (word, wanted) => {
    expect(nearest(word, known)).toBe(wanted);
  });
});
