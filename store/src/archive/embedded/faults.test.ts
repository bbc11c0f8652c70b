/** What the store does when processes die, disks fill and bytes change. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  statfs,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MINUTE, seededRandom } from '@village/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { TimeSeriesOptions, TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { METRICS, NOW, PROFILE, putRow, standingTimer } from '../testing.ts';

const folders: string[] = [];
const stores: TimeSeriesStore[] = [];
const mounts: string[] = [];

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
  folders.push(folder);
  return folder;
}

async function openIn(
  folder: string,
  more: Partial<TimeSeriesOptions> = {},
): Promise<TimeSeriesStore> {
  const store = await openTimeSeries({
    folder,
    timer: standingTimer,
    diskReserveBytes: 0,
    ...more,
  });
  stores.push(store);
  return store;
}

async function put(store: TimeSeriesStore, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++)
    putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + n * 1_000, values: { pm25: n } });
  await store.commitNow();
}

async function stored(store: TimeSeriesStore, device = 'a', metric = 'pm25'): Promise<number[]> {
  const rows = await store.range({ device, from: 0, to: NOW * 2, limit: 100_000 });
  return rows.map((row) => row.values[metric]!);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

afterEach(async () => {
  for (const store of stores.splice(0))
    await store.close().catch((error: Error) => expect(error).toHaveProperty('code'));
  for (const mount of mounts.splice(0)) execFileSync('umount', [mount]);
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Starts the writing child and kills it a while after its first acknowledgement; resolves to the highest acknowledged. */
async function killed(folder: string, first: number, afterAcks: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('crash-child.ts', import.meta.url)), folder, String(first)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let highest = first - 1;
  let acks = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') continue;
    highest = Number(line);
    if (++acks === afterAcks) child.kill('SIGKILL');
  }
  await ended;
  return highest;
}

describe('a process that is killed', () => {
  it('loses nothing that was acknowledged and doubles nothing', { timeout: 120_000 }, async () => {
    const folder = await folderOf();
    const random = seededRandom('kill');
    let next = 0;
    for (let round = 0; round < 4; round++) {
      const highest = await killed(folder, next, 200 + Math.floor(random() * 1_500));
      expect(highest).toBeGreaterThanOrEqual(next);
      const store = await openIn(folder);
      const values = await stored(store, 'd', 'n');
      expect(values.slice(0, highest + 1)).toEqual(upTo(highest + 1));
      // Rows that were durable and not yet acknowledged may follow, each once.
      expect(values).toEqual(upTo(values.length));
      expect(store.latest('d')[0]!.value).toBe(values.length - 1);
      expect(store.sequences('g')).toEqual([{ epoch: 'e', highest: values.length, gaps: [] }]);
      expect(store.counters()).toMatchObject({ filesUnreadable: 0, logRowsDamaged: 0 });
      next = values.length;
      await store.close();
    }
  });

  it.each(['is deleted', 'is emptied'])(
    'refuses files of readings whose log %s, and deletes none of them',
    async (what) => {
      const folder = await folderOf();
      const store = await openIn(folder);
      await put(store, 0, 10);
      await store.flush();
      await store.close();
      const day = join(folder, 'archive', PROFILE, '2026-03-10');
      const listed = await readdir(day);
      const log = join(folder, 'log.sqlite');
      const whole = await readFile(log);
      await (what === 'is deleted' ? rm(log) : truncate(log));
      // Also the second time, when there is a log again.
      for (let tries = 0; tries < 2; tries++)
        await expect(openIn(folder)).rejects.toMatchObject({ code: 'log-missing' });
      expect(await readdir(day)).toEqual(listed);
      await writeFile(log, whole);
      expect(await stored(await openIn(folder))).toEqual(upTo(10));
    },
  );

  it('leaves files that nobody listed; they are deleted, others stay', async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    await put(store, 0, 10);
    await store.flush();
    await store.close();
    const day = join(folder, 'archive', PROFILE, '2026-03-10');
    const listed = await readdir(day);
    for (const name of ['77.parquet', '78.parquet.tmp', 'notes.txt'])
      await writeFile(join(day, name), 'x');
    store = await openIn(folder);
    expect((await readdir(day)).sort()).toEqual([...listed, 'notes.txt'].sort());
    expect(await stored(store)).toEqual(upTo(10));
  });
});

