/** What a module brings to the relational store: its name and its migrations. */
import type { Kysely } from 'kysely';

export type SqlEngine = 'sqlite' | 'postgres';

export interface ModuleMigration {
  /** Runs in one transaction with the module's other new migrations, on either engine. */
  up(db: Kysely<unknown>, engine: SqlEngine): Promise<void>;
}

export interface RelationalModule {
  /** Lower case with dashes; its list of migrations done is kept in `migration_<name>`. */
  readonly name: string;
  /** By name; their order is that of the names. */
  readonly migrations: Readonly<Record<string, ModuleMigration>>;
  /** Names in the one list of the first releases that stand for a migration: done there is done here. */
  readonly formerly?: Readonly<Record<string, string>>;
  /** True when the rest can run without it: a migration that fails is told in `faults` and ends nothing. */
  readonly optional?: boolean;
}

/** A module whose tables could not be brought up to date. */
export interface ModuleFault {
  readonly module: string;
  /** Null when the list of migrations itself was refused. */
  readonly migration: string | null;
  readonly message: string;
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** Dies of a name that can't stand in a table's name, or that two modules claim. */
export function checkModules(modules: readonly RelationalModule[]): void {
  const names = modules.map(({ name }) => name);
  for (const name of names)
    if (!NAME.test(name) || name.length > 40) throw new Error(`BUG: no module is called ${name}`);
  if (new Set(names).size !== names.length)
    throw new Error(`BUG: two modules have one name: ${names.join(', ')}`);
}
