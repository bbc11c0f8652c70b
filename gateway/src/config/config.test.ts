import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryFolder, testCatalog } from '../testing.ts';
import { bindDevices } from './bind.ts';
import { readConfig } from './config.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

const GOOD = `
gateway: gw-01
uplink: { url: "mqtt://127.0.0.1:1883", secret: "s" }
data: ./gateway-data
mqtt: { port: 1884, host: 0.0.0.0 }
devices:
  - { id: ws-001, profile: test/two-blocks, connection: { host: 127.0.0.1, port: 15020, unit: 1, timeout: 1s, pause: 0ms }, every: 10s, options: {} }
  - { id: bin-7, profile: test/bin, address: HB20-000117, secret: "x" }
`;

const paths = (text: string, env = {}): string[] =>
  readConfig(text, env, '/etc').faults.map((fault) => fault.path);

function bindPaths(text: string): string[] {
  const { config } = readConfig(text, {}, '/etc');
  if (config === null) throw new Error('the configuration should parse');
  return bindDevices(config, testCatalog).faults.map((fault) => fault.path);
}

describe('readConfig', () => {
  it('reads durations, defaults and relative folders', () => {
    const { config, faults } = readConfig(GOOD, {}, '/etc/village');
    expect(faults).toEqual([]);
    expect(config).toMatchObject({
      gateway: 'gw-01',
      data: '/etc/village/gateway-data',
      outbox: { megabytes: 512, backfillRowsPerSecond: 5_000 },
      devices: [
        { id: 'ws-001', every: 10_000, connection: { timeout: 1_000, pause: 0, inFlight: 1 } },
        { id: 'bin-7' },
      ],
    });
  });

  it('tells all faults with their places at once', () => {
    const text = GOOD.replace('gw-01', 'gw 01')
      .replace('unit: 1', 'unit: 300')
      .replace('timeout: 1s', 'timeout: soon')
      .replace('address: HB20', 'adress: HB20');
    expect(paths(text).sort()).toEqual([
      'devices[0].connection.timeout',
      'devices[0].connection.unit',
      'devices[1]',
      'gateway',
    ]);
  });

  it.each(['10.0.0.1:502', 'tcp://10.0.0.1', 'plc 1', '10.0.0.1/24', 'me@plc', '[::1]:502'])(
    'refuses the host %s, which nobody would ever find',
    (host) => {
      expect(paths(GOOD.replace('127.0.0.1, port: 15020', `"${host}", port: 15020`))).toEqual([
        'devices[0].connection.host',
      ]);
    },
  );

  it('tells aliases that lead nowhere, or without end, as faults', () => {
    expect(paths('gateway: *nobody\n')).toEqual(['aliases']);
    const list = (from: string): string => `[${Array.from({ length: 9 }, () => from).join(', ')}]`;
    const bomb = Array.from({ length: 6 }, (_, n) =>
      n === 0 ? `a0: &a0 ${list('x')}` : `a${n}: &a${n} ${list(`*a${n - 1}`)}`,
    ).join('\n');
    expect(paths(bomb)).toEqual(['aliases']);
  });

  it('tells of an empty file what it lacks', () => {
    expect(paths('# nothing yet\n').sort()).toEqual(['devices', 'gateway', 'uplink']);
  });

  it('tells where YAML breaks off', () => {
    expect(paths('gateway: gw-01\nuplink: { url: [')[0]).toMatch(/^line 2, column/);
  });

  it('shows no secret where YAML breaks off', () => {
    const { faults } = readConfig('uplink: { secret: "hidden-secret, url: x }', {}, '/');
    expect(faults.length).toBeGreaterThan(0);
    expect(JSON.stringify(faults)).not.toContain('hidden');
  });

  it('takes secret and address from the environment first', () => {
    const { config } = readConfig(
      GOOD,
      { VILLAGE_GATEWAY_SECRET: 'env', VILLAGE_UPLINK_URL: 'mqtts://county:8883' },
      '/',
    );
    expect(config?.uplink).toEqual({ url: 'mqtts://county:8883', secret: 'env' });
    expect(paths(GOOD, { VILLAGE_UPLINK_URL: 'http://county' })).toEqual(['VILLAGE_UPLINK_URL']);
  });

  it('refuses user and password in the address, which is logged', () => {
    expect(paths(GOOD.replace('mqtt://127', 'mqtt://gw-01:secret@127'))).toEqual(['uplink.url']);
  });

  it('reads a secret file, and faults one that is not there', () => {
    const { path, remove } = temporaryFolder();
    cleanups.push(remove);
    writeFileSync(join(path, 'secret'), 'from-file\n');
    const text = GOOD.replace('secret: "s"', 'secretFile: secret');
    expect(readConfig(text, {}, path).config?.uplink.secret).toBe('from-file');
    expect(readConfig(text, {}, join(path, 'nowhere')).faults[0]?.path).toBe('uplink.secretFile');
  });

  it('wants a secret, and ids that are one of a kind', () => {
    expect(paths(GOOD.replace(', secret: "s"', ''))).toEqual(['uplink.secret']);
    expect(paths(GOOD.replace('id: bin-7', 'id: ws-001'))).toEqual(['devices[1].id']);
  });
});