describe('a damaged log', () => {
  /** A store's files as they are while it runs: as after a crash. */
  async function crashed(commits: number): Promise<{ folder: string; wal: number }> {
    const folder = await folderOf();
    const store = await openIn(folder);
    for (let n = 0; n < commits; n++) await put(store, n, 1);
    const copy = await folderOf();
    await copyFile(join(folder, 'log.sqlite'), join(copy, 'log.sqlite'));
    await copyFile(join(folder, 'log.sqlite-wal'), join(copy, 'log.sqlite-wal'));
    return { folder: copy, wal: (await readFile(join(copy, 'log.sqlite-wal'))).length };
  }
  async function again(folder: string, change: (wal: string) => Promise<void>): Promise<number[]> {
    const copy = await folderOf();
    for (const name of ['log.sqlite', 'log.sqlite-wal'])
      await copyFile(join(folder, name), join(copy, name));
    await change(join(copy, 'log.sqlite-wal'));
    const store = await openIn(copy);
    const values = await stored(store);
    await put(store, values.length, 1);
    expect(await stored(store)).toEqual(upTo(values.length + 1));
    await store.close();
    return values;
  }

  it('opens with a clean beginning, wherever its tail is cut, zeroed or followed by rubbish', {
    timeout: 90_000,
  }, async () => {
    const { folder, wal } = await crashed(12);
    const random = seededRandom('torn');
    const whole = await again(folder, async () => undefined);
    expect(whole).toEqual(upTo(12));
    let shortest = 12;
    for (let trial = 0; trial < 8; trial++) {
      const tail = Math.floor(random() * wal * 0.5);
      const values = await again(folder, async (path) => {
        await truncate(path, wal - tail);
        if (trial % 3 === 1) await truncate(path, wal);
        if (trial % 3 === 2) await appendFile(path, Buffer.alloc(tail, 0xa5));
      });
      expect(values).toEqual(upTo(values.length));
      shortest = Math.min(shortest, values.length);
    }
    expect(shortest).toBeLessThan(12);
  });

  it('keeps a damaged row aside, counts it, and goes on with the rest', async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    await put(store, 0, 3);
    await put(store, 3, 3);
    await put(store, 6, 3);
    await store.close();
    const path = join(folder, 'log.sqlite');
    const bytes = await readFile(path);
    const needle = Buffer.alloc(8);
    needle.writeDoubleLE(NOW + 4_000);
    const at = bytes.indexOf(needle);
    expect(at).toBeGreaterThan(0);
    bytes[at + 2]! ^= 1;
    await writeFile(path, bytes);
    const reported: string[] = [];
    store = await openIn(folder, { log: (_, message) => reported.push(message) });
    expect(await stored(store)).toEqual([0, 1, 2, 6, 7, 8]);
    expect(store.counters().logRowsDamaged).toBe(1);
    expect(reported.some((message) => message.includes('damaged'))).toBe(true);
    await put(store, 9, 1);
    await store.flush();
    await store.close();
    store = await openIn(folder);
    expect(store.counters().logRowsDamaged).toBe(0);
    expect(await stored(store)).toEqual([0, 1, 2, 6, 7, 8, 9]);
  });

  it('whose first row is damaged gives all the others, also after one more start', async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    for (const from of [0, 3, 6]) await put(store, from, 3);
    await store.close();
    const path = join(folder, 'log.sqlite');
    const bytes = await readFile(path);
    const needle = Buffer.alloc(8);
    needle.writeDoubleLE(NOW + 1_000);
    const at = bytes.indexOf(needle);
    expect(at).toBeGreaterThan(0);
    bytes[at + 2]! ^= 1;
    await writeFile(path, bytes);
    for (let start = 0; start < 2; start++) {
      store = await openIn(folder);
      expect(await stored(store)).toEqual([3, 4, 5, 6, 7, 8]);
      await store.close();
    }
  });

  it('is refused by name when it is no database any more', async () => {
    const folder = await folderOf();
    const store = await openIn(folder);
    await put(store, 0, 3);
    await store.close();
    await writeFile(join(folder, 'log.sqlite'), Buffer.alloc(65_536, 0x5a));
    await expect(openIn(folder)).rejects.toMatchObject({ code: 'store-damaged' });
  });
});

