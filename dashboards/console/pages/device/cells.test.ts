import { describe, expect, it } from 'vitest';
import { cellKind, cells } from './cells.ts';

const HOUR = 3_600_000;
const hour = (index: number, expected: number, received: number, backfilled = 0) => ({
  at: index * HOUR,
  expected,
  received,
  valid: received,
  rows: received,
  backfilled,
});

describe('completeness cells', () => {
  it('joins hours into as few cells as fit, losing none', () => {
    const list = cells(
      Array.from({ length: 168 }, (_, index) => hour(index, 12, 11)),
      60,
    );
    expect(list).toHaveLength(56);
    expect(list.reduce((sum, cell) => sum + cell.expected, 0)).toBe(168 * 12);
    expect(list[1]).toMatchObject({ from: 3 * HOUR, to: 6 * HOUR, received: 33 });
  });
  it('names what a cell is', () => {
    const kinds = [
      hour(0, 12, 12),
      hour(1, 12, 12, 3),
      hour(2, 12, 5),
      hour(3, 12, 0),
      hour(4, 0, 0),
    ];
    expect(cells(kinds, 10).map(cellKind)).toEqual([
      'full',
      'backfilled',
      'partial',
      'missing',
      'unexpected',
    ]);
  });
});
