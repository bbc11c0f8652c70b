/** Retired devices and gateways come back as they are registered: over HTTP, with a real client, and beside others who change the same. */
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
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

interface Answer {
  code?: string;
  secret?: string | null;
  faults?: { field: string; zh: string }[];
}
const ask = async (
  method: string,
  url: string,
  body: object = {},
  as = admin,
): Promise<[number, Answer]> => {
  const response = await as.ask(method, url, body);
  return [response.statusCode, response.body === '' ? {} : (response.json() as Answer)];
};
const fieldsOf = ([status, { faults = [] }]: [number, Answer]): unknown[] => [
  status,
  faults.map(({ field }) => field),
];
const versionOf = async (path: string): Promise<string> =>
  (await admin.get<{ version: string }>(`${path}/registration`)).version;
/** As who sees its present state. */
const now = async (path: string, what: string, more: object = {}, as = admin) =>
  ask('POST', `${path}/${what}`, { version: await versionOf(path), ...more }, as);
const bin = (id: string, more: object = {}): object => ({
  ...{ id, name: '村口垃圾桶', profile: 'village/smart-bin', area: NORTH_VILLAGE },
  ...more,
});
async function signsIn(username: string, password: string | null | undefined): Promise<boolean> {
  try {
    const client = await mqtt.connectAsync({
      ...{ host: '127.0.0.1', port: test.server.mqttPort, reconnectPeriod: 0 },
      ...{ username, password: password ?? '', clientId: `once-${username}` },
    });
    await client.endAsync(true);
    return true;
  } catch {
    return false;
  }
}

describe('a retired device', () => {
  const path = '/devices/back-bin';

  it('tells why it was retired, and comes back as it was, as a new installation with a new secret', async () => {
    const place = { address: 'HB-70', longitude: 119.9, latitude: 31 };
    const [, { secret: old }] = await ask('POST', '/devices', bin('back-bin', place));
    await ask('PUT', `${path}/clock`, { use: 'correct' });
    expect((await now(path, 'retire', { reason: '被车撞了' }))[0]).toBe(200);
    const ended = await admin.get<object>(path);
    expect(ended).toMatchObject({ retiredReason: '被车撞了', retiredAt: expect.any(String) });
    const [status, { secret, faults }] = await now(path, 'reinstate');
    expect([status, faults]).toEqual([200, []]);
    expect([await signsIn('back-bin', old), await signsIn('back-bin', secret)]).toEqual([
      ...[false, true],
    ]);
    const back = await admin.get<object>(path);
    expect(back).toMatchObject({ ...place, clockUse: 'correct', name: '村口垃圾桶' });
    expect(back).not.toHaveProperty('retiredAt');
    expect(back).not.toHaveProperty('retiredReason');
    const { installations } = await admin.get<{ installations: object[] }>(`${path}/history`);
    expect(installations).toMatchObject([
      { until: expect.any(String), reason: '被车撞了' },
      { until: null, reason: null },
    ]);
    const { items } = await admin.get<{ items: { action: string; target: string }[] }>('/audit');
    expect(items).toContainEqual(
      expect.objectContaining({ action: 'reinstate-device', target: 'back-bin' }),
    );
  });

  it('comes back once, by who saw its present state', async () => {
    expect(await now(path, 'reinstate')).toMatchObject([409, { code: 'not-retired' }]);
    const before = await versionOf(path);
    await now(path, 'retire');
    expect(await ask('POST', `${path}/reinstate`, { version: before })).toMatchObject([
      ...[409, { code: 'changed-meanwhile' }],
    ]);
    const version = await versionOf(path);
    const both = await Promise.all([1, 2].map(() => ask('POST', `${path}/reinstate`, { version })));
    expect(both.map(([status]) => status).sort()).toEqual([200, 409]);
    expect(await ask('POST', '/devices/nobody/reinstate', { version })).toMatchObject([404, {}]);
  });

  it('is told by field what no longer fits: its address, its gateway, its area', async () => {
    const area = '330522100401';
    const named = { code: area, level: 'village', zh: '旧村', en: 'Old', parent: NORTH };
    expect((await ask('POST', '/areas', named))[0]).toBe(201);
    await ask('POST', '/gateways', { id: 'gone-gw', name: 'x', area: NORTH });
    const own = { profile: 'boqu/phg-2091', gateway: 'gone-gw', area, address: '70' };
    await ask('POST', '/devices', bin('gone-ph', own));
    await now('/devices/gone-ph', 'retire');
    await ask('POST', '/devices', bin('next-ph', { ...own, gateway: 'gw-north', address: '70' }));
    expect(fieldsOf(await now('/devices/gone-ph', 'reinstate'))).toEqual([422, ['address']]);
    await now('/devices/next-ph', 'retire');
    await now('/gateways/gone-gw', 'retire');
    expect((await now(`/areas/${area}`, 'retire'))[0]).toBe(204);
    const refused = await now('/devices/gone-ph', 'reinstate');
    expect(fieldsOf(refused)).toEqual([422, ['area', 'gateway']]);
    expect(refused[1].faults?.map(({ zh }) => zh)).toEqual([
      '这个区域已停用',
      expect.stringContaining('这个网关已停用'),
    ]);
    await now(`/areas/${area}`, 'reinstate');
    await now('/gateways/gone-gw', 'reinstate');
    expect(await now('/devices/gone-ph', 'reinstate')).toMatchObject([200, { secret: null }]);
  });

  it('is of who may register there, and may keep a gateway that lies above their area', async () => {
    await ask('POST', '/gateways', { id: 'high-gw', name: 'x', area: COUNTY });
    await ask('POST', '/devices', bin('low-bin', { gateway: 'high-gw' }));
    await ask('POST', '/devices', bin('south-bin', { area: SOUTH_VILLAGE }));
    await now('/devices/south-bin', 'retire');
    await now('/devices/low-bin', 'retire');
    const north = await test.client('north');
    const village = await test.client('village');
    expect((await now('/devices/south-bin', 'reinstate', {}, north))[0]).toBe(404);
    expect((await now('/devices/low-bin', 'reinstate', {}, village))[0]).toBe(403);
    await now('/gateways/high-gw', 'retire');
    expect(fieldsOf(await now('/devices/low-bin', 'reinstate', {}, north))).toEqual([
      ...[422, ['gateway']],
    ]);
    await now('/gateways/high-gw', 'reinstate');
    expect((await now('/devices/low-bin', 'reinstate', {}, north))[0]).toBe(200);
    expect(await admin.get('/devices/low-bin')).toMatchObject({ gateway: 'high-gw' });
  });

  it('that a file names keeps what is made of its clock', async () => {
    await ask('POST', '/devices', bin('filed-bin'));
    await ask('PUT', '/devices/filed-bin/clock', { use: 'history' });
    await now('/devices/filed-bin', 'retire');
    const file = deviceCsv(`filed-bin,桶,village/smart-bin,${NORTH_VILLAGE},,,,,,`);
    expect((await admin.ask('POST', '/devices/import', file)).statusCode).toBe(200);
    expect(await admin.get('/devices/filed-bin')).toMatchObject({ clockUse: 'history' });
  });
});

