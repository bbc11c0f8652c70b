/** The InfluxDB archive keeps the contract against a real server, also one that is away, stopped, full or killed. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, systemTimer } from '@village/core';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { archiveSuite, METRICS, NOW, PROFILE, putRow } from '../testing.ts';
import { openInfluxArchive } from './open.ts';
import { hasInfluxDB, InfluxServer } from './testing.ts';

const here = hasInfluxDB();
let server: InfluxServer;
let serverFolder: string;

/** A database of its own for each folder. */
const databaseOf = (folder: string): string =>
  `t${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`;

const openIn = (
  folder: string,
  timer = systemTimer,
  database = databaseOf(folder),
): Promise<TimeSeriesStore> =>
  openTimeSeries({
    folder,
    timer,
    diskReserveBytes: 0,
    archive: async () => openInfluxArchive({ url: server.url, database }),
  });

beforeAll(async () => {
  if (!here) return;
  serverFolder = await mkdtemp(join(tmpdir(), 'village-influx-'));
  server = await InfluxServer.in(serverFolder);
  await server.start();
}, 60_000);

afterAll(async () => {
  if (!here) return;
  await server.stop();
  await rm(serverFolder, { recursive: true, force: true });
});

describe.skipIf(!here)('on a real InfluxDB', () => {
  archiveSuite('influxdb', openIn, {
    firstReceipt: false,
    lane: false,
    exactSums: false,
    parquet: false,
    backup: false,
  });

  describe('whatever happens to the server', () => {
    const folders: string[] = [];
    const stores: TimeSeriesStore[] = [];
    const open = async (folder?: string): Promise<TimeSeriesStore> => {
      const made = folder ?? (await mkdtemp(join(tmpdir(), 'village-store-')));
      if (folder === undefined) folders.push(made);
      const store = await openIn(made);
      stores.push(store);
      return store;
    };
    const put = (store: TimeSeriesStore, at: number, value: number): Promise<void> => {
      putRow(store, PROFILE, METRICS, { device: 'a', at, values: { pm25: value } });
      return store.commitNow();
    };
    const values = async (store: TimeSeriesStore): Promise<unknown[]> =>
      (await store.range({ device: 'a', from: 0, to: NOW * 2, limit: 100_000 })).map(
        (row) => row.values['pm25'],
      );

    afterEach(async () => {
      for (const store of stores.splice(0)) await store.close();
      for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
    });

    it('acknowledges while it is away, says so to whoever asks, and catches up', async () => {
      const store = await open();
      await put(store, NOW, 1);
      expect(await values(store)).toEqual([1]);
      await server.stop();
      for (let i = 1; i < 50; i++) await put(store, NOW + i, i + 1);
      await expect(values(store)).rejects.toMatchObject({
        code: 'archive-unavailable',
        retry: true,
      });
      expect(store.latest('a')).toMatchObject([{ value: 50 }]);
      await server.start();
      await expect
        .poll(() => values(store).catch((error: Error) => error.message), { timeout: 20_000 })
        .toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    }, 60_000);

    it('is opened while it is away, and keeps what was committed before over a restart', async () => {
      await server.stop();
      const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
      folders.push(folder);
      const first = await open(folder);
      await put(first, NOW, 7);
      await first.close();
      const second = await open(folder);
      await put(second, NOW + 1, 8);
      await server.start();
      await expect
        .poll(() => values(second).catch((error: Error) => error.message), { timeout: 20_000 })
        .toEqual([7, 8]);
    }, 60_000);

    it('is backed up but for what it holds itself: names, latest values, and what it has not taken yet', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
      folders.push(folder);
      const store = await open(join(folder, 'first'));
      await put(store, NOW, 7);
      expect(await values(store)).toEqual([7]);
      await server.stop();
      await put(store, NOW + 1, 8);
      const copy = join(folder, 'copy');
      await store.backup(copy);
      await expect(store.backup(copy)).rejects.toMatchObject({ code: 'folder-not-empty' });
      const { id } = store;
      await store.close();
      await server.start();
      const restored = await openIn(copy, systemTimer, databaseOf(join(folder, 'first')));
      stores.push(restored);
      expect(restored.id).not.toBe(id);
      expect(restored.latest('a').map(({ value }) => value)).toEqual([8]);
      await expect
        .poll(() => values(restored).catch((error: Error) => error.message), { timeout: 20_000 })
        .toEqual([7, 8]);
    }, 60_000);

    it('acknowledges while it hangs', async () => {
      const store = await open();
      await put(store, NOW, 1);
      expect(await values(store)).toEqual([1]);
      server.signal('SIGSTOP');
      for (let i = 1; i < 20; i++) await put(store, NOW + i, i + 1);
      server.signal('SIGCONT');
      await expect
        .poll(() => values(store).catch((error: Error) => error.message), { timeout: 20_000 })
        .toHaveLength(20);
    }, 60_000);

    it('stays with the folder that was begun with it', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
      folders.push(folder);
      const embedded = await openTimeSeries({ folder, timer: systemTimer, diskReserveBytes: 0 });
      await put(embedded, NOW, 1);
      await embedded.close();
      await expect(openIn(folder)).rejects.toMatchObject({ code: 'other-archive' });
      const again = await openTimeSeries({ folder, timer: systemTimer, diskReserveBytes: 0 });
      stores.push(again);
      expect(await values(again)).toEqual([1]);
    });

    it('acknowledges while its disk is full, and catches up when it is started again', async (ctx) => {
      const disk = await mkdtemp(join(tmpdir(), 'village-influx-full-'));
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk], {
          stdio: 'ignore',
        });
      } catch (error) {
        ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
      }
      const small = await InfluxServer.in(join(disk, 'influx'));
      await small.start();
      const folder = await mkdtemp(join(tmpdir(), 'village-store-'));
      folders.push(folder);
      const store = await openTimeSeries({
        folder,
        timer: systemTimer,
        diskReserveBytes: 0,
        archive: async () => openInfluxArchive({ url: small.url, database: 'full' }),
      });
      try {
        await put(store, NOW, 1);
        expect(await values(store)).toEqual([1]);
        const ballast = join(disk, 'ballast');
        // To the last page: the server's log grows by less than that.
        for (const bytes of [64 * 1024, 1])
          expect(() => {
            for (let n = 0; n < 100_000; n++)
              writeFileSync(ballast, Buffer.alloc(bytes, 1), { flag: 'a' });
          }).toThrow('ENOSPC');
        let sent = 1;
        // The page that it has is filled up, too.
        for (; store.archiveFault === null && sent < 5_000; sent++) {
          await put(store, NOW + sent, sent + 1);
          // Requests and answers need turns of the event loop.
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        expect(store.archiveFault).toMatchObject({ retry: true });
        rmSync(ballast);
        // Its log refuses everything after one failed write until it begins another file or is started again.
        await small.stop();
        await small.start();
        await expect
          .poll(() => values(store).catch((error: Error) => error.message), { timeout: 20_000 })
          .toEqual(Array.from({ length: sent }, (_, i) => i + 1));
      } finally {
        await store.close();
        await small.stop();
        execFileSync('umount', ['-l', disk]);
      }
    }, 60_000);

    it('holds each value exactly, and texts whatever is in them', async () => {
      const store = await open();
      const numbers = fc.sample(
        fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
        { numRuns: 400, seed: 7 },
      );
      for (const [i, value] of numbers.entries()) await put(store, NOW + i, value);
      expect(await values(store)).toEqual(numbers);
      const texts = fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), {
        numRuns: 100,
        seed: 8,
      });
      const events = texts.map((text, i) => ({
        device: 'a',
        at: NOW + i,
        receivedAt: NOW + i,
        type: `t${text}`,
        detail: { text, nested: ["'", '"', '\\', '\n'] },
      }));
      for (const event of events) store.event(event, 'live');
      await store.commitNow();
      expect(await store.events({ from: NOW, to: NOW + 1_000, limit: 1_000 })).toEqual(events);
    }, 60_000);

    it('loses nothing and doubles nothing over twenty kills under load', async () => {
      const ROWS_MAX = 60_000;
      const store = await open();
      const random = seededRandom('influx-kills');
      let put = 0;
      let acknowledged = 0;
      const load = new AbortController();
      const loading = (async () => {
        while (!load.signal.aborted) {
          // A busy machine takes its time for each kill, and has more to catch up with afterwards than it can.
          for (let i = 0; i < 20 && put < ROWS_MAX; i++)
            putRow(store, PROFILE, METRICS, {
              device: `d${put % 7}`,
              at: NOW + put++,
              values: { pm25: put, no2: put / 3 },
            });
          const upTo = put;
          store.settle(() => {
            acknowledged = upTo;
          });
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      })();
      for (let kill = 0; kill < 20; kill++) {
        await new Promise((resolve) => setTimeout(resolve, 20 + random() * 200));
        await server.stop();
        await server.start();
      }
      load.abort();
      await loading;
      await store.commitNow();
      expect(acknowledged).toBe(put);
      const count = async (): Promise<unknown> => {
        let rows = 0;
        for (let device = 0; device < 7; device++) {
          const asked = { device: `d${device}`, from: NOW, to: NOW + put, limit: 100_000 };
          rows += (await store.range(asked)).length;
        }
        return rows;
      };
      await expect
        .poll(() => count().catch((error: Error) => error.message), { timeout: 100_000 })
        .toBe(put);
      const [first] = await store.range({ device: 'd3', from: NOW, to: NOW + put, limit: 1 });
      expect(first?.values).toEqual({ pm25: 4, no2: 4 / 3 });
    }, 240_000);
  });
});
