import { describe, expect, it } from 'vitest';
import type { Value } from '../api/answers.ts';
import { mergeValues } from './merge.ts';

describe('live values', () => {
  const value = (at: number, figure: number): Value => ({
    value: figure,
    at,
    receivedAt: at,
    quality: 'good',
    received: null,
  });
  it('what is older than what is shown changes nothing', () => {
    const shown = new Map([['cod', value(100, 1)]]);
    const merged = mergeValues(
      shown,
      new Map([
        ['cod', value(50, 9)],
        ['ph', value(60, 7)],
      ]),
    );
    expect(merged.get('cod')?.value).toBe(1);
    expect(merged.get('ph')?.value).toBe(7);
    expect(mergeValues(merged, new Map([['cod', value(101, 2)]])).get('cod')?.value).toBe(2);
  });
});
