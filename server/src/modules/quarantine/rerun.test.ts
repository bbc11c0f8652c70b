/** What can't be decoded waits until its profile is mended: kept, listed, run again after a restart with the new file. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR } from '@village/core';
import { builtinCatalog, parseProfile } from '@village/device-profiles';
import mqtt from 'mqtt';
import { expect, it } from 'vitest';
import { AREAS, deviceCsv, NORTH_VILLAGE, SECRET, startTest } from '../../testing.ts';

it('a reading under a metric that its profile lacked costs only itself, and is stored once the profile has it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-rerun-'));
  const catalog = join(folder, 'catalog');
  mkdirSync(join(catalog, 'acme'), { recursive: true });
  const good = readFileSync(join(builtinCatalog, 'village', 'air-weather.yaml'), 'utf8').replace(
    'profile: village/air-weather',
    'profile: acme/air',
  );
  // The same type with one metric spelt wrongly, in its examples too.
  const broken = good.replace(/(?<!\.)\bso2\b/g, 'sulfur');
  expect(broken).not.toBe(good);
  expect(parseProfile(broken, 'air.yaml').faults).toEqual([]);
  const file = join(catalog, 'acme', 'air.yaml');
  writeFileSync(file, broken);
  let test = await startTest((config) => ({ ...config, catalogs: [catalog] }), folder);
  await test.server.importAreas(AREAS);
  await test.server.importDevices(
    deviceCsv(`air-1,空气站,acme/air,${NORTH_VILLAGE},,,,,,${SECRET}`),
  );
  const device = await mqtt.connectAsync({
    host: '127.0.0.1',
    port: test.server.mqttPort,
    clientId: 'air-1',
    username: 'air-1',
    password: SECRET,
    reconnectPeriod: 0,
  });
  const at = new Date(test.timer.now()).toISOString();
  const payload = JSON.stringify({ at, values: { so2: 5, pm25: 6 } });
  await device.publishAsync('village/v1/devices/air-1/readings', payload, { qos: 1 });
  await device.endAsync();
  let admin = await test.client('admin');
  const list = () =>
    admin.get<{ items: { id: number; reason: string; text: string; state: string }[] }>(
      '/quarantine',
    );
  const { items } = await list();
  const alone = JSON.stringify({ device: 'air-1', at, values: { so2: 5 } });
  const part = { at, place: 'values.so2', metric: null, taken: ['pm25'] };
  expect(items).toMatchObject([
    { reason: 'unknown-metric', text: alone, state: 'open', part, gateway: null },
  ]);
  const of = items[0]?.id;
  expect(await admin.get(`/quarantine/${of}`)).toMatchObject({
    payload: Buffer.from(alone).toString('base64'),
    text: alone,
  });
  expect((await admin.ask('GET', '/quarantine/999999')).statusCode).toBe(404);
  expect(await admin.get('/devices/air-1')).toMatchObject({
    refusals: [{ topic: null, cause: 'unknown-metric', place: 'values.so2', count: 1 }],
  });
  const again = async () => (await admin.ask('POST', '/quarantine/rerun', {})).json() as object;
  // Nothing is mended yet.
  expect(await again()).toMatchObject({ accepted: 0, refused: [{ reason: 'unknown-metric' }] });

  writeFileSync(file, good);
  test = await test.restart();
  admin = await test.client('admin');
  expect(await again()).toEqual({ accepted: 1, refused: [] });
  expect((await list()).items).toMatchObject([{ id: items[0]?.id, state: 'rerun' }]);
  const stored = await admin.get<{ items: object[] }>(
    `/readings?device=air-1&from=${new Date(Date.parse(at) - HOUR).toISOString()}&to=2029-01-01T00:00:00Z`,
  );
  // It joins the row that the rest of the message has been since then.
  expect(stored.items).toMatchObject([{ lane: 'live', values: { so2: 5, pm25: 6 } }]);
  expect(await again()).toEqual({ accepted: 0, refused: [] });
  await test.close();
}, 60_000);
