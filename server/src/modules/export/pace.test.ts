/** A file grows no faster than its pace, however many write, and who gives up leaves the pace to the others. */
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Pace, PacedFile } from './pace.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'village-pace-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Time that passes by waiting alone. */
class Waited {
  time = 0;
  readonly elapsed = (): number => this.time;
  readonly sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    await Promise.resolve();
    this.time = Math.max(this.time, this.time + ms);
  };
}

it('takes the time of its bytes, and they are all there in order', async () => {
  const timer = new Waited();
  const pace = new Pace(timer, 1_000_000);
  const path = join(folder, 'one');
  const file = await open(path, 'w');
  const paced = new PacedFile(file, pace, new AbortController().signal);
  const pieces = Array.from({ length: 60 }, (_, n) => Buffer.alloc(100_000, n));
  for (const piece of pieces) await paced.append(piece);
  await paced.sync();
  await file.close();
  // The first piece need not wait.
  expect(timer.time).toBeCloseTo(5_900, 0);
  expect(paced.bytes).toBe(6_000_000);
  expect((await readFile(path)).equals(Buffer.concat(pieces))).toBe(true);
});

it('is given up at once, whatever waits before it', async () => {
  const timer = new Waited();
  const pace = new Pace(timer, 1_000);
  const gone = new AbortController();
  await pace.take(1_000_000, gone.signal);
  gone.abort(new Error('gone'));
  await expect(pace.take(1, gone.signal)).rejects.toThrow('gone');
  expect(timer.time).toBe(0);
});
