/** Kills at any moment while readings come that begin and end alerts: what is put down is what the engine tells in one go, each once. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seededRandom, systemTimer } from '@village/core';
import { onBothEngines, type Target } from '@village/store/relational/testing';
import { afterEach, expect, it } from 'vitest';
import { alerts } from '../alerts/testing.ts';
import { groupsOf, inOneGo, Rig } from './testing.ts';

const KILLS = 25;
const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

interface Place {
  readonly folder: string;
  readonly target: Target;
  readonly begun: number;
}

const child = ({ folder, target, begun }: Place, seed: string) =>
  spawn(
    process.execPath,
    [
      fileURLToPath(new URL('reader-child.ts', import.meta.url)),
      ...[folder, JSON.stringify(target), String(begun), seed],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );

/** Starts the child and kills it at a random moment, of its start or of its work. */
async function kill(place: Place, seed: string): Promise<void> {
  const random = seededRandom(seed);
  const process_ = child(place, seed);
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    process_.once('exit', (_, signal) => resolve(signal)),
  );
  const inStart = random() < 0.2;
  if (inStart) setTimeout(() => process_.kill('SIGKILL'), random() * 2_000);
  // Some live longer, so that devices are silent for long enough.
  for await (const _ of createInterface({ input: process_.stdout }))
    if (!inStart)
      setTimeout(() => process_.kill('SIGKILL'), random() * (random() < 0.3 ? 5_000 : 900));
  expect(await ended, `${seed} ended by itself`).toBe('SIGKILL');
}

onBothEngines((target) => {
  it('each transition is put down once, through kills at any moment', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'village-rules-kill-'));
    folders.push(folder);
    const place = { folder, target: await target(), begun: systemTimer.now() };
    const first = child(place, 'first');
    expect(await new Promise((resolve) => first.once('exit', resolve))).toBe(0);
    for (let n = 0; n < KILLS; n++) await kill(place, `rules ${n}`);
    const rig = await new Rig(folder, place.target).start();
    try {
      rig.timer.at = Number.MAX_SAFE_INTEGER;
      await rig.caughtUp();
      const whole = await inOneGo(groupsOf(rig.store), rig.directory, rig.relational);
      const found = await rig.putDown();
      const told = [...whole.values()].flat();
      const kinds = Object.groupBy(told, (one) => one.split(' ')[0] as string);
      console.log(
        `${KILLS} kills, ${rig.store.head} groups: ${JSON.stringify(
          Object.fromEntries(Object.entries(kinds).map(([kind, all]) => [kind, all?.length])),
        )}, replayed ${rig.reader.counters.replayed}`,
      );
      expect(found).toEqual(whole);
      expect(kinds['opened']?.length).toBeGreaterThan(50);
      expect([...whole.keys()].some((key) => key.startsWith('silent'))).toBe(true);
      expect(rig.reader.counters).toMatchObject({ begun: 0, adopted: 0, mended: 0, missed: 0 });
      const rows = await alerts(rig.relational);
      expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    } finally {
      await rig.stop();
    }
  }, 600_000);
});
