/**
 * Brings each module's tables up to date by a list of its own. A module that is gone is not looked at, so that its data
 * stays where it is until the module comes back.
 */
import { OperationalError } from '@village/core';
import { type Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { unavailable } from './faults.ts';
import type { ModuleFault, RelationalModule, SqlEngine } from './modules.ts';

/** The one list of the first releases; it is only read. */
const OLD_TABLE = 'kysely_migration';

/** Any number that nobody else locks in our database. */
const SEED_LOCK = 6_811_070_021;

interface MigrationRow {
  name: string;
  timestamp: string;
}

type Lists = Record<string, MigrationRow>;

/** Where a module's list of migrations is. */
export const tableOf = (module: RelationalModule): string =>
  `migration_${module.name.replaceAll('-', '_')}`;

/**
 * Runs what is missing, module by module in the order given. Returns the faults of optional modules.
 * @throws migration-failed of a module that must be there, data-newer where a later version changed it; relational-unavailable
 */
export async function migrate(
  db: Kysely<unknown>,
  engine: SqlEngine,
  modules: readonly RelationalModule[],
): Promise<ModuleFault[]> {
  const faults: ModuleFault[] = [];
  for (const module of modules) {
    const failed = await migrateModule(db, engine, module);
    if (failed === null) continue;
    const { later, ...fault } = failed;
    if (module.optional !== true && later.length > 0)
      throw new OperationalError(
        'data-newer',
        `数据库已由更新版本的程序升级，本版本不能使用：请运行该版本，或恢复升级前的备份 (${later.join(', ')}) · a later version ` +
          `of this program has brought the database forward (module ${fault.module}: ${later.join(', ')}): run that ` +
          'version, or bring back a backup of before',
      );
    if (module.optional !== true)
      throw new OperationalError(
        'migration-failed',
        `模块 ${fault.module} 的数据表升级失败 (${fault.migration ?? '—'}) · the tables of module ${fault.module} could not ` +
          `be brought up to date, migration ${fault.migration ?? 'list'}: ${fault.message}`,
      );
    faults.push(fault);
  }
  return faults;
}

async function migrateModule(
  db: Kysely<unknown>,
  engine: SqlEngine,
  module: RelationalModule,
): Promise<(ModuleFault & { readonly later: readonly string[] }) | null> {
  await seed(db as Kysely<Lists>, engine, module);
  const bound = Object.fromEntries(
    Object.entries(module.migrations).map(([name, migration]) => [
      name,
      { up: (trx: Kysely<unknown>) => migration.up(trx, engine) },
    ]),
  );
  const migrator = new Migrator({
    db,
    migrationTableName: tableOf(module),
    provider: { getMigrations: () => Promise.resolve(bound) },
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return null;
  // A database that went away says nothing about the module.
  if (error instanceof OperationalError && error.code === 'relational-unavailable') throw error;
  const migration = results?.find(({ status }) => status === 'Error')?.migrationName ?? null;
  const message = error instanceof Error ? error.message : String(error);
  // The list itself was refused: of what a later version did, or of what has another order.
  const later = migration === null ? await laterOf(db as Kysely<Lists>, module) : [];
  return { module: module.name, migration, message: message.split('\n')[0] ?? '', later };
}

/** Migrations that were done and that this version does not know. */
async function laterOf(db: Kysely<Lists>, module: RelationalModule): Promise<string[]> {
  const done = await db.selectFrom(tableOf(module)).select('name').execute();
  return done.map(({ name }) => name).filter((name) => !Object.hasOwn(module.migrations, name));
}

/** Takes over what the old list says was done, once: the module's own list and its first rows appear together. */
async function seed(db: Kysely<Lists>, engine: SqlEngine, module: RelationalModule): Promise<void> {
  if (module.formerly === undefined) return;
  const table = tableOf(module);
  const names = Object.entries(module.formerly);
  try {
    await db.transaction().execute(async (trx) => {
      // Two processes may start at once; on SQLite the transaction itself keeps the other out.
      if (engine === 'postgres')
        await sql`select pg_advisory_xact_lock(${SEED_LOCK}::bigint)`.execute(trx);
      const tables = await trx.introspection.getTables({ withInternalKyselyTables: true });
      const exists = (wanted: string): boolean => tables.some(({ name }) => name === wanted);
      if (exists(table) || !exists(OLD_TABLE)) return;
      const done = new Map(
        (await trx.selectFrom(OLD_TABLE).selectAll().execute()).map((row) => [
          row.name,
          row.timestamp,
        ]),
      );
      await trx.schema
        .createTable(table)
        .addColumn('name', 'varchar(255)', (c) => c.notNull().primaryKey())
        .addColumn('timestamp', 'varchar(255)', (c) => c.notNull())
        .execute();
      for (const [name, old] of names) {
        const timestamp = done.get(old);
        if (timestamp !== undefined)
          await sql`insert into ${sql.table(table)} (name, timestamp) values (${name}, ${timestamp})`.execute(
            trx,
          );
      }
    });
  } catch (error) {
    throw error instanceof OperationalError ? error : unavailable(error);
  }
}
