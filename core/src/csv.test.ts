import { describe, expect, it } from 'vitest';
import { csvCell } from './csv.ts';

describe('csvCell', () => {
  it.each([
    ['=1+1', "'=1+1"],
    ['+86', "'+86"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['-2', "'-2"],
    ['＝1+1', "'＝1+1"],
    ['－3号井', "'－3号井"],
    ['\tx', "'\tx"],
    ['=a,"b"', `"'=a,""b"""`],
    ['普通', '普通'],
  ])('%j is no formula', (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });
  it('numbers stay numbers', () => {
    expect(csvCell(-3.5)).toBe('-3.5');
    expect(csvCell(null)).toBe('');
  });
});
