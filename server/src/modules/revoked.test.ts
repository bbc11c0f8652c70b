/** Rights that were taken away end what was opened with them: live streams and MQTT sessions, over real sockets. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAY, formatTime, HOUR, MINUTE, SECOND, systemTimer } from '@village/core';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AREAS,
  type Client,
  DEVICES,
  device,
  deviceCsv,
  listen,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  SECRET,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../testing.ts';

const NEW_SECRET = 'another-secret-of-28-letters';
/** What was opened with rights that are gone ends in this time. */
const BOUND_MS = 5 * SECOND;

/** Whether the condition holds before the bound is over. */
async function inTime(holds: () => boolean): Promise<boolean> {
  const from = performance.now();
  while (!holds()) {
    if (performance.now() - from > BOUND_MS) return false;
    await systemTimer.sleep(20);
  }
  return true;
}

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const user = (more: object = {}): object => ({
  displayName: 'watcher',
  role: 'clerk',
  area: NORTH,
  password: PASSWORD,
  ...more,
});

describe('a live stream', () => {
  it.each<[string, (watcher: Client) => Promise<unknown>]>([
    ['its user is removed', () => admin.ask('DELETE', '/users/watcher')],
    ['its user signs out', (watcher) => watcher.ask('DELETE', '/session')],
    ['its user gets a new password', () => admin.ask('PUT', '/users/watcher', user())],
    [
      'its user gets another role',
      () => admin.ask('PUT', '/users/watcher', user({ role: 'officer', password: undefined })),
    ],
    [
      'its user gets another area',
      () => admin.ask('PUT', '/users/watcher', user({ area: SOUTH, password: undefined })),
    ],
  ])('ends when %s, and no other does', async (_name, takeAway) => {
    expect((await admin.ask('PUT', '/users/watcher', user())).statusCode).toBe(200);
    const watcher = await test.client('watcher');
    const stream = await listen(test, watcher);
    const one = await listen(test, watcher, '?device=north-air');
    const other = await listen(test, await test.client('north'));
    await until('a first event', () => stream.of('counts').length > 0);
    await takeAway(watcher);
    expect(await inTime(() => stream.ended() && one.ended())).toBe(true);
    expect(other.ended()).toBe(false);
    other.close();
  });

  it('ends when its token is taken back', async () => {
    const made = (await admin.ask('POST', '/tokens', { name: 'm', role: 'clerk' })).json();
    const stream = await listen(test, { token: made.token });
    await until('a first event', () => stream.of('counts').length > 0);
    await admin.ask('DELETE', `/tokens/${made.id}`);
    expect(await inTime(stream.ended)).toBe(true);
  });

  it('ends when what it shows moves out of its user’s area', async () => {
    const north = await test.client('north');
    const [all, village, air, ph] = await Promise.all(
      ['', `?area=${NORTH_VILLAGE}`, '?device=north-air', '?device=north-ph'].map((query) =>
        listen(test, north, query),
      ),
    );
    await test.server.importDevices(
      deviceCsv(`north-air,空气站,village/air-weather,${SOUTH_VILLAGE},,,,,,`),
    );
    expect(await inTime(() => air?.ended() === true)).toBe(true);
    expect(ph?.ended()).toBe(false);
    const moved = `code,level,zh,en,parent,aliases,validFrom,validTo\n${NORTH_VILLAGE},village,北村,N,${SOUTH},,,\n`;
    await test.server.importAreas(moved);
    expect(await inTime(() => village?.ended() === true && ph?.ended() === true)).toBe(true);
    expect(all?.ended()).toBe(false);
    all?.close();
    await test.server.importAreas(AREAS);
    await test.server.importDevices(DEVICES);
  });

  it('ends with the time of its session or token, which watching does not make longer', async () => {
    const county = await startCounty();
    const boss = await county.client('admin');
    const expiresAt = formatTime(county.timer.now() + 20 * MINUTE);
    const token = { name: 'm', role: 'clerk', expiresAt };
    const made = (await boss.ask('POST', '/tokens', token)).json();
    const machine = await listen(county, { token: made.token });
    const idle = await listen(county, await county.client('north'));
    const busy = await county.client('south');
    const used = await listen(county, busy);
    const pass = async (ms: number): Promise<void> => {
      county.timer.shift += ms;
      await busy.get('/session');
      // The server has looked at the streams after the clock moved.
      await systemTimer.sleep(50);
    };
    await pass(19 * MINUTE);
    expect(machine.ended()).toBe(false);
    await pass(2 * MINUTE);
    expect(await inTime(machine.ended)).toBe(true);
    expect(idle.ended()).toBe(false);
    await pass(10 * MINUTE);
    expect(await inTime(idle.ended)).toBe(true);
    while (county.timer.shift < 12 * HOUR - 10 * MINUTE) await pass(20 * MINUTE);
    expect(used.ended()).toBe(false);
    county.timer.shift += 20 * MINUTE;
    expect(await inTime(used.ended)).toBe(true);
    const { body } = await county.server.http.inject('/metrics');
    expect(body).toMatch(/^village_live_closed_revoked_total 3$/m);
    await county.close();
  }, 60_000);
});

/** Publishes once; resolves to whether it was acknowledged within the bound. */
async function acknowledged(client: MqttClient, id: string): Promise<boolean> {
  let got = false;
  const at = formatTime(test.timer.now() - DAY);
  const payload = JSON.stringify({ at, values: { pm25: 3 } });
  client.publish(`village/v1/devices/${id}/readings`, payload, { qos: 1 }, (error) => {
    got = error === undefined || error === null;
  });
  await inTime(() => got || !client.connected);
  return got;
}

