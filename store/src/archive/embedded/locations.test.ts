/** Where devices stand, when the database refuses to keep it: a real file system that is full. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
