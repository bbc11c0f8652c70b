import { expect, it } from 'vitest';
import { bytesOf, hexOf, piecesOf, textOf } from './bytes.ts';

const field = (metric: string, from: number, to: number) => ({ metric, value: 0, from, to });

it('cuts bytes at the borders of fields, also of those that share bytes', () => {
  expect(piecesOf(6, [field('a', 1, 3), field('b', 1, 3), field('c', 2, 4)])).toEqual([
    { from: 0, to: 1, metrics: [] },
    { from: 1, to: 2, metrics: ['a', 'b'] },
    { from: 2, to: 3, metrics: ['a', 'b', 'c'] },
    { from: 3, to: 4, metrics: ['c'] },
    { from: 4, to: 6, metrics: [] },
  ]);
  expect(piecesOf(0, [])).toEqual([]);
  expect(piecesOf(2, [])).toEqual([{ from: 0, to: 2, metrics: [] }]);
});

it('shows text as text and bytes as bytes', () => {
  expect(textOf(new TextEncoder().encode('{"站":1}\n'))).toBe('{"站":1}\n');
  expect(textOf(Uint8Array.of(0x02, 0xbc))).toBeNull();
  expect(textOf(Uint8Array.of(0xff, 0x41))).toBeNull();
  expect(textOf(new Uint8Array())).toBeNull();
  expect([...bytesOf('ArwA')].map(hexOf)).toEqual(['02', 'BC', '00']);
});
