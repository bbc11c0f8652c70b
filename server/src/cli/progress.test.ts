import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { quantile } from './past.ts';
import { openProgress, secondsLeft } from './progress.ts';

describe('progress', () => {
  it('tells what is left by the pace so far', () => {
    expect(secondsLeft(0, 100, 5_000)).toBeNull();
    expect(secondsLeft(25, 100, 5_000)).toBe(15);
    expect(secondsLeft(100, 100, 5_000)).toBe(0);
  });

  it('prints plain lines now and then where there is no terminal', () => {
    const lines: string[] = [];
    let elapsed = 0;
    const progress = openProgress({
      total: 4_000,
      terminal: null,
      print: (line) => lines.push(line),
      elapsed: () => elapsed,
    });
    for (let rows = 100; rows <= 4_000; rows += 100) {
      elapsed += 500;
      progress.sent(rows);
    }
    progress.end();
    expect(lines).toEqual([
      '历史 past 50% · 2,000 / 4,000 行 rows · 剩余 left 10 s',
      '历史 past 100% · 4,000 / 4,000 行 rows · 剩余 left 0 s',
    ]);
  });

  it('draws a bar on a terminal, and prints lines beside it', async () => {
    const stream = new PassThrough();
    let drawn = '';
    stream.on('data', (chunk: Buffer) => {
      drawn += chunk.toString();
    });
    const terminal = Object.assign(stream, {
      isTTY: true,
      columns: 120,
      rows: 40,
      cursorTo: () => true,
      moveCursor: () => true,
      clearLine: () => true,
      clearScreenDown: () => true,
    }) as unknown as NodeJS.WriteStream;
    let elapsed = 0;
    const progress = openProgress({
      total: 1_000,
      terminal,
      print: () => {
        throw new Error('past the bar');
      },
      elapsed: () => elapsed,
    });
    elapsed = 2_000;
    progress.sent(500);
    progress.print('a line beside it');
    await new Promise((done) => setTimeout(done, 300));
    progress.end();
    expect(drawn).toContain('50% · 500 / 1,000');
    expect(drawn).toContain('a line beside it\n');
  });
});

describe('quantile', () => {
  it('is the value below which that share of all lies', () => {
    const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
    expect(quantile(hundred, 0.99)).toBe(99);
    expect(quantile(hundred, 1)).toBe(100);
    expect(quantile([7], 0.99)).toBe(7);
    expect(quantile([], 0.99)).toBeNull();
  });
});
