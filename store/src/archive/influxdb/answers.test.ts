/** The InfluxDB archive against servers with limits, and against what is no InfluxDB at all. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer } from '@village/core';
import { afterEach, expect, it } from 'vitest';
import type { TimeSeriesStore } from '../../time-series/contract.ts';
import { openTimeSeries } from '../../time-series/open.ts';
import { METRICS, NOW, PROFILE, putRow } from '../testing.ts';
import { openInfluxArchive } from './open.ts';
import { hasInfluxDB, InfluxServer } from './testing.ts';

const folders: string[] = [];
const cleanUp: (() => Promise<unknown>)[] = [];

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'village-influx-'));
  folders.push(folder);
  return folder;
}

async function openAt(url: string): Promise<TimeSeriesStore> {
  const store = await openTimeSeries({
    folder: await folderOf(),
    timer: systemTimer,
    diskReserveBytes: 0,
    tickMs: Number.POSITIVE_INFINITY,
    archive: async () => openInfluxArchive({ url, database: 'village' }),
  });
  cleanUp.unshift(() => store.close());
  return store;
}

/** A server of our own where InfluxDB should be. */
async function serve(answer: RequestListener): Promise<string> {
  const server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => answer(request, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const EMPTY = JSON.stringify({ results: [{ statement_id: 0 }] });
const put = (store: TimeSeriesStore, at: number): Promise<void> => {
  putRow(store, PROFILE, METRICS, { device: 'a', at, values: { pm25: 1 } });
  return store.commitNow();
};
const read = (store: TimeSeriesStore): Promise<unknown[]> =>
  store.range({ device: 'a', from: 0, to: NOW * 2, limit: 10 });

it.each([
  [200, 'a page of a proxy'],
  [302, 'a redirect'],
])('takes a write for stored only when InfluxDB says so, not at %i: %s', async (status) => {
  const url = await serve((request, response) => {
    if (request.url?.startsWith('/write') === true)
      response.writeHead(status, { location: '/login' }).end('<html>maintenance</html>');
    else response.end(EMPTY);
  });
  const store = await openAt(url);
  await put(store, NOW);
  await expect(read(store)).rejects.toMatchObject({ code: 'archive-refused', retry: true });
  expect(store.archiveFault).toMatchObject({ code: 'archive-refused' });
});

it.each([
  ['{}', 'nothing'],
  ['{"results":[]}', 'no result'],
  ['{"status":"ok"}', 'the words of somebody else'],
  [
    '{"results":[{"series":[{"columns":["time"],"values":[[1]],"partial":true}]}]}',
    'what a row limit left of it',
  ],
])('does not take %s for an answer without readings: %s', async (body) => {
  let known = false;
  const url = await serve((request, response) => {
    if (request.url?.startsWith('/write') === true) response.writeHead(204).end();
    else response.end(known ? body : EMPTY);
  });
  const store = await openAt(url);
  await put(store, NOW);
  expect(await read(store)).toEqual([]);
  known = true;
  await expect(read(store)).rejects.toMatchObject({ code: 'query-failed' });
});

it.skipIf(!hasInfluxDB())(
  'a flood of events passes the limits that the server has by default',
  async () => {
    const server = await InfluxServer.in(await folderOf(), 'inmem');
    cleanUp.push(() => server.stop());
    await server.start();
    const store = await openAt(server.url);
    const event = (at: number, text: string): void =>
      store.event({ device: 'a', type: 'alarm', at, receivedAt: at, detail: { text } }, 'live');
    // More of them than a tag has values by default.
    for (let n = 0; n < 101_000; n++) {
      event(NOW + Math.floor(n / 2), `${n}`);
      if (n % 5_000 === 0) await store.commitNow();
    }
    await store.commitNow();
    // One request of all of these would be longer than the server takes.
    for (let n = 0; n < 3_000; n++) event(NOW - 10_000 + n, `${n}${'警'.repeat(1_300)}`);
    await store.commitNow();
    const count = (from: number, to: number): Promise<unknown> =>
      store
        .events({ from, to, limit: 100_000 })
        .then((list) => new Set(list.map(({ detail }) => detail['text'])).size)
        .catch((error: Error) => error.message);
    await expect.poll(() => count(NOW, NOW + 50_000), { timeout: 60_000 }).toBe(100_000);
    expect(await count(NOW + 50_000, NOW + 60_000)).toBe(1_000);
    expect(await count(NOW - 10_000, NOW)).toBe(3_000);
    expect(store.archiveFault).toBeNull();
  },
  120_000,
);
