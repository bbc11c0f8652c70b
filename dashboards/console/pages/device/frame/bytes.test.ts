import { expect, it } from 'vitest';
import { bytesOf, hexText, textOf } from '#kit/bytes.ts';
import { cellsOf, piecesOf, saidIn } from './bytes.ts';

const field = (metric: string, from: number, to: number) => ({ metric, from, to });

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
  expect(hexText(bytesOf('ArwA'))).toBe('02 BC 00');
});

it('shows the largest message in a few boxes, each field byte by byte', () => {
  const cells = cellsOf(piecesOf(65_536, [field('a', 1_000, 1_004)]));
  expect(cells.length).toBeLessThan(600);
  // Nothing is left out and nothing comes twice.
  expect(cells.map(({ from }) => from)).toEqual([0, ...cells.slice(0, -1).map(({ to }) => to)]);
  expect(cells.at(-1)?.to).toBe(65_536);
  const own = cells.filter(({ metrics }) => metrics.length > 0);
  expect(own.map(({ from, to, begins }) => [from, to, begins])).toEqual([
    [1_000, 1_001, true],
    [1_001, 1_002, false],
    [1_002, 1_003, false],
    [1_003, 1_004, false],
  ]);
});

it('says what the bytes of a value say', () => {
  const said = (text: string): string => saidIn(new TextEncoder().encode(text));
  expect([said('"浙E12345"'), said('1234'), said('"a\\u0062"'), said('AB"')]).toEqual([
    '浙E12345',
    '1234',
    'ab',
    'AB"',
  ]);
});
