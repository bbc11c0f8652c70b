import { workbookOf } from '@village/registry/testing';
import type { LightMyRequestResponse } from 'fastify';
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
  rows?: { line: number; cells: Record<string, string> }[];
  readings?: object[];
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
    // Rows with faults are told as they were read, without what is secret; the good one is not.
    const rows = new Map(result.rows?.map(({ line, cells }) => [line, cells]));
    expect([...rows.keys()]).toEqual([3, 4, 5, 7, 8]);
    expect(rows.get(4)).toMatchObject({ id: 'two', profile: 'no/such', longitude: '500' });
    expect(result.rows?.filter(({ cells }) => 'secret' in cells)).toEqual([]);
    expect((await admin.ask('GET', '/devices/good')).statusCode).toBe(404);
  });

  it('refuses a file of other columns, an empty one and a torn one', async () => {
    expect(places((await send('devices', 'id,name,colour\n'))[1])).toContain('1 colour');
    expect(places((await send('devices', '\n'))[1])).toEqual(['1 ']);
    const torn = `${deviceCsv()}a,"never closed,village/smart-bin,${NORTH_VILLAGE}`;
    const [status, result] = await send('devices', torn);
    expect([status, result.faults.length]).toEqual([422, 1]);
  });

  it('tells words that are none, also where every object has them, and degrees that are no decimals', async () => {
    const csv = deviceCsv(
      `w1,一,village/smart-bin,${NORTH_VILLAGE},,,0x10,0b1,,,constructor`,
      `w2,二,village/smart-bin,${NORTH_VILLAGE},,,119.,+31.5,,,Correct`,
      `w3,三,toString,${NORTH_VILLAGE},,,,,,,`,
    );
    const [status, result] = await send('devices', csv.replace('secret\n', 'secret,clock\n'));
    expect([status, places(result)]).toEqual([
      422,
      ['2 longitude', '2 latitude', '2 clock', '4 profile'],
    ]);
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

  it('have days that there are, short aliases and a level above what lies in them', async () => {
    const [status, result] = await send(
      'areas',
      `${head}330522105000,township,甲,A,${COUNTY},"a\u0007|b",2024-02-30,2024-13-01\n` +
        `330522106000,township,乙,B,${COUNTY},${'x'.repeat(101)},2024-02-29,2024-02-28\n` +
        `${NORTH},village,北镇,North,${COUNTY},,,\n`,
    );
    expect([status, places(result)]).toEqual([
      422,
      ['2 aliases', '2 validFrom', '2 validTo', '3 aliases', '3 validTo', '4 level'],
    ]);
    const sheet = (name: string): Buffer => {
      const cells = [
        ...head.trim().split(','),
        '\n',
        '330522107000',
        'township',
        name,
        'C',
        COUNTY,
      ];
      const rows = cells.map((text) =>
        text === '\n' ? '</row><row>' : `<c t="inlineStr"><is><t>${text}</t></is></c>`,
      );
      return workbookOf({ sheets: { one: `<row>${rows.join('')}</row>` } });
    };
    const half = await admin.send('POST', '/areas/import', sheet('丙_xD800_'), 'text/csv');
    expect([half.statusCode, places(half.json())]).toEqual([422, ['2 zh']]);
    const moved = await send(
      'areas',
      `${head}${NORTH},township,北镇,North,${COUNTY},a||b,2024-02-29,2024-02-29\n`,
    );
    expect(moved[0]).toBe(200);
  });

  it('keep their own level between what is above and what is below', async () => {
    const north = await test.client('north');
    const own = (level: string, code = NORTH, parent: string = COUNTY): string =>
      `${head}${code},${level},北镇,North,${parent},,,\n`;
    const sent: [Client, string, string[]][] = [
      // Beside the county in which it lies, and beside the village that lies in it.
      [north, own('county'), ['2 parent']],
      [north, own('village'), ['2 level']],
      [admin, own('village', COUNTY, ''), ['2 level']],
      [admin, own('township', COUNTY, ''), ['2 level']],
    ];
    for (const [who, csv, wanted] of sent) {
      const response = await who.ask('POST', '/areas/import', csv);
      expect(response.statusCode).toBe(422);
      expect(places(response.json())).toEqual(wanted);
    }
    expect((await north.ask('POST', '/areas/import', own('township'))).statusCode).toBe(200);
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

describe('many files at once', () => {
  it('wait in a queue that ends', async () => {
    const csv = `${deviceCsv(`queued,桶,village/smart-bin,${NORTH_VILLAGE},,,,,,`)}${',,,,,,,,,\n'.repeat(100_000)}`;
    const sent = Array.from({ length: 12 }, () => admin.ask('POST', '/devices/import', csv));
    const answers = (await Promise.all(sent)).map((one) =>
      one.statusCode === 200 ? 'taken' : `${one.statusCode} ${one.json().code}`,
    );
    expect(answers.filter((one) => one !== 'taken').length).toBeGreaterThan(0);
    expect(new Set(answers)).toEqual(new Set(['taken', '503 busy']));
  }, 120_000);
});

describe('a file', () => {
  it('that fits two encodings is asked about, with both readings, and taken once it is said', async () => {
    const row = (name: Buffer): Buffer =>
      Buffer.concat([
        Buffer.from(deviceCsv('').trimEnd()),
        Buffer.from(`\nschool-bin,`),
        name,
        Buffer.from(`,village/smart-bin,${NORTH_VILLAGE},,,,,,\n`),
      ]);
    // 小学 in GBK.
    const file = row(Buffer.from([0xd0, 0xa1, 0xd1, 0xa7]));
    const post = (query: string, type = 'text/csv'): Promise<LightMyRequestResponse> =>
      admin.send('POST', `/devices/import${query}`, file, type);
    const response = await post('');
    expect(response.statusCode).toBe(422);
    expect(response.json()).toMatchObject({
      created: 0,
      faults: [{ line: 2, zh: expect.stringContaining('gb18030') }],
      readings: [
        { encoding: 'utf-8', lines: [{ line: 2, text: expect.stringContaining(',Сѧ,') }] },
        { encoding: 'gb18030', lines: [{ line: 2, text: expect.stringContaining(',小学,') }] },
      ],
    });
    expect((await admin.ask('GET', '/devices/school-bin')).statusCode).toBe(404);
    expect((await post('?encoding=latin1')).statusCode).toBe(400);
    expect((await post('?encoding=gb18030')).statusCode).toBe(200);
    expect(await admin.get('/devices/school-bin')).toMatchObject({ name: '小学' });
    expect((await post('', 'text/csv; charset=GBK')).statusCode).toBe(200);
    expect(await admin.get('/devices/school-bin')).toMatchObject({ name: '小学' });
  });

  it('of Excel, or with what spreadsheets leave behind, is taken as it is', async () => {
    const cells = (row: number, texts: readonly string[]): string =>
      `<row r="${row}">${texts
        .map((text) => `<c t="inlineStr"><is><t>${text}</t></is></c>`)
        .join('')}</row>`;
    const titles = '设备编号,设备名称,设备类型,所在区域,网关,地址,经度,纬度,参数,密钥'.split(',');
    const file = workbookOf({
      sheets: {
        设备: `${cells(1, ['长兴县设备清单'])}${cells(3, titles)}${cells(4, ['xlsx-bin', '桶', 'village/smart-bin', NORTH_VILLAGE])}`,
      },
    });
    const types = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
    for (const type of [
      types,
      'application/vnd.ms-excel',
      'application/octet-stream',
      'text/csv',
    ]) {
      const response = await admin.send('POST', '/devices/import', file, type);
      expect([type, response.statusCode, response.json()]).toMatchObject([
        type,
        200,
        { faults: [] },
      ]);
    }
    expect(await admin.get('/devices/xlsx-bin')).toMatchObject({ name: '桶' });
    const left = `${deviceCsv(`xlsx-bin,筒,village/smart-bin,${NORTH_VILLAGE}`, ',,,,,,,,,', ',').replaceAll(',', ';')}`;
    expect((await send('devices', left))[1]).toMatchObject({ updated: 1, faults: [] });
    const wrong = await send(
      'devices',
      `\n${deviceCsv(`xlsx-bin,,village/smart-bin,3.30522E+11`)}`,
    );
    expect(wrong[1].faults).toEqual([
      {
        line: 3,
        column: 'area',
        cell: 'D3',
        message: expect.stringContaining('shortened'),
        zh: expect.stringContaining('文本'),
      },
      { line: 3, column: 'name', cell: 'B3', message: expect.any(String), zh: expect.any(String) },
    ]);
  });

  it('may spell codes, levels and types as people do', async () => {
    const rows = [
      `code,level,zh,en,parent,aliases,validFrom,validTo`,
      `330522112,乡镇,西镇,West,330522,,,`,
      `330522112201.0,行政村,西村,West Village,'330522112,,,`,
      `330522113,Township,东镇,East,="330522000000",,,`,
    ];
    expect(await send('areas', `${rows.join('\n')}\n`)).toMatchObject([
      200,
      { created: 3, faults: [] },
    ]);
    expect(await admin.get('/areas/330522112201')).toMatchObject({
      level: 'village',
      parent: '330522112000',
    });
    const devices = deviceCsv(
      `spelled-bin,桶,Village/Smart-Bin,330522112`,
      `spelled-bin-2,桶,village/smart-bin,330522113000.00`,
    );
    expect((await send('devices', devices))[1]).toMatchObject({ created: 2, faults: [] });
    expect(await admin.get('/devices/spelled-bin')).toMatchObject({
      profile: 'village/smart-bin',
      area: { code: '330522112000' },
    });
    // Neither is a code of any kind.
    for (const area of ['33052', '3305221', '330522112000.5'])
      expect(
        (await send('devices', deviceCsv(`odd-bin,桶,village/smart-bin,${area}`)))[1],
      ).toMatchObject({ created: 0, faults: [{ column: 'area' }] });
  });

  it('that is nothing of the kind is refused with the way out', async () => {
    for (const [bytes, code] of [
      [Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'unreadable-workbook'],
      [Buffer.from([0xff, 0xff, 0xff]), 'unreadable-text'],
      [Buffer.from('PK\u0003\u0004nothing'), 'unreadable-workbook'],
    ] as const) {
      const response = await admin.send('POST', '/areas/import', bytes, 'text/csv');
      expect([response.statusCode, response.json()]).toMatchObject([422, { code }]);
    }
  });
});
