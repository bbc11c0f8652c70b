import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
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

interface Result {
  created: number;
  updated: number;
  credentials: { id: string; username: string; secret: string }[];
  faults: { line: number; column: string; message: string }[];
}
const send = async (what: 'areas' | 'devices', csv: string): Promise<[number, Result]> => {
  const response = await admin.ask('POST', `/${what}/import`, csv);
  return [response.statusCode, response.json() as Result];
};
const places = (result: Result): string[] =>
  result.faults.map(({ line, column }) => `${line} ${column}`);

describe('devices', () => {
  it('gives each that speaks for itself a secret, once, and leaves it at the next import', async () => {
    const csv = deviceCsv(
      `new-gw,网关,gateway,${NORTH},,,,,,`,
      `new-bin,"桶, 大",village/smart-bin,${NORTH_VILLAGE},,HB-1,119.9,31.0,,`,
      `new-ph,pH,boqu/phg-2091,${NORTH_VILLAGE},new-gw,,,,"{""variant"":1}",`,
    ).replace('"{""variant"":1}"', '');
    const [status, first] = await send('devices', csv);
    expect([status, first.created, first.updated, first.faults]).toEqual([200, 3, 0, []]);
    expect(first.credentials.map(({ id, username }) => [id, username])).toEqual([
      ['new-gw', 'new-gw'],
      ['new-bin', 'new-bin'],
    ]);
    for (const { secret } of first.credentials) expect(secret.length).toBeGreaterThanOrEqual(22);
    const [, second] = await send('devices', csv);
    expect([second.created, second.updated, second.credentials]).toEqual([0, 3, []]);
    expect(await admin.get('/devices/new-bin')).toMatchObject({
      name: '桶, 大',
      address: 'HB-1',
      longitude: 119.9,
      gateway: null,
      state: 'never',
    });
  });

  it('tells every fault with its line and column, and imports nothing', async () => {
    const [status, result] = await send(
      'devices',
      deviceCsv(
        `good,好,village/smart-bin,${NORTH_VILLAGE},,,,,,`,
        `=cmd|x,=1+1,village/smart-bin,${NORTH_VILLAGE},,,,,,`,
        `two,,no/such,330522999999,no-gateway,,500,x,{,short`,
        `good,再,village/smart-bin,${NORTH_VILLAGE},,,,,,`,
        `few,cells`,
        `-lead,x,village/smart-bin,${NORTH_VILLAGE},,good,,,[],`,
        `north-ph,x,gateway,${NORTH},,,,,,`,
      ),
    );
    expect(status).toBe(422);
    const found = places(result);
    for (const place of [
      '3 id',
      '4 name',
      '4 profile',
      '4 area',
      '4 gateway',
      '4 longitude',
      '4 latitude',
      '4 options',
      '4 secret',
      '5 id',
      '6 ',
      '7 id',
      '7 options',
      '7 address',
      '8 profile',
    ])
      expect(found).toContain(place);
    expect(found.filter((place) => place.startsWith('2 '))).toEqual([]);
    expect((await admin.ask('GET', '/devices/good')).statusCode).toBe(404);
  });

  it('refuses a file of other columns, an empty one and a torn one', async () => {
    expect(places((await send('devices', 'id,name,colour\n'))[1])).toContain('1 colour');
    expect(places((await send('devices', '\n'))[1])).toEqual(['1 ']);
    const torn = `${deviceCsv()}a,"never closed,village/smart-bin,${NORTH_VILLAGE}`;
    const [status, result] = await send('devices', torn);
    expect([status, result.faults.length]).toEqual([422, 1]);
  });

  it('takes addresses of one profile once', async () => {
    const [, result] = await send(
      'devices',
      deviceCsv(
        `first,a,village/smart-bin,${NORTH_VILLAGE},,SAME,,,,`,
        `second,b,village/smart-bin,${NORTH_VILLAGE},,SAME,,,,`,
      ),
    );
    expect(places(result)).toEqual(['3 address']);
  });
});

describe('areas', () => {
  const head = 'code,level,zh,en,parent,aliases,validFrom,validTo\n';

  it('are added below known ones, in any order', async () => {
    const [status, result] = await send(
      'areas',
      `${head}330522102201,village,新村,New Village,330522102000,,,\n` +
        `330522102000,township,新镇,New,${COUNTY},旧一|旧二,2020-01-01,\n`,
    );
    expect([status, result.created]).toEqual([200, 2]);
    const { path } = await admin.get<{ path: { code: string }[] }>('/areas/330522102201');
    expect(path.map((one) => one.code)).toEqual([COUNTY, '330522102000', '330522102201']);
  });

  it('tell every fault, and none is added', async () => {
    const [status, result] = await send(
      'areas',
      `${head}330522103000,township,甲,A,${COUNTY},,,\n` +
        `33052,town,,B,${NORTH},,last year,\n` +
        `330522104000,township,丙,C,${NORTH_VILLAGE},,,\n` +
        `330522105000,township,丁,D,330522999000,,,\n` +
        `${COUNTY},county,长兴县,Changxing,${NORTH},,,\n` +
        `330522103000,township,戊,E,${COUNTY},,,\n`,
    );
    expect(status).toBe(422);
    expect(places(result)).toEqual(
      expect.arrayContaining([
        '3 code',
        '3 level',
        '3 zh',
        '3 validFrom',
        '4 parent',
        '5 parent',
        '6 parent',
        '7 code',
      ]),
    );
    expect((await admin.ask('GET', '/areas/330522103000')).statusCode).toBe(404);
  });
});
