/** The two engines under Kysely: the built-in node:sqlite, and PostgreSQL. */
import { backup, DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { type Dialect, PostgresDialect, SqliteDialect } from 'kysely';
import pg from 'pg';
import type { Engine } from './migrations.ts';

/** A dialect and what only its engine can do. */
export interface Connected {
  readonly dialect: Dialect;
  readonly engine: Engine;
  /** Copies the database into a file while it is in use; absent where the engine has its own tools. */
  readonly backup?: (file: string) => Promise<unknown>;
}

/** Prepared statements kept; more kinds of statements than this don't exist in the store. */
const STATEMENTS_MAX = 200;

/**
 * node:sqlite behind the interface that Kysely's own SQLite dialect asks for. Write-ahead log, every commit on disk:
 * a credential that was handed out must not be forgotten by a power cut.
 */
export function sqliteDialect(file: string): Connected {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec(
    'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma trusted_schema = off',
  );
  const statements = new Map<string, ReturnType<typeof prepare>>();
  const prepare = (text: string) => {
    const statement = database.prepare(text);
    return {
      reader: statement.columns().length > 0,
      all: (values: readonly unknown[]) => statement.all(...(values as SQLInputValue[])),
      run: (values: readonly unknown[]) => statement.run(...(values as SQLInputValue[])),
      iterate: (values: readonly unknown[]) => statement.iterate(...(values as SQLInputValue[])),
    };
  };
  const dialect = new SqliteDialect({
    database: {
      close: () => {
        statements.clear();
        database.close();
      },
      prepare: (text) => {
        const known = statements.get(text);
        if (known !== undefined) return known;
        const fresh = prepare(text);
        if (statements.size >= STATEMENTS_MAX) statements.clear();
        statements.set(text, fresh);
        return fresh;
      },
    },
  });
  return { dialect, engine: 'sqlite', backup: (target) => backup(database, target) };
}

const INT8 = 20;

/** PostgreSQL 13 or newer; 64-bit integers come as numbers, since ours are milliseconds and row ids. */
export function postgresDialect(url: string, onError: (error: Error) => void): Connected {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 15_000,
    query_timeout: 20_000,
    application_name: 'digital-village',
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
    },
  });
  // An idle connection that the server closes is an event, and unheard would end the process.
  pool.on('error', onError);
  return { dialect: new PostgresDialect({ pool }), engine: 'postgres' };
}
