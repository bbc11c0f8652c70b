/** A module is added by its own folder and one line; what goes wrong with it harms nobody else. On both databases. */
import { HOUR } from '@village/core';
import { type Module, relationalModulesOf } from '@village/platform';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ServerOptions } from '../app.ts';
import type { Config } from '../config/config.ts';
import { toyModule } from '../fixtures/toy/module.ts';
import {
  type Client,
  COUNTY,
  NORTH,
  NORTH_VILLAGE,
  SOUTH,
  startCounty,
  startTest,
  type TestServer,
  until,
} from '../testing.ts';
import { modules } from './index.ts';
import type { Needs, Tools } from './needs.ts';

/** The one line. */
const withToy: readonly Module<Needs, Tools>[] = [...modules, toyModule];

let number = 0;

describe('SQLite', () => suite(() => Promise.resolve((config) => config)));

describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server.stop());
  suite(async () => {
    const name = `toys_${number++}`;
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return (config) => ({ ...config, relational: { url: server.url(name) } });
  });
});

function suite(database: () => Promise<(config: Config) => Config>): void {
  let test: TestServer | undefined;
  afterEach(async () => {
    await test?.close();
    test = undefined;
  });

  const open = async (
    list: readonly Module<Needs, Tools>[],
    more: { log?: ServerOptions['log']; config?: (config: Config) => Config } = {},
  ): Promise<TestServer> => {
    const { log, config = await database() } = more;
    test = await startCounty(config, { modules: list, ...(log === undefined ? {} : { log }) });
    return test;
  };
  const ids = async (client: Client): Promise<string[]> =>
    (await client.get<{ items: { id: string }[] }>('/toys')).items.map(({ id }) => id);

  it('has table, routes, rights, scope, audit, metric and description', async () => {
    const { client, server } = await open(withToy);
    const admin = await client('admin');
    const [clerk, officer] = [await client('village'), await client('south')];
    for (const [id, area] of [
      ['kite', NORTH_VILLAGE],
      ['top', SOUTH],
    ])
      expect((await admin.ask('POST', '/toys', { id, area })).statusCode).toBe(201);

    expect([await ids(admin), await ids(clerk), await ids(officer)]).toEqual([
      ['kite', 'top'],
      ['kite'],
      ['top'],
    ]);
    const toy = { id: 'doll', area: SOUTH };
    expect((await clerk.ask('POST', '/toys', toy)).statusCode).toBe(403);
    expect((await officer.ask('POST', '/toys', toy)).statusCode).toBe(201);
    expect((await officer.ask('POST', '/toys', toy)).json()).toMatchObject({
      status: 409,
      code: 'already-exists',
    });
    expect((await server.http.inject('/api/v1/toys')).statusCode).toBe(401);

    const { items } = await admin.get<{ items: { action: string; target: string }[] }>('/audit');
    expect(items.filter(({ action }) => action === 'make-toy').map(({ target }) => target)).toEqual(
      ['doll', 'top', 'kite'],
    );
    const { paths } = (await server.http.inject('/api/v1/openapi.json')).json<{
      paths: Record<string, Record<string, { summary: string }>>;
    }>();
    expect(paths['/api/v1/toys']?.['get']?.summary).toBe('Toys by id');
    expect((await server.http.inject('/metrics')).body).toContain('village_toys_made_total 3');

    const held = async (who: Client): Promise<string[]> => {
      const session = await who.get<{ modules: string[]; rights: string[] }>('/session');
      expect(session.modules).toContain('toy');
      return session.rights.filter((right) => right.startsWith('toys.'));
    };
    expect([await held(clerk), await held(officer)]).toEqual([
      ['toys.read'],
      ['toys.make', 'toys.read'],
    ]);
  });

  it('has a job that runs when it is due and is listed', async () => {
    const { client, timer } = await open(withToy);
    const admin = await client('admin');
    await admin.ask('POST', '/toys', { id: 'kite', area: NORTH });
    interface Listed {
      items: { kind: string; endedAt: string | null; progress: unknown }[];
      next: string | null;
    }
    const job = async () =>
      (await admin.get<Listed>('/jobs')).items.find(({ kind }) => kind === 'wind-toys');
    await until('the job in the list', async () => (await job()) !== undefined);
    timer.haste = 100;
    timer.shift = 2 * HOUR;
    const again = await client('admin');
    const done = async (): Promise<boolean> => {
      const { items } = await again.get<Listed>('/jobs');
      return items.find(({ kind }) => kind === 'wind-toys')?.endedAt !== null;
    };
    await until('the job to have run', done);
    const toys = await again.get<{ items: { wound: number }[] }>('/toys');
    expect(toys.items[0]?.wound).toBeGreaterThan(0);
    const page = await again.get<Listed>('/jobs?limit=1');
    expect(page.items).toHaveLength(1);
    const rest = await again.get<Listed>(`/jobs?cursor=${page.next}`);
    expect(rest.items.map(({ kind }) => kind)).toContain('wind-toys');
    expect(rest.items.map(({ kind }) => kind)).not.toContain(page.items[0]?.kind);
    const north = await client('north');
    expect((await north.ask('GET', '/jobs')).statusCode).toBe(403);
  });

  const broken = (more: object = {}): Module<Needs, Tools> => ({
    ...toyModule,
    migrations: {
      ...toyModule.migrations,
      '0002-springs': {
        up: async (db) => {
          await db.schema.createTable('spring').addColumn('id', 'text').execute();
          await db.schema.alterTable('no_such_toy').addColumn('x', 'text').execute();
        },
      },
    },
    ...more,
  });

  it('is left out when its tables fail, and everything else runs', async () => {
    const lines: string[] = [];
    const log: ServerOptions['log'] = pino(
      { level: 'error' },
      { write: (line: string) => lines.push(line) },
    );
    const { client, server } = await open([...modules, broken()], { log });
    const told = lines.filter((line) => line.includes('0002-springs'));
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0] as string)).toMatchObject({ module: 'toy' });
    const admin = await client('admin');
    expect((await admin.ask('GET', '/toys')).statusCode).toBe(404);
    expect(await admin.get<{ modules: string[] }>('/session')).not.toMatchObject({
      modules: expect.arrayContaining(['toy']),
    });
    expect((await admin.get<{ items: unknown[] }>('/areas')).items).toHaveLength(5);
    expect((await server.http.inject('/healthz')).statusCode).toBe(200);
  });

  it('keeps its rows while a later migration of it fails, and has them when that is mended', async () => {
    const config = await database();
    const first = await open(withToy, { config });
    const admin = await first.client('admin');
    await admin.ask('POST', '/toys', { id: 'kite', area: COUNTY });
    await first.server.stop();
    // A module that must be there ends the start with one line.
    const start = (list: readonly Module<Needs, Tools>[]) =>
      startTest(config, first.folder, first.timer, { modules: list });
    await expect(start([...modules, broken({ optional: false })])).rejects.toMatchObject({
      code: 'migration-failed',
      message: expect.stringMatching(/^[^\n]*toy[^\n]*0002-springs[^\n]*$/),
    });
    test = await start(withToy);
    expect(await ids(await test.client('admin'))).toEqual(['kite']);
  });
}

it('brings its own list of migrations and no other', () => {
  expect(relationalModulesOf([toyModule]).map(({ name }) => name)).toEqual(['toy']);
});