describe('a full disk', () => {
  it('holds acknowledgements back, loses nothing, and goes on when there is room', {
    timeout: 60_000,
  }, async (ctx) => {
    const folder = await folderOf();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder], {
        stdio: 'ignore',
      });
    } catch (error) {
      ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
    }
    mounts.push(folder);
    const store = await openIn(folder, { readingsPerCommit: 3_000 });
    const ballast = join(folder, 'ballast');
    await writeFile(ballast, Buffer.alloc(14 * 1024 * 1024, 1));
    const acknowledged: number[] = [];
    let sent = 0;
    while (store.commitFault === null) {
      for (let i = 0; i < 500; i++) {
        const n = sent++;
        putRow(store, PROFILE, METRICS, {
          device: 'a',
          at: NOW + n * 1_000,
          values: { pm25: n, no2: n, temp: n },
        });
        store.settle(() => acknowledged.push(n));
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(sent).toBeLessThan(2_000_000);
    }
    expect(store.commitFault).toMatchObject({ code: 'commit-failed', retry: true });
    const before = acknowledged.length;
    expect(before).toBeLessThan(sent);
    expect(store.rowsPending).toBeGreaterThan(0);
    await rm(ballast);
    await store.commitNow();
    expect(store.commitFault).toBeNull();
    expect(acknowledged).toEqual(upTo(sent));
    expect(store.counters().commitFailures).toBeGreaterThan(0);
    await store.close();
    const reopened = await openIn(folder);
    expect(await stored(reopened)).toEqual(upTo(Math.min(sent, 100_000)));
  });

  it('keeps nothing of what a flush or a compaction could not finish', async (ctx) => {
    const folder = await folderOf();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', folder], {
        stdio: 'ignore',
      });
    } catch (error) {
      ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
    }
    mounts.push(folder);
    const store = await openIn(folder);
    for (let n = 0; n < 60_000; n++) {
      const values = { pm25: Math.sin(n), no2: Math.cos(n), temp: Math.sqrt(n) };
      putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + n * 1_000, values });
      if (n % 20_000 !== 19_999) continue;
      await store.commitNow();
      await store.flush();
    }
    const room = async (): Promise<number> => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    };
    const ballast = join(folder, 'ballast');
    await writeFile(ballast, Buffer.alloc((await room()) - 600 * 1024, 1));
    const before = await room();
    for (let night = 0; night < 3; night++) {
      await store.compact(NOW + 90 * 1_440 * MINUTE).catch(() => undefined);
      expect(store.counters().maintenanceFailures).toBeGreaterThan(night);
    }
    expect((await room()) / before).toBeGreaterThan(0.3);
    await rm(ballast);
    expect((await store.compact(NOW + 90 * 1_440 * MINUTE)).compacted).toBeGreaterThan(0);
    expect(await stored(store)).toHaveLength(60_000);
  }, 120_000);

  it('whose free space nobody can tell holds acknowledgements back, and ends nothing', async () => {
    const folder = await folderOf();
    let later = 0;
    const timer = { ...standingTimer, elapsed: () => standingTimer.elapsed() + later };
    const store = await openIn(folder, { timer });
    await put(store, 0, 1);
    await rename(folder, `${folder}-away`);
    later = 60_000;
    let done = false;
    putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + 1_000, values: { pm25: 1 } });
    store.settle(() => {
      done = true;
    });
    await expect.poll(() => store.commitFault).toMatchObject({ code: 'commit-failed' });
    expect(done).toBe(false);
    await rename(`${folder}-away`, folder);
    await expect.poll(() => done, { timeout: 10_000 }).toBe(true);
    expect(await stored(store)).toEqual([0, 1]);
  });

  it('stops acknowledging at the reserve already', async () => {
    const store = await openIn(await folderOf(), { diskReserveBytes: Number.MAX_SAFE_INTEGER });
    let done = false;
    putRow(store, PROFILE, METRICS, { device: 'a', at: NOW, values: { pm25: 1 } });
    store.settle(() => {
      done = true;
    });
    await expect.poll(() => store.commitFault).toMatchObject({ code: 'disk-reserve' });
    expect(done).toBe(false);
    expect(store.rowsPending).toBe(1);
  });
});

