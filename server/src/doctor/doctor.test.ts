/** The doctor on a folder that a real server left: well as it is, each planted fault found by name, nothing changed. */
import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Made, makeAuthority, makeCertificate } from '@village/broker/certificates';
import { DAY, formatTime, HOUR } from '@village/core';
import { openRelational } from '@village/store/relational';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCounty, startTest, until } from '../testing.ts';
import { ourTables } from './checks/stores.ts';
import { doctor, examine } from './doctor.ts';
import { both, type Check, type Finding, ok, type Patient } from './finding.ts';

const root = mkdtempSync(join(tmpdir(), 'village-doctor-'));
const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const healthy = join(root, 'healthy');
const tools = join(root, 'tools');
let ca: Made;
let own: Made;

beforeAll(async () => {
  const test = await startCounty((config) => ({
    ...config,
    store: { ...config.store, sealEvery: 100 },
  }));
  const admin = await test.client('admin');
  const readings = Array.from({ length: 100 }, (_, n) => ({
    device: 'north-air',
    at: formatTime(Date.now() - HOUR - n * 60_000),
    values: { pm25: n },
  }));
  expect((await admin.ask('POST', '/readings', { readings })).statusCode).toBe(202);
  await until('archive files', async () => {
    const { store } = await admin.get<{ store: { rowsHot: number } }>('/system');
    return store.rowsHot === 0 && parquets(join(test.folder, 'data')).length > 0;
  });
  const { folder } = (await admin.ask('POST', '/system/backup')).json() as { folder: string };
  await until('the backup', () => existsSync(join(folder, 'backup.json')));
  await test.server.stop();
  cpSync(join(test.folder, 'data'), join(healthy, 'data'), { recursive: true });
  await test.close();
  const now = Date.now();
  ca = await makeAuthority('长兴县', { from: now - 2 * DAY, to: now + 400 * DAY });
  own = await server(now - DAY, now + 300 * DAY);
  mkdirSync(tools);
  clockSays('yes');
}, 120_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Files that the manifest lists; the table of devices beside them is written anew each time. */
const parquets = (data: string): string[] =>
  globSync('time-series/archive/**/*.parquet', { cwd: data })
    .filter((path) => !path.endsWith('/devices.parquet'))
    .map((path) => join(data, path));

const server = (from: number, to: number): Promise<Made> =>
  makeCertificate(ca, { kind: 'server', names: ['localhost', '127.0.0.1'] }, { from, to });

/** The only program that is found says whether the clock is in step. */
function clockSays(word: 'yes' | 'no'): void {
  writeFileSync(join(tools, 'timedatectl'), `#!/bin/sh\necho ${word}\n`, { mode: 0o755 });
}

let n = 0;
let place: string;
let data: string;
beforeEach(() => {
  place = join(root, `${n++}`);
  cpSync(healthy, place, { recursive: true, preserveTimestamps: true });
  data = join(place, 'data');
  chmodSync(data, 0o750);
  writeFileSync(join(place, 'own.txt'), 'no folder');
  yaml('');
});
const listening: Server[] = [];
afterEach(() => {
  clockSays('yes');
  for (const one of listening.splice(0)) one.close();
});

/** The configuration; ports are any unless it says otherwise. */
function yaml(text: string, mode = 0o600): void {
  const path = join(place, 'village.yaml');
  writeFileSync(
    path,
    text === '' ? 'http: { host: 127.0.0.1, port: 0 }\nmqtt: { host: 127.0.0.1, port: 0 }\n' : text,
  );
  chmodSync(path, mode);
}
const ANY = 'mqtt: { host: 127.0.0.1, port: 0 }\n';
const BOTH = `http: { port: 0 }\n${ANY}`;

interface Report {
  readonly code: number;
  readonly state: string;
  readonly findings: readonly Finding[];
}

/** What the doctor says; DuckDB is started where that is asked for, which takes longer than all else. */
async function ask(env: NodeJS.ProcessEnv = {}, without = ['query-engine']): Promise<Report> {
  const before = process.env['PATH'];
  process.env['PATH'] = tools;
  try {
    let said = '';
    const code = await doctor({
      env: { VILLAGE_DATA: data, ...env },
      cwd: place,
      json: true,
      full: false,
      without,
      print: (line) => {
        said += line;
      },
    });
    return { code, ...(JSON.parse(said) as Omit<Report, 'code'>) };
  } finally {
    process.env['PATH'] = before;
  }
}

const notWell = ({ findings }: Report): string[] =>
  findings.filter(({ state }) => state !== 'ok').map(({ name, state }) => `${name} ${state}`);

/** All that lies in the folder, with sizes and times. */
const listed = (): string[] =>
  readdirSync(place, { recursive: true, encoding: 'utf8' })
    .filter((path) => path !== 'data')
    .map((path) => {
      const { size, mtimeMs, mode } = statSync(join(place, path));
      return `${path} ${size} ${mtimeMs} ${mode}`;
    })
    .sort();

const certificate = (cert: string, key: string, mode = 0o600): void => {
  writeFileSync(join(place, 'own.pem'), cert);
  writeFileSync(join(place, 'own.key'), key, { mode });
  yaml(`http: { port: 0, tls: { cert: own.pem, key: own.key } }\n${ANY}`);
};

describe('a healthy folder', () => {
  it('is all well, and is left as it was', async () => {
    certificate(own.cert, own.key);
    const before = listed();
    const report = await ask({}, []);
    expect(notWell(report)).toEqual([]);
    expect([report.code, report.state]).toEqual([0, 'ok']);
    expect(report.findings.length).toBeGreaterThan(15);
    const told = (name: string) => report.findings.find((one) => one.name === name)?.found.en;
    expect(told('disk-write')).toMatch(/^fsync \d+\.\d ms/);
    expect(told('archive')).toMatch(/^[1-9]\d* files, all with their checksums$/);
    expect(listed()).toEqual(before);
  }, 60_000);

  it('is as well after a kill, whose log it reads from a copy', async () => {
    // What a killed server leaves: frames of the log that are not in the database yet.
    const db = new DatabaseSync(join(data, 'time-series', 'log.sqlite'));
    db.exec(
      "PRAGMA journal_mode=WAL; INSERT OR REPLACE INTO state(key, value) VALUES('doctor', 1)",
    );
    for (const end of ['', '-wal'])
      cpSync(join(data, 'time-series', `log.sqlite${end}`), join(place, `log.sqlite${end}`));
    db.close();
    for (const end of ['', '-wal'])
      cpSync(join(place, `log.sqlite${end}`), join(data, 'time-series', `log.sqlite${end}`));
    expect(statSync(join(data, 'time-series', 'log.sqlite-wal')).size).toBeGreaterThan(0);
    const before = listed();
    expect(notWell(await ask())).toEqual([]);
    expect(listed()).toEqual(before);
  });
});

async function taken(): Promise<number> {
  const one = createServer();
  listening.push(one);
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  return (one.address() as { port: number }).port;
}

/** Overwrites a piece in the middle of a file. */
function damage(path: string): void {
  const bytes = readFileSync(path);
  bytes.fill(0x5a, bytes.length >> 1, (bytes.length >> 1) + 64);
  writeFileSync(path, bytes);
}

/** Says a statement to a database of the folder, and leaves nothing beside it. */
function sql(path: string, statement: string): void {
  const db = new DatabaseSync(join(data, path));
  db.exec(statement);
  db.close();
}

const FAULTS: readonly (readonly [found: string, plant: () => void | Promise<void>])[] = [
  ['disk-room fault', () => yaml(`${BOTH}store: { diskReserveMegabytes: 1000000000 }`)],
  ['clock-sync warning', () => clockSays('no')],
  [
    'clock fault',
    () =>
      utimesSync(join(data, 'time-series', 'log.sqlite'), new Date(), new Date(Date.now() + HOUR)),
  ],
  [
    'port-http fault',
    async () => yaml(`http: { host: 127.0.0.1, port: ${await taken()} }\n${ANY}`),
  ],
  [
    'certificate-http fault',
    async () => {
      const ended = await server(Date.now() - 2 * DAY, Date.now() - DAY);
      certificate(ended.cert, ended.key);
    },
  ],
  [
    'certificate-http fault',
    async () => certificate(own.cert, (await server(0, Date.now() + DAY)).key),
  ],
  ['certificate-http fault', () => certificate(own.cert + own.cert, own.key)],
  ['secrets warning', () => certificate(own.cert, own.key, 0o644)],
  ['configuration fault', () => yaml(`${BOTH}stroe: { retention: 30d }`)],
  ['configuration fault', () => yaml(`${BOTH}  - : {`)],
  ['configuration fault', () => yaml(`http: { port: 8088 }\nmqtt: { port: 8088 }`)],
  [
    'configuration fault',
    () => {
      yaml(`${BOTH}county: { code: "330522000000", zh: "%", en: Changxing }`);
      const path = join(place, 'village.yaml');
      // 长兴县 as editors of Windows write it, in GBK.
      const [head = '', tail = ''] = readFileSync(path, 'latin1').split('%');
      writeFileSync(path, Buffer.from(`${head}\xb3\xa4\xd0\xcb\xcf\xd8${tail}`, 'latin1'));
    },
  ],
  ['port-http fault', () => yaml(`http: { host: 192.0.2.77, port: 8088 }\n${ANY}`)],
  ['port-mqtt fault', () => yaml('http: { port: 0 }\nmqtt: { host: no.such.invalid, port: 1883 }')],
  ['exports-folder fault', () => yaml(`${BOTH}exports: { folder: own.txt/x }`)],
  ['backups fault', () => yaml(`${BOTH}backup: { folder: own.txt }`)],
  ['backups warning', () => yaml(`${BOTH}backup: { folder: data/backups }`)],
  [
    'database fault',
    () =>
      truncateSync(
        join(data, 'relational.sqlite'),
        statSync(join(data, 'relational.sqlite')).size >> 1,
      ),
  ],
  ['database fault', () => yaml(`${BOTH}relational: { url: "postgres://a@127.0.0.1:1/village" }`)],
  ['journal fault', () => writeFileSync(join(data, 'time-series', 'log.sqlite'), 'no database')],
  ['journal fault', () => rmSync(join(data, 'time-series', 'log.sqlite'))],
  ['journal fault', () => truncateSync(join(data, 'time-series', 'log.sqlite'))],
  ['journal fault', () => sql('time-series/log.sqlite', 'PRAGMA user_version = 99')],
  ['database fault', () => rmSync(join(data, 'relational.sqlite'))],
  ['database fault', () => truncateSync(join(data, 'relational.sqlite'))],
  [
    'database fault',
    () =>
      sql(
        'relational.sqlite',
        `INSERT INTO migration_registry VALUES ('9999-later', '2030-01-01')`,
      ),
  ],
  ['device-types fault', () => sql('relational.sqlite', `UPDATE device SET profile = 'no/such'`)],
  ['archive fault', () => damage(parquets(data)[0] as string)],
  ['archive fault', () => rmSync(parquets(data)[0] as string)],
  ['backups warning', () => rmSync(join(data, 'backups'), { recursive: true })],
  [
    'backups warning',
    () => {
      // A hole of a file: no disk has room for a copy of it.
      const log = join(data, 'time-series', 'frames', 'hole.frames');
      writeFileSync(log, '');
      truncateSync(log, 8 * 2 ** 40);
    },
  ],
  ['backups fault', () => rmSync(globSync(join(data, 'backups', '*', 'backup.json'))[0] as string)],
  ['data-folder fault', () => chmodSync(data, 0o777)],
  ['data-folder fault', () => writeFileSync(join(data, 'restoring'), '/backup\n')],
  ['data-owner fault', () => chmodSync(parquets(data)[0] as string, 0o400)],
];

describe('a planted fault', () => {
  it.each(FAULTS.map(([found, plant], index) => ({ found, plant, index })))(
    '$index: $found',
    async ({ found, plant }) => {
      await plant();
      const before = listed();
      const report = await ask();
      // What can't be read of a broken log is told of its archive files, too.
      const told = notWell(report).filter(
        (one) => found !== 'journal fault' || one !== 'archive fault',
      );
      expect([...new Set(told)]).toEqual([found]);
      expect(report.code).toBe(found.endsWith('fault') ? 2 : 1);
      const one = report.findings.find(({ name }) => `${name}` === found.split(' ')[0]);
      expect(one?.advice?.zh).toMatch(/\S/);
      expect(one?.advice?.en).toMatch(/\S/);
      expect(listed()).toEqual(before);
    },
  );

  it('of a file that can not be read is no default port that somebody else has', async () => {
    yaml(`${BOTH}  - : {`);
    const ports = async (env: NodeJS.ProcessEnv = {}): Promise<string[]> =>
      (await ask(env)).findings.flatMap(({ name }) => (name.startsWith('port-') ? [name] : []));
    expect(await ports()).toEqual([]);
    expect(await ports({ VILLAGE_HTTP_PORT: String(await taken()) })).toEqual(['port-http']);
  });

  it('is none where the file of a type was taken in on the page', async () => {
    sql('relational.sqlite', `UPDATE device SET profile = 'acme/own'`);
    sql(
      'relational.sqlite',
      `INSERT INTO profile_own VALUES ('acme/own', 'held', 'text', 'admin', '2026-01-01T00:00:00Z')`,
    );
    expect(notWell(await ask())).toEqual([]);
  });

  it.each([
    ['refuses the account', 401, {}, 'fault', 'VILLAGE_INFLUXDB_PASSWORD'],
    [
      'has another database',
      200,
      { results: [{ series: [{ values: [['other']] }] }] },
      'warning',
      'CREATE DATABASE village',
    ],
    ['is out of order', 500, {}, 'fault', 'timeSeries.url'],
    ['is well', 200, { results: [{ series: [{ values: [['village']] }] }] }, 'ok', ''],
    [
      'refuses what is asked',
      200,
      { results: [{ error: 'not allowed' }] },
      'fault',
      'VILLAGE_INFLUXDB_PASSWORD',
    ],
    ['is another program', 200, { status: 'success', data: {} }, 'fault', '其他程序'],
    ['says nothing', 200, null, 'fault', '其他程序'],
    [
      'says what none says',
      200,
      { results: [{ series: [{ values: ['x', null] }] }] },
      'fault',
      '其他程序',
    ],
    ['sends elsewhere', 302, {}, 'fault', '其他程序'],
  ] as const)('of an InfluxDB that %s', async (_, status, body, state, advice) => {
    const influx = createHttp((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    listening.push(influx);
    await new Promise<void>((resolve) => influx.listen(0, '127.0.0.1', resolve));
    const { port } = influx.address() as { port: number };
    yaml(
      `${BOTH}timeSeries: { engine: influxdb, url: "http://127.0.0.1:${port}", database: village, username: reader }`,
    );
    const one = (await ask({ VILLAGE_INFLUXDB_PASSWORD: 'wrong' })).findings.find(
      ({ name }) => name === 'archive',
    );
    expect(one?.state).toBe(state);
    expect(one?.advice?.zh ?? '').toContain(advice);
  });

  it('of an InfluxDB that is none and never ends is told without reading on', async () => {
    let sent = 0;
    const endless = createHttp((_request, response) => {
      const piece = Buffer.alloc(256 * 1024, 0x20);
      const send = (): void => {
        sent += piece.length;
        if (!response.destroyed) response.write(piece, send);
      };
      send();
    });
    listening.push(endless);
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve));
    const { port } = endless.address() as { port: number };
    yaml(
      `${BOTH}timeSeries: { engine: influxdb, url: "http://127.0.0.1:${port}", database: village }`,
    );
    expect(notWell(await ask())).toEqual(['archive fault']);
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  it('clocks of tests, and what nobody can read as one, are told', async () => {
    expect(notWell(await ask({ VILLAGE_CLOCK: `${Date.now()}@1@${Date.now()}` }))).toEqual([
      'environment warning',
    ]);
    expect(notWell(await ask({ VILLAGE_CLOCK: 'noon' }))).toEqual(['environment fault']);
  });

  it('a data folder that is none is told as that', async () => {
    const report = await ask({ VILLAGE_DATA: join(place, 'own.txt') });
    const { found } = report.findings.find(({ name }) => name === 'data-folder') as Finding;
    expect(found.zh).toContain('不是文件夹');
    expect(report.code).toBe(2);
  });

  it('of the address, not of the port, asks for another address', async () => {
    yaml(`http: { host: 192.0.2.77, port: 8088 }\n${ANY}`);
    const one = (await ask()).findings.find(({ name }) => name === 'port-http');
    expect(one?.advice?.zh).toContain('VILLAGE_HTTP_HOST');
  });

  it('of a value says in Chinese what it must be', async () => {
    yaml(`${BOTH}bakcup: { nightly: true }\naudit: { retention: 30 }`);
    const said = (await ask()).findings
      .filter(({ name }) => name === 'configuration')
      .map(({ found }) => found.zh);
    expect(said.join('\n')).toMatch(/没有这个键：bakcup/);
    expect(said.join('\n')).toMatch(/audit\.retention：须为文字/);
  });

  it('unknown variables are told by name', async () => {
    const report = await ask({ VILLAGE_HTTPPORT: '80' });
    expect(notWell(report)).toEqual(['environment warning']);
  });

  it('keeps none of the others from being found', async () => {
    writeFileSync(join(data, 'relational.sqlite'), 'no database');
    damage(parquets(data)[0] as string);
    chmodSync(data, 0o777);
    clockSays('no');
    rmSync(join(data, 'backups'), { recursive: true });
    yaml(`http: { host: 127.0.0.1, port: ${await taken()}, tls: { cert: none.pem, key: none.key } }
${ANY}store: { diskReserveMegabytes: 1000000000, memoryMegabytes: few }
relational: { url: mysql://x }`);
    expect(notWell(await ask({ VILLAGE_MQTT_PORT: 'many', VILLAGE_X: '1' })).sort()).toEqual([
      'archive fault',
      'backups warning',
      'certificate-http fault',
      'clock-sync warning',
      ...Array(3).fill('configuration fault'),
      'data-folder fault',
      'database fault',
      'disk-room fault',
      'environment warning',
      'port-http fault',
    ]);
  });

  it('is told also where a check itself breaks', async () => {
    const breaks: Check = {
      name: 'breaks',
      title: both('坏', 'breaks'),
      run: () => {
        throw new Error('out of order');
      },
    };
    const fine: Check = {
      name: 'fine',
      title: both('好', 'fine'),
      run: () => [ok('fine', both('好', 'fine'))],
    };
    const findings = await examine({ full: false } as Patient, [breaks, fine]);
    expect(findings).toMatchObject([
      { name: 'breaks', state: 'fault', found: { en: expect.stringContaining('out of order') } },
      { name: 'fine', state: 'ok' },
    ]);
  });
});

describe.skipIf(postgresFolder() === undefined)('a PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
    const open = await openRelational({
      ...{ url: server.url('postgres'), clock: Date.now, modules: ourTables() },
    });
    await open.close();
  }, 60_000);
  afterAll(() => server.stop());

  const cases: readonly (readonly [string, string, string, string, string?, string?])[] = [
    ['is well', '', 'ok', 'answers'],
    ['takes no changes', 'SET default_transaction_read_only = on', 'fault', 'read-only'],
    ['lets no tables be made', '', 'warning', 'may not make tables', 'reader'],
    [
      'is another, and empty',
      '',
      'fault',
      'is empty while readings are there',
      'village',
      'template1',
    ],
  ];
  it.each(cases.map((one) => ({ one, what: one[0] })))(
    'that $what',
    async ({ one: [, set, state, says, account = 'village', database = 'postgres'] }) => {
      const admin = new pg.Client(server.url('postgres'));
      await admin.connect();
      await admin.query(
        'DO $$ BEGIN CREATE ROLE reader LOGIN; EXCEPTION WHEN duplicate_object THEN END $$',
      );
      await admin.query('REVOKE CREATE ON SCHEMA public FROM public');
      await admin.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader');
      if (set !== '') await admin.query(`ALTER DATABASE postgres ${set}`);
      const url = server.url(database).replace('village@', `${account}@`);
      yaml(`${BOTH}relational: { url: "${url}" }`);
      const one = (await ask()).findings.find(({ name }) => name === 'database');
      await admin.query('SET default_transaction_read_only = off');
      await admin.query('ALTER DATABASE postgres RESET ALL');
      await admin.end();
      expect([one?.state, one?.found.en]).toEqual([state, expect.stringContaining(says)]);
      expect(/\S/.test(one?.advice?.zh ?? '')).toBe(state !== 'ok');
    },
  );
});

