/** A data logger's hourly means beside instants of the same quantity: aggregates never put them together. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  AREAS,
  type Client,
  device,
  deviceCsv,
  NORTH_VILLAGE,
  SECRET,
  startTest,
  type TestServer,
} from './testing.ts';

const profile = (id: string, metrics: string, values: string, readings: string): string => `
profile: ${id}
revision: 1
name: { zh: 记录仪, en: Data logger }
kind: air-station
protocol: mqtt
mqtt: { payload: native, every: 1m }
metrics:
${metrics}
examples:
  - name: all of it
    frame: { payload: '{"at":"2026-01-01T00:00:00Z","values":${values}}' }
    readings: ${readings}
  - name: no object
    frame: { payload: boot }
    error: payload-not-json
`;

const instant = '  - { key: temp, quantity: air.temperature, range: [-40, 60] }';
const mean = (key: string): string =>
  `  - { key: ${key}, quantity: air.temperature, name: { zh: 小时均温, en: Hourly mean }, span: hour, statistic: average, range: [-40, 60], optional: true }`;

let test: TestServer;
let admin: Client;
const SPAN = 'from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&every=1d&offset=0s&agg=sum,count';

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-spans-'));
  const catalog = join(folder, 'catalog');
  mkdirSync(join(catalog, 'acme'), { recursive: true });
  writeFileSync(
    join(catalog, 'acme', 'logger.yaml'),
    profile(
      'acme/logger',
      `${instant}\n${mean('temp-hour-avg')}`,
      '{"temp":1,"temp-hour-avg":2}',
      '{ temp: 1, temp-hour-avg: 2 }',
    ),
  );
  writeFileSync(
    join(catalog, 'acme', 'mean.yaml'),
    profile('acme/mean', mean('temp'), '{"temp":2}', '{ temp: 2 }'),
  );
  test = await startTest((config) => ({ ...config, catalogs: [catalog] }), folder);
  await test.server.importAreas(AREAS);
  await test.server.importDevices(
    deviceCsv(
      `log-1,甲,acme/logger,${NORTH_VILLAGE},,,,,,${SECRET}`,
      `mean-1,乙,acme/mean,${NORTH_VILLAGE},,,,,,${SECRET}`,
    ),
  );
  for (const [id, values] of [
    ['log-1', { temp: 1, 'temp-hour-avg': 10 }],
    ['mean-1', { temp: 20 }],
  ] as const) {
    const client = await device(id, test.server.mqttPort);
    const payload = JSON.stringify({ at: '2026-01-01T01:00:00Z', values });
    await client.publishAsync(`village/v1/devices/${id}/readings`, payload, { qos: 1 });
    await client.endAsync();
  }
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const sums = async (metric: string, of = ''): Promise<unknown> => {
  const { items } = await admin.get<{ items: { values: object }[] }>(
    `/aggregates?metric=${metric}&${SPAN}${of}`,
  );
  return items.map(({ values }) => values);
};

it('a quantity means instants where there are any', async () => {
  expect(await sums('air.temperature')).toEqual([{ sum: 1, count: 1 }]);
});

it('an hourly mean is asked for by its key, or by the quantity where there is nothing else', async () => {
  expect(await sums('temp-hour-avg')).toEqual([{ sum: 10, count: 1 }]);
  expect(await sums('air.temperature', '&device=mean-1')).toEqual([{ sum: 20, count: 1 }]);
});

it('one key for instants here and means there is refused', async () => {
  const answer = await admin.ask('GET', `/aggregates?metric=temp&${SPAN}`);
  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({ code: 'ambiguous-metric' });
  expect(await sums('temp', '&device=log-1')).toEqual([{ sum: 1, count: 1 }]);
});

it('the profile says what is no instant', async () => {
  const { items } = await admin.get<{ items: { id: string; metrics: object[] }[] }>(
    '/profiles?limit=500',
  );
  const metrics = items.find(({ id }) => id === 'acme/logger')?.metrics ?? [];
  expect(metrics).toMatchObject([
    { key: 'temp' },
    { key: 'temp-hour-avg', span: 'hour', statistic: 'average' },
  ]);
  expect(metrics[0]).not.toHaveProperty('span');
});
