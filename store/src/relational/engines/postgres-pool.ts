/** The connections to PostgreSQL: one that was cut ends no process, and one that no longer answers is used no more. */
import { bug } from '@village/core';
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type pg from 'pg';

/** What pg says when an answer did not come in time; the connection goes on waiting for it. */
const NO_ANSWER = 'Query read timeout';

/** A connection as Kysely sees it. */
class Watched implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #pool: WatchedPool;
  #lost: Error | null = null;
  /** When the database last said something on it. */
  answeredAt = performance.now();

  constructor(client: pg.PoolClient, pool: WatchedPool) {
    this.#client = client;
    this.#pool = pool;
    // Cut between two statements of a transaction, nobody else hears of it, and unheard it would end the process.
    client.on('error', (error) => {
      this.#lost = error;
    });
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    asked: string | PostgresCursor<R>,
    values: readonly unknown[] = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof asked !== 'string') bug('no statement has a cursor here');
    return this.#ask(asked, values);
  }

  async #ask<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    if (this.#lost !== null) throw this.#lost;
    const askedAt = performance.now();
    const answer = this.#client.query(text, [...values]);
    try {
      const result = await (text === 'rollback' ? this.#soon(answer) : answer);
      this.answeredAt = performance.now();
      // Kysely knows the commands of its own statements alone.
      return result as unknown as PostgresQueryResult<R>;
    } catch (error) {
      if ((error as Error).message === NO_ANSWER) {
        this.#lost = error as Error;
        this.#pool.doubt(askedAt);
      } else if ((error as { code?: string }).code !== undefined)
        this.answeredAt = performance.now();
      throw error;
    }
  }

  /** A rollback follows on a statement that was to end by itself: where that did not answer either, nothing will. */
  #soon<T>(answer: Promise<T>): Promise<T> {
    answer.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(NO_ANSWER)), this.#pool.rollbackMs);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#lost !== null);
  }
}

export class WatchedPool implements PostgresPool {
  readonly options: object = {};
  /** The longest wait for a rollback, ms. */
  readonly rollbackMs: number;
  readonly #pool: pg.Pool;
  readonly #known = new WeakMap<pg.PoolClient, Watched>();
  #doubtedBefore = Number.NEGATIVE_INFINITY;

  constructor(pool: pg.Pool, rollbackMs: number) {
    this.#pool = pool;
    this.rollbackMs = rollbackMs;
  }

  /** Something that was asked then was never answered: what has not answered since may lead nowhere as well. */
  doubt(askedAt: number): void {
    this.#doubtedBefore = Math.max(this.#doubtedBefore, askedAt);
  }

  async connect(): Promise<PostgresPoolClient> {
    for (;;) {
      const client = await this.#pool.connect();
      const known = this.#known.get(client);
      if (known === undefined) {
        const watched = new Watched(client, this);
        this.#known.set(client, watched);
        return watched;
      }
      if (known.answeredAt >= this.#doubtedBefore) return known;
      known.release(true);
    }
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}
