/** Archive files that can't be read: for a moment, or because they are damaged or gone. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, open, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { DAY, HOUR, MINUTE } from '@village/core';
import { afterEach, describe, expect, it } from 'vitest';
import type { TimeSeriesOptions, TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { METRICS, NOW, PROFILE, putRow, standingTimer } from '../testing.ts';

const COUNTY = '330522000000';
const OTHER = 'acme/other';
const folders: string[] = [];
const stores: TimeSeriesStore[] = [];

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
  store.locate(new Map([['a', { county: COUNTY, township: null, village: null }]]));
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function stored(store: TimeSeriesStore, device = 'a'): Promise<number[]> {
  const rows = await store.range({ device, from: 0, to: NOW * 2, limit: 100_000 });
  return rows.map((row) => row.values['pm25']!);
}

/** A store with one file for each of these days before today, one row in each. */
async function withDays(days: readonly number[], profile = PROFILE, folder?: string) {
  const at = folder ?? (await folderOf());
  const store = await openIn(at);
  for (const day of days) {
    const device = profile === PROFILE ? 'a' : 'other';
    putRow(store, profile, METRICS, { device, at: NOW - day * DAY, values: { pm25: day } });
    await store.commitNow();
    await store.flush();
  }
  return { folder: at, store };
}

/** The archive files of a profile's period, whatever they are called now. */
async function filesOf(folder: string, period: string, profile = PROFILE): Promise<string[]> {
  const at = join(folder, 'archive', profile, period);
  return existsSync(at) ? (await readdir(at)).map((name) => join(at, name)) : [];
}

async function flip(path: string, at: number): Promise<void> {
  const handle = await open(path, 'r+');
  await handle.write(Buffer.from([0xa5]), 0, 1, at);
  await handle.close();
}

const count = async (store: TimeSeriesStore, everyMs: number): Promise<number> => {
  const rows = await store.aggregate({
    columns: [{ profile: PROFILE, metric: 'pm25' }],
    area: COUNTY,
    from: NOW - 40 * DAY,
    to: NOW + DAY,
    everyMs,
    offsetMs: 0,
    aggregates: ['count'],
    groupBy: 'none',
  });
  return rows.reduce((sum, { values }) => sum + (values.count ?? 0), 0);
};

describe('a fault of the machine that passes', () => {
  it('of file descriptors is told as one, and takes no file away', async () => {
    const { folder, store } = await withDays([2, 1, 0]);
    await store.close();
    const child = fileURLToPath(new URL('descriptors-child.ts', import.meta.url));
    const script = `ulimit -n 256 && exec "$0" "$@"`;
    const args = [process.execPath, child, folder, 'a', String(NOW * 2)];
    const told = execFileSync('sh', ['-c', script, ...args], { encoding: 'utf8' });
    expect(JSON.parse(told)).toEqual(['retry true', '3 rows']);
    expect(await stored(await openIn(folder))).toEqual([2, 1, 0]);
  });

  it('of memory is told as one, and takes no file away', { timeout: 60_000 }, async () => {
    const folder = await folderOf();
    let store = await openIn(folder);
    const rows = 60_000;
    for (let day = 0; day < 6; day++) {
      for (let n = 0; n < rows; n++) {
        const at = NOW - day * DAY + n * 1_000;
        putRow(store, PROFILE, METRICS, {
          device: `d${n % 20_000}`,
          at,
          values: { pm25: Math.sin(n), no2: Math.cos(n), temp: n },
        });
        if (n % 10_000 === 9_999) await store.commitNow();
      }
      await store.flush();
    }
    await store.close();
    store = await openIn(folder, { memoryLimitMb: 16, threads: 1 });
    const standing = { county: COUNTY, township: null, village: null };
    store.locate(new Map(Array.from({ length: 20_000 }, (_, n) => [`d${n}`, standing])));
    const asked = store.aggregate({
      columns: METRICS.map((metric) => ({ profile: PROFILE, metric })),
      area: COUNTY,
      from: NOW - 7 * DAY,
      to: NOW + DAY,
      everyMs: 10 * MINUTE,
      offsetMs: 0,
      aggregates: ['first', 'last', 'avg'],
      groupBy: 'device',
    });
    await expect(asked).rejects.toMatchObject({ retry: true });
    expect(store.counters().filesUnreadable).toBe(0);
    await store.close();
    store = await openIn(folder);
    expect(await store.range({ device: 'd7', from: 0, to: NOW * 2, limit: 100 })).toHaveLength(18);
  });

  it('at the disk’s mount point (no archive at all) takes no file away', async () => {
    const { folder, store } = await withDays([1, 0]);
    await rename(join(folder, 'archive'), join(folder, 'elsewhere'));
    await expect(stored(store)).rejects.toMatchObject({ retry: true });
    await rename(join(folder, 'elsewhere'), join(folder, 'archive'));
    expect(await stored(store)).toEqual([1, 0]);
    expect(store.counters().filesUnreadable).toBe(0);
  });
});

