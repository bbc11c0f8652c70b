import { describe, expect, it } from 'vitest';
import { decodeText, readCsv } from './csv.ts';

describe('files', () => {
  it('are read as UTF-8, with a mark or without, and as GB 18030', async () => {
    const text = 'id,name\n1,长兴\n';
    const gb = Buffer.from([0x69, 0x64, 0x0a, 0xb3, 0xa4, 0xd0, 0xcb]);
    expect(decodeText(gb)).toBe('id\n长兴');
    for (const bytes of [Buffer.from(text), Buffer.from(`\ufeff${text}`)]) {
      const { rows, faults } = await readCsv(decodeText(bytes), ['id', 'name']);
      expect([faults, rows]).toEqual([[], [{ line: 2, cells: { id: '1', name: '长兴' } }]]);
    }
    expect(() => decodeText(Buffer.from([0xff, 0xff, 0xff]))).toThrow(/neither/);
  });
});