describe('an archive file that can’t be read', () => {
  async function threeDays(): Promise<{
    folder: string;
    store: TimeSeriesStore;
    path: (day: string) => Promise<string>;
  }> {
    const folder = await folderOf();
    const store = await openIn(folder);
    for (const day of [0, 1, 2]) {
      putRow(store, PROFILE, METRICS, {
        device: 'a',
        at: NOW + day * 1_440 * MINUTE,
        values: { pm25: day },
      });
      await store.commitNow();
      await store.flush();
    }
    const path = async (day: string): Promise<string> => {
      const at = join(folder, 'archive', PROFILE, day);
      return join(at, (await readdir(at))[0]!);
    };
    return { folder, store, path };
  }

  it('is left out and counted at the start', async () => {
    const { folder, store, path } = await threeDays();
    await store.close();
    await truncate(await path('2026-03-11'), 100);
    await rm(await path('2026-03-12'));
    const reopened = await openIn(folder);
    expect(await stored(reopened)).toEqual([0]);
    expect(reopened.counters().filesUnreadable).toBe(2);
  });

  it('is set aside by the question that meets it, and kept', async () => {
    const { store, path } = await threeDays();
    const bad = await path('2026-03-11');
    const handle = await open(bad, 'r+');
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(size - 60, 0xff), 0, size - 60, 30);
    await handle.close();
    expect(await stored(store)).toEqual([0, 2]);
    expect(store.counters().filesUnreadable).toBe(1);
    expect(existsSync(`${bad}.unreadable`)).toBe(true);
    expect(await stored(store)).toEqual([0, 2]);
  });

  it('is not compacted into good files', async () => {
    const { store, path } = await threeDays();
    const bad = await path('2026-03-11');
    const handle = await open(bad, 'r+');
    await handle.write(Buffer.from([0xff]), 0, 1, 20);
    await handle.close();
    await store.compact(NOW + 90 * 1_440 * MINUTE);
    expect(await stored(store)).toEqual([0, 2]);
    expect(existsSync(`${bad}.unreadable`)).toBe(true);
  });
});

describe('limits', () => {
  it('opens a folder for one process at a time', async () => {
    const folder = await folderOf();
    const store = await openIn(folder);
    await put(store, 0, 1);
    await expect(openIn(folder)).rejects.toMatchObject({ code: 'store-in-use' });
    await put(store, 1, 1);
    expect(await stored(store)).toEqual([0, 1]);
  });

  it('bounds the dead letters by entries and bytes, oldest out and counted', async () => {
    const folder = await folderOf();
    const limits = { deadLettersMax: 5, deadLetterBytesMax: 1_000 };
    let store = await openIn(folder, limits);
    const entry = { receivedAt: NOW, source: 's', device: 'a', reason: 'r', message: 'm' };
    for (let i = 0; i < 8; i++)
      store.deadLetter({ ...entry, topic: `t${i}`, payload: Buffer.alloc(10) });
    await store.commitNow();
    expect(store.deadLetters({ limit: 99 }).map(({ topic }) => topic)).toEqual([
      't3',
      't4',
      't5',
      't6',
      't7',
    ]);
    store.deadLetter({ ...entry, topic: 'large', payload: Buffer.alloc(980) });
    await store.commitNow();
    expect(store.deadLetters({ limit: 99 }).map(({ topic }) => topic)).toEqual([
      't6',
      't7',
      'large',
    ]);
    expect(store.counters()).toMatchObject({ deadLetters: 3, deadLettersDropped: 6 });
    await store.close();
    store = await openIn(folder, limits);
    expect(store.counters()).toMatchObject({ deadLetters: 3, deadLettersDropped: 6 });
  });

  it('refuses questions beyond its queue', async () => {
    const store = await openIn(await folderOf());
    await put(store, 0, 5);
    const asked = Array.from({ length: 400 }, () =>
      store.range({ device: 'a', from: 0, to: NOW * 2, limit: 10 }).then(
        (rows) => rows.length,
        (error: { code: string; retry: boolean }) => `${error.code} ${error.retry}`,
      ),
    );
    const answers = new Set(await Promise.all(asked));
    expect(answers).toEqual(new Set([5, 'store-busy true']));
  });
});
