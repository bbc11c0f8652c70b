/** Where devices stand: moves that are told late, and a database that refuses to keep them (a real file system that is full). */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HOUR } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import type { DeviceLocation } from '../contract.ts';
import { METRICS, NOW, PROFILE, putRow, standingTimer } from '../testing.ts';

const COUNTY = '330522000000';
const EAST = '330522100000';
const WEST = '330522101000';
const standing = (township: string): DeviceLocation => ({
  county: COUNTY,
  township,
  village: null,
});

const mounts: string[] = [];
const stores: TimeSeriesStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of mounts.splice(0)) {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true });
  }
});

async function open(folder: string): Promise<TimeSeriesStore> {
  const store = await openTimeSeries({ folder, timer: standingTimer, diskReserveBytes: 0 });
  stores.push(store);
  return store;
}

/** Readings by township. */
async function counts(store: TimeSeriesStore): Promise<unknown[]> {
  const rows = await store.aggregate({
    columns: [{ profile: PROFILE, metric: 'pm25' }],
    area: COUNTY,
    from: NOW,
    to: NOW + HOUR,
    everyMs: HOUR,
    offsetMs: 0,
    aggregates: ['count'],
    groupBy: 'township',
  });
  return rows.map(({ group, values }) => [group, values.count]);
}

it('is as before everywhere while it can not be kept, and new everywhere afterwards', async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), 'village-places-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch (error) {
    rmSync(folder, { recursive: true });
    ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
  }
  mounts.push(folder);
  let store = await open(folder);
  store.locate(new Map([['a', standing(EAST)]]));
  putRow(store, PROFILE, METRICS, { device: 'a', at: NOW, values: { pm25: 7 } });
  await store.commitNow();
  expect(await counts(store)).toEqual([[EAST, 1]]);

  const ballast = join(folder, 'ballast');
  expect(() => {
    for (let n = 0; n < 1024; n++) writeFileSync(ballast, Buffer.alloc(64 * 1024), { flag: 'a' });
  }).toThrow(/ENOSPC/);
  // More new areas than the pages at hand hold.
  const moved = new Map([
    ['a', standing(WEST)],
    ...Array.from({ length: 50_000 }, (_, n): [string, DeviceLocation] => [
      `b${n}`,
      { county: COUNTY, township: WEST, village: String(330_523_000_000 + n) },
    ]),
  ]);
  expect(() => store.locate(moved)).toThrow(
    expect.objectContaining({ code: 'commit-failed', retry: true }),
  );
  expect(await counts(store)).toEqual([[EAST, 1]]);

  rmSync(ballast);
  store.locate(moved);
  expect(await counts(store)).toEqual([[WEST, 1]]);
  await store.close();
  stores.length = 0;
  // The numbers of the areas are on disk: devices put in later find theirs again.
  store = await open(folder);
  store.locate(moved);
  expect(await counts(store)).toEqual([[WEST, 1]]);
});

it('a move that is told late makes only the hours since then dirty', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-moves-'));
  try {
    const store = await open(folder);
    store.locate(new Map([['a', standing(EAST)]]));
    for (let hour = -200; hour < 0; hour++)
      putRow(store, PROFILE, METRICS, {
        device: 'a',
        at: NOW + hour * HOUR,
        values: { pm25: hour },
      });
    await store.commitNow();
    await store.flush();
    await store.compact(NOW);
    const moved = { ...standing(WEST), from: NOW - 5 * HOUR };
    store.locate(new Map([['a', [standing(EAST), moved]]]));
    await store.close();
    stores.length = 0;
    const database = new DatabaseSync(join(folder, 'log.sqlite'));
    const dirty = database.prepare('SELECT hour FROM dirty ORDER BY hour').all();
    database.close();
    expect(dirty.map(({ hour }) => Number(hour) - NOW / HOUR)).toEqual([-5, -4, -3, -2, -1]);
    // What was told is known after a restart: telling the same again makes nothing dirty.
    const again = await open(folder);
    await again.compact(NOW);
    again.locate(new Map([['a', [standing(EAST), moved]]]));
    await again.close();
    stores.length = 0;
    const after = new DatabaseSync(join(folder, 'log.sqlite'));
    expect(after.prepare('SELECT hour FROM dirty').all()).toEqual([]);
    after.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
