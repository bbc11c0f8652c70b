import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type Agent, request as plainRequest } from 'node:http';
import { request, Agent as SecureAgent } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { type Made, makeAuthority, makeCertificate } from '@village/broker/certificates';
import { DAY } from '@village/core';
import mqtt from 'mqtt';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keyOf } from './modules/certificates/make.ts';
import { COUNTY, PASSWORD, SECRET, startCounty, type TestServer, until } from './testing.ts';

const LONG = { from: Date.now() - DAY, to: Date.now() + 20 * DAY };
const folder = mkdtempSync(join(tmpdir(), 'village-server-tls-'));
const at = (name: string): string => join(folder, name);
let ca: Made;
let air: Made;
let test: TestServer;

beforeAll(async () => {
  ca = await makeAuthority('长兴县', LONG);
  const server = await makeCertificate(
    ca,
    { kind: 'server', names: ['localhost', '127.0.0.1'] },
    LONG,
  );
  air = await makeCertificate(ca, { kind: 'client', id: 'north-air' }, LONG);
  for (const [name, made] of Object.entries({ ca, server, air })) {
    writeFileSync(at(`${name}.pem`), made.cert);
    writeFileSync(at(`${name}.key`), made.key);
  }
  return () => rmSync(folder, { recursive: true, force: true });
});
afterEach(() => test.close());

const files = { cert: at('server.pem'), key: at('server.key'), ca: at('ca.pem') };
const start = (clients: 'none' | 'optional' | 'required', proxies: string[] = []) =>
  startCounty((config) => ({
    ...config,
    http: { ...config.http, tls: { ...files, clients: 'none' }, proxyProtocol: proxies },
    mqtt: {
      ...config.mqtt,
      tls: { ...files, clients },
      websocket: { port: 0, path: '/mqtt', origins: ['https://console.example'] },
      proxyProtocol: proxies,
    },
  }));

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const ask = (
  path: string,
  {
    method = 'GET',
    body,
    headers = {},
    plain = false,
    certificate,
  }: {
    method?: string;
    body?: object;
    headers?: Record<string, string>;
    plain?: boolean;
    certificate?: Made;
  } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const agent = plain ? undefined : new SecureAgent({ ...certificate, ca: ca.cert });
    const asked = (plain ? plainRequest : request)(
      {
        host: 'localhost',
        family: 4,
        port: test.server.httpPort,
        path,
        method,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(agent === undefined ? {} : { agent: agent as Agent }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          agent?.destroy();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
        });
      },
    );
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });

const signIn = (): Promise<Answer> =>
  ask('/api/v1/session', { method: 'POST', body: { user: 'admin', password: PASSWORD } });

const device = (options: mqtt.IClientOptions): Promise<mqtt.MqttClient> =>
  mqtt.connectAsync({
    host: 'localhost',
    port: test.server.mqttPort,
    protocol: 'mqtts',
    ca: ca.cert,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    ...options,
  });

const closed = (client: mqtt.MqttClient): Promise<void> =>
  new Promise((resolve) => client.once('close', () => resolve()));

async function readCounters(): Promise<Record<string, number>> {
  const admin = await test.client('admin');
  const { broker } = await admin.get<{ broker: { refused: Record<string, number> } }>('/system');
  return broker.refused;
}