describe('the command', () => {
  const env = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${tools}`, VILLAGE_DATA: data });
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, 'serve', 'doctor', ...args], {
      cwd: place,
      encoding: 'utf8',
      env: env(),
      timeout: 60_000,
    });

  it('says each finding in a line, Chinese first, and ends with what it found', () => {
    clockSays('no');
    const { status, stdout, stderr } = run();
    expect([status, stderr]).toEqual([1, '']);
    const lines = stdout.trim().split('\n');
    expect(lines.find((line) => line.includes('clock-sync'))).toMatch(
      /^! 警告 warning clock-sync {2}时钟同步：.*→.* · .*not synchronised → /,
    );
    expect(lines.at(-1)).toMatch(/0 个故障，1 个警告 · \d+ looked at: 0 faults, 1 warnings$/);
  }, 60_000);

  it('works beside a running server, which has its ports and its data', async () => {
    const test = await startTest();
    try {
      const { httpPort, mqttPort } = test.server;
      yaml(
        `http: { host: 127.0.0.1, port: ${httpPort} }\nmqtt: { host: 127.0.0.1, port: ${mqttPort} }\n`,
      );
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [main, 'serve', 'doctor', '--json'],
        { cwd: place, env: { ...env(), VILLAGE_DATA: join(test.folder, 'data') } },
      ).catch((error: { stdout: string }) => error);
      const report = { ...(JSON.parse(stdout) as Report), code: 0 };
      // It has just been made.
      expect(notWell(report)).toEqual(['backups warning']);
      const told = (name: string) => report.findings.find((one) => one.name === name)?.found.en;
      expect(told('service')).toContain(`runs (process ${process.pid})`);
      for (const port of ['port-http', 'port-mqtt'])
        expect(told(port)).toContain(`held by the running server (process ${process.pid})`);
      expect(await fetch(`http://127.0.0.1:${httpPort}/healthz`)).toMatchObject({ status: 200 });
    } finally {
      await test.close();
    }
  }, 60_000);
});
