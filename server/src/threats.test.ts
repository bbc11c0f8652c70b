/** What somebody with bad intent tries: forged tokens, fields that are not theirs, lines in the log, formulas, secrets on disk. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { systemTimer } from '@village/core';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer } from './app.ts';
import { loadConfig } from './config/config.ts';
import {
  AREAS,
  type Client,
  DEVICES,
  deviceCsv,
  NORTH,
  NORTH_VILLAGE,
  startCounty,
  type TestServer,
  until,
} from './testing.ts';

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('forged credentials', () => {
  const claims = base64({ sub: 'admin', role: 'admin', exp: 4e9 });
  const heads = ['none', 'None', 'HS256', 'HS512', 'RS256', 'ES256'].map((alg) =>
    base64({ alg, typ: 'JWT', kid: '../../dev/null', jku: 'http://127.0.0.1/' }),
  );
  const signed = (head: string, key: string): string =>
    `${head}.${claims}.${createHmac('sha256', key).update(`${head}.${claims}`).digest('base64url')}`;
  const forged = [
    ...heads.flatMap((head) => [`${head}.${claims}.`, signed(head, ''), signed(head, 'secret')]),
    ...['', 'null', 'undefined', 'true', '0', '*', '%', `' or '1'='1`, '../admin', 'token:1'],
    ...['a'.repeat(43), 'A'.repeat(64), '0'.repeat(200), '-'.repeat(16), '_'.repeat(32)],
    ...Array.from({ length: 30 }, (_, n) => `${'x'.repeat(n + 16)}`),
  ];

  it.each(['authorization', 'cookie'] as const)('as %s open nothing', async (kind) => {
    expect(forged.length).toBeGreaterThan(60);
    for (const secret of forged) {
      const header =
        kind === 'cookie'
          ? { cookie: `village_session=${encodeURIComponent(secret)}` }
          : { authorization: `Bearer ${secret}` };
      const response = await test.server.http.inject({ url: '/api/v1/devices', headers: header });
      expect([secret, response.statusCode]).toEqual([secret, 401]);
    }
  });

  it('a token that was taken back opens nothing at once, nor one that is changed in a letter', async () => {
    const made = (await admin.ask('POST', '/tokens', { name: 'm', role: 'clerk' })).json() as {
      id: string;
      token: string;
    };
    const ask = async (token: string): Promise<number> =>
      (
        await test.server.http.inject({
          url: '/api/v1/devices',
          headers: { authorization: `Bearer ${token}` },
        })
      ).statusCode;
    expect(await ask(made.token)).toBe(200);
    for (let n = 0; n < made.token.length; n++) {
      const other = made.token[n] === 'A' ? 'B' : 'A';
      expect(await ask(made.token.slice(0, n) + other + made.token.slice(n + 1))).toBe(401);
    }
    expect((await admin.ask('DELETE', `/tokens/${made.id}`)).statusCode).toBe(204);
    expect(await ask(made.token)).toBe(401);
  });
});

describe('fields and parameters that a route does not have', () => {
  interface Operation {
    parameters?: { name: string; in: string; required?: boolean }[];
    requestBody?: { content: Record<string, { schema: { properties?: Record<string, object> } }> };
  }

  it('are refused by every route', async () => {
    const { paths } = (await admin.get('/openapi.json')) as {
      paths: Record<string, Record<string, Operation>>;
    };
    const tried: string[] = [];
    for (const [path, methods] of Object.entries(paths))
      for (const [method, operation] of Object.entries(methods)) {
        if (!path.startsWith('/api/v1')) continue;
        const address = path.replace('/api/v1', '').replace(/\{\w+\}/g, NORTH);
        const body = operation.requestBody?.content['application/json']?.schema.properties;
        const verb = method.toUpperCase();
        if (body !== undefined)
          for (const extra of ['isAdmin', 'role2', 'id', 'passwordHash', 'createdBy']) {
            if (extra in body) continue;
            const response = await admin.ask(verb, address, { ...sample(body), [extra]: true });
            const { code, errors } = response.json() as { code: string; errors: object[] };
            expect([path, extra, code]).toEqual([path, extra, 'invalid-request']);
            expect(JSON.stringify(errors)).toContain(extra);
            tried.push(`${verb} ${path}`);
          }
        const query = (operation.parameters ?? []).filter((one) => one.in === 'query');
        if (verb !== 'GET' || query.length === 0) continue;
        const response = await admin.ask('GET', `${address}?scope=${NORTH}`);
        expect([path, response.json().code]).toEqual([path, 'invalid-request']);
        tried.push(`${verb} ${path}`);
      }
    expect(new Set(tried).size).toBeGreaterThan(15);
  });

  /** Something of the right kind for each field, so that only what is added is at fault. */
  function sample(fields: Record<string, object>): Record<string, unknown> {
    const known: Record<string, unknown> = { role: 'clerk', area: NORTH, readings: [], events: [] };
    known['expiresAt'] = '2030-01-01T00:00:00Z';
    known['lane'] = 'live';
    known['ids'] = [];
    return Object.fromEntries(Object.keys(fields).map((key) => [key, known[key] ?? 'x']));
  }
});