describe('HTTPS', () => {
  it('is spoken with what browsers must be told, and sends others there', async () => {
    test = await start('none');
    const signed = await signIn();
    expect(signed.status).toBe(200);
    expect(String(signed.headers['set-cookie'])).toContain('; Secure');
    expect(signed.headers['strict-transport-security']).toBe('max-age=31536000');
    const moved = await ask('/devices?x=1', { plain: true });
    expect(moved.status).toBe(308);
    expect(moved.headers['location']).toBe(`https://localhost:${test.server.httpPort}/devices?x=1`);
    const posted = await ask('/api/v1/session', { plain: true, method: 'POST', body: {} });
    expect([posted.status, JSON.parse(posted.body)]).toMatchObject([400, { code: 'https-only' }]);
    for (const host of ['a/b', 'a b', 'x@evil.example', ''])
      expect(
        (await ask('/', { plain: true, headers: { host } })).headers['location'] ?? '',
      ).not.toMatch(/evil|a\/b/);
    const { body } = await ask('/metrics');
    expect(body).toMatch(/village_http_refused_total\{cause="plain-on-tls-port"\} [1-9]/);
    expect(body).toMatch(/village_certificate_days_left\{setting="http.tls.cert",.*\} 19/);
    expect(JSON.parse((await ask('/healthz')).body)).toMatchObject({
      status: 'ok',
      warnings: expect.arrayContaining(['http.tls.cert: 19 days left']),
    });
    const admin = await test.client('admin');
    expect(await admin.get('/system')).toMatchObject({
      certificates: expect.arrayContaining([
        expect.objectContaining({ setting: 'mqtt.tls.cert', daysLeft: 19, fault: null }),
      ]),
    });
  });

  it('old versions of TLS are refused', async () => {
    test = await start('none');
    const socket = connectTls({
      port: test.server.httpPort,
      host: '127.0.0.1',
      ca: ca.cert,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'ALL@SECLEVEL=0',
    });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
    expect((await ask('/metrics')).body).toContain(
      'village_http_refused_total{cause="tls-version"} 1',
    );
  });

  it('without it, a trusted proxy that says https is enough for HSTS and secure cookies', async () => {
    test = await startCounty((config) => ({
      ...config,
      http: { ...config.http, trustProxy: ['127.0.0.1'] },
    }));
    const asked = { method: 'POST', body: { user: 'admin', password: PASSWORD }, plain: true };
    const headers = { 'x-forwarded-proto': 'https' };
    const signed = await ask('/api/v1/session', { ...asked, headers });
    expect(String(signed.headers['set-cookie'])).toContain('; Secure');
    expect(signed.headers['strict-transport-security']).toBe('max-age=31536000');
    const plain = await ask('/api/v1/session', asked);
    expect(String(plain.headers['set-cookie'])).not.toContain('; Secure');
    expect(plain.headers['strict-transport-security']).toBeUndefined();
    connectTls({ port: test.server.httpPort, host: '127.0.0.1' }).on('error', () => undefined);
    await until('the hello is counted', async () =>
      (await ask('/metrics', { plain: true })).body.includes(
        'village_http_refused_total{cause="tls-on-plain-port"} 1',
      ),
    );
  });
});

describe('an HTTPS port', () => {
  it('keeps nobody who dawdles, with TLS or without', async () => {
    test = await startCounty((config) => ({
      ...config,
      http: { ...config.http, requestTimeout: 500, tls: { ...files, clients: 'none' } },
    }));
    const ends = ['', 'GET / HTTP/1.1\r\n', '\x16\x03\x01'].map(async (begin) => {
      const socket = connectTcp(test.server.httpPort, '127.0.0.1');
      socket.on('error', () => undefined);
      const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
      if (begin !== '') socket.write(Buffer.from(begin, 'latin1'));
      const drip = setInterval(() => begin === '' || socket.write('a'), 100);
      await closed;
      clearInterval(drip);
    });
    await Promise.all(ends);
    expect((await ask('/healthz')).status).toBe(200);
  }, 30_000);

  it('with clients: required takes those alone who show a certificate of the authority', async () => {
    test = await startCounty((config) => ({
      ...config,
      http: { ...config.http, tls: { ...files, clients: 'required' } },
    }));
    await expect(ask('/healthz')).rejects.toThrow();
    const foreign = await makeCertificate(
      await makeAuthority('another', LONG),
      { kind: 'client', id: 'north-air' },
      LONG,
    );
    await expect(ask('/healthz', { certificate: foreign })).rejects.toThrow();
    expect((await ask('/healthz', { certificate: air })).status).toBe(200);
    const { body } = await ask('/metrics', { certificate: air });
    expect(body).toContain('village_http_refused_total{cause="certificate-missing"} 1');
    expect(body).toContain('village_http_refused_total{cause="certificate-foreign"} 1');
  });
});

describe('a device with a certificate', () => {
  const own = { cert: '', key: '', clientId: 'x' };
  const withKey = async (secret: string): Promise<void> => {
    const admin = await test.client('admin');
    const replaced = await admin.ask('POST', '/devices/north-air/replace', { secret });
    expect([replaced.statusCode, replaced.body]).toEqual([200, expect.anything()]);
  };

  it('is who its key is registered for, until its secret is another or it is retired', async () => {
    test = await start('optional');
    Object.assign(own, { cert: air.cert, key: air.key });
    await expect(device(own)).rejects.toThrow();
    // As tools print it.
    const [prefix, digits = ''] = keyOf(air.cert).split(':');
    await withKey(`${prefix}:${digits.toUpperCase().match(/../g)?.join(':')}`);
    const client = await device(own);
    // The key is no password.
    await expect(device({ username: 'north-air', password: keyOf(air.cert) })).rejects.toThrow();
    // Nor is it another device's.
    await expect(device({ ...own, username: 'south-air', password: SECRET })).rejects.toThrow();
    const south = await device({ username: 'south-air', password: SECRET });
    expect(south.connected).toBe(true);
    const gone = closed(client);
    await withKey(SECRET);
    await gone;
    await expect(device(own)).rejects.toThrow();
    await withKey(keyOf(air.cert));
    const again = await device(own);
    const admin = await test.client('admin');
    const over = closed(again);
    expect(
      (await admin.ask('POST', '/devices/north-air/retire', { reason: 'stolen' })).statusCode,
    ).toBeLessThan(300);
    await over;
    await expect(device(own)).rejects.toThrow();
    await south.endAsync();
  });

  it('a key that is none is refused when it is registered', async () => {
    test = await start('optional');
    const admin = await test.client('admin');
    for (const secret of [
      'key-sha256:',
      `key-sha256:${'0'.repeat(63)}`,
      ` KEY-sha256:${'g'.repeat(64)}`,
    ]) {
      const replaced = await admin.ask('POST', '/devices/north-air/replace', { secret });
      expect(replaced.json()).toMatchObject({ code: 'bad-secret' });
    }
  });
});

