/** Lists of a large county are written in pieces, and hold everything once and in order. */
import { systemTimer } from '@village/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  deviceCsv,
  NORTH,
  SECRET,
  SOUTH,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

const VILLAGES = 1_200;
const GATEWAYS = 30;
const BEHIND = 150;

let test: TestServer;
let admin: Client;
let north: Client;

const code = (n: number): string => `33052210${n % 2}${String(300 + (n >> 1)).padStart(3, '0')}`;
const gateway = (n: number): string => `g-${String(n).padStart(2, '0')}`;

/** All items of a list, page by page. */
async function all<T>(client: Client, address: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor = ''; ; ) {
    const answer = await client.get<{ items: T[]; next: string | null }>(address + cursor);
    items.push(...answer.items);
    if (answer.next === null) return items;
    cursor = `&cursor=${answer.next}`;
  }
}

beforeAll(async () => {
  test = await startCounty();
  const villages = Array.from(
    { length: VILLAGES },
    (_, n) => `${code(n)},village,村${n},V ${n},${n % 2 === 0 ? NORTH : SOUTH},,,`,
  );
  const head = 'code,level,zh,en,parent,aliases,validFrom,validTo';
  await test.server.importAreas([head, ...villages].join('\n'));
  const gateways = Array.from(
    { length: GATEWAYS },
    (_, n) => `${gateway(n)},网关${n},gateway,${NORTH},,,,,,${SECRET}`,
  );
  // Two of three stand north, behind a gateway that stands there.
  const devices = Array.from(
    { length: BEHIND },
    (_, n) =>
      `d-${n},${(n * 7) % BEHIND}号,boqu/phg-2091,${n % 3 === 0 ? SOUTH : NORTH},${gateway(n % GATEWAYS)},,,,,`,
  );
  await test.server.importDevices(deviceCsv(...gateways, ...devices));
  admin = await test.client('admin');
  north = await test.client('north');
}, 120_000);

afterAll(() => test.close());

it('of areas are pages of what one may see, each area once and in the order of the tree', async () => {
  const response = await admin.ask('GET', '/areas?limit=1000');
  expect(response.headers['content-length']).toBeUndefined();
  const areas = await all<{ code: string; parent: string | null }>(admin, '/areas?limit=500');
  // The county, two townships with a village each, and these.
  expect(areas.length).toBe(VILLAGES + 5);
  expect(new Set(areas.map((area) => area.code)).size).toBe(areas.length);
  const places = new Map(areas.map((area, place) => [area.code, place]));
  for (const [place, { parent }] of areas.entries())
    expect(parent === null ? -1 : places.get(parent)).toBeLessThan(place);
  expect(areas[0]?.code).toBe(COUNTY);
  const own = await all<{ code: string }>(north, '/areas?limit=500');
  expect(own.length).toBe(VILLAGES / 2 + 2);
  expect(own[0]?.code).toBe(NORTH);
});

it('of gateways count what stands in the area of who asks', async () => {
  type Told = { id: string; devices: number; devicesOnline: number };
  const list = async (client: Client): Promise<Told[]> =>
    (await all<Told>(client, '/gateways?limit=7')).filter(({ id }) => id.startsWith('g-'));
  const seen = await list(admin);
  expect(seen.map(({ id }) => id)).toEqual(Array.from({ length: GATEWAYS }, (_, n) => gateway(n)));
  expect(seen.every(({ devices }) => devices === BEHIND / GATEWAYS)).toBe(true);
  const own = await list(north);
  const standNorth = (n: number): number =>
    Array.from({ length: BEHIND / GATEWAYS }, (_, k) => n + k * GATEWAYS).filter((d) => d % 3 > 0)
      .length;
  expect(own.map(({ devices }) => devices)).toEqual(seen.map((_, n) => standNorth(n)));
});

it('of the system tell every gateway, written in pieces', async () => {
  const response = await admin.ask('GET', '/system');
  expect(response.headers['content-length']).toBeUndefined();
  const { gateways, ...rest } = response.json<{ gateways: { id: string }[] }>();
  expect(gateways.filter(({ id }) => id.startsWith('g-')).length).toBe(GATEWAYS);
  expect(Object.keys(rest)).toEqual(expect.arrayContaining(['store', 'broker', 'pipeline', 'now']));
});

it('of devices go by value and then by name, both ways, page by page', async () => {
  const readings = (numbers: number[]): object => ({
    readings: numbers.map((n) => ({
      device: `d-${n}`,
      at: new Date(systemTimer.now() - 60_000 + n).toISOString(),
      values: { ph: 7 },
    })),
  });
  const sent = [3, 50, 149, 8];
  expect((await admin.ask('POST', '/readings', readings(sent))).statusCode).toBe(202);
  // What is known of a device changes once a second.
  await until('the devices to be seen', async () => {
    const { counts } = await admin.get<{ counts: { never: number } }>('/devices?q=d-&limit=1');
    return counts.never === BEHIND - sent.length;
  });
  type Told = { id: string; name: string; lastSeenAt: string | null };
  const collator = new Intl.Collator('zh-Hans-CN', { numeric: true });
  const inOrder = (a: Told, b: Told): number =>
    Date.parse(a.lastSeenAt ?? '1970-01-01') - Date.parse(b.lastSeenAt ?? '1970-01-01') ||
    collator.compare(a.name, b.name) ||
    (a.id < b.id ? -1 : 1);
  const up = await all<Told>(admin, '/devices?sort=lastSeenAt&limit=40');
  const down = await all<Told>(admin, '/devices?sort=-lastSeenAt&limit=40');
  expect(up.map(({ id }) => id)).toEqual(up.toSorted(inOrder).map(({ id }) => id));
  expect(down.map(({ id }) => id)).toEqual(
    down.toSorted((a, b) => inOrder(b, a)).map(({ id }) => id),
  );
  expect(new Set(up.map(({ id }) => id)).size).toBe(BEHIND + 4);
  const byName = await all<Told>(admin, '/devices?sort=name&limit=40');
  const back = await all<Told>(admin, '/devices?sort=-name&limit=40');
  expect(back.map(({ id }) => id)).toEqual(byName.map(({ id }) => id).reverse());
});
