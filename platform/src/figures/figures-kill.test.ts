/** Kills at any moment while readings, statements, moves and jobs run: afterwards everything stored is what computing it gives, and nothing is left out. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DAY, seededRandom, systemTimer } from '@village/core';
import { registryStore } from '@village/registry';
import { openTimeSeries } from '@village/store/time-series';
import { afterEach, expect, it } from 'vitest';
import { dayOf, dayStart } from './days.ts';
import { figureTables } from './stored/tables.ts';
import {
  above,
  areaAbove,
  COUNTY,
  DEVICES,
  FIRST_DAY,
  Machine,
  moving,
  openBooks,
  openTables,
  SetTimer,
  shy,
} from './testing.ts';

/** Places that are killed beside each other, and how often each. */
const PLACES = 4;
const KILLS = 25;
const START = dayStart(FIRST_DAY);
const END = START + 3 * DAY;
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Starts the child and kills it at a random moment, of its start or of its work; what it acknowledged, as `device at`. */
async function kill(folder: string, seed: string): Promise<string[]> {
  const random = seededRandom(seed);
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('figures-child.ts', import.meta.url)), folder, seed],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_, signal) => resolve(signal)),
  );
  const inStart = random() < 0.15;
  if (inStart) setTimeout(() => child.kill('SIGKILL'), random() * 1_500);
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== 'open') acknowledged.push(line);
    // Some live longer, so that on a slow machine, too, something is stored that another result replaces.
    else if (!inStart)
      setTimeout(() => child.kill('SIGKILL'), random() * (random() < 0.2 ? 4_000 : 900));
  }
  expect(await ended, `${seed} ended by itself`).toBe('SIGKILL');
  return acknowledged;
}

/** What is left: worked off by a process that is not killed, and computed again. */
async function finish(folder: string, acknowledged: ReadonlySet<string>) {
  const store = await openTimeSeries({
    ...{ folder: join(folder, 'store'), timer: systemTimer, diskReserveBytes: 0 },
    tickMs: Number.POSITIVE_INFINITY,
  });
  const relational = await openTables({ file: join(folder, 'r.sqlite') }, () => END);
  const corrections = await openBooks(relational, store, END);
  const book = () => corrections.book;
  const figures = [above, moving, shy, areaAbove];
  const machine = new Machine({ store, relational, timer: new SetTimer(END + DAY), book, figures });
  try {
    const db = figureTables(relational);
    const waiting = (await db.selectFrom('figure_mark').selectAll().execute()).length;
    await machine.workOff();
    const checked = await machine.check();
    const rows = await db.selectFrom('figure_day').select(['device', 'day', 'figure']).execute();
    const stored = new Set(rows.map(({ device, day, figure }) => `${device} ${day} ${figure}`));
    const former = (await db.selectFrom('figure_former').select('number').execute()).length;
    const kept = new Set<string>();
    for (const device of DEVICES)
      for (const { at } of await store.range({ device, from: START, to: END, limit: 10_000 }))
        kept.add(`${device} ${at}`);
    const lost = [...acknowledged].filter((one) => !kept.has(one));
    const unmarked = [...kept].filter((one) => {
      const [device, at] = one.split(' ');
      const day = dayOf(Number(at));
      return (
        !stored.has(`${device} ${day} above`) || !stored.has(`area:${COUNTY} ${day} area-above`)
      );
    });
    const moves = [...(await registryStore(relational).moves()).values()].flat().length;
    return { checked, lost, unmarked, waiting, former, moves, statements: book().size };
  } finally {
    await machine.stop();
    await store.close();
    await relational.close();
  }
}

it('a hundred kills leave no figure that computing it again does not give', async () => {
  const sums = { acknowledged: 0, checked: 0, waiting: 0, former: 0, moves: 0, statements: 0 };
  await Promise.all(
    Array.from({ length: PLACES }, async (_, place) => {
      const folder = await mkdtemp(join(tmpdir(), 'village-figures-kill-'));
      folders.push(folder);
      const acknowledged = new Set<string>();
      for (let n = 0; n < KILLS; n++)
        for (const one of await kill(folder, `figures ${place} ${n}`)) acknowledged.add(one);
      const { checked, lost, unmarked, ...more } = await finish(folder, acknowledged);
      expect(lost).toEqual([]);
      expect(unmarked).toEqual([]);
      expect(checked).toMatchObject({ waiting: 0, differing: 0, differences: [] });
      sums.acknowledged += acknowledged.size;
      sums.checked += checked.checked;
      sums.waiting += more.waiting;
      sums.former += more.former;
      sums.moves += more.moves;
      sums.statements += more.statements;
    }),
  );
  console.log(`${PLACES * KILLS} kills: ${JSON.stringify(sums)}`);
  expect(sums.former).toBeGreaterThan(0);
}, 600_000);
