/** The archive when its engine has neither memory nor disk left: it is behind, and everything else goes on. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DAY, OperationalError, systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import type { TimeSeriesOptions, TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { METRICS, NOW, PROFILE, putRow } from '../testing.ts';

const folders: string[] = [];
const mounts: string[] = [];
const stores: TimeSeriesStore[] = [];

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-pressure-'));
  folders.push(folder);
  return folder;
}

async function openIn(folder: string, more: Partial<TimeSeriesOptions>): Promise<TimeSeriesStore> {
  const store = await openTimeSeries({ folder, timer: systemTimer, diskReserveBytes: 0, ...more });
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const mount of mounts.splice(0)) execFileSync('umount', [mount]);
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Mounts a small disk at `folder`; false where that is not allowed. */
async function diskAt(folder: string, megabytes: number): Promise<boolean> {
  await mkdir(folder, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], {
      stdio: 'ignore',
    });
  } catch {
    return false;
  }
  mounts.push(folder);
  return true;
}

// Where the engine spills to is full, or everything is: then the log may refuse before the engine has to spill.
it.for([
  { full: "the engine's disk", megabytes: 16 },
  { full: 'the whole disk', megabytes: 400 },
])(
  '$full is full while people ask: the engine comes back by itself and has lost nothing',
  {
    timeout: 180_000,
  },
  async ({ full, megabytes }, ctx) => {
    const folder = await folderOf();
    const engineAlone = full !== 'the whole disk';
    const disk = engineAlone ? join(folder, 'spill') : folder;
    const mounted = engineAlone || (await diskAt(disk, megabytes));
    const store = await openIn(folder, {
      memoryLimitMb: 40,
      threads: 1,
      flushRows: 100_000_000,
      flushBytes: Number.POSITIVE_INFINITY,
    });
    // The engine's folder is made anew when it opens.
    if (!mounted || (engineAlone && !(await diskAt(disk, megabytes))))
      return ctx.skip('no disk can be mounted');
    let rows = 0;
    const put = (count: number): void => {
      for (const end = rows + count; rows < end; rows++)
        putRow(store, PROFILE, METRICS, {
          device: `d${rows % 100}`,
          at: NOW + rows * 10,
          values: { pm25: Math.sin(rows), no2: Math.cos(rows), temp: Math.sqrt(rows) },
        });
    };
    const count = (): Promise<number> =>
      store
        .aggregate({
          columns: [{ profile: PROFILE, metric: 'pm25' }],
          device: 'd1',
          from: NOW,
          to: NOW + DAY,
          everyMs: DAY,
          offsetMs: 0,
          aggregates: ['count'],
          groupBy: 'none',
        })
        .then((answer) => answer.reduce((sum, { values }) => sum + (values.count ?? 0), 0));
    let committed = 0;
    const commit = async (): Promise<void> => {
      const least = rows;
      await store.commitNow();
      committed = Math.max(committed, least);
    };
    for (let round = 0; round < 45; round++) {
      put(10_000);
      await commit();
    }
    // Queries under way when the engine ends are refused, or answer all that was acknowledged before them.
    const stop = new AbortController();
    const short: { found: number; least: number }[] = [];
    const askers = Array.from({ length: 3 }, async () => {
      while (!stop.signal.aborted) {
        const least = Math.floor(committed / 100);
        const found = await count().catch((error: unknown) => {
          expect(error).toBeInstanceOf(OperationalError);
          return null;
        });
        if (found !== null && found < least) short.push({ found, least });
        await systemTimer.sleep(10);
      }
    });
    // Everything the disk has left is another program's.
    const ballast = join(disk, 'ballast');
    await expect(
      (async () => {
        for (;;) await writeFile(ballast, Buffer.alloc(256 * 1024, 1), { flag: 'a' });
      })(),
    ).rejects.toThrow(/ENOSPC/);
    for (let round = 0; round < 20 && store.archiveFault === null; round++) {
      put(10_000);
      if (engineAlone) await commit();
      else void commit();
      await count().catch((error: unknown) => expect(error).toBeInstanceOf(OperationalError));
    }
    const fault = store.archiveFault;
    await rm(ballast);
    put(1);
    await commit();
    expect(store.commitFault).toBeNull();
    const counted = (): Promise<number | null> => count().catch(() => null);
    await expect
      .poll(counted, { timeout: 60_000, interval: 200 })
      .toBe(Math.ceil((rows - 1) / 100));
    stop.abort();
    await Promise.all(askers);
    expect(short).toEqual([]);
    if (engineAlone) {
      expect(fault).toMatchObject({ retry: true });
      expect(store.counters().restarts).toBeGreaterThan(0);
    }
    expect(store.archiveFault).toBeNull();
  },
);

it('flushes that fail again and again gather no memory', { timeout: 60_000 }, async () => {
  const folder = await folderOf();
  const store = await openIn(folder, {});
  const metrics = Array.from({ length: 12 }, (_, i) => `m${i}`);
  for (let n = 0; n < 3_000; n++)
    putRow(store, PROFILE, metrics, {
      device: `d${n}`,
      at: NOW,
      values: Object.fromEntries(metrics.map((metric) => [metric, n])),
    });
  await store.commitNow();
  // No file can be written where a file is instead of the folder.
  await rm(join(folder, 'archive'), { recursive: true });
  await writeFile(join(folder, 'archive'), '');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const fail = async (times: number): Promise<number> => {
    for (let n = 0; n < times; n++) {
      putRow(store, PROFILE, metrics, { device: 'd0', at: NOW + n, values: { m0: n } });
      await store.commitNow();
      await expect(store.flush()).rejects.toThrow();
    }
    collect();
    return process.memoryUsage().arrayBuffers;
  };
  const before = await fail(3);
  const after = await fail(25);
  // A snapshot of the latest values is one megabyte here.
  expect((after - before) / 2 ** 20).toBeLessThan(5);
  await rm(join(folder, 'archive'));
  expect((await store.flush()).files).toBeGreaterThan(0);
});