describe('an MQTT session', () => {
  it('of a device ends when its secret is replaced, and the old secret opens no other', async () => {
    const [client, other] = await Promise.all(
      ['north-air', 'south-air'].map((id) => device(id, test.server.mqttPort)),
    );
    if (client === undefined || other === undefined) throw new Error('no clients');
    expect(await acknowledged(client, 'north-air')).toBe(true);
    const row = `north-air,北村空气站,village/air-weather,${NORTH_VILLAGE},,,119.9,31.1,,`;
    const file = deviceCsv(`${row}${NEW_SECRET}`);
    expect((await admin.ask('POST', '/devices/import', file)).statusCode).toBe(200);
    expect(await inTime(() => !client.connected)).toBe(true);
    expect(await acknowledged(client, 'north-air')).toBe(false);
    await expect(device('north-air', test.server.mqttPort)).rejects.toThrow();
    const again = await device('north-air', test.server.mqttPort, NEW_SECRET);
    expect(await acknowledged(again, 'north-air')).toBe(true);
    expect(await acknowledged(other, 'south-air')).toBe(true);
    // Importing it again with the secret that it has ends nothing.
    await admin.ask('POST', '/devices/import', file);
    await admin.ask('POST', '/devices/import', deviceCsv(row));
    expect(await acknowledged(again, 'north-air')).toBe(true);
    await test.server.importDevices(DEVICES);
    for (const one of [client, other, again]) await one.endAsync(true);
  });

  it('of a gateway ends too, and it is offline', async () => {
    interface System {
      gateways: { id: string; online: boolean }[];
      broker: { refused: Record<string, number> };
    }
    const system = (): Promise<System> => admin.get<System>('/system');
    const online = async (): Promise<boolean | undefined> =>
      (await system()).gateways.find(({ id }) => id === 'gw-north')?.online;
    const client = await device('gw-north', test.server.mqttPort);
    const before = (await system()).broker.refused['credential-revoked'] ?? 0;
    const topic = 'village/v1/gateways/gw-north/status';
    await client.publishAsync(topic, JSON.stringify({ online: true }), { qos: 1 });
    expect(await online()).toBe(true);
    await test.server.importDevices(deviceCsv(`gw-north,网关,gateway,${NORTH},,,,,,${NEW_SECRET}`));
    expect(await inTime(() => !client.connected)).toBe(true);
    expect(await online()).toBe(false);
    expect((await system()).broker.refused['credential-revoked']).toBe(before + 1);
    await expect(device('gw-north', test.server.mqttPort)).rejects.toThrow();
    await test.server.importDevices(DEVICES);
    await client.endAsync(true);
  });
});

it('an import that can not be taken in whole is taken in later, and until then nothing of it holds', async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), 'village-swap-'));
  const mount = join(folder, 'data', 'time-series');
  mkdirSync(mount, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', mount], { stdio: 'ignore' });
  } catch (error) {
    rmSync(folder, { recursive: true });
    ctx.skip(`tmpfs can't be mounted: ${(error as Error).message}`);
  }
  const county = await startTest(
    (config) => ({ ...config, store: { ...config.store, diskReserveMegabytes: 0 } }),
    folder,
  );
  try {
    await county.server.importAreas(AREAS);
    await county.server.importDevices(DEVICES);
    const boss = await county.client('admin');
    const client = await device('north-air', county.server.mqttPort);
    const ballast = join(mount, 'ballast');
    expect(() => {
      for (let n = 0; n < 2048; n++) writeFileSync(ballast, Buffer.alloc(64 * 1024), { flag: 'a' });
    }).toThrow(/ENOSPC/);
    // What still fits into the pages at hand is written first.
    let statusCode = 0;
    for (let n = 0; n < 500 && statusCode !== 503; n++) {
      const at = (k: number): string => formatTime(county.timer.now() - HOUR - (n * 500 + k) * 10);
      const readings = Array.from({ length: 500 }, (_, k) => ({
        device: 'south-air',
        at: at(k),
        values: { pm25: k },
      }));
      ({ statusCode } = await boss.ask('POST', '/readings', { readings }));
    }
    expect(statusCode).toBe(503);
    const village = '330522100299';
    await county.server
      .importAreas(
        `code,level,zh,en,parent,aliases,validFrom,validTo\n${village},village,新村,New,${NORTH},,,\n`,
      )
      .catch((error: unknown) => expect(error).toHaveProperty('code'));
    const rows = deviceCsv(
      `new-air,新空气站,village/air-weather,${village},,,,,,${NEW_SECRET}`,
      `north-air,北村空气站,village/air-weather,${NORTH_VILLAGE},,,,,,${NEW_SECRET}`,
    );
    const imported = await boss.ask('POST', '/devices/import', rows);
    const known = async (): Promise<boolean> =>
      (await boss.ask('GET', '/devices/new-air')).statusCode === 200;
    const signsIn = async (id: string, secret: string): Promise<boolean> =>
      device(id, county.server.mqttPort, secret).then(
        (one) => one.endAsync(true).then(() => true),
        () => false,
      );
    expect([imported.statusCode, await known()]).toEqual([503, false]);
    expect(await signsIn('new-air', NEW_SECRET)).toBe(false);
    expect(client.connected).toBe(true);
    rmSync(ballast);
    await until('the device to be known', known);
    expect(await signsIn('new-air', NEW_SECRET)).toBe(true);
    expect(await inTime(() => !client.connected)).toBe(true);
    expect(await signsIn('north-air', SECRET)).toBe(false);
    await client.endAsync(true);
  } finally {
    await county.server.stop().catch(() => undefined);
    execFileSync('umount', ['-l', mount]);
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
