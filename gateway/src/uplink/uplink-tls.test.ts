import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker } from '@village/broker';
import { type Made, makeAuthority, makeCertificate } from '@village/broker/certificates';
import { CertificateFiles } from '@village/broker/transport';
import { DAY, seededRandom, systemTimer } from '@village/core';
import { connectAsync } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../config/config.ts';
import { silentLog, startGateway } from '../index.ts';
import { temporaryFolder, testConfig, testDeps, until } from '../testing.ts';

const LONG = { from: Date.now() - DAY, to: Date.now() + 20 * DAY };
const folder = mkdtempSync(join(tmpdir(), 'village-uplink-tls-'));
const at = (name: string): string => join(folder, name);
const cleanups: (() => unknown)[] = [];
const certificates: Record<string, Made> = {};

beforeAll(async () => {
  const ca = await makeAuthority('county', LONG);
  const server = { kind: 'server', names: ['localhost', '127.0.0.1'] } as const;
  certificates['ca'] = ca;
  certificates['other'] = await makeAuthority('other', LONG);
  certificates['server'] = await makeCertificate(ca, server, LONG);
  certificates['gw-01'] = await makeCertificate(ca, { kind: 'client', id: 'gw-01' }, LONG);
  certificates['bin-1'] = await makeCertificate(ca, { kind: 'client', id: 'bin-1' }, LONG);
  for (const [name, made] of Object.entries(certificates)) {
    writeFileSync(at(`${name}.pem`), made.cert);
    writeFileSync(at(`${name}.key`), made.key);
  }
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A county that lets in who shows a certificate; the names it was told. */
async function county(): Promise<{ port: number; names: string[]; keys: string[] }> {
  const told = { port: 0, names: [] as string[], keys: [] as string[] };
  const broker = createBroker<string>({
    authenticate: ({ username, password, certificate }) => {
      told.names.push(`${username} ${certificate?.name ?? '-'} ${password}`);
      if (certificate !== null) told.keys.push(certificate.key);
      return username;
    },
    mayPublish: () => true,
    maySubscribe: () => true,
    publish: (_message, done) => done(),
  });
  const files = new CertificateFiles(
    { cert: at('server.pem'), key: at('server.key'), ca: at('ca.pem'), clients: 'optional' },
    'mqtt.tls',
    { log: () => undefined, now: Date.now },
  );
  told.port = (await broker.listen(0, '127.0.0.1', { tls: files })).port;
  cleanups.push(() => broker.close(100));
  return told;
}

async function start(uplink: { url: string; secret: string | null; tls?: object }): Promise<{
  connected: () => boolean;
  lines: string[];
}> {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  const lines: string[] = [];
  const log = {
    ...silentLog,
    warn: (fields: object, message: string) =>
      void lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  const made = await startGateway(testConfig(path, uplink.url, { uplink }), {
    ...testDeps(),
    timer: systemTimer,
    random: seededRandom(1),
    log,
  });
  cleanups.push(() => made.stop());
  return { connected: () => made.counters().uplink.connected, lines };
}

describe('the uplink with TLS', () => {
  it.each(['localhost', '127.0.0.1'])(
    'believes a county authority of its own, at %s',
    async (host) => {
      const there = await county();
      const url = `mqtts://${host}:${there.port}`;
      const secret = 'secret';
      const right = await start({ url, secret, tls: { ca: at('ca.pem') } });
      await until('the connection', right.connected);
      expect(there.names).toEqual(['gw-01 - secret']);
      for (const tls of [undefined, { ca: at('other.pem') }]) {
        const wrong = await start({ url, secret, ...(tls === undefined ? {} : { tls }) });
        await until('the refusal', () => wrong.lines.length > 0);
        expect(wrong.lines[0]).toMatch(/certificate|self-signed/i);
        expect(wrong.connected()).toBe(false);
      }
      expect(there.names).toHaveLength(1);
    },
  );

  it('signs in with its certificate alone, and says that it ends', async () => {
    const there = await county();
    const tls = { ca: at('ca.pem'), cert: at('gw-01.pem'), key: at('gw-01.key') };
    const own = await start({ url: `mqtts://localhost:${there.port}`, secret: null, tls });
    await until('the connection', own.connected);
    expect(there.names).toEqual(['gw-01 gw-01 ']);
    expect(own.lines).toEqual(['uplink: its certificate ends soon {"daysLeft":19}']);
  });

  it('with files that are gone it goes on trying, and reads them when they are back', async () => {
    const there = await county();
    const tls = { ca: at('late.pem') };
    const late = await start({ url: `mqtts://localhost:${there.port}`, secret: 'secret', tls });
    await until('the fault', () => late.lines.length > 0);
    expect(late.lines[0]).toContain('late.pem');
    writeFileSync(at('late.pem'), certificates['ca']!.cert);
    await until('the connection', late.connected);
  });
});

describe('the listener with TLS', () => {
  it('takes devices by certificate and by secret', async () => {
    const there = await county();
    const scout = { ca: certificates['ca']!.cert, reconnectPeriod: 0 };
    const own = { cert: certificates['bin-1']!.cert, key: certificates['bin-1']!.key };
    await (await connectAsync(`mqtts://localhost:${there.port}`, { ...scout, ...own })).endAsync();
    const text = `
gateway: gw-01
uplink: { url: "mqtts://localhost:${there.port}", secret: "secret", tls: { ca: ca.pem } }
data: ${temporary()}
mqtt: { port: 0, host: 127.0.0.1, tls: { cert: server.pem, key: server.key, ca: ca.pem, clients: optional } }
devices:
  - { id: bin-1, profile: village/smart-bin, secret: "${there.keys[0]?.toUpperCase().replace('KEY-SHA', 'key-sha')}" }
  - { id: bin-2, profile: village/smart-bin, secret: "at least 16 characters" }
`;
    const { config, faults } = readConfig(text, {}, folder);
    expect(faults).toEqual([]);
    const { catalog: _catalog, ...deps } = testDeps();
    const made = await startGateway(config!, { ...deps, timer: systemTimer, log: silentLog });
    cleanups.push(() => made.stop());
    const url = `mqtts://localhost:${Object.values(made.ports)[0]}`;
    const byKey = await connectAsync(url, { ...scout, ...own });
    await byKey.endAsync();
    const bySecret = await connectAsync(url, {
      ...scout,
      username: 'bin-2',
      password: 'at least 16 characters',
    });
    await bySecret.endAsync();
    for (const wrong of [
      { username: 'bin-1', password: there.keys[0]! },
      { username: 'bin-1', password: 'x' },
      { ...own, username: 'bin-2', password: 'at least 16 characters' },
      { cert: certificates['gw-01']!.cert, key: certificates['gw-01']!.key },
    ])
      await expect(connectAsync(url, { ...scout, ...wrong })).rejects.toThrow();
    writeFileSync(at('server.key'), 'broken');
    expect(made.reload()).toBe(true);
    const still = await connectAsync(url, { ...scout, ...own });
    await still.endAsync();
    writeFileSync(at('server.key'), certificates['server']!.key);
  });

  it('faults of its files are told with their path', () => {
    const text = (uplink: string, mqtt: string, secret: string): string => `
gateway: gw-01
uplink: ${uplink}
mqtt: ${mqtt}
devices: [{ id: bin-1, profile: village/smart-bin, secret: "${secret}" }]
`;
    const paths = (...parts: Parameters<typeof text>): string[] =>
      readConfig(text(...parts), {}, folder).faults.map(({ path }) => path);
    const mqtt = '{ port: 0, tls: { cert: server.pem, key: ca.key } }';
    expect(paths('{ url: "mqtt://x", secret: s, tls: { ca: ca.pem } }', mqtt, 'x')).toEqual([
      'uplink.tls',
      'mqtt.tls.key',
    ]);
    expect(
      paths('{ url: "mqtts://x", tls: { cert: gw-01.pem, key: ca.key } }', '{ port: 0 }', 'x'),
    ).toEqual(['uplink.tls']);
    expect(paths('{ url: "mqtts://x", tls: { cert: gw-01.pem } }', '{ port: 0 }', 'x')).toEqual([
      'uplink.tls',
    ]);
    expect(paths('{ url: "mqtts://x", tls: { ca: none.pem } }', '{ port: 0 }', 'x')).toEqual([
      'uplink.secret',
      'uplink.tls',
    ]);
    expect(
      paths(
        '{ url: "wss://x:8083/mqtt", secret: s }',
        '{ port: 0, tls: { cert: a, key: b, clients: required } }',
        'x',
      ),
    ).toEqual(['mqtt.tls.ca']);
  });
});

function temporary(): string {
  const { path, remove } = temporaryFolder();
  cleanups.push(remove);
  return path;
}
