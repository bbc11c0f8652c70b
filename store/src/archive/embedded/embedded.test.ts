/** The embedded archive keeps the contract, and keeps its archive in few files without ever changing an answer. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, HOUR, systemTimer, type Timer } from '@village/core';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { TimeSeriesOptions, TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { ALL_TRAITS, archiveSuite, METRICS, NOW, Oracle, PROFILE, putRow } from '../testing.ts';
import { Duck } from './duck/duck.ts';

archiveSuite(
  'embedded',
  (folder, timer) => openTimeSeries({ folder, timer, diskReserveBytes: 0 }),
  ALL_TRAITS,
);

describe('the files of the archive', () => {
  const folders: string[] = [];
  const stores: TimeSeriesStore[] = [];
  let now = NOW;
  const timer: Timer = { ...systemTimer, now: () => now };

  const openIn = async (
    folder: string,
    more: Partial<TimeSeriesOptions> = {},
  ): Promise<TimeSeriesStore> => {
    const store = await openTimeSeries({ folder, timer, diskReserveBytes: 0, ...more });
    stores.push(store);
    return store;
  };
  const folderOf = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
    folders.push(folder);
    return folder;
  };
  /** Periods with the number of files that each has. */
  const filesOf = async (folder: string): Promise<Record<string, number>> => {
    const archive = join(folder, 'archive', PROFILE);
    const counts: Record<string, number> = {};
    for (const period of (await readdir(archive)).sort()) {
      const { length } = await readdir(join(archive, period));
      if (length > 0) counts[period] = length;
    }
    return counts;
  };
  const put = async (store: TimeSeriesStore, at: number, value: number): Promise<void> => {
    putRow(store, PROFILE, METRICS, { device: 'a', at, values: { pm25: value } });
    await store.commitNow();
  };

  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
    now = NOW;
  });

  it('are one a month so far, and one for each of the last days', async () => {
    const folder = await folderOf();
    const store = await openIn(folder);
    for (let day = 0; day < 12; day++, now += DAY) {
      await put(store, now, day);
      await store.flush();
      await store.compact(now);
    }
    // The last flush was on 21 March; that day is not over and the three before it are kept by themselves.
    await expect
      .poll(() => filesOf(folder))
      .toEqual({
        '2026-03': 1,
        '2026-03-18': 1,
        '2026-03-19': 1,
        '2026-03-20': 1,
        '2026-03-21': 1,
      });
    const rows = await store.range({ device: 'a', from: 0, to: now, limit: 100 });
    expect(rows.map(({ values }) => values['pm25'])).toEqual([...Array(12).keys()]);
  });

  it('are flushed by month at once where the days are old, and compacted with what is there', async () => {
    const folder = await folderOf();
    const store = await openIn(folder);
    for (const days of [40, 33, 12, 5]) await put(store, now - days * DAY, days);
    await put(store, now, 0);
    await store.flush();
    await expect
      .poll(() => filesOf(folder))
      .toEqual({
        '2026-01': 1,
        '2026-02': 1,
        '2026-03': 1,
        '2026-03-10': 1,
      });
    await put(store, now - 34 * DAY, 34);
    await store.flush();
    await expect.poll(() => filesOf(folder)).toMatchObject({ '2026-02': 2 });
    await store.compact(now);
    await expect.poll(() => filesOf(folder)).toMatchObject({ '2026-02': 1 });
    const rows = await store.range({ device: 'a', from: 0, to: now + 1, limit: 100 });
    expect(rows.map(({ values }) => values['pm25'])).toEqual([40, 34, 33, 12, 5, 0]);
  });

  it('that are full are left alone, until a row of theirs has to be replaced', async () => {
    const folder = await folderOf();
    const store = await openIn(folder, { partRows: 3 });
    const first = now;
    for (let day = 0; day < 10; day++, now += DAY) await put(store, now, day);
    await store.flush();
    await store.compact(now);
    await expect.poll(() => filesOf(folder)).toMatchObject({ '2026-03': 1 });
    await put(store, first + 1, 100);
    await store.flush();
    await store.compact(now);
    await expect.poll(() => filesOf(folder)).toMatchObject({ '2026-03': 2 });
    await put(store, first, 200);
    await store.flush();
    await store.compact(now);
    await expect.poll(() => filesOf(folder)).toMatchObject({ '2026-03': 1 });
    const rows = await store.range({ device: 'a', from: first, to: first + DAY, limit: 9 });
    expect(rows.map(({ values }) => values['pm25'])).toEqual([200, 100]);
  });

  it('do not hide a later value that another file of the same flush holds', async () => {
    const store = await openIn(await folderOf());
    const week = NOW - 7 * DAY;
    await put(store, week, 36);
    now = NOW + 4 * DAY;
    await store.flush();
    // One flush with the clock set back: a file for this day, and one for a day that is old sooner.
    await put(store, week, 86);
    await put(store, NOW - 9 * DAY, 50);
    now = NOW - 7 * DAY;
    await store.flush();
    now = NOW - 4 * DAY;
    await store.compact(now);
    const rows = await store.range({ device: 'a', from: week, to: week + DAY, limit: 9 });
    expect(rows.map(({ values }) => values['pm25'])).toEqual([86]);
  });

  it('keep the later of two values wherever the clock is set, also back', {
    timeout: 120_000,
  }, async () => {
    const step = fc.record({
      day: fc.nat(11),
      metric: fc.constantFrom(...METRICS),
      value: fc.nat(99),
      after: fc.constantFrom('flush', 'flush', 'compact', 'nothing'),
      clock: fc.integer({ min: -8, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), async (steps) => {
        now = NOW;
        const store = await openIn(await folderOf(), { partRows: 4 });
        const oracle = new Oracle();
        for (const { day, metric, value, after, clock } of steps) {
          const row = { device: 'a', at: NOW - day * DAY, values: { [metric]: value } };
          putRow(store, PROFILE, METRICS, row);
          oracle.put(row);
          await store.commitNow();
          now = NOW + clock * DAY;
          if (after !== 'nothing') await store.flush();
          if (after === 'compact') await store.compact(now);
        }
        const query = { device: 'a', from: 0, to: NOW + DAY, limit: 100 };
        const values = (rows: readonly { at: number; values: object }[]) =>
          rows.map(({ at, values }) => ({ at, values }));
        const expected = values(oracle.range(query.device, query.from, query.to));
        expect(values(await store.range(query))).toEqual(expected);
        await store.compact(NOW + 60 * DAY);
        expect(values(await store.range(query))).toEqual(expected);
        await store.close();
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });
});

it('completeness brings a few rows an hour of what it counts, however often a device speaks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
  const timer: Timer = { ...systemTimer, now: () => NOW };
  const store = await openTimeSeries({ folder, timer, diskReserveBytes: 0 });
  const asked = vi.spyOn(Duck.prototype, 'query');
  try {
    const from = NOW - 6 * HOUR;
    for (let n = 0; n < 10_800; n++)
      putRow(store, PROFILE, METRICS, { device: 'a', at: from + n * 2_000, values: { pm25: n } });
    await store.commitNow();
    const query = { device: 'a', from, to: NOW, reportEveryMs: 1_000 };
    const { hours } = await store.completeness(query);
    expect(hours).toHaveLength(6);
    for (const hour of hours)
      expect(hour).toMatchObject({ expected: 3_600, received: 1_800, rows: 1_800 });
    const answers = await Promise.all(asked.mock.results.map(({ value }) => value));
    const rows = answers.map((answer) => answer.rows);
    expect(Math.max(...rows)).toBeLessThanOrEqual(2 * 6 + 1);
  } finally {
    asked.mockRestore();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
