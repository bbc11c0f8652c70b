/** What is not flushed yet is bounded by the memory that it takes: events and tables of few rows count as well. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import type { TimeSeriesOptions, TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { NOW, putRow } from '../testing.ts';

const folders: string[] = [];
const stores: TimeSeriesStore[] = [];

async function openWith(more: Partial<TimeSeriesOptions>): Promise<TimeSeriesStore> {
  const folder = await mkdtemp(join(tmpdir(), 'village-memory-'));
  folders.push(folder);
  const store = await openTimeSeries({ folder, timer: systemTimer, diskReserveBytes: 0, ...more });
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** Flushes; while the archive is catching up it is asked again. */
const flush = (store: TimeSeriesStore): Promise<void> =>
  expect
    .poll(() => store.flush().catch((error: Error) => error.message), { timeout: 120_000 })
    .toBeTypeOf('object');

it('a flood of events is flushed before it fills the memory', async () => {
  const store = await openWith({ memoryLimitMb: 128, spillLimitMb: 64 });
  const text = 'x'.repeat(4_000);
  for (let n = 0; n < 100_000; n++) {
    const at = NOW + n;
    store.event({ device: 'a', type: 'alarm', at, receivedAt: at, detail: { n, text } }, 'live');
    if (n % 500 === 499) await store.commitNow();
  }
  await store.commitNow();
  await flush(store);
  for (const n of [0, 50_000, 99_990]) {
    const found = await store.events({ from: NOW + n, to: NOW + n + 10, limit: 100 });
    expect(found.map(({ detail }) => detail['n'])).toEqual(
      Array.from({ length: 10 }, (_, i) => n + i),
    );
  }
  // All of them are four times the memory; a page of them is not.
  const page = await store.events({ from: 0, to: NOW * 2, limit: 200 });
  expect(page.map(({ detail }) => detail['n'])).toEqual(Array.from({ length: 200 }, (_, i) => i));
}, 240_000);

it('more profiles than there is memory for tables are flushed part by part', async () => {
  const store = await openWith({ memoryLimitMb: 40, spillLimitMb: 64 });
  const metrics = Array.from({ length: 10 }, (_, n) => `m${n}`);
  for (let n = 0; n < 250; n++) {
    putRow(store, `acme/p${n}`, metrics, { device: `d${n}`, at: NOW, values: { m0: n } });
    if (n % 10 === 9) await store.commitNow();
  }
  await flush(store);
  for (let n = 0; n < 250; n += 50) {
    const rows = await store.range({ device: `d${n}`, from: 0, to: NOW * 2, limit: 10 });
    expect(rows).toMatchObject([{ values: { m0: n } }]);
  }
  expect(store.counters().restarts).toBe(0);
}, 240_000);

it('goes on taking when more came during a flush than there is room for', async () => {
  // A table of ten metrics counts as a quarter of a megabyte at least: the second group alone is more than may wait.
  const store = await openWith({ flushBytes: 4 * 2 ** 20 });
  const metrics = Array.from({ length: 10 }, (_, n) => `m${n}`);
  let n = 0;
  for (const profiles of [20, 40, 1]) {
    for (const end = n + profiles; n < end; n++)
      putRow(store, `acme/p${n}`, metrics, { device: `d${n}`, at: NOW, values: { m0: n } });
    await store.commitNow();
  }
  const last = (): Promise<unknown> =>
    store
      .range({ device: `d${n - 1}`, from: 0, to: NOW * 2, limit: 10 })
      .catch((error: Error) => error.message);
  await expect
    .poll(last, { timeout: 60_000, interval: 500 })
    .toMatchObject([{ values: { m0: n - 1 } }]);
}, 120_000);
