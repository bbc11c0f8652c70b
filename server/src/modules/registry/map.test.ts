/** Polygons of areas over HTTP: taken whole or not at all, told simplified, for those who may; and where devices are. */
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
} from '../../testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

/** Around the one device whose position is known (119.9, 31.1). */
const square = (west: number, south: number, size = 0.2): number[][] => [
  [west, south],
  [west + size, south],
  [west + size, south + size],
  [west, south + size],
  [west, south],
];
const feature = (properties: object, ring = square(119.8, 31)) => ({
  ...{ type: 'Feature', properties },
  geometry: { type: 'Polygon', coordinates: [ring] },
});
const file = (...features: object[]): string =>
  JSON.stringify({ type: 'FeatureCollection', features });

interface Told {
  areas: number;
  points: { read: number; kept: number };
  judgedBy: string;
  faults: { feature: number | null; area: string; path: string; message: string; zh: string }[];
}
const post = (
  body: string,
  query = 'system=wgs84',
  client = admin,
): Promise<LightMyRequestResponse> =>
  client.ask('POST', `/areas/geometry?${query}`, body, { 'content-type': 'application/geo+json' });
const told = async (...given: Parameters<typeof post>): Promise<[number, Told]> => {
  const response = await post(...given);
  return [response.statusCode, response.json<Told>()];
};
interface Collection {
  features: {
    properties: { code: string; review: string };
    geometry: { coordinates: [number, number][][][] };
  }[];
}
const codes = ({ features }: Collection): string[] =>
  features.map(({ properties: { code } }) => code);