describe('the same thing in another spelling', () => {
  it('is one host, and one device', () => {
    const host = (text: string): string | undefined => {
      const { config } = readConfig(
        GOOD.replace('127.0.0.1, port: 15020', `"${text}", port: 15020`),
        {},
        '/etc',
      );
      return (config?.devices[0]?.connection as { host: string } | undefined)?.host;
    };
    expect(host('PLC-1.village.')).toBe(host('plc-1.village'));
    expect(host('[::1]')).toBe(host('0::1'));
    expect(host('192.168.001.005')).toBe('192.168.1.5');
    const { config } = readConfig(
      GOOD.replace('HB20-000117', '24-E1-24-71-3B-49-12-34').concat(
        '  - { id: bin-8, profile: test/bin, address: 24e124713b491234, secret: "y" }\n',
      ),
      {},
      '/etc',
    );
    const bin = testCatalog.get('test/bin');
    if (config === null || bin === undefined) throw new Error('the configuration should parse');
    const lora = new Map([...testCatalog, [bin.id, { ...bin, address: 'dev-eui' as const }]]);
    const { devices, faults } = bindDevices(config, lora);
    expect(faults.map(({ path }) => path)).toEqual(['devices[2].address']);
    expect(devices[1]?.address).toBe('24e124713b491234');
    // Of a type that takes addresses as they are, these are two.
    expect(bindDevices(config, testCatalog).faults).toEqual([]);
  });
});

describe('bindDevices', () => {
  it('accepts what fits', () => expect(bindPaths(GOOD)).toEqual([]));
  it.each([
    ['an unknown profile', GOOD.replace('test/bin', 'test/none'), 'devices[1].profile'],
    [
      'an unknown option',
      GOOD.replace('options: {}', 'options: { speed: 3 }'),
      'devices[0].options',
    ],
    [
      'a Modbus device without connection',
      GOOD.replace(/connection: \{.*?\}, /, ''),
      'devices[0].connection',
    ],
    ['an MQTT device without secret', GOOD.replace(', secret: "x"', ''), 'devices[1].secret'],
    ['an MQTT device without listener', GOOD.replace(/mqtt: \{.*\n/, ''), 'mqtt'],
    [
      'an MQTT device that is polled',
      GOOD.replace('secret: "x"', 'secret: "x", every: 5s'),
      'devices[1].every',
    ],
    [
      'an address given twice',
      `${GOOD}  - { id: bin-8, profile: test/bin, address: HB20-000117, secret: "x" }\n`,
      'devices[2].address',
    ],
    [
      "an address that is another device's id",
      `${GOOD}  - { id: bin-8, profile: test/bin, address: bin-7, secret: "x" }\n`,
      'devices[2].address',
    ],
  ])('faults %s', (_, text, path) => {
    expect(bindPaths(text)).toEqual([path]);
  });
});

describe('--check', () => {
  it('tells faults, ends with 1, and leaves no trace', () => {
    const { path, remove } = temporaryFolder();
    cleanups.push(remove);
    const file = join(path, 'gateway.yaml');
    writeFileSync(file, GOOD);
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args], {
        encoding: 'utf8',
      });
    const bad = run('--check', '--config', file);
    expect(bad.status).toBe(1);
    expect(bad.stderr).toContain('devices[0].profile: no profile test/two-blocks');
    expect(bad.stderr).toContain('devices[1].profile: no profile test/bin');
    writeFileSync(file, GOOD.slice(0, GOOD.indexOf('devices:')).concat('devices: []\n'));
    const good = run('--check', '--config', file);
    expect(good).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(path, 'gateway-data'))).toBe(false);
    expect(run('--nonsense').status).toBe(2);
    const none = run('--config', join(path, 'none.yaml'));
    expect([none.status, none.stderr]).toEqual([
      2,
      expect.stringMatching(/没有这个文件.*no such file/),
    ]);
  });
});
