import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_LIMITS } from '@village/broker';
import { DAY, OperationalError, systemTimer } from '@village/core';
import { openTimeSeries } from '@village/store/time-series';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from './config.ts';
import { checkDatabase, prepareData } from './faults-at-start.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const yaml = (text: string): NodeJS.ProcessEnv => {
  const path = join(folder, 'village.yaml');
  writeFileSync(path, text);
  return { VILLAGE_CONFIG: path };
};

/** The message of what is refused. */
const refusal = (env: NodeJS.ProcessEnv): string => {
  try {
    loadConfig(env, folder);
  } catch (error) {
    expect(error).toBeInstanceOf(OperationalError);
    return (error as Error).message;
  }
  throw new Error('the configuration was taken');
};

describe('configuration', () => {
  it('has a default for everything', () => {
    const config = loadConfig({}, join(folder, 'elsewhere'));
    expect(config).toMatchObject({
      data: join(folder, 'elsewhere', 'data'),
      http: { port: 8080, host: '0.0.0.0', secureCookies: false },
      mqtt: { port: 1883 },
      county: { code: '330522000000' },
    });
  });

  it('takes the environment before the file, and paths relative to the file', () => {
    const env = yaml(
      'http: { port: 9000 }\nstore: { sealEvery: 1s, retention: 3650d }\nrelational: { url: postgres://a@b/c }\n',
    );
    const config = loadConfig({ ...env, VILLAGE_HTTP_PORT: '9001', VILLAGE_MQTT_PORT: '' }, '/');
    expect([config.http.port, config.mqtt.port]).toEqual([9001, 1883]);
    expect(config.store).toMatchObject({ sealEvery: 1000, retention: 3650 * DAY });
    expect(config.relational?.url).toBe('postgres://a@b/c');
  });

  it('is refused with every fault and its path', () => {
    const message = refusal(
      yaml(
        'http: { port: 70000, colour: red }\nstore: { sealEvery: soon }\nrelational: { url: mysql://x }\nlimits: { liveClients: 0 }\n',
      ),
    );
    for (const path of [
      'http.port',
      'http',
      'store.sealEvery',
      'relational.url',
      'limits.liveClients',
    ])
      expect(message).toMatch(new RegExp(`village\\.yaml\\.${path}:`));
    expect(message).toContain('colour');
    expect(refusal({ VILLAGE_HTTP_PORT: 'http' })).toContain('VILLAGE_HTTP_PORT');
    expect(refusal({ VILLAGE_CONFIG: join(folder, 'none.yaml') })).toContain("can't be read");
    expect(refusal(yaml('areas: none.csv'))).toContain('none.csv');
  });

  it('names the archive of readings, in the data folder unless told otherwise', () => {
    expect(loadConfig({}, join(folder, 'elsewhere')).timeSeries).toEqual({ engine: 'embedded' });
    const named =
      'timeSeries: { engine: influxdb, url: "http://10.0.0.5:8086", database: village }';
    const config = loadConfig({ ...yaml(named), VILLAGE_INFLUXDB_PASSWORD: 'p' }, folder);
    expect(config.timeSeries).toEqual({
      engine: 'influxdb',
      url: 'http://10.0.0.5:8086',
      database: 'village',
    });
    expect(config.influxPassword).toBe('p');
    expect(refusal(yaml('timeSeries: { engine: influxdb, url: ftp://x }'))).toMatch(
      /timeSeries\.url: .*must be http[\s\S]*timeSeries\.database/,
    );
    for (const url of ['http://reader:secret@x:8086', 'http://secret@x'])
      expect(
        refusal(yaml(`timeSeries: { engine: influxdb, url: "${url}", database: village }`)),
      ).toContain('VILLAGE_INFLUXDB_PASSWORD');
    expect(refusal(yaml('timeSeries: { engine: tdengine }'))).toContain('timeSeries.engine');
  });

  it('reads files of values that the county answers for, and tells their faults with line and column', () => {
    const own =
      'by: 张三\non: 2026-11-05\nlimits:\n  - { version: DB33/973-2021, quantity: water.cod, class: 1, ';
    writeFileSync(join(folder, 'own.yaml'), `${own}atMost: 55, unit: mg/L, source: 原文 }\n`);
    expect(loadConfig(yaml('standards: [own.yaml]'), '/').standards).toEqual([
      join(folder, 'own.yaml'),
    ]);
    expect(loadConfig({}, join(folder, 'elsewhere')).standards).toEqual([]);
    writeFileSync(join(folder, 'own.yaml'), `${own}atMost: 55, source: 原文 }\n`);
    expect(refusal(yaml('standards: [own.yaml, none.yaml]'))).toMatch(
      /own\.yaml:4:5 limits\[0\]: 须写明单位.* · must say its unit[\s\S]*none\.yaml: 无法读取.*can't be read/,
    );
  });

  it('has every limit of the broker, checked', () => {
    const limits = loadConfig(yaml('mqtt: { limits: { messagesPerSecond: 5000 } }'), folder).mqtt
      .limits;
    expect(limits).toEqual({ ...DEFAULT_LIMITS, messagesPerSecond: 5000 });
    const message = refusal(
      yaml(
        'mqtt: { limits: { messagesPerSecond: 0, connectTimeout: 5, packetBytes: 10, sockets: 1 } }\naudit: { retention: 90d }',
      ),
    );
    for (const path of ['messagesPerSecond', 'connectTimeout', 'packetBytes'])
      expect(message).toContain(`mqtt.limits.${path}:`);
    expect(message).toContain('sockets');
    expect(message).toContain('audit.retention:');
  });

  it('tells what is wrong with certificates, with its path', () => {
    for (const name of ['x.pem', 'x.key']) writeFileSync(join(folder, name), 'none');
    const message = refusal(
      yaml(
        'http: { tls: { cert: none.pem, key: x.key } }\nmqtt: { tls: { cert: x.pem, key: x.key } }',
      ),
    );
    expect(message).toMatch(/http\.tls\.cert: .*none\.pem can't be read/);
    expect(message).toMatch(/mqtt\.tls\.cert: .*x\.pem holds no certificate/);
    const shapes = refusal(
      yaml(
        'http: { tls: { cert: x.pem, key: x.key, clients: required }, proxyProtocol: [10.0.0.0/33] }\n' +
          'mqtt: { websocket: { path: mqtt, origins: ["https://x/y"] }, proxyProtocol: [county.example] }',
      ),
    );
    for (const path of [
      'http.tls.ca',
      'http.proxyProtocol.0',
      'mqtt.websocket.path',
      'mqtt.websocket.origins.0',
      'mqtt.proxyProtocol.0',
    ])
      expect(shapes).toContain(`${path}:`);
    expect(refusal(yaml('mqtt: { websocket: { tls: true } }'))).toContain('mqtt.websocket.tls:');
  });

  it('has every setting in the README, with its default', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const [, text = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
    const defaults = loadConfig({}, join(folder, 'elsewhere'));
    const { origin, ...written } = loadConfig(
      { ...yaml(text), VILLAGE_DATA: defaults.data },
      folder,
    );
    const { origin: _origin, ...others } = defaults;
    expect(origin.keys).toContain('http.port');
    expect(written).toEqual(others);
    const { data: _data, county: _county, ...settings } = others;
    const keys = (value: object): string[] =>
      Object.entries(value).flatMap(([key, one]) =>
        typeof one === 'object' && !Array.isArray(one) ? keys(one as object) : [key],
      );
    // `backup.folder` and `exports.folder` follow the data folder.
    expect(keys(parse(text) as object)).toHaveLength(keys(settings).length - 2);
  });

  it('says where a file is broken without showing its lines, which may hold a password', () => {
    const said = refusal(
      yaml('http: { port: 80 }\nrelational: { url: "postgres://v:hidden@db/v }'),
    );
    expect(said).toMatch(/line 2/);
    expect(said).not.toContain('hidden');
  });

  it('names the line of a broken device profile', () => {
    mkdirSync(join(folder, 'catalog', 'x'), { recursive: true });
    writeFileSync(join(folder, 'catalog', 'x', 'y.yaml'), 'profile: x/y\nrevision: one\n');
    expect(refusal(yaml('catalogs: [catalog]'))).toMatch(/x\/y\.yaml:\d+ /);
  });
});

describe('the command', () => {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const run = (args: string[], env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, [main, ...args], {
      encoding: 'utf8',
      env: { ...process.env, VILLAGE_DATA: join(folder, 'data'), ...env },
      timeout: 60_000,
    });
  let port = 0;
  const taken = createServer();
  beforeAll(async () => {
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => new Promise((resolve) => taken.close(resolve)));

  it('checks a configuration without starting', () => {
    const good = run(['serve', '--check'], yaml('http: { port: 9000 }'));
    expect([good.status, good.stderr]).toEqual([0, '']);
    const bad = run(['start', '--check'], yaml('http: { port: x }'));
    expect(bad.status).toBe(1);
    expect(bad.stderr).toContain('http.port');
    expect(bad.stderr).not.toContain('    at ');
    expect(run(['start', '--devices', 'many', '--check'], {}).status).toBe(1);
  }, 60_000);

  it('refuses words and options that nobody knows', () => {
    // What npm makes of `npm start --history 3`.
    const swallowed = run(['start', '3', '--check'], {});
    expect([swallowed.status, swallowed.stderr]).toEqual([
      1,
      expect.stringMatching(/选项前须有 --.*npm start -- --history 3/),
    ]);
    const unknown = run(['start', '--histroy', '3'], {});
    expect([unknown.status, unknown.stderr]).toEqual([
      1,
      expect.stringMatching(/^选项有误.*histroy/),
    ]);
  }, 60_000);

  it('says in one line that a port is taken, and ends', () => {
    const file = yaml('http: { host: 127.0.0.1, port: 0 }\nmqtt: { host: 127.0.0.1, port: 0 }');
    for (const variable of ['VILLAGE_HTTP_PORT', 'VILLAGE_MQTT_PORT']) {
      const { status, stderr } = run(['serve'], { ...file, [variable]: String(port) });
      expect(status, variable).toBe(1);
      expect(stderr.trim().split('\n')).toEqual([
        expect.stringMatching(new RegExp(`${variable}.*127.0.0.1:${port}.*EADDRINUSE`)),
      ]);
    }
  }, 60_000);

  it('says in one line that another server has the data folder, and ends', async () => {
    const used = join(folder, 'used');
    mkdirSync(used);
    const store = await openTimeSeries({ folder: join(used, 'time-series'), timer: systemTimer });
    const { status, stderr } = run(['serve'], { VILLAGE_DATA: used });
    await store.close();
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(new RegExp(`VILLAGE_DATA：${used} · another server`)),
    ]);
  }, 60_000);
});

