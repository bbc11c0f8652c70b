/** The store in front of an archive that refuses: acknowledgements go on up to the bound, queries say that it is behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OperationalError, systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import type { Archive, ArchiveHost } from '../archive/contract.ts';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { TimeSeriesOptions, TimeSeriesStore } from './contract.ts';
import { openTimeSeries } from './open.ts';

const folders: string[] = [];
const stores: TimeSeriesStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** An archive in memory that counts what it takes, once it is willing. */
class Unwilling implements Archive {
  readonly engine = 'unwilling';
  /** It keeps no place of its own. */
  readonly durableUpTo = null;
  willing = false;
  readonly taken: number[] = [];
  rows = 0;
  async take(groups: Parameters<Archive['take']>[0]): Promise<number> {
    if (!this.willing) throw new OperationalError('refused', 'Not now.', { retry: true });
    for (const group of groups) {
      this.taken.push(group.id);
      this.rows += group.rowCount;
    }
    return this.taken.at(-1)!;
  }
  range = async () => [];
  rangeMany = async function* () {
    yield* [];
  };
  aggregate = async () => [];
  completeness = async () => ({ hours: [], gaps: [], gapCount: 0, since: null });
  events = async () => [];
  exportTo = async () => ({ rows: 0 });
  retain = async () => ({ files: 0 });
  locate = (): void => undefined;
  counters = () => ({ rowsNotDurable: 0, archiveBytes: 0, own: {} });
  close = async (): Promise<void> => undefined;
}

async function open(
  archive: Archive,
  folder?: string,
  onHost: (host: ArchiveHost) => void = () => undefined,
): Promise<TimeSeriesStore> {
  const made = folder ?? (await mkdtemp(join(tmpdir(), 'village-feed-')));
  if (folder === undefined) folders.push(made);
  const options: TimeSeriesOptions = {
    folder: made,
    timer: systemTimer,
    diskReserveBytes: 0,
    journalBytesMax: 4 * 1024 * 1024,
    tickMs: Number.POSITIVE_INFINITY,
    archive: async (host: ArchiveHost) => {
      onHost(host);
      return archive;
    },
  };
  const store = await openTimeSeries(options);
  stores.push(store);
  return store;
}

it('acknowledges up to the bound, then waits with a fault, and goes on when the archive does', {
  timeout: 60_000,
}, async () => {
  const archive = new Unwilling();
  const store = await open(archive);
  let acknowledged = 0;
  let sent = 0;
  while (store.commitFault === null) {
    for (let n = 0; n < 10_000; n++)
      putRow(store, PROFILE, METRICS, {
        device: 'a',
        at: NOW + sent * 10_000 + n,
        values: { pm25: n },
      });
    sent++;
    store.settle(() => {
      acknowledged++;
    });
    await systemTimer.sleep(10);
    expect(sent).toBeLessThan(100);
  }
  expect(store.commitFault).toMatchObject({ code: 'journal-full', retry: true });
  // Each is half a megabyte of journal.
  expect(acknowledged).toBeGreaterThanOrEqual(6);
  expect(store.archiveFault).toMatchObject({ code: 'refused' });
  await expect(
    store.range({ device: 'a', from: NOW, to: NOW + 1, limit: 1 }),
  ).rejects.toMatchObject({ code: 'refused', retry: true });
  archive.willing = true;
  await store.commitNow();
  expect(acknowledged).toBe(sent);
  await store.range({ device: 'a', from: NOW, to: NOW + 1, limit: 1 });
  expect(archive.rows).toBe(sent * 10_000);
  expect(archive.taken).toEqual(Array.from({ length: store.head }, (_, i) => i + 1));
});

it('remembers the place of an archive that keeps none, and gives nothing twice that is durable', async () => {
  const first = new Unwilling();
  first.willing = true;
  const store = await open(first);
  for (let n = 0; n < 5; n++) {
    putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + n, values: { pm25: n } });
    await store.commitNow();
  }
  await store.flush();
  await store.close();
  const second = new Unwilling();
  second.willing = true;
  const again = await open(second, folders[0]);
  putRow(again, PROFILE, METRICS, { device: 'a', at: NOW + 9, values: { pm25: 9 } });
  await again.commitNow();
  await again.flush();
  expect(second.taken).toEqual([6]);
});

it('gives no answer of an archive that lost rows while it was asked', async () => {
  const archive = new Unwilling();
  archive.willing = true;
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<never[]>();
  archive.range = () => {
    asked.resolve();
    return answer.promise;
  };
  let host: ArchiveHost | null = null;
  const store = await open(archive, undefined, (given) => {
    host = given;
  });
  const query = store.range({ device: 'a', from: NOW, to: NOW + 1, limit: 1 });
  const refused = expect(query).rejects.toMatchObject({ code: 'archive-behind', retry: true });
  await asked.promise;
  host!.lost(new OperationalError('engine-down', 'Down.', { retry: true }));
  answer.resolve([]);
  await refused;
});

it('goes on from where the archive is durable after a pause, whatever was deleted meanwhile', async () => {
  /** Has a place of its own, and refuses what comes after it for a while. */
  class Placed extends Unwilling {
    override readonly durableUpTo = null;
    place = 0;
    limit = 3;
    constructor() {
      super();
      Object.defineProperty(this, 'durableUpTo', { get: () => this.place });
    }
    override async take(groups: Parameters<Archive['take']>[0]): Promise<number> {
      if (groups.some(({ id }) => id > this.limit)) throw new Error('Not now.');
      this.taken.push(...groups.map(({ id }) => id));
      return this.place;
    }
  }
  const archive = new Placed();
  let later = 0;
  const given = Promise.withResolvers<ArchiveHost>();
  const folder = await mkdtemp(join(tmpdir(), 'village-feed-'));
  folders.push(folder);
  const pauses: (() => void)[] = [];
  const store = await openTimeSeries({
    folder,
    timer: {
      ...systemTimer,
      elapsed: () => systemTimer.elapsed() + later,
      // The pause after the fault ends when the test says so.
      sleep: (ms, signal) =>
        ms === 100 ? new Promise((resolve) => pauses.push(resolve)) : systemTimer.sleep(ms, signal),
    },
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
    archive: async (host) => {
      given.resolve(host);
      return archive;
    },
  });
  stores.push(store);
  const put = (n: number): Promise<void> => {
    putRow(store, PROFILE, METRICS, { device: 'a', at: NOW + n, values: { pm25: n } });
    return store.commitNow();
  };
  for (let n = 1; n <= 3; n++) await put(n);
  await expect.poll(() => archive.taken).toEqual([1, 2, 3]);
  await put(4);
  await put(5);
  await expect.poll(() => pauses.length).toBe(1);
  // A flush ends in the pause, and what it made durable is deleted from the log.
  archive.place = 3;
  later = 120_000;
  (await given.promise).durable(3);
  await expect.poll(() => store.counters().readerLag['archive']).toBeLessThan(2_000);
  await systemTimer.sleep(100);
  archive.limit = 10;
  pauses[0]!();
  await expect.poll(() => store.archiveFault).toBeNull();
  expect(archive.taken).toEqual([1, 2, 3, 4, 5]);
}, 20_000);
