/** Frames through kills at any moment: what was acknowledged is found, as it came, and stands in the files once. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seededRandom, systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import { openTimeSeries } from '../time-series/open.ts';
import { readBlock, readFooter, readPage, type Stretch } from './frame-file.ts';

const KILLS = 40;
const BEGIN = 1_767_225_600_000;
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Starts the child and kills it at a random moment; the highest number acknowledged. */
async function kill(folder: string, seed: string): Promise<number> {
  const random = seededRandom(seed);
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('kill-child.ts', import.meta.url)), folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  const inStart = random() < 0.2;
  if (inStart) setTimeout(() => child.kill('SIGKILL'), random() * 600);
  let highest = -1;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'open') highest = Math.max(highest, Number(line));
    else if (!inStart) setTimeout(() => child.kill('SIGKILL'), random() * 300);
  }
  expect(await ended, `${seed} ended by itself`).toBe('SIGKILL');
  return highest;
}

/** How often each frame stands in the files of the folder. */
async function inFiles(folder: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.frames')) continue;
    const path = join(folder, name);
    const blocks: Stretch[] = [];
    for (const page of (await readFooter(path)).pages) blocks.push(...(await readPage(path, page)));
    for (const block of blocks)
      for (const { sequence, receivedAt } of await readBlock(path, block)) {
        const key = `${sequence} ${receivedAt}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
  }
  return counts;
}

it(`finds every acknowledged frame once over ${KILLS} kills, flushes, joins and restarts`, {
  timeout: 600_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'village-frames-kill-'));
  folders.push(folder);
  let acknowledged = -1;
  for (let round = 0; round < KILLS; round++)
    acknowledged = Math.max(acknowledged, await kill(folder, `frames ${round}`));
  const store = await openTimeSeries({
    folder,
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
  });
  try {
    for (const again of [false, true]) {
      if (again) {
        await store.flush();
        await store.frames.compact(BEGIN + 100_000 * 86_400_000);
      }
      const found: number[] = [];
      for (let device = 0; device < 7; device++) {
        const { frames, missing } = await store.frames.find(`d${device}`, 0, 4e12, 1e9);
        expect(missing).toEqual([]);
        for (const { sequence, at, receivedAt, payload } of frames) {
          expect([at, Buffer.from(payload).toString()]).toEqual([
            BEGIN + sequence! * 60_000,
            `frame ${sequence}`,
          ]);
          // As it was first received.
          expect(receivedAt).toBe(at + 500);
          found.push(sequence!);
        }
      }
      found.sort((a, b) => a - b);
      expect(found).toEqual(Array.from({ length: found.length }, (_, n) => n));
      expect(found.length).toBeGreaterThan(acknowledged);
      console.log(`${found.length} frames, ${acknowledged + 1} acknowledged, over ${KILLS} kills`);
    }
    expect(store.frames.counters()).toMatchObject({ waiting: 0, filesDamaged: 0, missedSpans: 0 });
  } finally {
    await store.close();
  }
  const counts = await inFiles(join(folder, 'frames'));
  expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
  expect(acknowledged).toBeGreaterThan(1_000);
});
