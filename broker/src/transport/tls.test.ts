import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { DAY, HOUR } from '@village/core';
import mqtt, { type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientCertificate, ClientRule, Listening } from '../contract.ts';
import { connectPacket, eventually, publishPacket, TestBroker } from '../testing.ts';
import { CertificateFiles } from './certificate-files.ts';
import { type Made, makeAuthority, makeCertificate } from './make-certificate.ts';

const now = Date.now();
const LONG = { from: now - DAY, to: now + 365 * DAY };
const OVER = { from: now - 10 * DAY, to: now - DAY };
const SOON = { from: now + DAY, to: now + 10 * DAY };

let ca: Made;
let server: Made;
const folder = mkdtempSync(join(tmpdir(), 'village-tls-'));
const client = (id: string, span = LONG, by = ca): Promise<Made> =>
  makeCertificate(by, { kind: 'client', id }, span);

let one: TestBroker;
const logged: { message: string; detail: object }[] = [];
const sockets: Socket[] = [];
/** Whom a key is registered for. */
const keys = new Map<string, string>();

beforeAll(async () => {
  ca = await makeAuthority('长兴县', LONG);
  server = await makeCertificate(ca, { kind: 'server', names: ['localhost', '127.0.0.1'] }, LONG);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  logged.length = 0;
  keys.clear();
  await one.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(made: Made, authority = ca): void {
  writeFileSync(join(folder, 'server.pem'), made.cert);
  writeFileSync(join(folder, 'server.key'), made.key);
  writeFileSync(join(folder, 'ca.pem'), authority.cert);
}

const files = (clients: ClientRule): CertificateFiles =>
  new CertificateFiles(
    {
      cert: join(folder, 'server.pem'),
      key: join(folder, 'server.key'),
      ca: join(folder, 'ca.pem'),
      clients,
    },
    'mqtt.tls',
    { log: (_level, message, detail) => logged.push({ message, detail }), now: Date.now },
  );

const signIn = (asked: {
  username: string;
  password: string;
  certificate: ClientCertificate | null;
}): string | null => {
  const { username, password, certificate } = asked;
  if (certificate !== null && keys.get(username) === certificate.key) return username;
  return password === 'secret' ? username : null;
};

async function start(
  clients: ClientRule,
  more: Partial<Listening> = {},
): Promise<CertificateFiles> {
  write(server);
  const certificates = files(clients);
  one = await new TestBroker(
    {
      limits: { connectTimeoutMs: 400 },
      log: (_level, message, detail) => logged.push({ message, detail }),
    },
    { authenticate: signIn },
  ).start({ tls: certificates, ...more });
  return certificates;
}

/** A TLS connection that is made, or what it fails with. */
async function open(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port: one.port, host: '127.0.0.1', ca: ca.cert, ...options });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await Promise.race([
    once(socket, 'secureConnect'),
    once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
  ]);
  return socket;
}

/** The first packet that comes after those that were sent; null when the connection is closed instead. */
async function ask(socket: TLSSocket | Socket, ...packets: Packet[]): Promise<Packet | null> {
  const parser = mqtt.parser();
  const answer = new Promise<Packet | null>((resolve) => {
    parser.on('packet', resolve);
    socket.on('data', (bytes) => parser.parse(bytes));
    socket.on('close', () => resolve(null));
    if (socket.destroyed) resolve(null);
  });
  for (const packet of packets) socket.write(mqtt.generate(packet));
  return answer;
}

const refused = (): Readonly<Record<string, number>> => one.broker.counters().refused;
/** A CONNECT with no name of its own. */
const nameless = (id: string): Packet =>
  connectPacket(id, { username: undefined, password: undefined });

