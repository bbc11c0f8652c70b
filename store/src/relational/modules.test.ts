/** Tables of modules and transactions, on both engines; and what a SQLite thread's death costs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { registryStore } from '@village/registry';
import { Kysely, sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectSqlite } from './engines/sqlite.ts';
import {
  type AuditEntry,
  areaWithin,
  openRelational,
  type Relational,
  type RelationalModule,
} from './index.ts';
import { area, postgresFolder, startPostgres, type TestPostgres, testModules } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-modules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const COUNTY = '330522000000';
const NORTH = '330522100000';
const SOUTH = '330522101000';

interface WellTables {
  well: { id: string; area: string; depth: number };
}

const createWells = async (db: Kysely<unknown>): Promise<void> => {
  await db.schema
    .createTable('well')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('depth', 'double precision', (c) => c.notNull().check(sql`depth > 0`))
    .execute();
};

const wells: RelationalModule = {
  name: 'deep-wells',
  migrations: { '0001-wells': { up: createWells } },
};

const entry = (target: string): AuditEntry => ({
  actor: 'li',
  address: '',
  action: 'dig',
  target,
  outcome: 'done',
  detail: {},
});

type Target = { file: string } | { url: string };

/** An empty database, and a way to run SQL past the store. */
interface Engine {
  target(): Promise<Target>;
  raw(target: Target, text: string): Promise<unknown[]>;
}

const sqliteEngine: Engine = {
  target: () => Promise.resolve({ file: join(folder, `${number++}.sqlite`) }),
  raw: async (target, text) => {
    const database = new DatabaseSync((target as { file: string }).file);
    try {
      if (text.startsWith('select')) return database.prepare(text).all();
      database.exec(text);
      return [];
    } finally {
      database.close();
    }
  },
};
let number = 0;

let server: TestPostgres | undefined;
const postgresEngine: Engine = {
  target: async () => {
    const name = `village_${number++}`;
    await postgresEngine.raw({ url: server!.url('postgres') }, `create database ${name}`);
    return { url: server!.url(name) };
  },
  raw: async (target, text) => {
    const client = new pg.Client((target as { url: string }).url);
    await client.connect();
    try {
      return ((await client.query(text)) as { rows: unknown[] }).rows;
    } finally {
      await client.end();
    }
  },
};

const open: Relational[] = [];
const start = async (
  target: Target,
  modules: readonly RelationalModule[] = testModules,
  more: { transactionMs?: number } = {},
): Promise<Relational> => {
  const store = await openRelational({
    ...target,
    clock: () => 1_800_000_000_000,
    modules,
    ...more,
  });
  open.push(store);
  return store;
};
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
});

const AREAS = [area(COUNTY, null), area(NORTH, COUNTY), area(SOUTH, COUNTY)];

describe('SQLite', () => suite(sqliteEngine));
describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server?.stop());
  suite(postgresEngine);

  it('undoes a transaction whose statement waits for a lock, and lets the others on', async () => {
    const target = (await postgresEngine.target()) as { url: string };
    const store = await start(target, [...testModules, wells], { transactionMs: 800 });
    await registryStore(store).importAreas(AREAS);
    const holder = new pg.Client(target.url);
    await holder.connect();
    await holder.query('begin; lock table well in exclusive mode');
    const well = { id: 'never', area: NORTH, depth: 3 };
    const table = store.for<WellTables>(wells.name);
    const stuck = store.transaction((tx) =>
      tx.for<WellTables>(wells.name).insertInto('well').values(well).execute(),
    );
    const next = store.transaction((tx) => tx.audit.append(entry('next')));
    await expect(stuck).rejects.toMatchObject({ retry: true });
    // The lock is held still.
    expect(await Promise.race([next.then(() => 'written'), delay(5_000)])).toBe('written');
    await holder.end();
    expect(await table.selectFrom('well').selectAll().execute()).toEqual([]);
  });
});

function suite(engine: Engine): void {
  moduleTests(engine);
  transactionTests(engine);
}

/** The modules with the migrations that the one list of the first releases had. */
const asAtFirst: readonly RelationalModule[] = testModules
  .filter(({ formerly }) => formerly !== undefined)
  .map((module) => ({
    ...module,
    migrations: Object.fromEntries(
      Object.entries(module.migrations).filter(([name]) => module.formerly?.[name] !== undefined),
    ),
  }));