describe('a file that is missing', () => {
  it('is left out, told of, and read again once it is back', async () => {
    const { folder, store } = await withDays([2, 1, 0]);
    const [path] = await filesOf(folder, '2026-03-09');
    await rename(path!, `${folder}/away`);
    expect(await stored(store)).toEqual([2, 0]);
    expect(store.counters()).toMatchObject({ filesUnreadable: 1, queriesIncomplete: 1 });
    const lacking = (days: number, of: readonly string[] = [PROFILE]): number[] =>
      store.lacking({ of, from: NOW - days * DAY, to: NOW }).map(({ from }) => from);
    expect(lacking(1)).toEqual([NOW - DAY]);
    expect([lacking(0.5), lacking(1, [OTHER]), lacking(1, [])]).toEqual([[], [], []]);
    await rename(`${folder}/away`, path!);
    await store.compact(NOW);
    expect(await stored(store)).toEqual([2, 1, 0]);
    expect(store.counters()).toMatchObject({ filesUnreadable: 0, queriesIncomplete: 1 });
    expect(lacking(1)).toEqual([]);
  });

  it('stops no compaction and no rollup of others', async () => {
    const { folder, store } = await withDays([40, 39, 38]);
    await withOther(store);
    const [path] = await filesOf(folder, '2026-01');
    await rm(path!);
    expect(await filesOf(folder, '2026-01', OTHER)).toHaveLength(3);
    await store.compact(NOW);
    await expect.poll(() => filesOf(folder, '2026-01', OTHER)).toHaveLength(1);
    expect(store.counters().filesUnreadable).toBe(1);
    expect(await stored(store)).toHaveLength(2);
    expect(await stored(store, 'other')).toEqual([40, 39, 38]);
  });

  async function withOther(store: TimeSeriesStore): Promise<void> {
    for (const day of [40, 39, 38]) {
      putRow(store, OTHER, METRICS, {
        device: 'other',
        at: NOW - day * DAY,
        values: { pm25: day },
      });
      await store.commitNow();
      await store.flush();
    }
  }
});

describe('a backup', () => {
  it('is made of all that there is where a file is missing that nobody asked for', async () => {
    const { folder, store } = await withDays([2, 1, 0]);
    const [path] = await filesOf(folder, '2026-03-09');
    await rm(path!);
    const copy = join(await folderOf(), 'copy');
    await store.backup(copy);
    expect(store.counters().filesUnreadable).toBe(1);
    const opened = await openIn(copy);
    expect(await stored(opened)).toEqual([2, 0]);
    expect(opened.counters().filesUnreadable).toBe(1);
  });

  it('is refused where the archive’s disk is not mounted', async () => {
    const { folder, store } = await withDays([1, 0]);
    await rename(join(folder, 'archive'), join(folder, 'elsewhere'));
    const copy = join(await folderOf(), 'copy');
    await expect(store.backup(copy)).rejects.toMatchObject({ code: 'archive-unreadable' });
    await rename(join(folder, 'elsewhere'), join(folder, 'archive'));
    expect(await stored(store)).toEqual([1, 0]);
  });
});

