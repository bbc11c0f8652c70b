import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AREAS,
  Client,
  DEVICES,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

describe('refusals are problem documents', () => {
  it.each([
    ['GET', '/nothing-here', undefined, 404, 'not-found'],
    ['GET', '/devices/none', undefined, 404, 'not-found'],
    ['GET', '/areas/12', undefined, 400, 'invalid-request'],
    ['GET', '/devices?limit=0', undefined, 400, 'invalid-request'],
    ['GET', '/devices?limit=1001', undefined, 400, 'invalid-request'],
    ['GET', '/devices?sort=secret', undefined, 400, 'invalid-request'],
    ['GET', '/devices?unknown=1', undefined, 400, 'invalid-request'],
    ['GET', '/devices?cursor=AAAA', undefined, 400, 'bad-cursor'],
    ['GET', '/readings?device=north-air', undefined, 400, 'invalid-request'],
    [
      'GET',
      '/readings?device=north-air&from=2026-01-01T00:00:00&to=2026-01-02T00:00:00Z',
      undefined,
      400,
      'invalid-request',
    ],
    [
      'GET',
      '/readings?device=north-air&from=2026-02-30T00:00:00Z&to=2026-03-02T00:00:00Z',
      undefined,
      400,
      'bad-time',
    ],
    [
      'GET',
      '/readings?device=north-air&metric=x&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
      undefined,
      422,
      'unknown-metric',
    ],
    [
      'GET',
      '/aggregates?metric=air.co&device=north-ph&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
      undefined,
      422,
      'unknown-metric',
    ],
    [
      'GET',
      '/aggregates?metric=air.co&every=1s&from=2026-01-01T00:00:00Z&to=2026-12-02T00:00:00Z',
      undefined,
      400,
      'too-many-buckets',
    ],
    ['POST', '/tokens', { name: 'x', role: 'king' }, 400, 'invalid-request'],
    ['POST', '/tokens', { name: 'x', role: 'clerk', admin: true }, 400, 'invalid-request'],
    ['POST', '/session', { user: 'x'.repeat(70_000), password: 'x' }, 413, 'too-large'],
    ['POST', '/readings', { readings: Array(2001).fill({}) }, 400, 'invalid-request'],
    ['POST', '/devices/import', { csv: '' }, 415, 'unsupported-content-type'],
  ] as const)('%s %s', async (method, url, body, status, code) => {
    const response = await admin.ask(method, url, body);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
  });

  it.each([
    ['{"user":', 'broken'],
    ['{"user":"a","password":"b","__proto__":{"x":1}}', 'prototype'],
    ['{"user":"a","password":"b","constructor":{"prototype":{"x":1}}}', 'constructor'],
  ])('JSON: %s', async (payload) => {
    const response = await test.server.http.inject({
      method: 'POST',
      url: '/api/v1/session',
      headers: { 'content-type': 'application/json' },
      payload,
    });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.body).not.toMatch(/at .*\.ts|node_modules/);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('too many requests are refused with the time to wait', async () => {
    const limited = await startTest((config) => ({
      ...config,
      limits: { ...config.limits, requestsPerMinute: 5 },
    }));
    try {
      const answers = [];
      for (let n = 0; n < 7; n++)
        answers.push(await limited.server.http.inject('/api/v1/openapi.json'));
      expect(answers.map((one) => one.statusCode)).toEqual([200, 200, 200, 200, 200, 429, 429]);
      expect(answers[6]?.json()).toMatchObject({ code: 'too-many-requests', status: 429 });
      expect(Number(answers[6]?.headers['retry-after'])).toBeGreaterThan(0);
      // What watches the server from the same address is not told that it is ill.
      for (const path of ['/healthz', '/metrics'])
        expect((await limited.server.http.inject(path)).statusCode).toBe(200);
      const probes = [];
      for (let n = 0; n < 6; n++) probes.push(await limited.server.http.inject('/healthz'));
      expect(probes.at(-1)?.statusCode).toBe(429);
    } finally {
      await limited.close();
    }
  });

  it('one who asks too much costs others at the same address nothing, nor do guesses cost those who are known', async () => {
    const limited = await startCounty((config) => ({
      ...config,
      limits: { ...config.limits, requestsPerMinute: 5 },
    }));
    try {
      // A township's office has one address.
      const [greedy, other] = [await limited.client('north'), await limited.client('village')];
      const statuses = [];
      for (let n = 0; n < 7; n++)
        statuses.push((await greedy.ask('GET', n % 2 === 0 ? '/areas' : '/devices')).statusCode);
      expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
      const refused = await greedy.ask('GET', '/areas');
      expect(refused.json()).toMatchObject({ code: 'too-many-requests', status: 429 });
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
      expect((await other.ask('GET', '/areas')).statusCode).toBe(200);
      // Whoever guesses at secrets is stopped before the store is asked about them.
      const guesses = [];
      for (let n = 0; n < 7; n++) {
        const headers = { authorization: `Bearer guess-${n}-0123456789abcdef` };
        const { http } = limited.server;
        guesses.push((await http.inject({ url: '/api/v1/areas', headers })).statusCode);
      }
      expect(guesses).toEqual([401, 401, 401, 401, 401, 429, 429]);
      expect((await other.ask('GET', '/areas')).statusCode).toBe(200);
      // Tabs of yesterday guess as well, in the eyes of the server: whoever signs in now is no stranger.
      const again = await limited.client('village');
      expect((await again.ask('GET', '/areas')).statusCode).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('a fault of ours shows nothing of the inside', async () => {
    const broken = await startTest();
    const client = await broken.client('admin');
    rmSync(join(broken.folder, 'data', 'temporary'), { recursive: true });
    const response = await client.ask(
      'GET',
      '/export?format=csv&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
    );
    expect([response.statusCode, response.json().code]).toEqual([500, 'query-failed']);
    expect(response.body).not.toMatch(/\.ts:|node_modules|stack|village-server|temporary/);
    await broken.close();
  });
});

describe('the description', () => {
  it('names every route with its answers', async () => {
    const { paths } = await admin.get<{
      paths: Record<string, Record<string, { responses: Record<string, object> }>>;
    }>('/openapi.json');
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { responses }]) => {
        expect(Object.keys(responses).some((status) => status.startsWith('2'))).toBe(true);
        return `${method.toUpperCase()} ${path.replace('/api/v1', '')}`;
      }),
    );
    // What docs/http-api.md promises, so that neither can lose a route alone.
    const promised = [
      ...['POST', 'GET', 'DELETE'].map((method) => `${method} /session`),
      'PUT /session/password',
      'GET /healthz',
      'GET /metrics',
      'GET /areas',
      'GET /areas/{code}',
      'POST /areas/import',
      'GET /profiles',
      'GET /devices',
      'GET /devices/{id}',
      'GET /devices/{id}/latest',
      'POST /devices/import',
      'GET /readings',
      'POST /readings',
      'GET /aggregates',
      'GET /completeness',
      'GET /events',
      'GET /quarantine',
      'GET /quarantine/{id}',
      'POST /quarantine/rerun',
      'GET /export',
      'GET /export/estimate',
      'GET /exports',
      'POST /exports',
      'GET /exports/{id}',
      'DELETE /exports/{id}',
      'GET /exports/{id}/file',
      'GET /frames',
      'GET /live',
      'GET /overview',
      'GET /system',
      'POST /system/backup',
      'GET /users',
      'PUT /users/{name}',
      'DELETE /users/{name}',
      'GET /tokens',
      'POST /tokens',
      'DELETE /tokens/{id}',
      'GET /audit',
      'GET /rights',
      'GET /areas/{code}/registration',
      'GET /devices/{id}/registration',
      'GET /gateways',
      'GET /gateways/{id}/registration',
      'GET /profiles/forms',
      'POST /areas',
      'POST /devices',
      'POST /devices/{id}/secret',
      'POST /gateways',
      'POST /gateways/{id}/secret',
      'PUT /areas/{code}',
      'PUT /devices/{id}',
      'PUT /gateways/{id}',
      'GET /jobs',
      'GET /areas/{code}/properties',
      'PUT /areas/{code}/properties',
      'GET /devices/{id}/history',
      'GET /devices/{id}/properties',
      'PUT /devices/{id}/properties',
      'POST /devices/{id}/replace',
      'POST /devices/{id}/retire',
      'PUT /devices/{id}/clock',
      'GET /gateways/{id}/dependents',
      'POST /gateways/{id}/retire',
      'POST /gateways/{id}/reinstate',
      'POST /devices/{id}/reinstate',
      'GET /areas/{code}/dependents',
      'POST /areas/{code}/retire',
      'POST /areas/{code}/reinstate',
      'GET /client-ids',
      'GET /client-ids/{id}',
      'DELETE /client-ids/{id}',
      'GET /alerts',
      'GET /alerts/{id}',
      'POST /alerts/{id}/acknowledge',
      'POST /alerts/{id}/comment',
      'POST /alerts/{id}/assign',
      'POST /alerts/{id}/shelve',
      'POST /alerts/{id}/verdict',
      'GET /corrections',
      'POST /corrections',
      'POST /corrections/preview',
      'POST /corrections/{id}/approve',
      'POST /corrections/{id}/undo',
      'GET /figures',
      'GET /figures/of',
      'GET /figures/explain',
      'GET /areas/geometry',
      'POST /areas/geometry',
      'DELETE /areas/geometry',
      'GET /map/devices',
      'GET /system/backups',
      'GET /system/configuration',
      'POST /profiles/check',
      'POST /profiles/try',
      'POST /profiles',
      'GET /profiles/waiting',
      'DELETE /profiles/waiting/{vendor}/{model}',
      'GET /profiles/sources',
      'GET /profiles/files/{vendor}/{model}',
      'GET /profiles/own/{vendor}/{model}',
      'DELETE /profiles/own/{vendor}/{model}',
      'GET /audit/file',
    ];
    expect(described.sort()).toEqual(promised.sort());
  });
});

