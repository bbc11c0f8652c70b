/** Closing a store ends, also while its query engine is down or stuck, and what comes afterwards is refused. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { systemTimer, type Timer } from '@village/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openInfluxArchive } from '../archive/influxdb/open.ts';
import { METRICS, NOW, PROFILE, putRow } from '../archive/testing.ts';
import type { TimeSeriesOptions, TimeSeriesStore } from './contract.ts';
import { openTimeSeries } from './open.ts';

const folders: string[] = [];
/** Threads that were started in this test. */
const workers: Worker[] = [];
const note = (worker: Worker): void => {
  workers.push(worker);
};

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-close-'));
  folders.push(folder);
  return folder;
}

const openIn = (folder: string, more: Partial<TimeSeriesOptions> = {}): Promise<TimeSeriesStore> =>
  openTimeSeries({
    folder,
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
    ...more,
  });

const put = (store: TimeSeriesStore, at: number): Promise<void> => {
  putRow(store, PROFILE, METRICS, { device: 'a', at, values: { pm25: at } });
  return store.commitNow();
};

const read = (store: TimeSeriesStore): Promise<unknown[]> =>
  store.range({ device: 'a', from: 0, to: NOW * 2, limit: 10 });

beforeEach(() => {
  workers.length = 0;
  process.on('worker', note);
});

afterEach(async () => {
  process.off('worker', note);
  for (const worker of workers) await worker.terminate();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it('does not wait for an engine that is down', async () => {
  const folder = await folderOf();
  // The pause before the engine is started again has no end but the signal.
  const timer: Timer = {
    ...systemTimer,
    sleep: (ms, signal) => systemTimer.sleep(ms === 250 ? 1_000_000 : ms, signal),
  };
  const store = await openIn(folder, { timer });
  await put(store, NOW);
  expect(await read(store)).toHaveLength(1);
  await workers[0]!.terminate();
  await put(store, NOW + 1);
  await expect.poll(() => store.archiveFault).toMatchObject({ code: 'query-engine-down' });
  // Longer than the pause after the fault: the archive waits for its engine now.
  await systemTimer.sleep(1_000);
  await store.close();
  const next = await openIn(folder);
  expect(await read(next)).toHaveLength(2);
  await next.close();
}, 20_000);

it('does not wait for a query of an engine that ends meanwhile', async () => {
  const store = await openIn(await folderOf());
  await put(store, NOW);
  expect(await read(store)).toHaveLength(1);
  const worker = workers[0]!;
  // The engine hears nothing any more, and ends when it is told to stop the query.
  const stuck = { asked: (): void => undefined };
  const asked = new Promise<void>((resolve) => {
    stuck.asked = resolve;
  });
  worker.postMessage = ({ kind }: { kind: string }): void => {
    if (kind === 'query') stuck.asked();
    if (kind === 'cancel') void worker.terminate();
  };
  const answer = expect(read(store)).rejects.toMatchObject({ code: 'store-closed' });
  await asked;
  await store.close();
  await answer;
}, 20_000);

it('a query that is given up and does not stop is refused all the same', async () => {
  const store = await openIn(await folderOf());
  await put(store, NOW);
  expect(await read(store)).toHaveLength(1);
  const [worker] = workers;
  const send = worker!.postMessage.bind(worker);
  const asked = Promise.withResolvers<void>();
  const held: (() => void)[] = [];
  // The engine is in the middle of something that nobody can stop.
  worker!.postMessage = (message: { kind: string }): void => {
    if (message.kind === 'query') asked.resolve();
    held.push(() => send(message));
  };
  const stop = new AbortController();
  const answer = store.range({ device: 'a', from: 0, to: NOW, limit: 1 }, stop.signal);
  const refused = expect(answer).rejects.toMatchObject({ code: 'query-aborted' });
  await asked.promise;
  stop.abort();
  await refused;
  worker!.postMessage = send;
  for (const go of held) go();
  expect(await read(store)).toHaveLength(1);
  await store.close();
}, 20_000);

it('refuses queries afterwards', async () => {
  const store = await openIn(await folderOf());
  await put(store, NOW);
  expect(await read(store)).toHaveLength(1);
  await store.close();
  await expect(read(store)).rejects.toMatchObject({ code: 'store-closed' });
}, 20_000);

it('leaves no thread behind when a folder can not be opened', async () => {
  const folder = await folderOf();
  const url = 'http://127.0.0.1:9';
  const first = await openIn(folder, {
    archive: async () => openInfluxArchive({ url, database: 'village' }),
  });
  await put(first, NOW);
  await first.close();
  const ended = new Promise<void>((resolve) => {
    process.once('worker', (worker) => void once(worker, 'exit').then(() => resolve()));
  });
  await expect(openIn(folder)).rejects.toMatchObject({ code: 'other-archive' });
  await ended;
}, 20_000);
