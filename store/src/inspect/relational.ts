/** The relational store, looked at: the SQLite file, or whether PostgreSQL answers. */
import { existsSync } from 'node:fs';
import pg from 'pg';
import { type Looked, quickCheck, readOnly, shared } from './read-only.ts';

export interface SqliteInspection {
  /** What SQLite's own check finds; null when nothing. */
  readonly fault: string | null;
}

const WAIT_MS = 5_000;

/** Null when there is no such file. @throws what SQLite says of a damaged one */
export function inspectSqlite(path: string, inUse: boolean): Looked<SqliteInspection> | null {
  if (!existsSync(path)) return null;
  return (inUse ? shared : readOnly)(path, (db) => ({ fault: quickCheck(db, path) }));
}

/** The number of the version that answers, such as 150004. @throws what keeps it from answering */
export async function inspectPostgres(url: string): Promise<number> {
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
    return Number(rows[0]?.server_version_num);
  } finally {
    await client.end();
  }
}
