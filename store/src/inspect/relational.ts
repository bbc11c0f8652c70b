/** The relational store, looked at: the SQLite file, or whether PostgreSQL answers. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import { tableOf as listOf } from '../relational/migrate.ts';
import type { RelationalModule } from '../relational/modules.ts';
import { type Looked, quickCheck, readOnly, shared } from './read-only.ts';

/** What the tables hold. */
interface Kept {
  /** Migrations of a later version of this program that were done, with their module. */
  readonly later: readonly string[];
  /** How many devices that are not retired there are of each type. */
  readonly types: ReadonlyMap<string, number>;
  /** Types whose file was taken in through the interface, or waits for the next start. */
  readonly ownTypes: ReadonlySet<string>;
}

export interface SqliteInspection extends Kept {
  /** What SQLite's own check finds; null when nothing. */
  readonly fault: string | null;
  /** Whether there is no table at all. */
  readonly isEmpty: boolean;
}

const WAIT_MS = 5_000;

/** Null when there is no such file. @throws what SQLite says of a damaged one */
export function inspectSqlite(
  path: string,
  inUse: boolean,
  modules: readonly RelationalModule[],
): Looked<SqliteInspection> | null {
  if (!existsSync(path)) return null;
  return (inUse ? shared : readOnly)(path, (db) => {
    const fault = quickCheck(db, path);
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const tables = new Set(names.map(({ name }) => String(name)));
    const rows = (sql: string): readonly Row[] => db.prepare(sql).all() as readonly Row[];
    return {
      fault,
      isEmpty: tables.size === 0,
      later: modules.flatMap((module) =>
        tables.has(listOf(module)) ? laterThan(module, rows(migrationsOf(module))) : [],
      ),
      types: tables.has('device') ? typesOf(rows(TYPES)) : new Map(),
      ownTypes: tables.has('profile_own') ? ownOf(rows(OWN_TYPES)) : new Set(),
    };
  });
}

type Row = Readonly<Record<string, unknown>>;

const migrationsOf = (module: RelationalModule): string => `SELECT name FROM ${listOf(module)}`;
const TYPES =
  'SELECT profile, count(*) AS devices FROM device WHERE retired_at IS NULL GROUP BY profile ORDER BY profile';

const OWN_TYPES = "SELECT DISTINCT profile FROM profile_own WHERE state <> 'leaving'";

const laterThan = (module: RelationalModule, rows: readonly Row[]): string[] =>
  rows
    .map(({ name }) => String(name))
    .filter((name) => !Object.hasOwn(module.migrations, name))
    .map((name) => `${module.name} ${name}`);

const typesOf = (rows: readonly Row[]): ReadonlyMap<string, number> =>
  new Map(rows.map(({ profile, devices }) => [String(profile), Number(devices)]));

const ownOf = (rows: readonly Row[]): ReadonlySet<string> =>
  new Set(rows.map(({ profile }) => String(profile)));

export interface PostgresInspection extends Kept {
  /** The number of the version that answers, such as 150004. */
  readonly version: number;
  /** Whether there is no table of ours at all. */
  readonly isEmpty: boolean;
  /** Whether it takes no changes, as a standby does. */
  readonly isReadOnly: boolean;
  /** Whether the account may make tables where ours are. */
  readonly mayCreate: boolean;
}

/** @throws what keeps it from answering */
export async function inspectPostgres(
  url: string,
  modules: readonly RelationalModule[],
): Promise<PostgresInspection> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: WAIT_MS,
    query_timeout: WAIT_MS,
    application_name: 'digital-village doctor',
  });
  // A connection that breaks is told by what is asked over it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    const has = async (table: string): Promise<boolean> =>
      (await client.query<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', [table]))
        .rows[0]?.is === true;
    const { rows: rights } = await client.query<{ is_read_only: boolean; may_create: boolean }>(
      `SELECT current_setting('transaction_read_only') = 'on' AS is_read_only,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create`,
    );
    const later: string[] = [];
    let isEmpty = true;
    for (const module of modules)
      if (await has(listOf(module))) {
        isEmpty = false;
        later.push(...laterThan(module, (await client.query<Row>(migrationsOf(module))).rows));
      }
    const types = (await has('device')) ? (await client.query<Row>(TYPES)).rows : [];
    const own = (await has('profile_own')) ? (await client.query<Row>(OWN_TYPES)).rows : [];
    const version = Number(rows[0]?.server_version_num);
    return {
      ...{ version, later, types: typesOf(types), ownTypes: ownOf(own), isEmpty },
      isReadOnly: rights[0]?.is_read_only === true,
      mayCreate: rights[0]?.may_create === true,
    };
  } finally {
    await client.end();
  }
}
