import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../contract.ts';
import {
  badAnswers,
  NOON,
  never,
  notice,
  outgoing,
  type TestServer,
  testServer,
  testTimer,
} from '../testing.ts';
import { isPublicAddress } from './addresses.ts';
import { webhook, webhookChannel } from './index.ts';
import { locate, type Resolve } from './resolve.ts';
import { webhookSignature } from './signature.ts';

const SECRET = 'secret-of-the-first-key';
const OTHER = 'secret-of-the-other-key';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.seen.length = 0;
  server.answer({});
});

const optionsOf = (change: Record<string, unknown> = {}) =>
  webhook.options({
    url: `${server.url}/hook?token=t0ken`,
    keys: [{ id: '2026a', secret: SECRET }],
    internalHosts: ['127.0.0.1'],
    timeoutMs: 400,
    ...change,
  });
const made = (change: Record<string, unknown> = {}, resolve?: Resolve) =>
  webhookChannel('hook', optionsOf(change), testTimer(NOON), resolve);

describe('a notice', () => {
  it('is JSON whose signature is over the bytes that came', async () => {
    expect(await made().send(outgoing(), never)).toEqual({ kind: 'sent', id: null });
    const seen = server.seen[0];
    expect(seen).toMatchObject({ method: 'POST', url: '/hook?token=t0ken' });
    const expected = createHmac('sha256', SECRET)
      .update(`${NOON / 1000}.${seen?.body ?? ''}`)
      .digest('hex');
    expect(seen?.headers).toMatchObject({
      'village-key': outgoing().key,
      'village-signature': `t=${NOON / 1000},2026a=${expected}`,
      'content-type': 'application/json; charset=utf-8',
    });
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      version: 1,
      key: outgoing().key,
      to: 'zhang',
      language: 'zh',
      title: '【重要告警】氨氮过高',
      kind: 'active',
      severity: 'major',
      place: { zh: '和平镇便民桥村', en: 'Bianminqiao, Heping' },
      device: { zh: '2 号污水站', en: 'Sewage station 2' },
      what: { zh: '氨氮过高', en: 'Ammonia nitrogen too high' },
      value: { text: '10.4', unit: 'mg/L' },
      limit: { text: '8', standard: 'DB33/973' },
      since: '2026-03-01T06:05:00Z',
      until: null,
      notes: [{ zh: '约 40 分钟后溢流', en: 'Overflows in about 40 minutes' }],
      advice: { zh: '先看曝气风机', en: 'Look at the blower first' },
      lines: [],
      code: 'A7K2',
      url: 'https://village.example/a/1',
    });
  });

  it('is signed as another program signs it', () => {
    // printf '1.x' | openssl dgst -sha256 -hmac Jefe
    expect(webhookSignature('Jefe', 1, 'x')).toBe(
      '2f7ccbd0f043456ad29514b2d24a8aa345ec6673a5db1b44e91c8ac99d1841e3',
    );
  });

  it('is signed with each key while one follows the other', async () => {
    const keys = [
      { id: 'old', secret: SECRET },
      { id: 'new', secret: OTHER },
    ];
    await made({ keys }).send(outgoing(), never);
    const header = String(server.seen[0]?.headers['village-signature']);
    const body = server.seen[0]?.body ?? '';
    expect(header).toBe(
      `t=${NOON / 1000},old=${webhookSignature(SECRET, NOON / 1000, body)},new=${webhookSignature(OTHER, NOON / 1000, body)}`,
    );
  });

  it('goes to the address of the person where the channel has none', async () => {
    const channel = made({ url: undefined });
    const to = `${server.url}/of-zhang`;
    expect((await channel.send(outgoing({ to }), never)).kind).toBe('sent');
    expect(server.seen[0]?.url).toBe('/of-zhang');
    for (const bad of ['zhang', 'ftp://127.0.0.1/', 'http://u:p@127.0.0.1/'])
      expect(await channel.send(outgoing({ to: bad }), never)).toMatchObject({
        kind: 'rejected',
        code: 'address',
      });
    // Of one person, not of the channel.
    expect(await channel.send(outgoing({ to: 'http://10.0.0.1/' }), never)).toMatchObject({
      kind: 'rejected',
      code: 'no-tls',
    });
    expect(channel.health().lastFault).toBeNull();
  });
});

