import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  NORTH,
  NORTH_VILLAGE,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
} from './testing.ts';

const FROM = '2026-01-01T00:00:00Z';
const TO = '2027-12-31T00:00:00Z';
const SPAN = `from=${FROM}&to=${TO}`;
/** What belongs to the south and must never reach the north, and the other way round. */
const SOUTHERN = ['south-air', 'south-ph', 'gw-south', SOUTH, SOUTH_VILLAGE, '南', 'South'];
const NORTHERN = ['north-air', 'north-ph', 'gw-north', NORTH, NORTH_VILLAGE, '北', 'North'];

let test: TestServer;
beforeAll(async () => {
  test = await startCounty();
  const admin = await test.client('admin');
  const at = new Date(test.timer.now()).toISOString();
  const devices = ['north-air', 'south-air'];
  const { statusCode, body } = await admin.ask('POST', '/readings', {
    readings: devices.flatMap((device) => [
      { device, at, values: { temperature: 20, pm25: 30 } },
      { device, at, values: { nonsense: 1 } },
    ]),
    events: devices.map((device) => ({ device, at, type: 'door-opened', detail: { device } })),
  });
  expect([statusCode, JSON.parse(body).accepted]).toEqual([202, 4]);
  await admin.ask('POST', '/readings', { readings: [{ device: 'stranger', at, values: {} }] });
}, 60_000);
afterAll(() => test.close());

/** Every address that reads, with ids of one side. */
const reads = (device: string, gatewayed: string, area: string, village: string): string[] => [
  '/areas',
  `/areas?parent=${area}`,
  '/areas?level=village',
  `/areas/${area}`,
  `/areas/${village}`,
  '/devices',
  `/devices?area=${area}`,
  `/devices?area=${village}&sort=-state`,
  '/devices?q=air',
  '/devices?kind=air-station&limit=1',
  '/devices?state=online',
  `/devices/${device}`,
  `/devices/${device}/latest`,
  `/devices/${gatewayed}`,
  `/readings?device=${device}&${SPAN}`,
  `/aggregates?metric=air.temperature&${SPAN}&every=1d&groupBy=device`,
  `/aggregates?metric=air.temperature&area=${area}&${SPAN}&every=1d&groupBy=village`,
  `/aggregates?metric=temperature&device=${device}&${SPAN}&every=1d`,
  `/completeness?device=${device}&${SPAN.replace(FROM, '2026-11-01T00:00:00Z')}`,
  `/completeness?device=${gatewayed}&${SPAN.replace(FROM, '2026-11-01T00:00:00Z')}`,
  `/events?${SPAN}`,
  `/events?area=${area}&${SPAN}`,
  `/events?device=${device}&${SPAN}`,
  '/quarantine',
  '/quarantine?state=open',
  `/export?format=csv&${SPAN}`,
  `/export?format=csv&area=${area}&${SPAN}`,
  `/export?format=csv&device=${device}&${SPAN}`,
  `/overview`,
  `/overview?area=${area}`,
  `/overview?area=${village}`,
  '/system',
  '/users',
  '/tokens',
  '/audit',
  '/profiles',
];
const north = reads('north-air', 'north-ph', NORTH, NORTH_VILLAGE);
const south = reads('south-air', 'south-ph', SOUTH, SOUTH_VILLAGE);

/** Ids that a request itself names say nothing when they come back in a refusal; rows would. */
async function foreignIn(
  client: Client,
  url: string,
  foreign: readonly string[],
): Promise<string[]> {
  const response = await client.ask('GET', url);
  return foreign.filter((word) => response.body.includes(word)).map((word) => `${url}: ${word}`);
}

