/** A reader that is written here alone follows the journal through kills at any moment. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { seededRandom, systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import { openTimeSeries } from '../time-series/open.ts';

/** Journals that are killed beside each other, and how often each. */
const JOURNALS = 4;
const KILLS = 50;
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Starts the child and kills it at a random moment, of its start or of its work; the highest number acknowledged. */
async function kill(folder: string, seed: string): Promise<number> {
  const random = seededRandom(seed);
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('reader-child.ts', import.meta.url)), folder, seed],
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
    else if (!inStart) setTimeout(() => child.kill('SIGKILL'), random() * 250);
  }
  expect(await ended, `${seed} ended by itself`).toBe('SIGKILL');
  return highest;
}

/** What is left after the kills: read to the end once more, by a process that is not killed. */
async function finish(folder: string): Promise<{ head: number; stored: number[] }> {
  const store = await openTimeSeries({
    folder: join(folder, 'store'),
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
  });
  const notes = new DatabaseSync(join(folder, 'reader.sqlite'));
  try {
    const place = notes.prepare('SELECT journal, id FROM place').get()!;
    expect(place['journal']).toBe(store.id);
    const from = { journal: store.id, group: place['id'] as number };
    if (from.group < store.head)
      for await (const group of store.follow('test', from)) {
        const values = group.rows.flatMap((rows) =>
          Array.from({ length: rows.count }, (_, row) => rows.value(row, 0)),
        );
        notes
          .prepare('INSERT INTO seen VALUES(?, ?, ?, ?, ?)')
          .run(
            group.id,
            group.committedAt,
            values[0] ?? null,
            values.at(-1) ?? null,
            values.length,
          );
        if (group.id === store.head) break;
      }
    const rows = await store.range({ device: 'd', from: 0, to: 4e12, limit: 100_000 });
    return { head: store.head, stored: rows.map(({ values }) => values['n']!) };
  } finally {
    notes.close();
    await store.close();
  }
}

async function journal(number: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'village-reader-'));
  folders.push(folder);
  let acknowledged = -1;
  for (let round = 0; round < KILLS; round++)
    acknowledged = Math.max(acknowledged, await kill(folder, `reader ${number} ${round}`));
  const { head, stored } = await finish(folder);
  const notes = new DatabaseSync(join(folder, 'reader.sqlite'));
  const seen = notes.prepare('SELECT * FROM seen ORDER BY rowid').all();
  notes.close();
  // Every group once and in order, with stamps that never decrease, though the clock jumped an hour at each start.
  expect(seen.map((row) => row['id'])).toEqual(Array.from({ length: head }, (_, i) => i + 1));
  const stamps = seen.map((row) => row['committed_at'] as number);
  expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
  // And in them every row once and in order.
  let next = 0;
  for (const row of seen) {
    if (row['rows'] === 0) continue;
    expect([row['first'], row['last']]).toEqual([next, next + (row['rows'] as number) - 1]);
    next += row['rows'] as number;
  }
  expect(next).toBeGreaterThan(acknowledged);
  expect(stored).toEqual(Array.from({ length: next }, (_, n) => n));
  return next;
}

it('sees every committed group once and in order, over 200 kills, restarts, flushes and compactions', {
  timeout: 600_000,
}, async () => {
  const rows = await Promise.all(Array.from({ length: JOURNALS }, (_, n) => journal(n)));
  expect(Math.min(...rows)).toBeGreaterThan(1_000);
});