describe('TLS', () => {
  it('guards as without, and tells what is wrong with those that it refuses', async () => {
    await start('none');
    const socket = await open();
    expect(await ask(socket, connectPacket('a'))).toMatchObject({ returnCode: 0 });
    socket.write(mqtt.generate(publishPacket('own/a', 'hidden')));
    await eventually(() => one.broker.counters().acknowledged === 1, 'the acknowledgement');
    expect(one.got).toMatchObject([{ payload: 'hidden', who: 'a' }]);
    const plain = one.socket();
    plain.send(connectPacket('a'));
    await plain.gone();
    const silent = one.socket();
    await silent.gone();
    for (const maxVersion of ['TLSv1', 'TLSv1.1'] as const)
      await expect(
        open({ minVersion: 'TLSv1', maxVersion, ciphers: 'ALL@SECLEVEL=0' }),
      ).rejects.toThrow();
    await eventually(() => refused()['tls-version'] === 2, 'both old versions');
    expect(refused()).toMatchObject({
      'plain-on-tls-port': 1,
      'tls-timeout': 1,
      'tls-version': 2,
    });
    expect(logged.map(({ message }) => message)).toContain('connection refused: plain-on-tls-port');
    socket.destroy();
    await eventually(() => one.broker.counters().connections === 0, 'all gone');
  });

  it('tells the address of a client that does not trust it, once it is gone too', async () => {
    await start('none');
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
      for (const check of [{ ca: [] }, { ca: ca.cert, servername: 'another.example' }])
        await open({ ...check, minVersion: version, maxVersion: version })
          .then((socket) => socket.destroy())
          .catch(() => undefined);
    for (let n = 0; n < 5; n++) {
      const socket = connectTcp(one.port, '127.0.0.1');
      sockets.push(socket);
      await once(socket, 'connect');
      // The beginning of a TLS handshake, and a reset.
      socket.write(Buffer.from([22, 3, 1, 2, 0, 1]), () => socket.resetAndDestroy());
      await once(socket, 'close');
    }
    await eventually(
      () => Object.values(refused()).reduce((sum, count) => sum + count, 0) >= 6,
      'what was refused',
    );
    const lines = logged.filter(({ message }) => message.startsWith('connection refused: tls'));
    expect(lines.map(({ detail }) => (detail as { subject: string }).subject)).toEqual(
      lines.map(() => '127.0.0.1'),
    );
    // One line of each cause: the same of one address is told once in ten minutes.
    expect(lines.length).toBeGreaterThan(0);
    expect(new Set(lines.map(({ message }) => message)).size).toBe(lines.length);
  });

  it('slow handshakes count against the share of their address, and end', async () => {
    one = new TestBroker({ limits: { connectTimeoutMs: 400, connectionsPerAddressMax: 3 } });
    write(server);
    await one.start({ tls: files('none') });
    for (let n = 0; n < 3; n++) one.socket().raw(Buffer.from([22, 3, 1]));
    await eventually(() => one.broker.counters().connections === 3, 'three that dawdle');
    await one.socket().gone();
    expect(refused()['connections-per-address']).toBe(1);
    await eventually(() => refused()['tls-timeout'] === 3, 'the end of all three');
    await eventually(() => one.broker.counters().connections === 0, 'their places');
    expect(await ask(await open(), connectPacket('a'))).toMatchObject({ returnCode: 0 });
  });

  it('without it, a client that speaks TLS is told as such', async () => {
    one = await new TestBroker({
      log: (_level, message, detail) => logged.push({ message, detail }),
    }).start();
    await expect(open()).rejects.toThrow();
    await expect(open()).rejects.toThrow();
    await eventually(() => refused()['tls-on-plain-port'] === 2, 'both');
    expect(logged.map(({ message }) => message)).toEqual(['connection closed: tls-on-plain-port']);
  });

  it('does not negotiate again', async () => {
    await start('none');
    const socket = await open({ maxVersion: 'TLSv1.2' });
    expect(await ask(socket, connectPacket('a'))).toMatchObject({ returnCode: 0 });
    const again = new Promise<Error | null>((resolve) => {
      socket.on('error', resolve);
      socket.renegotiate({}, resolve);
    });
    expect(await again).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
  });
});