describe('formulas', () => {
  const starts = [
    '=',
    '+',
    '-',
    '@',
    '\t',
    '\r',
    '＝',
    '＋',
    '－',
    '＠',
    '|',
    '%',
    '"=',
    "'=",
    ' =',
  ];
  const payloads = starts.flatMap((start) =>
    ['1+1', 'cmd|"/c calc"!A0', 'HYPERLINK("http://127.0.0.1")', 'SUM(A1:A9)', 'x'].map(
      (rest) => start + rest,
    ),
  );

  it('are no ids, so that no export can hold one', async () => {
    expect(payloads.length).toBeGreaterThan(70);
    for (const id of payloads) {
      const quoted = `"${id.replaceAll('"', '""')}"`;
      const csv = deviceCsv(`${quoted},n,village/smart-bin,${NORTH_VILLAGE},,,,,,`);
      const response = await admin.ask('POST', '/devices/import', csv);
      expect([id, response.statusCode]).toEqual([id, 422]);
    }
    const at = new Date(test.timer.now()).toISOString();
    const readings = [{ device: 'north-air', at, values: { temperature: -7.5 } }];
    await admin.ask('POST', '/readings', { readings });
    const { body } = await admin.ask(
      'GET',
      '/export?format=csv&from=2026-01-01T00:00:00Z&to=2027-12-31T00:00:00Z',
    );
    const cells = body
      .trim()
      .split(/\r?\n/)
      .flatMap((line) => line.split(','));
    expect(cells).toContain('-7.5');
    const formulas = cells.filter((cell) => /^[^\p{L}\d%.℃°]/u.test(cell));
    expect(formulas.filter((cell) => Number.isNaN(Number(cell)))).toEqual([]);
  });
});

