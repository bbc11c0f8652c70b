/**
 * A data folder, an outbox, a backup and a PostgreSQL database of an older version: today's version opens each, answers
 * what the old one answered, and goes on with it. README.md beside the fixture says how they were made.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { postgresFolder, startPostgres } from '@village/store/relational/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestServer, testServer } from '../lib/county.ts';
import {
  type Answers,
  ask,
  comparable,
  END,
  HISTORY_ONLY,
  isOpen,
  type Keys,
  type Recorded,
  readKeys,
  recorded,
  unpack,
} from '../lib/old-data.ts';
import { Process, until } from '../lib/processes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'village-old-data-'));
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const iso = (at: number): string => new Date(at).toISOString();
const LIMITS = 'limits: { requestsPerMinute: 100000, signInsPerMinute: 1000 }\n';
const QUIET = `${LIMITS}store: { sealEvery: 1d }\n`;
/** Of the old outbox: the newest number, and the readings of one device that wait as backlog. */
const LAST_SEQ = 114;
const OLD_ROWS = 28;
const BUSY = `${LIMITS}store: { sealEvery: 1s }\n`;

const running: Process[] = [];
let keys: Keys;
let old: Recorded;

beforeAll(async () => {
  await unpack(folder);
  keys = readKeys(folder);
  old = recorded();
});
afterAll(async () => {
  await Promise.all(running.map((process) => process.end('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

/** A server whose clock reads `start` now; its data is `data` in the folder. */
async function serve(place: string, yaml: string, start = END + 2 * MINUTE): Promise<TestServer> {
  const server = await testServer(place, yaml, {
    VILLAGE_CLOCK: `${start}@1@${Date.now()}`,
    VILLAGE_ADMIN_PASSWORD: keys.password,
  });
  running.push(server.process);
  await server.up();
  return server;
}

/** Every answer is the recorded one; an open one may tell more of each item. */
function compare(answers: Answers, expected: Answers): void {
  for (const [name, answer] of Object.entries(answers)) {
    expect(expected, name).toHaveProperty([name]);
    const wanted = comparable(expected[name]);
    if (isOpen(name)) expect(comparable(answer), name).toMatchObject(wanted as object);
    else expect(comparable(answer), name).toEqual(wanted);
  }
}

const bearer = (token = keys.token) => ({ authorization: `Bearer ${token}` });

async function stop(server: TestServer): Promise<void> {
  expect(await server.process.end('SIGTERM'), server.process.output).toBe(0);
}

async function metric(server: TestServer, name: string): Promise<number> {
  const text = await (await server.api.fetch('/metrics', { headers: bearer() })).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

interface Row {
  at: string;
  receivedAt: string;
  lane: 'live' | 'backfill';
  values: Record<string, number>;
}

async function rows(server: TestServer, device: string, from: number, to: number): Promise<Row[]> {
  const { items } = await server.api.json<{ items: Row[] }>(
    `/api/v1/readings?device=${device}&from=${iso(from)}&to=${iso(to)}&limit=10000`,
    { headers: bearer() },
  );
  return items;
}

describe('the data folder', () => {
  const place = join(folder, 'goes-on');
  const added = { device: 'air-b1', at: iso(END + MINUTE), values: { pm25: 61.5, pm10: 80 } };
  const late = { device: 'ph-b1', at: iso(END - 2 * HOUR), values: { ph: 7.25 } };
  let server: TestServer;

  beforeAll(async () => {
    mkdirSync(place);
    cpSync(join(folder, 'data'), join(place, 'data'), { recursive: true });
    server = await serve(place, QUIET);
  });

  it('opens as it was killed and gives the same answers', async () => {
    compare(await ask(server.api, keys), old.sqlite);
  }, 180_000);

  it('reads cameras from before their lenses and rules were told apart under the keys they had', async () => {
    const query = `device=cam-c1&metric=count,motion&from=${iso(END - 3 * HOUR)}&to=${iso(END)}&limit=10`;
    const { items } = await server.api.json<{ items: Row[] }>(`/api/v1/readings?${query}`, {
      headers: bearer(),
    });
    expect(items.length).toBeGreaterThan(0);
    for (const { values } of items) expect(Object.keys(values).sort()).toEqual(['count', 'motion']);
  });

  it('tells what was kept aside by its id, and that a device of which only history came is offline', async () => {
    const { items } = old.sqlite['/quarantine?limit=100'] as {
      items: { id: number; payload: string }[];
    };
    expect(items.length).toBeGreaterThan(3);
    for (const { id, payload } of items)
      expect(
        await server.api.json(`/api/v1/quarantine/${id}`, { headers: bearer() }),
      ).toMatchObject({ id, payload });
    const state = await server.api.json(`/api/v1/devices/${HISTORY_ONLY}/latest`, {
      headers: bearer(),
    });
    expect(state).toMatchObject({ state: 'offline', lastSeenAt: expect.any(String) });
  }, 60_000);

  it('lets the same people in, with their sessions and passwords', async () => {
    for (const [name, cookie] of Object.entries(keys.cookies)) {
      const { user } = await server.api.json<{ user: { name: string } }>('/api/v1/session', {
        headers: { cookie },
      });
      expect(user.name).toBe(name);
    }
    for (const name of keys.users) await server.api.signIn(name, keys.password);
    await expect(server.api.signIn('gone', keys.password)).rejects.toThrow('401');
    const closed = await server.api.fetch('/api/v1/users', { headers: bearer(keys.clerkToken) });
    expect(closed.status).toBe(403);
  });

  it('drains the outbox of a gateway, what is new first, each lane in order', async () => {
    await drain(server);
  }, 240_000);

  it('takes new readings, flushes them, and answers the same after a restart', async () => {
    const sent = { readings: [added, late] };
    await server.api.json(
      '/api/v1/readings',
      {
        method: 'POST',
        headers: { ...bearer(), 'content-type': 'application/json' },
        body: JSON.stringify(sent),
      },
      202,
    );
    await stop(server);
    server = await serve(place, BUSY);
    await until('a flush', async () => (await metric(server, 'village_store_rows_hot')) === 0);
    await holds(server);
    await server.process.end('SIGKILL');
    server = await serve(place, QUIET);
    await holds(server);
    await stop(server);
  }, 240_000);

  it('compacts old and new in the next night, and answers the same', async () => {
    const files = (): string => globSync('**/*.parquet', { cwd: place }).sort().join('\n');
    const before = files();
    server = await beforeNight();
    await until('the night', () => files() !== before, 180_000);
    await holds(server);
    await stop(server);
    expect(files().split('\n').length).toBeLessThan(before.split('\n').length);
    server = await serve(place, QUIET, END + 15 * HOUR);
    await holds(server);
    await stop(server);
  }, 480_000);

  /** A server that is up before two o'clock in Beijing; a slow machine gets more time. */
  async function beforeNight(): Promise<TestServer> {
    const night = END + 14 * HOUR;
    for (const margin of [10_000, 40_000, 120_000]) {
      const began = Date.now();
      const one = await serve(place, QUIET, night - margin);
      if (Date.now() - began < margin) return one;
      await stop(one);
    }
    throw new Error('the server takes two minutes to start');
  }

  /** The past as it was, and what came since. */
  async function holds(one: TestServer): Promise<void> {
    compare(await ask(one.api, keys, true), old.sqlite);
    expect(await rows(one, 'air-b1', END, END + HOUR)).toMatchObject([{ values: added.values }]);
    expect(await rows(one, 'ph-b1', END - 2 * HOUR, END - 2 * HOUR + 1)).toMatchObject([
      { values: late.values },
    ]);
    expect(await rows(one, 'ph-a1', END - 40 * MINUTE, END - 32 * MINUTE)).toHaveLength(8);
  }
});

function batchesIn(data: string): number {
  const outbox = new DatabaseSync(join(data, 'outbox.db'), { readOnly: true });
  try {
    return Number(outbox.prepare('SELECT count(*) AS n FROM batch').get()?.['n']);
  } finally {
    outbox.close();
  }
}

/** Runs today's gateway on the old outbox until nothing waits in it. */
async function drain(server: TestServer): Promise<void> {
  cpSync(join(folder, 'outbox'), join(folder, 'gateway-data'), { recursive: true });
  const config = join(folder, 'gateway.yaml');
  writeFileSync(
    config,
    `gateway: gw-a
uplink: { url: mqtt://127.0.0.1:${server.mqttPort}, secret: ${keys.gatewaySecret} }
data: ${join(folder, 'gateway-data')}
devices: []
`,
  );
  // Its newest batches were made a minute after this time, and are news for a minute and a half after that.
  const start = END + 20 * MINUTE;
  const gateway = new Process('gateway', 'gateway/src/main.ts', ['--config', config], {
    VILLAGE_CLOCK: `${start}@1@${Date.now()}`,
  });
  running.push(gateway);
  gateway.start();
  interface System {
    gateways: {
      id: string;
      dropped: Record<string, number> | null;
      sequences: { highest: number; gaps: [number, number][] }[];
    }[];
  }
  const state = await until(
    'the whole backlog',
    async () => {
      if (!gateway.running) throw new Error(`the gateway ended:\n${gateway.output}`);
      const { gateways } = await server.api.json<System>('/api/v1/system', { headers: bearer() });
      const one = gateways.find(({ id }) => id === 'gw-a');
      const books = one?.sequences.find(({ highest }) => highest === LAST_SEQ);
      // Four batches were acknowledged before the old gateway was killed: only their numbers are missing.
      return JSON.stringify(books?.gaps) === '[[1,4]]' && one;
    },
    180_000,
  );
  expect(state.dropped).toMatchObject({ 'row-too-large': 2 });
  await until('the outbox to be empty', () => batchesIn(join(folder, 'gateway-data')) === 0);
  expect(await gateway.end('SIGTERM'), gateway.output).toBe(0);

  const backfill = await rows(server, 'ph-a1', END - 3 * HOUR, END - 2 * HOUR);
  const live = await rows(server, 'ph-a1', END - 40 * MINUTE, END - 32 * MINUTE);
  expect([backfill.length, live.length]).toEqual([OLD_ROWS, 8]);
  expect(new Set(backfill.map(({ lane }) => lane))).toEqual(new Set(['backfill']));
  expect(new Set(live.map(({ lane }) => lane))).toEqual(new Set(['live']));
  for (const lane of [backfill, live]) {
    // As numbers: a whole second is written without a fraction, and stands behind one with it as a text.
    const received = receiveTimes(lane);
    expect(received).toEqual(received.toSorted((a, b) => a - b));
  }
  expect(Math.min(...receiveTimes(live))).toBeLessThanOrEqual(Math.min(...receiveTimes(backfill)));
}

const receiveTimes = (list: readonly { readonly receivedAt: string }[]): number[] =>
  list.map(({ receivedAt }) => Date.parse(receivedAt));

describe('the backup', () => {
  const place = join(folder, 'restored');
  let server: TestServer;

  it('is restored and gives the answers of its time', async () => {
    mkdirSync(place);
    const { status, stderr } = spawnSync(
      process.execPath,
      ['server/src/main.ts', 'restore', join(folder, 'backup')],
      {
        cwd: root,
        encoding: 'utf8',
        timeout: 60_000,
        env: { ...process.env, VILLAGE_DATA: join(place, 'data') },
      },
    );
    expect([status, stderr]).toEqual([0, '']);
    server = await serve(place, QUIET);
    compare(await ask(server.api, keys), { ...old.sqlite, ...old.backup });
  }, 180_000);

  it('runs again what lay in quarantine once its device is registered', async () => {
    const { items } = await server.api.json<{ items: { id: number; device: string | null }[] }>(
      '/api/v1/quarantine?state=open&limit=100',
      { headers: bearer() },
    );
    const nobody = items.filter(({ device }) => device === 'nobody').map(({ id }) => id);
    expect(nobody).toHaveLength(1);
    await server.api.signIn('admin', keys.password);
    await server.api.csv(
      '/api/v1/devices/import',
      'id,name,profile,area,gateway,address,longitude,latitude,options,secret\n' +
        'nobody,Nobody,boqu/phg-2091,330522200002,gw-a,,,,,\n',
    );
    expect(await server.api.post('/api/v1/quarantine/rerun', { ids: nobody })).toEqual({
      accepted: 1,
      refused: [],
    });
  });
});

describe.skipIf(postgresFolder() === undefined)('the PostgreSQL database', () => {
  it('gives the same answers', async () => {
    const postgres = await startPostgres(postgresFolder() as string);
    try {
      const url = postgres.url('village');
      psql(postgres.url('postgres'), '-c', 'CREATE DATABASE village');
      psql(url, '-f', join(folder, 'postgres.sql'));
      const place = join(folder, 'postgres');
      cpSync(join(folder, 'data', 'time-series'), join(place, 'data', 'time-series'), {
        recursive: true,
      });
      const server = await serve(place, `${QUIET}relational: { url: '${url}' }\n`);
      const own = readKeys(folder, 'keys-postgres.json');
      compare(await ask(server.api, own), { ...old.sqlite, ...old.postgres });
      for (const name of own.users) await server.api.signIn(name, own.password);
      await stop(server);
    } finally {
      await postgres.stop();
    }
  }, 240_000);
});

function psql(url: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(
    join(postgresFolder() as string, 'psql'),
    ['-q', '-v', 'ON_ERROR_STOP=1', '-d', url, ...args],
    { encoding: 'utf8', timeout: 60_000 },
  );
  if (status !== 0) throw new Error(stderr);
}