function moduleTests({ target, raw }: Engine): void {
  it('takes over a database of the first releases as it is', async () => {
    const at = await target();
    const made = await start(at, asAtFirst);
    await raw(
      at,
      `insert into area (code, level, name_zh, name_en, parent, path, aliases) values
        ('${COUNTY}', 'county', '县', 'County', null, '/${COUNTY}/', '[]'),
        ('${NORTH}', 'township', '北', 'North', '${COUNTY}', '/${COUNTY}/${NORTH}/', '[]')`,
    );
    await raw(
      at,
      `insert into device (id, name, profile, area, address, options)
        values ('d-1', '设备', 'village/smart-bin', '${NORTH}', 'd-1', '{}')`,
    );
    await raw(at, `insert into credential values ('d-1', 'device', 'h')`);
    await raw(at, `insert into account values ('li', '李', 'clerk', '${NORTH}', 'hash')`);
    await made.audit.append(entry('old'));
    await made.close();
    // The one list that was kept then, instead of today's lists.
    await raw(at, 'drop table migration_registry');
    await raw(at, 'drop table migration_people');
    await raw(at, 'drop table migration_audit');
    await raw(at, 'delete from kysely_migration_lock');
    await raw(
      at,
      'create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)',
    );
    const names = ['0001-places', '0002-machines', '0003-people', '0004-audit', '0005-audit-ages'];
    for (const [index, name] of names.entries())
      await raw(
        at,
        `insert into kysely_migration values ('${name}', '2026-11-0${index + 1}T00:00:00.000Z')`,
      );

    const store = await start(at, [...testModules, wells]);
    expect(await registryStore(store).devices(COUNTY, { limit: 9 })).toHaveLength(1);
    expect(await registryStore(store).credentials()).toHaveLength(1);
    expect(await store.people.account('li')).toMatchObject({ passwordHash: 'hash' });
    expect(await store.audit.list({ limit: 9 })).toMatchObject([{ target: 'old' }]);
    expect(
      await store.for<WellTables>('deep-wells').selectFrom('well').selectAll().execute(),
    ).toEqual([]);
    expect(await raw(at, 'select name from migration_people order by name')).toEqual([
      { name: '0001-tokens' },
      { name: '0002-accounts' },
      { name: '0003-use' },
      { name: '0004-lists' },
    ]);
    // A server of the first releases still finds its own list.
    expect(await raw(at, 'select name from kysely_migration')).toHaveLength(5);
    await store.close();
    expect(await registryStore(await start(at)).devices(COUNTY, { limit: 9 })).toHaveLength(1);
  });

  it('goes on from an old database in which not everything was done', async () => {
    const at = await target();
    await (await start(at, asAtFirst.slice(0, 1))).close();
    await raw(at, 'drop table migration_registry');
    await raw(
      at,
      'create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)',
    );
    await raw(
      at,
      `insert into kysely_migration values ('0001-places', '2026-11-01T00:00:00.000Z')`,
    );
    await raw(at, 'drop table gateway_status');
    await raw(at, 'drop table credential');
    const store = await start(at);
    await registryStore(store).importAreas(AREAS);
    expect(await store.people.tokens(COUNTY)).toEqual([]);
  });

  it('lets several processes open one database, also at once', async () => {
    const at = await target();
    const stores = await Promise.all([start(at), start(at), start(at)]);
    await registryStore(stores[0]!).importAreas(AREAS);
    expect(await registryStore(stores[2]!).areas(COUNTY)).toHaveLength(3);
    expect(await registryStore(await start(at)).areas(COUNTY)).toHaveLength(3);
  });

  it('leaves the data of a module that is missing now where it is', async () => {
    const at = await target();
    const first = await start(at, [...testModules, wells]);
    await registryStore(first).importAreas(AREAS);
    const row = { id: 'w-1', area: NORTH, depth: 12.5 };
    await first.for<WellTables>('deep-wells').insertInto('well').values(row).execute();
    await first.close();
    const without = await start(at);
    expect(await registryStore(without).areas(COUNTY)).toHaveLength(3);
    expect(() => without.for('deep-wells')).toThrow(/no module deep-wells/);
    await without.close();
    const back = await start(at, [...testModules, wells]);
    const found = await back.for<WellTables>('deep-wells').selectFrom('well').selectAll().execute();
    expect(found).toEqual([row]);
  });

  const broken = (more: Partial<RelationalModule> = {}): RelationalModule => ({
    ...wells,
    migrations: {
      ...wells.migrations,
      '0002-pumps': {
        up: async (db) => {
          await db.schema.createTable('pump').addColumn('id', 'text').execute();
          await sql`insert into no_such_table values (1)`.execute(db);
        },
      },
    },
    ...more,
  });

  it('names the module and the migration that failed, and undoes its part alone', async () => {
    const at = await target();
    const first = await start(at, [...testModules, wells]);
    await registryStore(first).importAreas(AREAS);
    await first.close();
    await expect(start(at, [...testModules, broken()])).rejects.toMatchObject({
      code: 'migration-failed',
      retry: false,
      message: expect.stringMatching(/^[^\n]*deep-wells[^\n]*0002-pumps[^\n]*no_such_table[^\n]*$/),
    });
    await expect(raw(at, 'select * from pump')).rejects.toThrow();
    const after = await start(at, [...testModules, wells]);
    expect(await registryStore(after).areas(COUNTY)).toHaveLength(3);
    expect(
      await after.for<WellTables>('deep-wells').selectFrom('well').selectAll().execute(),
    ).toEqual([]);
  });

  it('opens without an optional module whose migration failed', async () => {
    const at = await target();
    const other: RelationalModule = {
      name: 'springs',
      migrations: {
        '0001': { up: (db) => db.schema.createTable('spring').addColumn('id', 'text').execute() },
      },
    };
    const store = await start(at, [...testModules, broken({ optional: true }), other]);
    expect(store.faults).toMatchObject([{ module: 'deep-wells', migration: '0002-pumps' }]);
    expect(() => store.for('deep-wells')).toThrow(/no module/);
    const springs = store.for<{ spring: { id: string } }>('springs');
    expect(await springs.selectFrom('spring').selectAll().execute()).toEqual([]);
    // Not even its first migration stays, which had gone through.
    await expect(raw(at, 'select * from well')).rejects.toThrow();
  });

  it('refuses a newer version of a module by name', async () => {
    const at = await target();
    await (await start(at, [...testModules, wells])).close();
    await raw(
      at,
      `insert into migration_deep_wells values ('0009-later', '2030-01-01T00:00:00.000Z')`,
    );
    await expect(start(at, [...testModules, wells])).rejects.toMatchObject({
      code: 'data-newer',
      message: expect.stringMatching(/更新版本.*later version.*deep-wells.*0009-later/),
    });
  });

  it('cuts rows to an area inside the query', async () => {
    const store = await start(await target(), [...testModules, wells]);
    await registryStore(store).importAreas(AREAS);
    const db = store.for<WellTables>('deep-wells');
    await db
      .insertInto('well')
      .values([
        { id: 'n', area: NORTH, depth: 1 },
        { id: 's', area: SOUTH, depth: 1 },
      ])
      .execute();
    const within = async (scope: string): Promise<string[]> =>
      (
        await db
          .selectFrom('well')
          .select('id')
          .where(areaWithin('well.area', scope))
          .orderBy('id')
          .execute()
      ).map(({ id }) => id);
    expect(await within(COUNTY)).toEqual(['n', 's']);
    expect(await within(NORTH)).toEqual(['n']);
    for (const nothing of ['%', '33052210', '', '999999999999'])
      expect(await within(nothing)).toEqual([]);
  });
}