it('nothing that somebody sends makes a line of its own in the log, and no secret is in it or on disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'village-secrets-'));
  const planted = {
    admin: 'Planted-Admin-Password-1',
    wrong: 'Planted-Wrong-Password-2',
    user: 'Planted-User-Password-3',
    device: 'planted-device-secret-4444',
    guess: 'planted-guessed-secret-5555',
  };
  let log = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const config = loadConfig(
    {
      VILLAGE_DATA: join(folder, 'data'),
      VILLAGE_HTTP_HOST: '127.0.0.1',
      VILLAGE_HTTP_PORT: '0',
      VILLAGE_MQTT_PORT: '0',
      VILLAGE_ADMIN_PASSWORD: planted.admin,
    },
    folder,
  );
  const logger = pino({ level: 'trace' }, stream);
  const server = await startServer(
    { ...config, mqtt: { ...config.mqtt, host: '127.0.0.1' } },
    { timer: systemTimer, log: logger, console: join(folder, 'none') },
  );
  const nasty = '\n{"level":60,"msg":"forged"}\r\n\u001b[2J\u2028';
  const ask = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, cookie = '') =>
    server.http.inject({
      method,
      url: `/api/v1${url}`,
      headers: {
        ...(cookie === '' ? {} : { cookie }),
        'user-agent': 'x',
        'x-forwarded-for': nasty,
      },
      ...(payload === undefined ? {} : { payload }),
    });
  const secrets: string[] = Object.values(planted);
  try {
    await server.importAreas(AREAS);
    await server.importDevices(DEVICES.replaceAll('a-secret-of-20-chars', planted.device));
    const signedIn = await ask('POST', '/session', { user: 'admin', password: planted.admin });
    const [cookie] = signedIn.cookies;
    secrets.push(cookie?.value ?? '');
    const session = `${cookie?.name}=${cookie?.value}`;
    const user = { role: 'clerk', area: NORTH, password: planted.user };
    const machine = { role: 'clerk' };
    const statuses = [
      await ask('PUT', '/users/li', { ...user, displayName: nasty }, session),
      await ask('PUT', '/users/li', { ...user, displayName: 'Li' }, session),
      await ask('POST', '/tokens', { ...machine, name: `t${nasty}` }, session),
    ].map(({ statusCode }) => statusCode);
    expect(statuses).toEqual([400, 200, 400]);
    const token = (await ask('POST', '/tokens', { ...machine, name: 't' }, session)).json() as {
      token: string;
    };
    secrets.push(token.token);
    for (let n = 0; n < 100; n++)
      await ask('POST', '/session', { user: `${nasty}${n}`.slice(0, 64), password: planted.wrong });
    for (let n = 0; n < 100; n++) {
      await ask('GET', `/devices/${encodeURIComponent(`${nasty}${n}`)}`, undefined, session);
      await ask('POST', '/readings', { readings: [{ device: nasty, at: nasty }] }, session);
    }
    for (let n = 0; n < 50; n++) {
      const client = mqtt.connect({
        host: '127.0.0.1',
        port: server.mqttPort,
        clientId: `${nasty}${n}`,
        username: `${nasty}${n}`,
        password: planted.guess,
        reconnectPeriod: 0,
      });
      await new Promise((resolve) => {
        client.once('error', resolve);
        client.once('close', () => resolve(null));
      });
      await client.endAsync(true);
    }
    const device = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: server.mqttPort,
      clientId: 'north-air',
      username: 'north-air',
      password: planted.device,
      reconnectPeriod: 0,
    });
    // Acknowledged and not taken: the log says so, and repeats the topic.
    await device.publishAsync(`x/${nasty}`, nasty, { qos: 1 });
    await device.endAsync(true);
    await ask('POST', '/system/backup', undefined, session);
    await until('the backup', async () => {
      const { backup } = (await ask('GET', '/system', undefined, session)).json() as {
        backup: { state: string } | null;
      };
      return backup?.state === 'done';
    });
  } finally {
    await server.stop();
  }
  const own = log.trim().split('\n').length;
  for (let n = 0; n < 1_000; n++) logger.warn({ clientId: `${nasty}${n}` }, `closed: ${nasty}`);
  const lines = log.trim().split('\n');
  expect(lines).toHaveLength(own + 1_000);
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
    expect(JSON.parse(line).msg).not.toBe('forged');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(line).not.toMatch(/[\u0000-\u001f]/);
  }
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  expect(files.length).toBeGreaterThan(4);
  expect(secrets.every((secret) => secret.length > 15)).toBe(true);
  const found = secrets.flatMap((secret) => [
    ...(log.includes(secret) ? [`${secret} in the log`] : []),
    ...files
      .filter((file) => readFileSync(join(file.parentPath, file.name)).includes(secret))
      .map((file) => `${secret} in ${file.name}`),
  ]);
  expect(found).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);