describe('client certificates', () => {
  it('say who it is, when their key is registered', async () => {
    await start('optional');
    const mine = await client('a');
    const first = await open(mine);
    expect(await ask(first, nameless('x'))).toMatchObject({ returnCode: 5 });
    const told = logged.find(({ message }) => message.startsWith('sign-in refused'));
    const { key } = { key: '', ...told?.detail };
    expect(key).toMatch(/^key-sha256:[0-9a-f]{64}$/);
    keys.set('a', key);
    const socket = await open(mine);
    expect(await ask(socket, nameless('x'))).toMatchObject({ returnCode: 0 });
    socket.write(mqtt.generate(publishPacket('own/a', 'mine')));
    await eventually(() => one.got.length === 1, 'the message');
    expect(one.got).toMatchObject([{ who: 'a', payload: 'mine' }]);
    // A renewed certificate of the same key is as good; one of another key is not.
    const renewed = await makeCertificate(ca, { kind: 'client', id: 'a' }, LONG, mine.key);
    expect(await ask(await open(renewed), nameless('y'))).toMatchObject({ returnCode: 0 });
    expect(await ask(await open(await client('a')), nameless('z'))).toMatchObject({
      returnCode: 5,
    });
    // The one who shows it is nobody else, whatever password is known.
    expect(await ask(await open(mine), connectPacket('b'))).toMatchObject({ returnCode: 5 });
    expect(refused()['certificate-name']).toBe(1);
    // Without one a password will do.
    expect(await ask(await open(), connectPacket('b'))).toMatchObject({ returnCode: 0 });
    expect(await ask(await open(), nameless('b'))).toMatchObject({ returnCode: 4 });
    // Rights that end, end sessions of certificates too.
    expect(one.broker.disconnect('a', 'credential-revoked')).toBe(2);
    await once(socket, 'close');
  });

  it.each([
    ['expired', 'certificate-expired', () => client('a', OVER)],
    ['not valid yet', 'certificate-not-yet-valid', () => client('a', SOON)],
    [
      'of another authority',
      'certificate-foreign',
      async () => client('a', LONG, await makeAuthority('another', LONG)),
    ],
    [
      'of an authority of the same name',
      'certificate-foreign',
      async () => client('a', LONG, await makeAuthority('长兴县', LONG)),
    ],
    ['of a server', 'certificate-foreign', async () => server],
    ['that it signed itself', 'certificate-foreign', () => makeAuthority('a', LONG)],
    ['that is missing', 'certificate-missing', async () => ({})],
  ])('one %s is refused: %s', async (_what, cause, make) => {
    await start('required');
    const socket = await open(await make()).catch(() => null);
    if (socket !== null) expect(await ask(socket, connectPacket('a'))).toBeNull();
    await eventually(() => refused()[cause] === 1, cause);
    expect(one.broker.counters().connects).toBe(0);
  });

  it('a session ends with its certificate', async () => {
    write(server);
    let now = Date.now();
    one = new TestBroker({ now: () => now }, { authenticate: signIn });
    await one.start({ tls: files('required') });
    now = LONG.to - HOUR;
    const early = await open(await client('a'));
    expect(await ask(early, connectPacket('a'))).toMatchObject({ returnCode: 0 });
    now = LONG.to - 1_000;
    const late = await open(await client('b'));
    expect(await ask(late, connectPacket('b'))).toMatchObject({ returnCode: 0 });
    await once(late, 'close');
    expect(refused()['certificate-expired']).toBe(1);
    expect(early.destroyed).toBe(false);
  });
});

