/** A real file system that fills up under a running server: nothing acknowledged is lost, people still see, and it goes on. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTime, HOUR, MINUTE, systemTimer } from '@village/core';
import mqtt from 'mqtt';
import { afterEach, expect, it } from 'vitest';
import type { Config } from './config/config.ts';
import { AREAS, DEVICES, SECRET, startTest, until } from './testing.ts';

const MEGABYTE = 1024 * 1024;
const mounts: string[] = [];
afterEach(() => {
  for (const folder of mounts.splice(0)) execFileSync('umount', ['-l', folder]);
});

it('answers no reading while the disk is full, over MQTT and HTTP, and goes on when there is room', async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), 'village-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch (error) {
    ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
  }
  mounts.push(folder);
  const test = await startTest(
    (config) => ({ ...config, store: { ...config.store, diskReserveMegabytes: 0 } }),
    folder,
  );
  await test.server.importAreas(AREAS);
  await test.server.importDevices(DEVICES);
  const admin = await test.client('admin');
  const device = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: test.server.mqttPort,
    clientId: 'north-air',
    username: 'north-air',
    password: SECRET,
    reconnectPeriod: 50,
  });
  const start = test.timer.now() - HOUR;
  const acknowledged: string[] = [];
  let sent = 0;
  const publish = async (): Promise<void> => {
    const at = formatTime(start + sent++);
    const payload = JSON.stringify({ at, values: { pm25: sent } });
    await device.publishAsync('village/v1/devices/north-air/readings', payload, { qos: 1 });
    acknowledged.push(`north-air ${at}`);
  };
  const post = async (rows: number): Promise<number> => {
    const times = Array.from({ length: rows }, () => formatTime(start + sent++));
    const readings = times.map((at) => ({ device: 'south-air', at, values: { pm25: 1 } }));
    const { statusCode } = await admin.ask('POST', '/readings', { readings });
    if (statusCode === 202) acknowledged.push(...times.map((at) => `south-air ${at}`));
    return statusCode;
  };
  await publish();
  expect(await post(10)).toBe(202);
  // The rest of the disk, to the last page.
  const ballast = join(folder, 'ballast');
  try {
    for (let n = 0; ; n++) writeFileSync(ballast, Buffer.alloc(64 * 1024, n), { flag: 'a' });
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
  }
  test.timer.haste = 10;
  const before = acknowledged.length;
  // What still fits into what the log holds already is taken, then nothing more.
  const statuses: number[] = [];
  while (statuses.at(-1) !== 503 && statuses.length < 500) statuses.push(await post(500));
  expect(statuses.at(-1)).toBe(503);
  const waiting = publish();
  await until('the fault to be told', async () => {
    return (await test.server.http.inject('/healthz')).statusCode === 503;
  });
  const held = acknowledged.length;
  // Whoever is signed in still sees, also when it is time to note that they are here.
  test.timer.shift += 2 * MINUTE;
  expect((await admin.ask('GET', '/devices/north-air/latest')).statusCode).toBe(200);
  expect((await admin.ask('GET', '/overview')).statusCode).toBe(200);
  expect(acknowledged.length).toBe(held);
  rmSync(ballast);
  await waiting;
  await until('the store to go on', async () => {
    return (await test.server.http.inject('/healthz')).statusCode === 200;
  });
  expect(await post(10)).toBe(202);
  expect(acknowledged.length).toBeGreaterThan(before);
  await device.endAsync();
  const rows = new Set<string>();
  for (const id of ['north-air', 'south-air']) {
    let cursor = '';
    do {
      const page: { items: { at: string }[]; next: string | null } = await admin.get(
        `/readings?device=${id}&from=2020-01-01T00:00:00Z&to=2029-01-01T00:00:00Z&limit=10000${cursor}`,
      );
      for (const { at } of page.items) rows.add(`${id} ${at}`);
      cursor = page.next === null ? '' : `&cursor=${page.next}`;
    } while (cursor !== '');
  }
  expect(acknowledged.filter((key) => !rows.has(key))).toEqual([]);
  await test.server.stop();
}, 120_000);

it('waits for room when it is started on a full disk, and goes when it is told to', async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), 'village-full-start-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch (error) {
    ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
  }
  mounts.push(folder);
  const noReserve = (config: Config): Config => ({
    ...config,
    store: { ...config.store, diskReserveMegabytes: 0 },
  });
  const before = await startTest(noReserve, folder);
  await before.server.importAreas(AREAS);
  await before.server.stop();
  const ballast = join(folder, 'ballast');
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(ballast, Buffer.alloc(bavail * bsize));
  expect(statfsSync(folder).bavail).toBe(0);
  // Told to stop while it waits, it stops.
  const stop = new AbortController();
  const given = startTest(noReserve, folder, undefined, { signal: stop.signal });
  stop.abort();
  await expect(given).rejects.toThrow('aborted');
  let started = false;
  const starting = startTest(noReserve, folder).then((test) => {
    started = true;
    return test;
  });
  await systemTimer.sleep(1_500);
  expect(started).toBe(false);
  rmSync(ballast);
  const { server, client } = await starting;
  const admin = await client('admin');
  expect((await admin.ask('GET', '/areas')).statusCode).toBe(200);
  await server.stop();
}, 60_000);

it('makes no backup of the room that readings need, and says so', async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), 'village-backup-room-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch (error) {
    ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
  }
  mounts.push(folder);
  const reserve = 16;
  const test = await startTest(
    (config) => ({ ...config, store: { ...config.store, diskReserveMegabytes: reserve } }),
    folder,
  );
  await test.server.importAreas(AREAS);
  await test.server.importDevices(DEVICES);
  const admin = await test.client('admin');
  const start = test.timer.now() - HOUR;
  let sent = 0;
  const post = async (): Promise<number> => {
    const times = Array.from({ length: 500 }, () => formatTime(start + sent++));
    const readings = times.map((at) => ({ device: 'south-air', at, values: { pm25: sent } }));
    return (await admin.ask('POST', '/readings', { readings })).statusCode;
  };
  const free = (): number => {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  };
  const log = (): number => statSync(join(folder, 'data', 'time-series', 'log.sqlite')).size;
  while (log() < 4 * MEGABYTE) expect(await post()).toBe(202);
  const wanted = reserve * MEGABYTE + 3 * MEGABYTE;
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(free() - wanted));
  expect((await admin.ask('POST', '/system/backup')).statusCode).toBe(202);
  const ended = async (): Promise<string | false> => {
    const { backup } = await admin.get<{ backup: { state: string } }>('/system');
    return backup.state !== 'running' && backup.state;
  };
  await until('the end of the backup', async () => (await ended()) !== false);
  expect([await ended(), await post()]).toEqual(['failed', 202]);
  rmSync(ballast);
  expect((await admin.ask('POST', '/system/backup')).statusCode).toBe(202);
  await until('a backup', async () => (await ended()) === 'done');
  await test.server.stop();
}, 120_000);