function transactionTests({ target, raw }: Engine): void {
  const opened = async (): Promise<Relational> => {
    const store = await start(await target(), [...testModules, wells]);
    await registryStore(store).importAreas(AREAS);
    return store;
  };
  const ids = async (store: Relational): Promise<string[]> =>
    (
      await store
        .for<WellTables>('deep-wells')
        .selectFrom('well')
        .select('id')
        .orderBy('id')
        .execute()
    ).map(({ id }) => id);
  const dig = (store: Pick<Relational, 'for'>, id: string, more: object = {}): Promise<unknown> =>
    store
      .for<WellTables>('deep-wells')
      .insertInto('well')
      .values({ id, area: NORTH, depth: 3, ...more })
      .execute();

  it('does all or nothing, over the tables of several modules', async () => {
    const store = await opened();
    const account = { name: 'li', displayName: '李', role: 'clerk', area: NORTH } as const;
    const work = store.transaction(async (tx) => {
      await dig(tx, 'a');
      await tx.people.addAccount(account, 'hash');
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow();
    expect([await ids(store), await store.people.account('li')]).toEqual([[], null]);
    await store.transaction(async (tx) => {
      await dig(tx, 'a');
      await tx.people.addAccount(account, 'hash');
    });
    expect([await ids(store), await store.people.account('li')]).toMatchObject([['a'], account]);
  });

  it('writes the audit entry with what it tells, or does neither', async () => {
    const at = await target();
    const store = await start(at, [...testModules, wells]);
    await registryStore(store).importAreas(AREAS);
    await store.transaction((tx) => dig(tx, 'a'), { audit: () => entry('a') });
    expect(await store.audit.list({ limit: 9 })).toMatchObject([{ target: 'a' }]);
    await raw(at, 'alter table audit rename to audit_elsewhere');
    await expect(store.transaction((tx) => dig(tx, 'b'), { audit: entry('b') })).rejects.toThrow();
    await raw(at, 'alter table audit_elsewhere rename to audit');
    expect(await ids(store)).toEqual(['a']);
    await expect(
      store.transaction(
        async (tx) => {
          await dig(tx, 'a');
        },
        { audit: entry('a again') },
      ),
    ).rejects.toMatchObject({ code: 'already-exists' });
    expect(await store.audit.list({ limit: 9 })).toHaveLength(1);
  });

  it('runs transactions in the order of asking, each seeing what the one before did', async () => {
    const store = await opened();
    const seen = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        store.transaction(async (tx) => {
          const before = (await ids(tx as Relational)).length;
          await dig(tx, `w-${String(n).padStart(2, '0')}`);
          return before;
        }),
      ),
    );
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  it('names what the tables refuse', async () => {
    const store = await opened();
    await dig(store, 'a');
    await expect(dig(store, 'a')).rejects.toMatchObject({ code: 'already-exists', retry: false });
    await expect(dig(store, 'b', { area: '330522999000' })).rejects.toMatchObject({
      code: 'unknown-reference',
    });
    await expect(dig(store, 'b', { depth: -1 })).rejects.toMatchObject({ code: 'value-refused' });
    await expect(dig(store, 'b', { depth: null })).rejects.toMatchObject({ code: 'value-refused' });
    expect(await ids(store)).toEqual(['a']);
  });

  it('does not nest', async () => {
    const store = await opened();
    await expect(
      store.transaction(async () => store.transaction(async () => undefined)),
    ).rejects.toThrow(/BUG: .*inside of another/);
    await store.transaction((tx) => dig(tx, 'a'));
    expect(await ids(store)).toEqual(['a']);
  });

  it('undoes a transaction that takes too long, and lets the others on', async () => {
    const store = await start(await target(), [...testModules, wells], { transactionMs: 800 });
    await registryStore(store).importAreas(AREAS);
    let later: unknown = null;
    const stuck = store.transaction(async (tx) => {
      await dig(tx, 'never');
      await delay(1_200);
      later = await dig(tx, 'never either').catch((error: unknown) => error);
    });
    const next = store.transaction((tx) => dig(tx, 'next'));
    await expect(stuck).rejects.toMatchObject({ code: 'transaction-timeout', retry: true });
    await next;
    for (let n = 0; n < 100 && later === null; n++) await delay(50);
    expect(later).toBeInstanceOf(Error);
    expect(await ids(store)).toEqual(['next']);
  });

  it('lets a migration take its time: a large county has tables that an upgrade works on for minutes', async () => {
    const long: RelationalModule = {
      name: 'long',
      migrations: {
        '0001-long': {
          up: async (db, engine) => {
            if (engine === 'postgres') await sql`select pg_sleep(1)`.execute(db);
            else await delay(1_000);
            await db.schema.createTable('long').addColumn('id', 'text').execute();
          },
        },
      },
    };
    const store = await start(await target(), [...testModules, long], { transactionMs: 200 });
    expect(store.faults).toEqual([]);
  });

  it('gives a transaction its own time where it asks for it, and none to those around it', async () => {
    const store = await start(await target(), [...testModules, wells], { transactionMs: 300 });
    await registryStore(store).importAreas(AREAS);
    const slow = (id: string, options: { limitMs?: number }) =>
      store.transaction(async (tx) => {
        await dig(tx, id);
        await delay(600);
        await dig(tx, `${id}-2`);
      }, options);
    const asked = [
      slow('file', { limitMs: 5_000 }),
      slow('other', {}),
      slow('short', { limitMs: 400 }),
    ];
    const ended = await Promise.allSettled(asked);
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await ids(store)).toEqual(['file', 'file-2']);
  });
}

describe('the threads of SQLite', () => {
  /** Takes longer than the half second that the test allows. */
  const long = sql`with recursive n(i) as (select 1 union all select i + 1 from n limit 8000000)
    select count(*) from n`;

  it('waits for another process that makes the file at this moment', async () => {
    const file = join(folder, 'made.sqlite');
    const maker = new DatabaseSync(file);
    maker.exec('create table theirs (id text); begin immediate; insert into theirs values (1)');
    const opening = start({ file });
    await delay(1_000);
    maker.exec('commit');
    maker.close();
    expect((await opening).faults).toEqual([]);
  });

  it('waits for another process without holding up this one', async () => {
    const file = join(folder, 'held.sqlite');
    const store = await start({ file });
    const holder = new DatabaseSync(file);
    holder.exec('begin immediate');
    let done = false;
    const write = store.audit.append(entry('held')).then(() => {
      done = true;
    });
    let turns = 0;
    while (turns < 20) {
      await delay(5);
      turns++;
    }
    expect(done).toBe(false);
    expect(await registryStore(store).roots()).toEqual([]);
    holder.exec('commit');
    holder.close();
    await write;
    expect(await store.audit.list({ limit: 1 })).toMatchObject([{ target: 'held' }]);
  });

  it('loses nothing committed when the writer dies in a transaction, and goes on with a new one', async () => {
    const connected = await connectSqlite(join(folder, 'dies.sqlite'), 20_000, 500);
    const db = new Kysely<{ t: { id: number } }>({ dialect: connected.dialect });
    await sql`create table t (id integer primary key)`.execute(db);
    await db.insertInto('t').values({ id: 1 }).execute();
    const cut = db.transaction().execute(async (trx) => {
      await trx.insertInto('t').values({ id: 2 }).execute();
      await long.execute(trx);
    });
    const waiting = db.insertInto('t').values({ id: 3 }).execute();
    await expect(cut).rejects.toMatchObject({ code: 'relational-unavailable', retry: true });
    await waiting;
    expect(await db.selectFrom('t').selectAll().orderBy('id').execute()).toEqual([
      { id: 1 },
      { id: 3 },
    ]);
    expect(connected.counters()).toMatchObject({ restarts: 1, waiting: 0 });
    await connected.close();
  });

  it('bounds what waits for the writer', async () => {
    const file = join(folder, 'bounded.sqlite');
    const connected = await connectSqlite(file, 5_000);
    const db = new Kysely<{ t: { id: number } }>({ dialect: connected.dialect });
    await sql`create table t (id integer primary key)`.execute(db);
    const holder = new DatabaseSync(file);
    holder.exec('begin immediate');
    const all = Promise.allSettled(
      Array.from({ length: 1_200 }, (_, id) => db.insertInto('t').values({ id }).execute()),
    );
    await delay(200);
    holder.exec('commit');
    holder.close();
    const refused = (await all).filter(({ status }) => status === 'rejected');
    // One runs, 1,000 wait.
    expect(refused).toHaveLength(199);
    expect(refused[0]).toMatchObject({ reason: { code: 'relational-unavailable', retry: true } });
    expect(connected.counters().refused).toBe(199);
    expect(await db.selectFrom('t').select('id').execute()).toHaveLength(1_001);
    await connected.close();
  });
});