describe('where a message may go', () => {
  it.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.100.100.200',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%lo',
    '2400:3200::1%eth0',
    'fec0::1',
    'ff02::1',
    '100::1',
    'no address',
  ])('not to %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '223.5.5.5',
    '2400:3200::1',
    '2606:4700:4700::1111',
  ])('to %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  const where = (url: string, resolve: Resolve, internal: string[] = []) =>
    locate(new URL(url), { internal, resolve, timeoutMs: 200, signal: never });
  const at =
    (...addresses: string[]): Resolve =>
    () =>
      Promise.resolve(
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );

  it.each([
    // What programs read as 127.0.0.1, and what maps to it.
    ['https://127.0.0.1/', 'forbidden-address'],
    ['https://2130706433/', 'forbidden-address'],
    ['https://0x7f.1/', 'forbidden-address'],
    ['https://017700000001/', 'forbidden-address'],
    ['https://[::1]/', 'forbidden-address'],
    ['https://[::ffff:127.0.0.1]/', 'forbidden-address'],
    ['https://[::ffff:a9fe:a9fe]/', 'forbidden-address'],
    ['https://１２７.０.０.１/', 'forbidden-address'],
    ['http://8.8.8.8/', 'no-tls'],
  ])('%s: %s', async (url, code) => {
    const outcome = await where(url, at());
    expect(outcome).toMatchObject({ outcome: { kind: 'fault', code } });
  });

  it('names that are anywhere inside are refused, also when another of their addresses is public', async () => {
    for (const resolve of [at('10.0.0.1'), at('8.8.8.8', '10.0.0.1'), at('::1', '8.8.8.8')])
      expect(await where('https://hook.example/', resolve)).toMatchObject({
        outcome: { kind: 'fault', code: 'forbidden-address' },
      });
    expect(await where('https://hook.example/', at('8.8.8.8'))).toHaveProperty('lookup');
    expect(await where('https://localhost/', () => at('127.0.0.1')(''))).toMatchObject({
      outcome: { code: 'forbidden-address' },
    });
  });

  it('hosts that the configuration names may be, however they are spelled, and no others', async () => {
    const inside = at('10.0.0.1');
    const names = ['Hook.County.example.', '10.0.0.9', '::1'];
    for (const url of ['http://hook.county.example/', 'http://10.0.0.9/', 'http://[0:0::1]/'])
      expect(await where(url, inside, names)).toHaveProperty('lookup');
    for (const url of ['http://evil-hook.county.example/', 'http://10.0.0.8/'])
      expect(await where(url, inside, names)).toHaveProperty('outcome');
  });

  it('a name that can not be looked up, or not in time, may be tried again', async () => {
    const failing: Resolve = () =>
      Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    const outcomes = [
      await where('https://hook.example/', failing),
      await where('https://hook.example/', at()),
      await where('https://hook.example/', () => new Promise(() => undefined)),
    ];
    expect(outcomes).toMatchObject([
      { outcome: { kind: 'retry', code: 'ENOTFOUND' } },
      { outcome: { kind: 'retry', code: 'no-name' } },
      { outcome: { kind: 'retry', code: 'timeout' } },
    ]);
  });

  it('a name is looked up once, and what was found is what is connected to', async () => {
    let asked = 0;
    // The second time it would be another machine: nobody listens on 127.0.0.2 at a port of its own.
    const rebinding: Resolve = () => at(++asked === 1 ? '127.0.0.1' : '127.0.0.2')('');
    const channel = made(
      {
        url: `http://hook.county.example:${server.port}/`,
        internalHosts: ['hook.county.example'],
      },
      rebinding,
    );
    expect((await channel.send(outgoing(), never)).kind).toBe('sent');
    expect(asked).toBe(1);
    expect(server.seen[0]?.headers['host']).toBe(`hook.county.example:${server.port}`);
  });

  it('nowhere that a redirect leads', async () => {
    const elsewhere = await testServer();
    server.answer((response) => {
      response.writeHead(307, { location: elsewhere.url }).end();
    });
    expect(await made().send(outgoing(), never)).toMatchObject({ kind: 'fault', code: 'http-307' });
    expect(elsewhere.seen).toEqual([]);
    await elsewhere.close();
  });
});

describe('what an answer means', () => {
  it.each<[number, Outcome['kind']]>([
    [200, 'sent'],
    [204, 'sent'],
    [400, 'rejected'],
    [401, 'fault'],
    [404, 'fault'],
    [410, 'fault'],
    [422, 'rejected'],
    [429, 'limited'],
    [500, 'retry'],
    [503, 'retry'],
    [504, 'unknown'],
  ])('%d: %s', async (status, kind) => {
    server.answer((response) => {
      response.writeHead(status).end();
    });
    expect((await made().send(outgoing(), never)).kind).toBe(kind);
  });

  it.each(['html', 'endless', 'slow', 'cut', 'array'])(
    'an answer that is %s is a success all the same, since its status is',
    async (name) => {
      server.answer((response) => badAnswers[name]?.(response));
      expect((await made().send(outgoing(), never)).kind).toBe('sent');
    },
  );

  it.each(['silent', 'reset'])('%s: nothing known', async (name) => {
    server.answer((response) => badAnswers[name]?.(response));
    expect((await made().send(outgoing(), never)).kind).toBe('unknown');
  });
});

it('names in a notice can not add headers', async () => {
  const what = { zh: 'x\r\nevil: 1', en: '' };
  await made().send(outgoing({ parts: notice({ what }) }), never);
  expect(server.seen[0]?.headers).not.toHaveProperty('evil');
  expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({ what });
});

it.each([
  [{}, 'keys'],
  [{ keys: [] }, 'keys'],
  [{ keys: [{ id: 't', secret: SECRET }] }, 'keys.0.id'],
  [{ keys: [{ id: 'a', secret: 'S3CRET' }] }, 'keys.0.secret'],
  [
    {
      keys: [
        { id: 'a', secret: SECRET },
        { id: 'a', secret: OTHER },
      ],
    },
    'keys',
  ],
  [{ keys: [{ id: 'a', secret: SECRET }], url: 'https://u:S3CRET@x.example/' }, 'url'],
  [{ keys: [{ id: 'a', secret: SECRET }], url: 'hook' }, 'url'],
  [{ keys: [{ id: 'a', secret: SECRET }], url: 'file:///etc/passwd' }, 'url'],
])('refuses options and names the place: %j', (given, place) => {
  expect(() => webhook.options(given)).toThrow(place);
  expect(() => webhook.options(given)).not.toThrow('S3CRET');
});