describe('pages', () => {
  it('any page address gives the console, an unknown file or API address does not', async () => {
    const pages = await startTest((config) => {
      const folder = join(config.data, '..', 'console');
      mkdirSync(join(folder, 'assets'), { recursive: true });
      writeFileSync(join(folder, 'index.html'), '<title>console</title>');
      writeFileSync(join(folder, 'assets', 'a-1f2e.js'), 'export {}');
      return config;
    });
    const get = (url: string, accept = 'text/html') =>
      pages.server.http.inject({ url, headers: { accept } });
    for (const url of ['/', '/devices/north-air?range=24h', '/areas/330522100000'])
      expect((await get(url)).body).toBe('<title>console</title>');
    const asset = await get('/assets/a-1f2e.js', '*/*');
    expect(asset.headers['cache-control']).toContain('immutable');
    expect((await get('/assets/none.js', '*/*')).statusCode).toBe(404);
    expect((await get('/api/v1/none')).statusCode).toBe(404);
    expect((await get('/..%2f..%2fdata/relational.sqlite', '*/*')).statusCode).toBe(404);
    const policy = (await get('/')).headers['content-security-policy'];
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toContain('unsafe-inline');
    await pages.close();
  });
});

describe('lists', () => {
  it('page by cursor without losing or repeating a device while others are added', async () => {
    const names = Array.from({ length: 30 }, (_, n) => `d-${String(n).padStart(2, '0')}`);
    const row = (id: string) => `${id},设备 ${id},village/smart-bin,${NORTH_VILLAGE},,,,,,`;
    await test.server.importDevices(deviceCsv(...names.map(row)));
    for (const sort of ['name', '-name', 'state', 'lastSeenAt', '-lastSeenAt']) {
      const seen: string[] = [];
      let cursor = '';
      for (let page = 0; cursor !== 'end'; page++) {
        const more = cursor === '' ? '' : `&cursor=${cursor}`;
        const { items, next } = await admin.get<{ items: { id: string }[]; next: string | null }>(
          `/devices?q=d-&limit=7&sort=${sort}${more}`,
        );
        seen.push(...items.map((item) => item.id));
        // One that sorts before everything and one after: neither may shift the pages.
        await test.server.importDevices(deviceCsv(row(`d-0${page}${sort.length}`)));
        cursor = next ?? 'end';
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(names.filter((name) => !seen.includes(name))).toEqual([]);
    }
  });

  it('count what matches, and find by name, id and address', async () => {
    const { total, counts, items } = await admin.get<{
      total: number;
      counts: Record<string, number>;
      items: { id: string }[];
    }>('/devices?q=AIR&state=never');
    expect([total, counts, items.map((one) => one.id)]).toEqual([
      2,
      { online: 0, late: 0, offline: 0, never: 2 },
      ['north-air', 'south-air'],
    ]);
  });

  it('page readings by time', async () => {
    const base = Date.UTC(2026, 0, 1);
    const readings = Array.from({ length: 25 }, (_, n) => ({
      device: 'north-air',
      at: new Date(base + n * 60_000).toISOString(),
      values: { temperature: n },
    }));
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    const seen: number[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: { items: { values: { temperature: number } }[]; next: string | null } =
        await admin.get(
          `/readings?device=north-air&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&limit=10${cursor === '' ? '' : `&cursor=${cursor}`}`,
        );
      seen.push(...page.items.map((item) => item.values.temperature));
      cursor = page.next;
    }
    expect(seen).toEqual(readings.map((_, n) => n));
    const { unit, items } = await admin.get<{ unit: string; items: { values: object }[] }>(
      '/aggregates?metric=air.temperature&device=north-air&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&every=1h&agg=count,min,max,avg',
    );
    expect([unit, items[0]?.values]).toEqual(['℃', { count: 25, min: 0, max: 24, avg: 12 }]);
  });

  it('tell what is missing from the first reading on, and silences by their real times', async () => {
    // An hourly device, first heard at 06:20, silent from 08:20 to 11:40.
    const ask = `/completeness?device=south-air&from=2026-01-01T00:00:00Z&to=2026-01-01T14:00:00Z`;
    expect(await admin.get(ask)).toMatchObject({ expected: 0, since: null, gaps: [], gapCount: 0 });
    const readings = ['06:20', '07:20', '08:20', '11:40', '12:40'].map((clock) => ({
      device: 'south-air',
      at: `2026-01-01T${clock}:00Z`,
      values: { temperature: 1 },
    }));
    expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
    const answer = await admin.get<{ hours: { at: string; expected: number }[] }>(ask);
    expect(answer).toMatchObject({
      reportEvery: 3600,
      expected: 8,
      received: 5,
      since: '2026-01-01T06:20:00Z',
      gaps: [{ from: '2026-01-01T08:20:00Z', to: '2026-01-01T11:40:00Z' }],
      gapCount: 1,
    });
    expect(answer.hours.map((hour) => hour.expected)).toEqual([
      0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
    ]);
  });

  it('export long rows, in both formats', async () => {
    const url = '/export?device=north-air&from=2026-01-01T00:00:00Z&to=2026-01-01T00:02:00Z';
    const csv = await admin.ask('GET', `${url}&format=csv`);
    const rows = csv.body.trim().split('\n');
    expect(rows[0]).toBe(
      'device,metric,at,value,quality,lane,received_at,' +
        'original_device,original_at,original_value,original_quality,corrections,' +
        'device_name,metric_name,metric_name_en,unit',
    );
    const received = await admin.ask('GET', `${url}&format=csv&view=received`);
    expect(received.body.split('\n')[0]).toBe(
      'device,metric,at,value,quality,lane,received_at,device_name,metric_name,metric_name_en,unit',
    );
    expect(rows.slice(1).map((row) => row.split(',').slice(0, 5).join(','))).toEqual([
      'north-air,temperature,2026-01-01T00:00:00.000Z,0.0,good',
      'north-air,temperature,2026-01-01T00:01:00.000Z,1.0,good',
    ]);
    expect(csv.headers['content-disposition']).toContain('readings.csv');
    const parquet = await admin.ask('GET', `${url}&format=parquet`);
    expect(parquet.rawPayload.subarray(0, 4).toString()).toBe('PAR1');
  });
});

describe('the same in another spelling', () => {
  it('a plus that stands in an address as it is, and blanks before a token', async () => {
    const zone = '2026-01-01T08:00:00+08:00';
    for (const query of [
      `from=${encodeURIComponent(zone)}&to=2026-01-01T01:00:00Z`,
      `from=${zone}&to=2026-01-01T09:00:00+08:00`,
      'from=2026-01-01 08:00:00.000 08:00&to=2026-01-01t01:00:00z',
    ])
      expect(await admin.get(`/readings?device=north-air&${query}`)).toMatchObject({ next: null });
    for (const from of ['2026-01-01T08:00:00', '2026-01-01T08:00:00 0800', '2026-01-01 08:00'])
      expect(
        (await admin.ask('GET', `/readings?device=north-air&from=${from}&to=${zone}`)).statusCode,
      ).toBe(400);
    const made = (await admin.ask('POST', '/tokens', { name: 'm', role: 'clerk' })).json();
    for (const before of ['Bearer ', 'bearer  ', 'BEARER   '])
      expect(
        (
          await new Client(test.server, '').ask('GET', '/devices', undefined, {
            authorization: `${before}${made.token}`,
          })
        ).statusCode,
      ).toBe(200);
  });
});

describe('a body of another encoding', () => {
  // 北村 in GBK.
  const gbk = Buffer.from([0xb1, 0xb1, 0xb4, 0xe5]);
  const around = (text: string): Buffer => {
    const [before = '', after = ''] = text.split('§');
    return Buffer.concat([Buffer.from(before), gbk, Buffer.from(after)]);
  };

  it('is refused and named, and nothing of it is kept', async () => {
    const user = around(
      JSON.stringify({ displayName: '§', role: 'clerk', area: NORTH, password: PASSWORD }),
    );
    const at = new Date().toISOString();
    const events = around(
      JSON.stringify({
        readings: [],
        events: [{ device: 'north-air', at, type: 'x', detail: { a: '§' } }],
      }),
    );
    for (const type of ['application/json', 'application/json; charset=gbk'])
      for (const [method, url, body] of [
        ['PUT', '/users/gbk', user],
        ['POST', '/readings', events],
      ] as const) {
        const response = await admin.send(method, url, body, type);
        expect([response.statusCode, response.json()]).toMatchObject([
          400,
          { code: 'bad-request', detail: expect.stringContaining('UTF-8') },
        ]);
      }
    const { items } = await admin.get<{ items: { name: string }[] }>('/users?limit=100');
    expect(items.map(({ name }) => name)).not.toContain('gbk');
    const marked = Buffer.from(`\ufeff${JSON.stringify({ readings: [] })}`);
    expect((await admin.send('POST', '/readings', marked, 'application/json')).statusCode).toBe(
      202,
    );
  });
});

describe('posting readings', () => {
  it('keeps bad rows aside and stores the others', async () => {
    const at = new Date(test.timer.now()).toISOString();
    const text = `{"readings":[
      {"device":"north-air","at":"${at}","values":{"temperature":1e400}},
      {"device":"nobody","at":"${at}","values":{"temperature":1}},
      {"device":"north-air","at":"yesterday","values":{"temperature":1}},
      {"device":"north-air","at":"${at}","values":{"pm25":55}}]}`;
    const response = await admin.ask('POST', '/readings', text, {
      'content-type': 'application/json',
    });
    const { accepted, quarantined } = response.json() as {
      accepted: number;
      quarantined: { index: number; reason: string }[];
    };
    expect([accepted, quarantined.map((one) => one.index)]).toEqual([1, [0, 1, 2]]);
    const latest = await admin.get<{ values: Record<string, { value: number }> }>(
      '/devices/north-air/latest',
    );
    expect(latest.values['pm25']?.value).toBe(55);
  });
});

describe('health', () => {
  it('is 503, and readings are refused, while the disk takes nothing', async () => {
    const full = await startTest((config) => ({
      ...config,
      store: { ...config.store, diskReserveMegabytes: 1_000_000_000 },
    }));
    await full.server.importAreas(AREAS);
    await full.server.importDevices(DEVICES);
    const client = await full.client('admin');
    full.timer.haste = 10;
    const at = new Date(full.timer.now()).toISOString();
    const readings = [{ device: 'north-air', at, values: { pm25: 1 } }];
    const waiting = client.ask('POST', '/readings', { readings });
    await until('the store to see the disk', async () => {
      const { statusCode } = await full.server.http.inject('/healthz');
      return statusCode === 503;
    });
    const refused = await client.ask('POST', '/readings', { readings });
    for (const answer of [refused, await waiting])
      expect([answer.statusCode, answer.json().code]).toEqual([503, 'store-unavailable']);
    const metrics = await full.server.http.inject('/metrics');
    expect(metrics.body).toMatch(/^village_store_commit_fault 1$/m);
    await expect(full.server.stop()).rejects.toMatchObject({ code: 'disk-reserve' });
    rmSync(full.folder, { recursive: true });
  }, 60_000);

  it('metrics tell what happened', async () => {
    const { body, headers } = await test.server.http.inject('/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toMatch(/^village_pipeline_quarantined_total\{reason="unknown-device"\} 1$/m);
    expect(body).toMatch(/^village_devices\{state="never"\} \d+$/m);
  });
});