describe('what somebody sees', () => {
  it.each([
    ['north', north, south, SOUTHERN],
    ['south', south, north, NORTHERN],
    ['village', north, south, SOUTHERN],
  ] as const)('%s: no row of elsewhere on any route', async (user, own, other, foreign) => {
    const client = await test.client(user);
    const leaks: string[] = [];
    for (const url of [...own, ...other]) leaks.push(...(await foreignIn(client, url, foreign)));
    expect(leaks).toEqual([]);
  });

  it('is not empty: each finds their own, and the county both', async () => {
    for (const [user, device] of [
      ['north', 'north-air'],
      ['south', 'south-air'],
      ['village', 'north-air'],
    ] as const) {
      const client = await test.client(user);
      expect(await client.get(`/devices/${device}`)).toMatchObject({ id: device });
      const bodies = await Promise.all(
        ['/devices', `/events?${SPAN}`, `/export?format=csv&${SPAN}`].map((url) =>
          client.ask('GET', url),
        ),
      );
      for (const { body } of bodies) expect(body).toContain(device);
    }
    const admin = await test.client('admin');
    const { items } = await admin.get<{ items: { device: string | null }[] }>('/quarantine');
    expect(items.map((entry) => entry.device).sort()).toEqual([
      'north-air',
      'south-air',
      'stranger',
    ]);
    const officer = await test.client('south');
    const seen = await officer.get<{ items: { device: string }[] }>('/quarantine');
    expect(seen.items.map((entry) => entry.device)).toEqual(['south-air']);
  });

  it('a foreign id looks like one that does not exist', async () => {
    const client = await test.client('north');
    for (const url of south.filter((one) => /south-|330522101/.test(one))) {
      const missing = url
        .replace(/south-[a-z]+/, 'no-such-thing')
        .replace(/330522101(000|201)/, '330522999999');
      const [foreign, none] = [await client.ask('GET', url), await client.ask('GET', missing)];
      expect([url, foreign.statusCode, foreign.body]).toEqual([url, none.statusCode, none.body]);
    }
  });
});

describe('what somebody may do', () => {
  it('ends at their area', async () => {
    const client = await test.client('north');
    const at = new Date(test.timer.now()).toISOString();
    const posted = await client.ask('POST', '/readings', {
      readings: [
        { device: 'south-air', at, values: { temperature: -40 } },
        { device: 'north-air', at, values: { temperature: 21 } },
      ],
    });
    expect(posted.json()).toMatchObject({ accepted: 1, quarantined: [{ index: 0 }] });
    const user = { displayName: 'x', role: 'admin', area: SOUTH, password: 'Correct-Horse-9' };
    expect((await client.ask('PUT', '/users/mine', user)).statusCode).toBe(404);
    expect((await client.ask('PUT', '/users/south', { ...user, area: NORTH })).statusCode).toBe(
      404,
    );
    expect((await client.ask('DELETE', '/users/south')).statusCode).toBe(404);
    expect((await client.ask('DELETE', '/users/admin')).statusCode).toBe(404);
    const token = { name: 'x', role: 'clerk', area: COUNTY };
    expect((await client.ask('POST', '/tokens', token)).statusCode).toBe(404);
    const head = 'id,name,profile,area,gateway,address,longitude,latitude,options,secret\n';
    for (const row of [
      `mine,x,village/air-weather,${SOUTH_VILLAGE},,,,,,`,
      `south-air,x,village/air-weather,${NORTH_VILLAGE},,,,,,`,
      `mine,x,boqu/phg-2091,${NORTH_VILLAGE},gw-south,,,,,`,
    ])
      expect((await client.ask('POST', '/devices/import', head + row)).statusCode).toBe(422);
    const area = `code,level,zh,en,parent,aliases,validFrom,validTo\n330522101201,village,x,x,${NORTH},,,\n`;
    expect((await client.ask('POST', '/areas/import', area)).statusCode).toBe(422);
    expect((await client.ask('GET', '/system')).json()).toMatchObject({ code: 'forbidden' });
    expect((await client.ask('POST', '/system/backup')).json()).toMatchObject({
      code: 'forbidden',
    });
    expect((await client.ask('GET', '/audit')).json()).toMatchObject({ code: 'forbidden' });
  });

  it('is what their role allows', async () => {
    const [officer, clerk] = [await test.client('south'), await test.client('village')];
    const rows = { readings: [] };
    expect((await clerk.ask('POST', '/readings', rows)).statusCode).toBe(403);
    expect((await officer.ask('POST', '/readings', rows)).statusCode).toBe(202);
    for (const client of [officer, clerk]) {
      expect((await client.ask('GET', '/users')).statusCode).toBe(403);
      expect((await client.ask('POST', '/devices/import', 'id\n')).statusCode).toBe(403);
    }
    expect((await clerk.ask('GET', '/quarantine')).statusCode).toBe(403);
    expect((await clerk.ask('POST', '/quarantine/rerun', {})).statusCode).toBe(403);
  });

  it('a re-run touches only what they see', async () => {
    const officer = await test.client('south');
    const { items } = await officer.get<{ items: { id: number; device: string }[] }>(
      '/quarantine?state=open',
    );
    expect(items.map((entry) => entry.device)).toContain('south-air');
    const rerun = (await officer.ask('POST', '/quarantine/rerun', {})).json() as {
      accepted: number;
      refused: { id: number; reason: string }[];
    };
    expect(rerun.accepted).toBe(0);
    expect(rerun.refused.map((entry) => entry.id)).toEqual(items.map((entry) => entry.id));
    expect(rerun.refused.map((entry) => entry.reason)).toContain('unknown-metric');
  });
});