describe('a retired gateway', () => {
  const path = '/gateways/back-gw';
  const listed = async (query: string): Promise<object[]> =>
    (await admin.get<{ items: object[] }>(`/gateways?q=back-gw${query}`)).items;

  it('tells why it was retired, gets no secret meanwhile, and comes back with another one', async () => {
    const [, { secret: old }] = await ask('POST', '/gateways', {
      ...{ id: 'back-gw', name: '塔上', area: NORTH },
    });
    expect((await now(path, 'retire', { reason: '塔倒了' }))[0]).toBe(204);
    expect(await listed('&state=retired')).toMatchObject([{ retiredReason: '塔倒了' }]);
    expect(await admin.get(`${path}/registration`)).toMatchObject({
      ...{ name: '塔上', retiredAt: expect.any(String) },
    });
    expect((await now(path, 'secret'))[0]).toBe(404);
    const [status, { secret, faults }] = await now(path, 'reinstate');
    expect([status, faults]).toEqual([200, []]);
    expect([await signsIn('back-gw', old), await signsIn('back-gw', secret)]).toEqual([
      ...[false, true],
    ]);
    expect(await listed('&state=retired')).toEqual([]);
    const [back] = await listed('');
    expect(back).toMatchObject({ name: '塔上', area: { code: NORTH } });
    expect(back).not.toHaveProperty('retiredReason');
    expect(await now(path, 'reinstate')).toMatchObject([409, { code: 'not-retired' }]);
  });

  it('whose area is retired is told so', async () => {
    const area = '330522100402';
    const named = { code: area, level: 'village', zh: '旧村', en: 'Old', parent: NORTH };
    await ask('POST', '/areas', named);
    await ask('POST', '/gateways', { id: 'lost-gw', name: 'x', area });
    await now('/gateways/lost-gw', 'retire');
    await now(`/areas/${area}`, 'retire', { reason: '并村' });
    const { items } = await admin.get<{ items: { code: string }[] }>('/areas?state=retired');
    expect(items).toMatchObject([{ code: area, retiredReason: '并村' }]);
    expect(fieldsOf(await now('/gateways/lost-gw', 'reinstate'))).toEqual([422, ['area']]);
  });
});
