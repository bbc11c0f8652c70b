/** From a reading on the wire to an alert on a page: through the reader of a running server, over restarts and changes of what is registered. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { alerts as api } from '@village/api';
import { MINUTE } from '@village/core';
import { type RuleSet, readRules } from '@village/rules';
import { afterEach, expect, it, vi } from 'vitest';
import {
  type Client,
  device,
  listen,
  NORTH_VILLAGE,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

type Alert = api.Alert;

const RULES = `
apiVersion: rules/v1
kind: RuleSet
metadata: { name: test }
rules:
  - id: pm25-high
    title: { zh: PM2.5 过高, en: PM2.5 high }
    scope: { kind: air-station }
    input: { value: pm25 }
    levels: [{ severity: major, when: value > 75, clear: value < 70 }]
  - id: gateway-offline
    title: { zh: 网关离线, en: Gateway offline }
    watch: gateway-offline
    levels: [{ severity: critical }]
`;
const rules = readRules(RULES, { file: 'test.yaml' }).set as RuleSet;

vi.setConfig({ testTimeout: 60_000 });
const servers: TestServer[] = [];
afterEach(async () => {
  for (const one of servers.splice(0)) await one.close();
});

async function start(more: { rules?: RuleSet } = { rules }): Promise<TestServer> {
  const test = await startCounty(undefined, more);
  servers.push(test);
  return test;
}

async function send(test: TestServer, pm25: number): Promise<void> {
  const client = await device('north-air', test.server.mqttPort);
  await client.publishAsync(
    'village/v1/devices/north-air/readings',
    JSON.stringify({
      device: 'north-air',
      at: new Date(test.timer.now()).toISOString(),
      values: { pm25 },
    }),
    { qos: 1 },
  );
  await client.endAsync();
}

const listed = async (client: Client, query = ''): Promise<Alert[]> =>
  (await client.get<{ items: Alert[] }>(`/alerts${query}`)).items;

/** The one alert, once it is in that state. */
async function alertIn(client: Client, state: string): Promise<Alert> {
  let found: Alert | undefined;
  await until(`an alert that is ${state}`, async () => {
    [found] = await listed(client, '?rule=pm25-high');
    return found?.state === state;
  });
  return found as Alert;
}

it('an alert begins with a reading, is watched, survives a restart and ends with a reading, once', async () => {
  let test = await start();
  let north = await test.client('north');
  const watching = await listen(test, north);
  const elsewhere = await listen(test, await test.client('south'));
  await send(test, 80);
  const alert = await alertIn(north, 'active');
  expect(alert).toMatchObject({
    rule: { title: { zh: 'PM2.5 过高' } },
    subject: { id: 'north-air', name: '北村空气站' },
    ...{ severity: 'major', value: 80, metric: 'pm25', unit: 'µg/m³' },
    area: { code: NORTH_VILLAGE },
  });
  await until('the page to be told', () => watching.of('alert').length > 0);
  expect(watching.of<api.AlertChanges>('alert')[0]?.items).toMatchObject([{ id: alert.id }]);
  expect(elsewhere.text()).not.toContain(alert.id);
  expect(await listed(await test.client('south'))).toEqual([]);
  for (const stream of [watching, elsewhere]) stream.close();
  test = await test.restart();
  servers.splice(0, 1, test);
  expect(readdirSync(join(test.folder, 'data', 'rules'))).not.toEqual([]);
  north = await test.client('north');
  test.timer.shift += MINUTE;
  await send(test, 81);
  test.timer.shift += MINUTE;
  await send(test, 60);
  const ended = await alertIn(north, 'ended');
  expect(ended).toMatchObject({ id: alert.id, steps: 2, value: 80 });
  expect(await listed(north)).toHaveLength(1);
  const metrics = (await test.server.http.inject({ url: '/metrics' })).body;
  expect(metrics).toContain('village_alerts_steps_total{kind="ended"} 1');
  expect(metrics).toContain('village_alerts_begun_total 0');
  expect(metrics).toContain('village_alerts_mended_total 0');
});

it('an alert on a device that is retired ends, and one on a device of which something else is said goes on', async () => {
  const test = await start();
  const admin = await test.client('admin');
  await send(test, 80);
  await alertIn(admin, 'active');
  const moved = await admin.ask('PUT', '/devices/north-air/properties', { labels: { what: 'x' } });
  expect(moved.statusCode).toBeLessThan(300);
  test.timer.shift += MINUTE;
  await send(test, 81);
  expect(await alertIn(admin, 'active')).toMatchObject({ steps: 1 });
  expect((await admin.ask('POST', '/devices/north-air/retire', {})).statusCode).toBeLessThan(300);
  // What is registered is read between groups; a tick is one.
  await until('the end', async () => {
    test.server.store.note({ type: 'platform-tick', at: test.timer.now() });
    await test.server.store.commitNow();
    const [one] = await listed(admin, '?rule=pm25-high');
    return one?.state === 'ended';
  });
});

it('has the ready-made rules where nothing else is said', async () => {
  const test = await start({});
  await send(test, 1);
  await until('readings that were judged', async () => {
    const { body } = await test.server.http.inject({ url: '/metrics' });
    return /village_alerts_readings_total [1-9]/.test(body);
  });
});
