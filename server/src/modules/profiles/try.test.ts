/** Trying the file of a device type on what is kept aside: what it would give, what it would still refuse, and nothing stored. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR } from '@village/core';
import { builtinCatalog } from '@village/device-profiles';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  AREAS,
  type Client,
  device,
  deviceCsv,
  NORTH_VILLAGE,
  PASSWORD,
  SECRET,
  SOUTH,
  SOUTH_VILLAGE,
  startTest,
  type TestServer,
} from '../../testing.ts';

const catalogued = (id: string): string => readFileSync(join(builtinCatalog, `${id}.yaml`), 'utf8');
const GOOD = catalogued('village/air-weather').replace(
  'profile: village/air-weather',
  'profile: acme/air',
);
/** The same type with one metric spelt wrongly, in its examples too. */
const BROKEN = GOOD.replace(/(?<!\.)\bso2\b/g, 'sulfur');

interface Tried {
  faults: object[];
  profile: { id: string } | null;
  open: number;
  tried: { id: number; device: string; readings: object[]; refused: object | null }[];
}

let test: TestServer;
let admin: Client;
let at: string;
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-try-'));
  const catalog = join(folder, 'catalog');
  mkdirSync(join(catalog, 'acme'), { recursive: true });
  writeFileSync(join(catalog, 'acme', 'air.yaml'), BROKEN);
  test = await startTest((config) => ({ ...config, catalogs: [catalog] }), folder);
  await test.server.importAreas(AREAS);
  await test.server.importDevices(
    deviceCsv(
      `air-1,空气站,acme/air,${NORTH_VILLAGE},,,,,,${SECRET}`,
      `air-2,南空气站,acme/air,${SOUTH_VILLAGE},,,,,,${SECRET}`,
    ),
  );
  admin = await test.client('admin');
  at = new Date(test.timer.now()).toISOString();
  for (const [id, values] of [
    ['air-1', { so2: 5, pm25: 6 }],
    ['air-2', { so2: 7, pm25: 8 }],
    ['air-1', { so2: 9, nothing: 1 }],
  ] as const) {
    const client = await device(id, test.server.mqttPort);
    const payload = JSON.stringify({ at, values });
    await client.publishAsync(`village/v1/devices/${id}/readings`, payload, { qos: 1 });
    await client.endAsync();
  }
}, 60_000);
afterAll(() => test.close());

const ask = (text: string, who: Client = admin) =>
  who.send('POST', '/profiles/try', Buffer.from(text), 'application/yaml');
async function tried(text: string, who?: Client): Promise<Tried> {
  const response = await ask(text, who);
  expect(response.statusCode).toBe(200);
  return response.json() as Tried;
}

it('tells what each message would give and why one would still be refused, the newest first', async () => {
  const answer = await tried(GOOD);
  expect(answer).toMatchObject({ faults: [], profile: { id: 'acme/air' }, open: 3 });
  // The last message had nothing that the type in force takes: all of it is one entry.
  expect(answer.tried).toMatchObject([
    {
      device: 'air-1',
      was: { reason: 'unknown-metric' },
      readings: [{ at, metric: 'so2', value: 9, quality: 'good' }],
      refused: {
        reason: 'unknown-metric',
        message: expect.stringMatching(/^readings\[0\]\.values\.nothing|^values\.nothing/),
      },
    },
    {
      device: 'air-2',
      name: '南空气站',
      readings: [{ at, metric: 'so2', value: 7, quality: 'good' }],
      refused: null,
    },
    {
      device: 'air-1',
      was: { reason: 'unknown-metric', place: 'values.so2' },
      readings: [{ at, metric: 'so2', value: 5, quality: 'good' }],
      readingsCount: 1,
      refused: null,
    },
  ]);
  const still = await tried(BROKEN);
  expect(still.tried.map(({ refused }) => refused)).toEqual(
    Array.from({ length: 3 }, () => expect.objectContaining({ reason: 'unknown-metric' })),
  );
});

it('stores nothing of it', async () => {
  const entries = await admin.get<{ items: { state: string }[] }>('/quarantine');
  expect(entries.items.map(({ state }) => state)).toEqual(['open', 'open', 'open']);
  const from = new Date(Date.parse(at) - HOUR).toISOString();
  const to = new Date(Date.parse(at) + HOUR).toISOString();
  const { items } = await admin.get<{ items: { values: object }[] }>(
    `/readings?device=air-1&from=${from}&to=${to}`,
  );
  expect(items.map(({ values }) => values)).toEqual([{ pm25: 6 }]);
});

it('is of the asker’s area, and for who may see quarantine', async () => {
  const body = { displayName: 'S', role: 'admin', area: SOUTH, password: PASSWORD };
  expect((await admin.ask('PUT', '/users/south-admin', body)).statusCode).toBeLessThan(300);
  const south = await test.client('south-admin');
  const answer = await tried(GOOD, south);
  expect(answer.open).toBe(1);
  expect(answer.tried.map(({ device: id }) => id)).toEqual(['air-2']);
});

it.each([
  ['a file with faults', GOOD.replace(/^kind: .*$/m, 'kind: teapot')],
  ['a file of two types', `# profile: acme/air\n${catalogued('boqu/phg-2091')}`],
  ['nothing', ''],
  ['no text at all', '\u0000\u0001'],
])('tries nothing by %s', async (_what, text) => {
  const answer = await tried(text);
  expect(answer.tried).toEqual([]);
});

it('is refused as something else than a file', async () => {
  const response = await admin.send('POST', '/profiles/try', Buffer.from('{}'), 'image/png');
  expect(response.statusCode).toBe(415);
});
