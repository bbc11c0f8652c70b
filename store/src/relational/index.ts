/** The relational store: people, the audit log and the tables of modules, on SQLite or PostgreSQL. */
import { bug, type Clock } from '@village/core';
import { Kysely } from 'kysely';
import { auditLog } from './audit/audit.ts';
import { type AuditTables, auditModule } from './audit/tables.ts';
import { type Relational, type RelationalAccess, TRANSACTION_MS } from './contract.ts';
import type { Connected } from './engines/connected.ts';
import { connectPostgres } from './engines/postgres.ts';
import { connectSqlite } from './engines/sqlite.ts';
import { Turns } from './engines/turns.ts';
import { migrate } from './migrate.ts';
import { checkModules, type ModuleFault, type RelationalModule } from './modules.ts';
import { people } from './people/people.ts';
import { type PeopleTables, peopleModule } from './people/tables.ts';
import { runner } from './transactions.ts';

export * from './contract.ts';
export type { EngineCounters } from './engines/connected.ts';
export { isRefusal } from './faults.ts';
export type { ModuleFault, ModuleMigration, RelationalModule, SqlEngine } from './modules.ts';
export { areaWithin } from './scope.ts';
export { hashSecret, newSecret } from './secrets.ts';
export { inTransaction, onCondition } from './transactions.ts';

/** The store's own modules; accounts and tokens refer to the areas of a module `registry`, which comes before them. */
export const coreModules: readonly RelationalModule[] = [peopleModule, auditModule];

export interface RelationalOptions {
  /** `postgres://…`; else `file`, the path of a SQLite database (`:memory:` for one that is forgotten). */
  readonly url?: string;
  readonly file?: string;
  readonly clock: Clock;
  /** All modules whose tables are kept here, those that others refer to first. */
  readonly modules: readonly RelationalModule[];
  /** Longest transaction, ms; TRANSACTION_MS when absent. */
  readonly transactionMs?: number;
  /** Receives what failed and did no harm: a connection that the database closed, a use of a session not noted. */
  readonly log?: (level: 'warn', message: string, detail: Record<string, unknown>) => void;
}

/**
 * Opens the store and brings its tables up to date.
 * @throws relational-unavailable, migration-failed of a module that must be there
 */
export async function openRelational(options: RelationalOptions): Promise<Relational> {
  const { modules } = options;
  checkModules(modules);
  const connected = await connect(options);
  const db = new Kysely<Record<string, never>>({ dialect: connected.dialect });
  let faults: ModuleFault[];
  try {
    await connected.answers?.();
    const migrating = new Kysely<unknown>({ dialect: connected.migrating });
    faults = await migrate(migrating, connected.engine, modules);
  } catch (error) {
    await connected.close();
    throw error;
  }
  const failed = new Set(faults.map(({ module }) => module));
  const usable = new Set(modules.map(({ name }) => name).filter((name) => !failed.has(name)));
  const access = accessWith(options, usable);
  const turns = new Turns();
  return {
    ...access(db),
    engine: connected.engine,
    transaction: runner(db, access, turns, options.transactionMs ?? TRANSACTION_MS),
    faults,
    listen: (channel, heard) => connected.listen?.(channel, heard) ?? (() => Promise.resolve()),
    counters: () => {
      const { waiting, refused, restarts } = connected.counters();
      const { counters } = turns;
      return {
        waiting: waiting + counters.waiting,
        refused: refused + counters.refused,
        restarts,
      };
    },
    backup: async (file) => {
      await connected.backup?.(file);
      return connected.backup !== undefined;
    },
    close: () => connected.close(),
  };
}

function accessWith(
  { clock, log }: RelationalOptions,
  usable: ReadonlySet<string>,
): (db: Kysely<Record<string, never>>) => RelationalAccess {
  const notNoted = (error: unknown): void =>
    log?.('warn', 'the use of a session could not be noted', { err: error });
  return (db) => {
    const tables = <Tables>(module: string): Kysely<Tables> => {
      if (!usable.has(module)) bug(`the relational store has no module ${module}`);
      return db as unknown as Kysely<Tables>;
    };
    return {
      people: people(db as unknown as Kysely<PeopleTables>, clock, notNoted),
      audit: auditLog(db as unknown as Kysely<AuditTables>, clock),
      for: tables,
    };
  };
}

function connect({
  url,
  file,
  log,
  transactionMs = TRANSACTION_MS,
}: RelationalOptions): Promise<Connected> {
  if (url !== undefined)
    return Promise.resolve(
      connectPostgres(url, transactionMs, (error) =>
        log?.('warn', 'an idle database connection was closed', { error: error.message }),
      ),
    );
  if (file === undefined) bug('openRelational needs a url or a file');
  return connectSqlite(file, transactionMs);
}