describe('certificates in files', () => {
  const names = (socket: TLSSocket): string => socket.getPeerCertificate().subject.CN as string;

  it('are read anew when they change; a broken one is told and the old one goes on', async () => {
    const certificates = await start('optional');
    const next = await makeCertificate(ca, { kind: 'server', names: ['renewed'] }, LONG);
    const free = { checkServerIdentity: () => undefined };
    const before = await open(free);
    expect([names(before), await ask(before, connectPacket('a'))]).toMatchObject([
      'localhost',
      { returnCode: 0 },
    ]);
    const kinds: [what: string, cert: string, key: string][] = [
      ['half a file', next.cert.slice(0, 200), next.key],
      ['no certificate', '', next.key],
      ['the key of another', next.cert, server.key],
      ['no key', next.cert, 'secret'],
    ];
    const over = await makeCertificate(ca, { kind: 'server', names: ['over'] }, OVER);
    kinds.push(['one that is over', over.cert, over.key]);
    for (const [what, cert, key] of kinds) {
      write({ cert, key });
      certificates.check();
      logged.length = 0;
      certificates.check();
      certificates.check();
      expect(
        logged.map(({ message }) => message),
        what,
      ).toEqual(['new certificate refused; the one at hand goes on']);
      expect(certificates.states()[0]?.fault, what).toEqual(expect.any(String));
      expect(names(await open(free)), what).toBe('localhost');
    }
    rmSync(join(folder, 'server.key'));
    expect(certificates.reload()).toBe(false);
    write(next);
    // Not before they stand still: certificate and key are two files.
    certificates.check();
    expect(names(await open(free))).toBe('localhost');
    certificates.check();
    expect(names(await open(free))).toBe('renewed');
    expect(certificates.states()[0]?.fault).toBeNull();
    // Who is connected stays so.
    before.write(mqtt.generate(publishPacket('own/a', 'still here')));
    await eventually(() => one.got.length === 1, 'the message');
  });

  it('another authority counts for those that resume an old session too', async () => {
    const certificates = await start('required');
    const mine = await client('a');
    const first = await open(mine);
    const session = once(first, 'session');
    expect(await ask(first, connectPacket('a'))).toMatchObject({ returnCode: 0 });
    const [ticket] = (await session) as [Buffer];
    write(server, await makeAuthority('another', LONG));
    expect(certificates.reload()).toBe(true);
    const again = await open({ ...mine, session: ticket });
    expect(await ask(again, connectPacket('a'))).toBeNull();
    expect(refused()['certificate-foreign']).toBe(1);
  });

  it('tell a month before that they end, once a day', async () => {
    write(await makeCertificate(ca, { kind: 'server', names: ['localhost'] }, LONG));
    let at = LONG.to - 31 * DAY - HOUR;
    const certificates = new CertificateFiles(
      {
        cert: join(folder, 'server.pem'),
        key: join(folder, 'server.key'),
        clients: 'none',
      },
      'http.tls',
      { log: (_level, message, detail) => logged.push({ message, detail }), now: () => at },
    );
    expect(logged).toEqual([]);
    for (let hour = 0; hour < 72; hour++) {
      at += HOUR;
      certificates.check();
    }
    expect(logged).toMatchObject([
      { message: 'a certificate ends soon', detail: { setting: 'http.tls.cert', daysLeft: 30 } },
      { message: 'a certificate ends soon', detail: { daysLeft: 29 } },
      { message: 'a certificate ends soon', detail: { daysLeft: 28 } },
    ]);
    at = LONG.to + DAY;
    certificates.check();
    expect(logged.at(-1)).toMatchObject({ message: 'a certificate has ended' });
    one = await new TestBroker().start();
  });
});

describe('half-open floods', () => {
  it('cost their address its share and nobody else', async () => {
    write(server);
    one = new TestBroker({
      limits: { connectTimeoutMs: 1_000, connectsPerAddressPerSecond: 20 },
    });
    await one.start({ tls: files('none') });
    const flood = Array.from({ length: 200 }, () => connectTcp(one.port, '127.0.0.1'));
    for (const socket of flood) socket.on('error', () => undefined);
    sockets.push(...flood);
    await eventually(() => (refused()['connect-rate'] ?? 0) > 100, 'refusals');
    const neighbour = await open({ localAddress: '127.0.0.2' } as ConnectionOptions);
    expect(await ask(neighbour, connectPacket('a'))).toMatchObject({ returnCode: 0 });
  });
});
