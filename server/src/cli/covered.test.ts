import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Covered } from './covered.ts';

let folder: string;
const open = (): Covered =>
  new Covered(folder, (reason) => {
    throw new Error(reason);
  });
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-covered-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what is covered', () => {
  it('is everything that was noted, in whatever order, also over a restart', () => {
    const span = fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(fc.array(span, { maxLength: 12 }), (spans) => {
        rmSync(join(folder, 'covered.json'), { force: true });
        const covered = open();
        const is = new Set<number>();
        for (const [from, length] of spans) {
          covered.add(from, from + length);
          for (let at = from; at < from + length; at++) is.add(at);
        }
        const again = open();
        expect(again.spans).toEqual(covered.spans);
        const missing = again
          .missing(10, 90, 1)
          .flatMap(({ from, to }) => Array.from({ length: to - from }, (_, n) => from + n));
        const wanted = Array.from({ length: 80 }, (_, n) => n + 10).filter((at) => !is.has(at));
        expect(missing).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  });

  it('leaves short gaps as they are', () => {
    const covered = open();
    covered.add(10, 20);
    covered.add(25, 40);
    expect(covered.missing(0, 50, 6)).toEqual([
      { from: 0, to: 10 },
      { from: 40, to: 50 },
    ]);
  });

  it('is nothing where the file can not be read, and stays bounded', () => {
    for (const text of ['', '{', '{}', '{"spans":[{"from":1}]}', 'null', '7']) {
      writeFileSync(join(folder, 'covered.json'), text);
      expect(open().spans).toEqual([]);
    }
    const many = Array.from({ length: 200_000 }, (_, n) => ({ from: 10 * n, to: 10 * n + 1 }));
    writeFileSync(join(folder, 'covered.json'), JSON.stringify({ spans: many }));
    expect(open().spans).toEqual(many.slice(-500));
    writeFileSync(join(folder, 'covered.json'), '');
    const covered = open();
    for (let at = 0; at < 1_200; at += 2) covered.add(at, at + 1);
    expect(covered.spans.length).toBeLessThanOrEqual(500);
    expect(covered.spans.at(-1)).toEqual({ from: 1_198, to: 1_199 });
    expect(readdirSync(folder)).toEqual(['covered.json']);
  });

  it('goes on where it can not be written, and says so once', () => {
    const told: string[] = [];
    const covered = new Covered(join(folder, 'gone'), (reason) => told.push(reason));
    covered.add(1, 2);
    covered.add(2, 3);
    expect(covered.spans).toEqual([{ from: 1, to: 3 }]);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('ENOENT');
  });
});