describe('the database of areas, devices and people', () => {
  const file = join(folder, 'relational.sqlite');

  it.each([
    ['missing', () => rmSync(file, { force: true })],
    ['empty', () => writeFileSync(file, '')],
  ])('is not made anew when it is %s and readings are there', (_, plant) => {
    plant();
    expect(() => checkDatabase(file, 1)).toThrow(
      expect.objectContaining({ code: 'database-missing' }),
    );
    checkDatabase(file, 0);
  });

  it('is taken as it is otherwise', () => {
    writeFileSync(file, 'x');
    checkDatabase(file, 1);
  });
});

describe('the data folder', () => {
  it('is made with all above it', () => {
    const deep = join(folder, 'a', 'b', 'c');
    prepareData(deep);
    expect(readdirSync(deep)).toEqual([]);
  });

  // Under /proc no folder can be made, whoever asks.
  it.each(['no-folder', 'no-folder/below', '/proc/village-data'])('%s can not be used', (name) => {
    writeFileSync(join(folder, 'no-folder'), '');
    const place = resolve(folder, name);
    expect(() => prepareData(place)).toThrow(
      expect.objectContaining({
        code: 'data-unusable',
        message: expect.stringMatching(/VILLAGE_DATA：.* · the data folder can't be written/),
      }),
    );
  });
});