describe('PROXY headers', () => {
  it('name the true client to MQTT and HTTP, with TLS', async () => {
    test = await start('none', ['127.0.0.1']);
    const line = (address: string): string => `PROXY TCP4 ${address} 10.0.0.1 4711 443\r\n`;
    const secure = async (port: number, head: string | null) => {
      const raw = connectTcp(port, '127.0.0.1');
      raw.on('error', () => undefined);
      if (head !== null) raw.write(head);
      const socket = connectTls({ socket: raw, ca: ca.cert, servername: 'localhost' });
      socket.on('error', () => undefined);
      return new Promise<typeof socket | null>((resolve) => {
        socket.on('secureConnect', () => resolve(socket));
        raw.on('close', () => resolve(null));
      });
    };
    expect(await secure(test.server.mqttPort, null)).toBeNull();
    expect(await secure(test.server.mqttPort, 'PROXY TCP4 1.2.3 4\r\n')).toBeNull();
    expect(await secure(test.server.httpPort, null)).toBeNull();
    const client = await secure(test.server.mqttPort, line('203.0.113.7'));
    expect(client).not.toBeNull();
    const asking = await secure(test.server.httpPort, line('203.0.113.9'));
    const body = JSON.stringify({ user: 'admin', password: PASSWORD });
    asking?.write(
      `POST /api/v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
    let text = '';
    for await (const piece of asking ?? []) text += String(piece);
    expect(text).toMatch(/^HTTP\/1.1 200/);
    const admin = await test.client('admin');
    const audit = await admin.get<{ items: { address: string; action: string }[] }>('/audit');
    expect(audit.items.map(({ address }) => address)).toContain('203.0.113.9');
    expect((await readCounters())['proxy-header']).toBe(2);
    client?.destroy();
  });
});

const mosquitto = ['/usr/bin/mosquitto_pub'].find((path) => existsSync(path));

describe.skipIf(mosquitto === undefined)('mosquitto_pub', () => {
  const pub = async (...args: string[]): Promise<number | null> => {
    const child = spawn(
      mosquitto!,
      ['-h', 'localhost', '-p', String(test.server.mqttPort), '-q', '1', ...args],
      { stdio: 'ignore' },
    );
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  };

  it('gets through with the authority, a certificate or a password, and not without', async () => {
    test = await start('optional');
    const admin = await test.client('admin');
    await admin.ask('POST', '/devices/north-air/replace', { secret: keyOf(air.cert) });
    const topic = 'village/v1/devices/north-air/readings';
    const message = ['-t', topic, '-m', '{"readings":[]}'];
    const certificate = ['--cert', at('air.pem'), '--key', at('air.key')];
    expect(await pub('--cafile', at('ca.pem'), ...certificate, ...message)).toBe(0);
    expect(await pub('--cafile', at('ca.pem'), '-u', 'south-air', '-P', SECRET, ...message)).toBe(
      0,
    );
    expect(
      await pub('--cafile', at('ca.pem'), '-u', 'north-air', '-P', SECRET, ...message),
    ).not.toBe(0);
    expect(await pub('-u', 'south-air', '-P', SECRET, ...message)).not.toBe(0);
    expect(
      await pub('--cafile', at('air.pem'), '-u', 'south-air', '-P', SECRET, ...message),
    ).not.toBe(0);
    expect(await readCounters()).toMatchObject({
      authentication: 1,
      'plain-on-tls-port': 1,
      'tls-untrusted-by-client': 1,
    });
    expect(
      await pub(
        '--cafile',
        at('ca.pem'),
        '--tls-version',
        'tlsv1.2',
        '-u',
        'south-air',
        '-P',
        SECRET,
        ...message,
      ),
    ).toBe(0);
  });
});

it('the county is the same over WebSocket, with TLS', async () => {
  test = await start('none');
  const url = `wss://localhost:${test.server.mqttPorts.websocket}/mqtt`;
  const client = await mqtt.connectAsync(url, {
    username: 'north-air',
    password: SECRET,
    ca: ca.cert,
    reconnectPeriod: 0,
  } as mqtt.IClientOptions);
  await client.publishAsync('village/v1/devices/north-air/readings', '{"readings":[]}', { qos: 1 });
  await client.endAsync();
  expect(COUNTY).toHaveLength(12);
});
