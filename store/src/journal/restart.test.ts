/** What holds over restarts: numbers of groups are given once, readers skip nothing, a reading stands once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { TimeSeriesStore } from '../time-series/contract.ts';
import { openTimeSeries } from '../time-series/open.ts';

const folders: string[] = [];
const stores: TimeSeriesStore[] = [];

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-restart-'));
  folders.push(folder);
  return folder;
}

async function openIn(folder: string): Promise<TimeSeriesStore> {
  const store = await openTimeSeries({
    folder,
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
  });
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** One group for each number. */
async function commit(store: TimeSeriesStore, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) {
    putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + n, values: { pm25: n } });
    await store.commitNow();
  }
}

async function stored(store: TimeSeriesStore): Promise<number[]> {
  const rows = await store.range({ device: 'a', from: 0, to: NOW * 2, limit: 1_000 });
  return rows.map(({ values }) => values['pm25']!);
}

it('a group moved away as damaged keeps its number', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  // Somebody slow needs everything, so that flushing deletes nothing.
  store.follow('slow', null, { lagMax: 1e9 });
  await commit(store, 1, 5);
  await store.flush();
  await store.close();
  const db = new DatabaseSync(join(folder, 'log.sqlite'));
  db.exec(`UPDATE log SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE id = 5`);
  db.close();
  store = await openIn(folder);
  await store.close();
  store = await openIn(folder);
  expect(store.head).toBe(5);
  const groups = store.follow('quick', { journal: store.id, group: 5 }, { lagMax: 1e9 });
  await commit(store, 6, 6);
  expect((await groups.next()).value?.id).toBe(6);
  expect(await stored(store)).toEqual([1, 2, 3, 4, 5, 6]);
});

it('what a damaged group held stands once when it is sent again, and its hours may have been touched', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  store.follow('slow', null, { lagMax: 1e9 });
  await commit(store, 1, 5);
  await store.flush();
  const { id } = store;
  await store.close();
  const db = new DatabaseSync(join(folder, 'log.sqlite'));
  db.exec(`UPDATE log SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE id = 5`);
  db.close();
  for (let start = 0; start < 2; start++) {
    store = await openIn(folder);
    expect(store.touched({ journal: id, group: 4 }).complete).toBe(false);
    expect(store.touched({ journal: id, group: 5 }).complete).toBe(true);
    await commit(store, 5, 5);
    expect(await stored(store)).toEqual([1, 2, 3, 4, 5]);
    await store.close();
  }
});

it('a record that holds no bytes any more is a damaged one', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  await commit(store, 1, 3);
  await store.close();
  const db = new DatabaseSync(join(folder, 'log.sqlite'));
  db.exec(`UPDATE log SET body = 'text' WHERE id = 2`);
  db.close();
  store = await openIn(folder);
  expect(await stored(store)).toEqual([1, 3]);
});

it('what is sent again after a restart stands once, also where a slow reader holds the log', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  store.follow('slow', null, { lagMax: 1e9 });
  await commit(store, 1, 5);
  await store.flush();
  await store.close();
  store = await openIn(folder);
  await commit(store, 1, 5);
  expect(await stored(store)).toEqual([1, 2, 3, 4, 5]);
  await store.flush();
  expect(await stored(store)).toEqual([1, 2, 3, 4, 5]);
});

it('a reader that follows from before what it held misses nothing', async () => {
  const store = await openIn(await folderOf());
  await store.follow('reader', null, { lagMax: 1e9 }).return?.();
  // More than the groups in memory.
  await commit(store, 1, 2_100);
  store.hold('reader', 2_000);
  const groups = store.follow('reader', { journal: store.id, group: 0 }, { lagMax: 1e9 });
  expect((await groups.next()).value?.id).toBe(1);
  await store.flush();
  expect((await groups.next()).value?.id).toBe(2);
});

it('a damaged group is given without anything in it and told as such, be it the newest', async () => {
  const folder = await folderOf();
  let store = await openIn(folder);
  store.follow('slow', null, { lagMax: 1e9 });
  await commit(store, 1, 6);
  const { id } = store;
  await store.close();
  const db = new DatabaseSync(join(folder, 'log.sqlite'));
  db.exec(`UPDATE log SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE id IN (2, 5, 6)`);
  db.close();
  // At the second start they have been moved away.
  for (let start = 0; start < 2; start++) {
    store = await openIn(folder);
    const groups = store.follow('quick', { journal: id, group: 0 }, { lagMax: 1e9 });
    const given: unknown[] = [];
    for (let n = 0; n < 5; n++) {
      const { value } = await groups.next();
      given.push([value?.id, value?.rowCount, value?.damaged]);
    }
    await groups.return?.();
    expect(given).toEqual([
      [1, 1, false],
      [2, 0, true],
      [3, 1, false],
      [4, 1, false],
      [6, 0, true],
    ]);
    // What was committed is visible, though nobody else commits.
    expect(await stored(store)).toEqual([1, 3, 4]);
    await store.close();
  }
}, 30_000);