describe('a file that is damaged', () => {
  it('is proved so before it is set aside, and comes back when it is mended', async () => {
    const { folder, store } = await withDays([2, 1, 0]);
    const [path] = await filesOf(folder, '2026-03-09');
    const good = await readFile(path!);
    await copyFile(path!, `${folder}/good`);
    await truncate(path!, good.length - 20);
    expect(await stored(store)).toEqual([2, 0]);
    expect(store.counters().filesUnreadable).toBe(1);
    await rm(`${path}.unreadable`);
    await rename(`${folder}/good`, path!);
    await store.close();
    expect(await stored(await openIn(folder))).toEqual([2, 1, 0]);
  });

  it('is in backups all the same', async () => {
    const { folder, store } = await withDays([1, 0]);
    const [path] = await filesOf(folder, '2026-03-09');
    await copyFile(path!, `${folder}/good`);
    await truncate(path!, 100);
    expect(await stored(store)).toEqual([0]);
    const copy = await folderOf();
    await store.backup(copy);
    const aside = join(copy, 'archive', PROFILE, '2026-03-09');
    expect((await readdir(aside)).map((name) => name.endsWith('.unreadable'))).toEqual([true]);
    await copyFile(`${folder}/good`, join(aside, (await readdir(aside))[0]!));
    expect(await stored(await openIn(copy))).toEqual([1, 0]);
  });

  it('neither hides nor is hidden by what was flushed meanwhile', async () => {
    const { folder, store } = await withDays([1]);
    const at = NOW - DAY;
    const again = async (value: number): Promise<void> => {
      putRow(store, PROFILE, METRICS, { device: 'a', at, values: { pm25: value } });
      await store.commitNow();
      await store.flush();
    };
    await again(10);
    const [first, second] = (await filesOf(folder, '2026-03-09')).sort();
    await rename(second!, `${folder}/away`);
    expect(await stored(store)).toEqual([1]);
    // The third value is later than the one that is missing, which is later than the first.
    await again(20);
    await store.compact(NOW + 2 * DAY);
    expect(await stored(store)).toEqual([20]);
    expect(existsSync(first!)).toBe(true);
    await rename(`${folder}/away`, second!);
    await store.compact(NOW + 2 * DAY);
    await store.compact(NOW + 2 * DAY);
    expect(await stored(store)).toEqual([20]);
    await expect.poll(() => filesOf(folder, '2026-03-09')).toHaveLength(1);
  });
});

describe('a check of all files', () => {
  it('finds what nobody asked for, and reads again what is whole', async () => {
    const { folder, store } = await withDays([3, 2, 1, 0]);
    const [flipped] = await filesOf(folder, '2026-03-09');
    await flip(flipped!, 40);
    const [gone] = await filesOf(folder, '2026-03-08');
    await rename(gone!, `${folder}/away`);
    const first = await store.checkArchive();
    expect(first.setAside.map(({ path }) => path.split('/').at(-2))).toEqual([
      '2026-03-08',
      '2026-03-09',
    ]);
    await rename(`${folder}/away`, gone!);
    const second = await store.checkArchive();
    expect(second.restored.map((path) => join(folder, path))).toEqual([gone]);
    expect(second.setAside).toMatchObject([{ reason: 'The checksum does not match.' }]);
    expect(await stored(store)).toEqual([3, 2, 0]);
  });
});

describe('files that an older version set aside', () => {
  it('are read again from the next start on when they are whole', async () => {
    const { folder, store } = await withDays([2, 1, 0]);
    await store.close();
    const [path] = await filesOf(folder, '2026-03-09');
    await rename(path!, `${path}.unreadable`);
    const database = new DatabaseSync(join(folder, 'log.sqlite'));
    database.exec("UPDATE files SET readable = 0 WHERE path LIKE '%2026-03-09%'");
    database.close();
    const again = await openIn(folder);
    expect(await stored(again)).toEqual([2, 1, 0]);
    expect(again.counters().filesUnreadable).toBe(0);
  });
});

describe('a rollup that is damaged', () => {
  async function rolled(): Promise<{ folder: string; store: TimeSeriesStore; path: string }> {
    const { folder, store } = await withDays([40, 39, 38]);
    await store.compact(NOW);
    const at = join(folder, 'rollups', PROFILE, '2026-01');
    return { folder, store, path: join(at, (await readdir(at))[0]!) };
  }

  it.each(['cut', 'changed', 'gone'])('(%s) costs no reading', async (how) => {
    const { folder, store, path } = await rolled();
    if (how === 'cut') await truncate(path, 60);
    else if (how === 'gone') await rm(path);
    else await flip(path, 30);
    if (how === 'changed') await flip(path, 10);
    for (const every of [HOUR, 30 * MINUTE]) expect(await count(store, every)).toBe(3);
    await store.compact(NOW);
    for (const every of [HOUR, 30 * MINUTE]) expect(await count(store, every)).toBe(3);
    expect(await readdir(join(folder, 'rollups', PROFILE, '2026-01'))).toHaveLength(1);
    await store.close();
    const again = await openIn(folder);
    for (const every of [HOUR, 30 * MINUTE]) expect(await count(again, every)).toBe(3);
    expect(again.counters().filesUnreadable).toBe(0);
  });

  it('and was set aside by an older version is computed again', async () => {
    const { folder, store, path } = await rolled();
    await store.close();
    await rename(path, `${path}.unreadable`);
    const database = new DatabaseSync(join(folder, 'log.sqlite'));
    database.exec("UPDATE files SET readable = 0 WHERE kind = 'rollup'");
    database.close();
    const again = await openIn(folder);
    expect(await count(again, HOUR)).toBe(3);
    await again.compact(NOW);
    expect(await count(again, HOUR)).toBe(3);
  });
});
