/**
 * SQLite under Kysely: one thread writes, one reads. Selects outside of transactions go to the reader; everything else
 * waits for its turn at the writer, transactions as a whole.
 */
import { OperationalError } from '@village/core';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SelectQueryNode,
  SqliteAdapter,
  SqliteDialect,
} from 'kysely';
import { unavailable } from '../faults.ts';
import type { Connected } from './connected.ts';
import { limitHere } from './limit.ts';
import { type Life, SqliteClient } from './sqlite-client.ts';
import type { Result } from './sqlite-messages.ts';
import { Turns } from './turns.ts';

/** A database that is forgotten when it is closed: only one connection can see it. */
const IN_MEMORY = ':memory:';

interface Threads {
  readonly writer: SqliteClient;
  readonly reader: SqliteClient;
  readonly turns: Turns;
  /** Longest transaction, ms; null for migrations. */
  readonly limitMs: number | null;
}

interface Open {
  readonly life: Life;
  readonly release: () => void;
  readonly timer: NodeJS.Timeout | undefined;
}

const resultOf = <R>({ rows, changes, insertId }: Result): QueryResult<R> => ({
  rows: rows as R[],
  ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
  ...(insertId === undefined ? {} : { insertId: BigInt(insertId) }),
});

class Connection implements DatabaseConnection {
  readonly #threads: Threads;
  #open: Open | null = null;
  #expired = false;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    const { writer, reader, turns } = this.#threads;
    const ask = { sql, values: parameters };
    if (this.#expired) throw tooLong();
    if (this.#open !== null) return resultOf(await writer.run(this.#open.life, ask));
    if (SelectQueryNode.is(query)) return resultOf(await reader.run(await reader.life(), ask));
    const release = await turns.take();
    try {
      return resultOf(await writer.run(await writer.life(), ask));
    } finally {
      release();
    }
  }

  async begin(): Promise<void> {
    const { writer, turns } = this.#threads;
    const limitMs = limitHere(this.#threads.limitMs);
    const release = await turns.take();
    try {
      const life = await writer.life();
      await writer.run(life, { sql: 'begin immediate', values: [] });
      const timer =
        limitMs === null
          ? undefined
          : setTimeout(() => {
              this.#expired = true;
              void this.#end('rollback').catch(() => undefined);
            }, limitMs);
      this.#expired = false;
      this.#open = { life, release, timer };
    } catch (error) {
      release();
      throw error;
    }
  }

  async commit(): Promise<void> {
    if (this.#expired) throw tooLong();
    await this.#end('commit');
  }

  async rollback(): Promise<void> {
    if (!this.#expired) await this.#end('rollback');
  }

  /** A commit that failed is followed by a rollback, so that the writer is free whatever happened. */
  async #end(verb: 'commit' | 'rollback'): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    clearTimeout(open.timer);
    this.#open = null;
    const { writer } = this.#threads;
    try {
      await writer.run(open.life, { sql: verb, values: [] });
    } catch (error) {
      if (verb === 'rollback') return;
      await writer.run(open.life, { sql: 'rollback', values: [] }).catch(() => undefined);
      throw error;
    } finally {
      open.release();
    }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('BUG: rows of the relational store are not streamed');
  }
}

const tooLong = (): OperationalError =>
  new OperationalError('transaction-timeout', 'the transaction took too long and was undone', {
    retry: true,
  });

class ThreadDriver implements Driver {
  readonly #threads: Threads;

  constructor(threads: Threads) {
    this.#threads = threads;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(new Connection(this.#threads));
  }

  beginTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as Connection).begin();
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as Connection).commit();
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return (connection as Connection).rollback();
  }

  releaseConnection(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

/** Unlike Kysely's own, knows that SQLite undoes changes of tables with their transaction, and that reads need not wait. */
class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** Copies what is committed; on a connection of its own, since none copies in the middle of its own transaction. */
async function copyTo(target: string, file: string, writer: SqliteClient): Promise<void> {
  const own = file === IN_MEMORY ? writer : new SqliteClient({ file, reads: true });
  try {
    await own.run(await own.life(), { copyTo: target });
  } finally {
    if (own !== writer) await own.close();
  }
}

/** Opens the file, or says why it can't. @throws relational-unavailable */
export async function connectSqlite(
  file: string,
  limitMs: number,
  statementMs?: number,
): Promise<Connected> {
  const writer = new SqliteClient({ file, reads: false }, statementMs);
  const reader = file === IN_MEMORY ? writer : new SqliteClient({ file, reads: true }, statementMs);
  const turns = new Turns();
  const dialect = (limit: number | null): Dialect => {
    const threads = { writer, reader, turns, limitMs: limit };
    const base = new SqliteDialect({ database: () => Promise.reject(unavailable('not used')) });
    return {
      createDriver: () => new ThreadDriver(threads),
      createAdapter: () => new Adapter(),
      createQueryCompiler: () => base.createQueryCompiler(),
      createIntrospector: (db) => base.createIntrospector(db),
    };
  };
  await writer.life();
  return {
    engine: 'sqlite',
    dialect: dialect(limitMs),
    migrating: dialect(null),
    backup: (target) => copyTo(target, file, writer),
    close: async () => {
      await reader.close();
      await writer.close();
    },
    counters: () => ({
      waiting: turns.counters.waiting,
      refused: turns.counters.refused + writer.counters.refused + reader.counters.refused,
      restarts: writer.counters.restarts + (reader === writer ? 0 : reader.counters.restarts),
    }),
  };
}