describe('polygons of areas', () => {
  it('are taken under codes and names, told in WGS-84 with their map-review number, and are in the audit log', async () => {
    const [status, result] = await told(
      file(
        feature({ code: '330522' }),
        feature({ name: '北镇' }),
        feature({ name: 'South' }, square(119.9, 31)),
      ),
      `system=cgcs2000&review=${encodeURIComponent('浙湖S(2026)3号')}`,
    );
    expect([status, result]).toEqual([
      200,
      { areas: 3, points: { read: 15, kept: 15 }, turned: 0, judgedBy: 'devices', faults: [] },
    ]);
    const all = await admin.get<Collection>('/areas/geometry');
    expect(codes(all)).toEqual([COUNTY, NORTH, SOUTH]);
    expect(all.features[0]).toEqual({
      type: 'Feature',
      properties: {
        ...{ code: COUNTY, level: 'county', review: '浙湖S(2026)3号' },
        name: expect.objectContaining({ zh: expect.any(String) }),
      },
      geometry: { type: 'MultiPolygon', coordinates: [[square(119.8, 31)]] },
    });
    const audit = await admin.get<{ items: object[] }>('/audit');
    expect(audit.items[0]).toMatchObject({
      ...{ actor: 'admin', action: 'import-geometry', target: COUNTY },
      detail: { areas: 3, system: 'cgcs2000', review: '浙湖S(2026)3号' },
    });
  });

  it('are told again only when they are others', async () => {
    const first = await admin.ask('GET', '/areas/geometry');
    const etag = String(first.headers['etag']);
    expect(first.headers['cache-control']).toBe('private, no-cache');
    const known = { 'if-none-match': `"other", W/${etag}` };
    const again = await admin.ask('GET', '/areas/geometry', undefined, known);
    expect([again.statusCode, again.body]).toEqual([304, '']);
    expect((await told(file(feature({ code: NORTH }, square(119.8, 31, 0.25)))))[0]).toBe(200);
    const changed = await admin.ask('GET', '/areas/geometry', undefined, known);
    expect(changed.statusCode).toBe(200);
    // Who was not in the file has what it had.
    expect(codes(changed.json<Collection>())).toEqual([COUNTY, NORTH, SOUTH]);
  });

  it('of GCJ-02 come to lie hundreds of metres from where the file has them', async () => {
    expect((await told(file(feature({ code: NORTH })), 'system=gcj02'))[0]).toBe(200);
    const { features } = await admin.get<Collection>(`/areas/geometry?area=${NORTH}`);
    const [x, y] = features[0]!.geometry.coordinates[0]![0]![0]!;
    const off = Math.hypot((x - 119.8) * 95_000, (y - 31) * 111_000);
    expect(off).toBeGreaterThan(300);
    expect(off).toBeLessThan(800);
  });

  it('with faults are refused with the place of each, and nothing of the file is kept', async () => {
    const before = await admin.get<Collection>('/areas/geometry');
    const [status, { faults, areas }] = await told(
      file(
        feature({ code: NORTH }, square(119.7, 30.9, 0.4)),
        feature({ code: '440106000000', name: '天河区' }, square(113.3, 23.1)),
        feature({ name: '无此村' }),
        feature({ code: NORTH }),
      ),
    );
    expect([status, areas]).toEqual([422, 0]);
    expect(faults.map(({ feature: n, area, path, message }) => [n, area, path, message])).toEqual([
      [
        2,
        '440106000000 天河区',
        'features[1].properties',
        'no area of yours has the code 440106000000',
      ],
      [3, '无此村', 'features[2].properties', 'no area of yours is called 无此村'],
      [
        4,
        NORTH,
        'features[3].properties',
        'is the area of feature 1: several parts are one MultiPolygon',
      ],
    ]);
    const [open, { faults: ringFaults }] = await told(
      file(
        feature({ code: NORTH }, square(119.7, 30.9, 0.4)),
        feature({ code: SOUTH }, square(119.8, 31).slice(1)),
      ),
    );
    expect(open).toBe(422);
    expect(ringFaults).toMatchObject([
      { feature: 2, area: SOUTH, path: 'features[1].geometry.coordinates[0]' },
    ]);
    expect(await admin.get<Collection>('/areas/geometry')).toEqual(before);
  });

  it('of another county under our codes are refused by where our devices are', async () => {
    const guangzhou = square(113.3, 23.1);
    const [status, { faults, judgedBy }] = await told(
      file(feature({ code: NORTH }, guangzhou), feature({ code: SOUTH }, guangzhou)),
    );
    expect([status, judgedBy]).toEqual([422, 'devices']);
    expect(faults.map(({ path, message }) => [path, message])).toEqual([
      [
        'features[0].geometry',
        'lies elsewhere: of 1 devices of known position only 0 are in its rectangle and 5 km around',
      ],
      [
        'features[1].geometry',
        'lies more than 30 km from what is known of the county, its devices or its map',
      ],
    ]);
    // Longitude and latitude of the right county the wrong way round.
    const [, swapped] = await told(
      file(
        feature(
          { code: NORTH },
          square(119.8, 31).map(([x, y]) => [y!, x!]),
        ),
      ),
    );
    expect(swapped.faults[0]?.message).toContain('wrong way round');
  });

  it('in a file that is too large or none at all are refused with a clear answer', async () => {
    const million = `{"type":"FeatureCollection","features":[${'[119.9,31.0],'.repeat(1_000_000)}`;
    const [status, { faults }] = await told(million);
    expect([status, faults.length, faults[0]?.feature]).toEqual([422, 1, null]);
    expect(faults[0]?.message).toContain('at most 300000 are read');
    const huge = await post(' '.repeat(32 * 1024 * 1024 + 1));
    expect([huge.statusCode, huge.json().code]).toEqual([413, 'too-large']);
    expect((await told('not json'))[1].faults[0]?.message).toMatch(/^is no JSON/);
    for (const query of [
      '',
      'system=mars',
      'system=wgs84&review=%00',
      `system=wgs84&review=${'x'.repeat(61)}`,
    ])
      expect((await post(file(), query)).statusCode).toBe(400);
    const csv = await admin.ask('POST', '/areas/geometry?system=wgs84', 'a,b');
    expect(csv.statusCode).toBe(415);
  });

  it('are changed and seen by those of the area alone', async () => {
    const south = await test.client('south');
    const refused = await post(file(feature({ code: SOUTH })), 'system=wgs84', south);
    expect(refused.statusCode).toBe(403);
    expect(codes(await south.get<Collection>('/areas/geometry'))).toEqual([SOUTH]);
    const foreign = await south.ask('GET', `/areas/geometry?area=${NORTH}`);
    expect(foreign.statusCode).toBe(404);
    const north = await test.client('north');
    const [status, { faults }] = await told(
      file(feature({ code: NORTH }), feature({ code: SOUTH })),
      'system=wgs84',
      north,
    );
    expect([status, faults.map(({ message }) => message)]).toEqual([
      422,
      [`no area of yours has the code ${SOUTH}`],
    ]);
    expect((await told(file(feature({ code: NORTH })), 'system=wgs84', north))[0]).toBe(200);
  });

  it('survive a restart, and are taken away with those below', async () => {
    await told(file(feature({ code: NORTH_VILLAGE })));
    expect(codes(await admin.get<Collection>(`/areas/geometry?area=${NORTH}`))).toEqual([
      NORTH,
      NORTH_VILLAGE,
    ]);
    test = await test.restart();
    admin = await test.client('admin');
    expect(codes(await admin.get<Collection>('/areas/geometry'))).toEqual([COUNTY, NORTH, SOUTH]);
    const removed = await admin.ask('DELETE', `/areas/geometry?area=${NORTH}`);
    expect([removed.statusCode, removed.json()]).toEqual([200, { areas: 2 }]);
    expect(codes(await admin.get<Collection>('/areas/geometry'))).toEqual([COUNTY, SOUTH]);
    const audit = await admin.get<{ items: object[] }>('/audit');
    expect(audit.items[0]).toMatchObject({ action: 'remove-geometry', target: NORTH });
  });
});

describe('devices on the map', () => {
  interface Page {
    items: { id: string; area: string; state: string; longitude: number }[];
    next: string | null;
  }
  it('are those of known position, page by page, by name, for those who may see them', async () => {
    const rows = Array.from(
      { length: 5 },
      (_, n) => `map-${n},桶${n},village/smart-bin,${SOUTH_VILLAGE},,MAP-${n},119.9${n},31.1,,`,
    );
    expect((await admin.ask('POST', '/devices/import', deviceCsv(...rows))).statusCode).toBe(200);
    const seen: string[] = [];
    let pages = 0;
    for (let cursor = ''; ; pages++) {
      const { items, next } = await admin.get<Page>(
        `/map/devices?limit=2${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      seen.push(...items.map(({ id }) => id));
      if (next === null) break;
      cursor = next;
    }
    expect([...seen].sort()).toEqual(['map-0', 'map-1', 'map-2', 'map-3', 'map-4', 'north-air']);
    expect(pages).toBeLessThanOrEqual(3);
    expect((await admin.get<Page>(`/map/devices?area=${SOUTH}`)).items[3]).toEqual({
      ...{ id: 'map-3', name: '桶3', kind: 'smart-bin', area: SOUTH_VILLAGE },
      ...{ longitude: 119.93, latitude: 31.1, state: 'never' },
    });
    const north = await test.client('north');
    expect((await north.get<Page>('/map/devices')).items.map(({ id }) => id)).toEqual([
      'north-air',
    ]);
  });
});
