/** PostgreSQL under Kysely: a pool of connections, each statement with a time-out, errors named as SQLite's are. */
import { HOUR } from '@village/core';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  PostgresDialect,
  type TransactionSettings,
} from 'kysely';
import pg from 'pg';
import { faultOf, unavailable } from '../faults.ts';
import type { Connected } from './connected.ts';
import { limitHere } from './limit.ts';
import { WatchedPool } from './postgres-pool.ts';

const INT8 = 20;

/** Passes everything on, and names what goes wrong. */
class NamingDriver implements Driver {
  readonly #inner: Driver;
  /** Longest transaction, ms; null for migrations. */
  readonly #limitMs: number | null;
  readonly #known = new WeakSet<DatabaseConnection>();

  constructor(inner: Driver, limitMs: number | null) {
    this.#inner = inner;
    this.#limitMs = limitMs;
  }

  init(): Promise<void> {
    return this.#inner.init();
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await this.#inner.acquireConnection().catch((error: unknown) => {
      throw unavailable(error);
    });
    if (this.#known.has(connection)) return connection;
    this.#known.add(connection);
    // The inner driver wants its own object back, so that the naming is put on it and not around it.
    const execute = connection.executeQuery.bind(connection);
    connection.executeQuery = async (query, options) => {
      try {
        return await execute(query, options);
      } catch (error) {
        throw faultOf(error);
      }
    };
    return connection;
  }

  async beginTransaction(
    connection: DatabaseConnection,
    settings: TransactionSettings,
  ): Promise<void> {
    // Who waits for a row reads what was committed meanwhile, whatever the database's own default is.
    await this.#inner.beginTransaction(connection, {
      ...settings,
      isolationLevel: settings.isolationLevel ?? 'read committed',
    });
    const limitMs = limitHere(this.#limitMs);
    if (limitMs === null) return;
    // A rollback waits for the statement before it, and the next transaction for the rollback.
    const limit = `set local statement_timeout = ${Math.ceil(limitMs)}`;
    await connection.executeQuery(CompiledQuery.raw(limit));
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#inner.commitTransaction(connection);
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#inner.rollbackTransaction(connection);
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.#inner.releaseConnection(connection);
  }

  destroy(): Promise<void> {
    return this.#inner.destroy();
  }
}

class NamingDialect extends PostgresDialect {
  readonly #limitMs: number | null;

  constructor(pool: WatchedPool, limitMs: number | null) {
    super({ pool });
    this.#limitMs = limitMs;
  }

  override createDriver(): Driver {
    return new NamingDriver(super.createDriver(), this.#limitMs);
  }
}

/** A statement of a migration, such as an index on what a county wrote in years, and what waits for another process that migrates. */
const MIGRATION_MS = HOUR;
const RELISTEN_MS = 5_000;
const KEEP_ALIVE_MS = 30_000;

/** A connection of its own that listens; one that is lost is opened again after a while. */
function listenOn(
  url: string,
  channel: string,
  heard: () => void,
  onError: (error: Error) => void,
): () => Promise<void> {
  let ended = false;
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | undefined;
  const lost = (error: Error): void => {
    if (ended || retry !== undefined) return;
    onError(error);
    client?.end().catch(() => undefined);
    client = null;
    retry = setTimeout(() => {
      retry = undefined;
      begin();
    }, RELISTEN_MS);
  };
  const begin = (): void => {
    const one = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    });
    client = one;
    one.on('notification', heard);
    one.on('error', lost);
    one.on('end', () => lost(new Error('the connection that listens was closed')));
    one
      .connect()
      .then(() => one.query(`listen ${pg.escapeIdentifier(channel)}`))
      .catch(lost);
  };
  begin();
  return async () => {
    ended = true;
    clearTimeout(retry);
    await client?.end().catch(() => undefined);
  };
}

/** PostgreSQL 13 or newer; 64-bit integers come as numbers, since ours are milliseconds and row ids. */
export function connectPostgres(
  url: string,
  limitMs: number,
  onError: (error: Error) => void,
): Connected {
  const poolFor = (statementMs: number, size: { max: number; idleTimeoutMillis: number }) => {
    const made = new pg.Pool({
      connectionString: url,
      ...size,
      connectionTimeoutMillis: 5_000,
      statement_timeout: statementMs,
      query_timeout: statementMs + limitMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      application_name: 'digital-village',
      types: {
        getTypeParser: (oid: number, format?: 'text' | 'binary') =>
          oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
      },
    });
    // An idle connection that the server closes is an event, and unheard would end the process.
    made.on('error', onError);
    return made;
  };
  const pool = poolFor(3 * limitMs, { max: 10, idleTimeoutMillis: 60_000 });
  const migrating = poolFor(MIGRATION_MS, { max: 2, idleTimeoutMillis: 1_000 });
  const watched = new WatchedPool(pool, limitMs / 2);
  return {
    engine: 'postgres',
    dialect: new NamingDialect(watched, limitMs),
    migrating: new NamingDialect(new WatchedPool(migrating, limitMs / 2), null),
    answers: async () => {
      await pool.query('select 1').catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    listen: (channel, heard) => listenOn(url, channel, heard, onError),
    counters: () => ({ waiting: pool.waitingCount, refused: 0, restarts: 0 }),
    close: async () => {
      for (const one of [migrating, pool]) if (!one.ended && !one.ending) await one.end();
    },
  };
}
