/** A real disk that fills up while files are made: no piece of them stays, no job goes on for ever, and starts tell how they ended. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { file } from '@village/api';
import { DAY, formatTime, HOUR, SECOND } from '@village/core';
import { putRow } from '@village/store/time-series/testing';
import { afterEach, expect, it } from 'vitest';
import { type Client, startCounty, type TestServer, until } from '../../testing.ts';
import { type Book, ExportBooks } from './books.ts';

const ROWS = 60_000;
const METRICS = ['o3', 'no2', 'so2', 'co'];
const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const work of cleanUp.splice(0).reverse()) work();
});

const folderOf = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'village-exports-'));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

async function fill({ server, timer }: TestServer): Promise<{ from: string; to: string }> {
  const to = Math.floor(timer.now() / SECOND) * SECOND - HOUR;
  const from = to - ROWS * SECOND;
  for (let at = from; at < to; at += SECOND) {
    const values = { o3: (at / SECOND) % 97, no2: 1.25, so2: 2.5, co: 3 };
    putRow(server.store, 'village/air-weather', METRICS, { device: 'north-air', at, values });
    if (at % (10_000 * SECOND) === 0) await server.store.commitNow();
  }
  await server.store.commitNow();
  return { from: formatTime(from), to: formatTime(to) };
}

const jobsOf = async (client: Client): Promise<file.Export[]> =>
  (await client.get<{ items: file.Export[] }>('/exports')).items;

it('is told as such, and keeps no place', async (ctx) => {
  const folder = folderOf();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch (error) {
    ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
  }
  cleanUp.push(() => execFileSync('umount', ['-l', folder]));
  let test = await startCounty((config) => ({
    ...config,
    store: { ...config.store, diskReserveMegabytes: 0 },
    exports: { ...config.exports, folder, megabytesPerSecond: 10 },
  }));
  const span = await fill(test);
  const admin = await test.client('admin');
  for (const format of ['csv', 'parquet'] as const) {
    const asked = { format, device: 'north-air', ...span };
    const answer = await admin.ask('POST', '/exports', asked);
    expect([answer.statusCode, answer.body]).toEqual([201, expect.anything()]);
    // The rest of the disk, to the last page.
    const ballast = join(folder, 'ballast');
    const { bavail, bsize } = statfsSync(folder);
    const piece = Buffer.alloc(Math.max(0, bavail * bsize - 512 * 1024));
    writeFileSync(ballast, piece);
    let job: file.Export | undefined;
    await until('the file to be given up', async () => {
      [job] = await jobsOf(admin);
      return job?.state === 'failed' || job?.state === 'done';
    });
    expect(job).toMatchObject({ state: 'failed', error: { code: 'no-room' } });
    rmSync(ballast);
    await until('it to be written down', () => readdirSync(folder).join() === `${job?.id}.json`);
    expect((await admin.ask('DELETE', `/exports/${job?.id}`)).statusCode).toBe(204);
    await until('all of it to be gone', () => readdirSync(folder).length === 0);
  }
  test = await test.restart();
  expect(await jobsOf(await test.client('admin'))).toEqual([]);
  await test.close();
}, 120_000);

const book = (id: string, more: Partial<Book>): Book => ({
  ...{ version: 1, id, devices: ['north-air'], profiles: ['village/air-weather'] },
  ...{ from: 0, to: 1, askedAt: Date.now(), state: 'queued', rows: 1, bytes: 1 },
  ...{
    expiresAt: null,
    error: null,
    asker: { actor: 'admin', role: 'admin', area: '330522000000' },
  },
  asked: { format: 'csv', from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
  ...more,
});

it('keeps what was written down before when a book can not be written anew', async () => {
  const folder = folderOf();
  const books = new ExportBooks(folder);
  const id = crypto.randomUUID();
  await books.write(book(id, {}));
  // Whatever is written there finds no space.
  symlinkSync('/dev/full', join(folder, `${id}.json.new`));
  await expect(books.write(book(id, { state: 'done' }))).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(readdirSync(folder)).toEqual([`${id}.json`]);
  expect(books.read()).toMatchObject([{ id, state: 'queued' }]);
});

it('a file of which a kill left the book alone has failed, and goes in its time however often is started', async () => {
  const folder = folderOf();
  let test = await startCounty((config) => ({
    ...config,
    exports: { ...config.exports, folder },
  }));
  await test.server.stop();
  // What kills leave: before the file, in the midst of it, when it was whole, and within what is written down.
  const books = new ExportBooks(folder);
  const ids = Array.from({ length: 3 }, () => crypto.randomUUID());
  for (const [n, id] of ids.entries())
    await books.write(book(id, { state: n === 0 ? 'queued' : 'running', askedAt: n }));
  for (const left of ['csv', 'csv.0', 'csv.1', 'json.new'])
    writeFileSync(join(folder, `${ids[1]}.${left}`), 'x'.repeat(1_000));
  writeFileSync(join(folder, `${ids[2]}.csv`), 'x');
  for (const left of ['csv.sample', 'parquet.sample', 'parquet', 'parquet.0', 'json.new'])
    writeFileSync(join(folder, `${crypto.randomUUID()}.${left}`), '');
  for (let start = 0; start < 3; start++) {
    test = await test.restart();
    expect(await jobsOf(await test.client('admin'))).toMatchObject(
      ids.toReversed().map((id) => ({ id, state: 'failed', error: { code: 'server-restarted' } })),
    );
    await until('what they are to be written down', () =>
      books.read().every(({ state }) => state === 'failed'),
    );
    const left = ids.map((id) => `${id}.json`).sort();
    await until('no more to lie there', () => readdirSync(folder).sort().join() === left.join());
    test.timer.shift += DAY / 2 - HOUR;
  }
  test.timer.shift += 4 * HOUR;
  test = await test.restart();
  expect(await jobsOf(await test.client('admin'))).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
  await test.close();
}, 90_000);
