/** The table of jobs: one row a kind, claimed by a lease that runs by the database's clock. */
import type { ModuleMigration, RelationalAccess, SqlEngine } from '@village/store/relational';
import { type Kysely, type RawBuilder, sql } from 'kysely';

interface JobTable {
  kind: string;
  title_zh: string;
  title_en: string;
  next_at: number;
  started_at: number | null;
  done: number | null;
  total: number | null;
  ended_at: number | null;
  /** Of the last run; null when it went well. */
  last_error: string | null;
  failures: number;
  lease_owner: string | null;
  lease_until: number | null;
}

export interface JobTables {
  job: JobTable;
}

/** A job as it stands. */
export interface JobState {
  readonly kind: string;
  readonly title: { readonly zh: string; readonly en: string };
  /** When it runs next. */
  readonly nextAt: number;
  readonly running: boolean;
  /** When the present or the last run began; null before the first. */
  readonly startedAt: number | null;
  /** When the last run ended; null before the first. */
  readonly endedAt: number | null;
  readonly progress: { readonly done: number; readonly total: number } | null;
  readonly lastError: string | null;
  /** Runs that failed, since the table was made. */
  readonly failures: number;
}

const ERROR_LENGTH_MAX = 500;

export const jobMigrations: Readonly<Record<string, ModuleMigration>> = {
  '0001-jobs': {
    up: (db) =>
      db.schema
        .createTable('job')
        .addColumn('kind', 'text', (c) => c.primaryKey())
        .addColumn('title_zh', 'text', (c) => c.notNull())
        .addColumn('title_en', 'text', (c) => c.notNull())
        .addColumn('next_at', 'bigint', (c) => c.notNull())
        .addColumn('started_at', 'bigint')
        .addColumn('done', 'bigint')
        .addColumn('total', 'bigint')
        .addColumn('ended_at', 'bigint')
        .addColumn('last_error', 'text')
        .addColumn('failures', 'integer', (c) => c.notNull().defaultTo(0))
        .addColumn('lease_owner', 'text')
        .addColumn('lease_until', 'bigint')
        .execute(),
  },
};

/** Processes disagree on the time; the database is one. */
const NOW: Readonly<Record<SqlEngine, RawBuilder<number>>> = {
  sqlite: sql<number>`cast(round((julianday('now') - 2440587.5) * 86400000) as integer)`,
  postgres: sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
};

const tables = (access: Pick<RelationalAccess, 'for'>): Kysely<JobTables> =>
  access.for<JobTables>('jobs');

/** Rows of one process: it claims, renews and ends under its own name. */
export class JobRows {
  readonly #db: Kysely<JobTables>;
  readonly #now: RawBuilder<number>;
  readonly #owner: string;
  readonly #leaseMs: number;

  constructor(
    relational: RelationalAccess & { readonly engine: SqlEngine },
    owner: string,
    leaseMs: number,
  ) {
    this.#db = tables(relational);
    this.#now = NOW[relational.engine];
    this.#owner = owner;
    this.#leaseMs = leaseMs;
  }

  /** Makes the row of a job that is new; one that is there keeps its time. */
  async declare(kind: string, title: { zh: string; en: string }, nextAt: number): Promise<void> {
    const titles = { title_zh: title.zh, title_en: title.en };
    await this.#db
      .insertInto('job')
      .values({ kind, ...titles, next_at: nextAt, failures: 0 } as JobTable)
      .onConflict((conflict) => conflict.column('kind').doUpdateSet(titles))
      .execute();
  }

  /** When each of these jobs runs next. */
  async times(kinds: readonly string[]): Promise<Map<string, number>> {
    if (kinds.length === 0) return new Map();
    const rows = await this.#db
      .selectFrom('job')
      .select(['kind', 'next_at'])
      .where('kind', 'in', kinds)
      .execute();
    return new Map(rows.map((row) => [row.kind, row.next_at]));
  }

  async setTime(kind: string, nextAt: number): Promise<void> {
    await this.#db.updateTable('job').set({ next_at: nextAt }).where('kind', '=', kind).execute();
  }

  /** Takes a job that is due and that nobody holds. */
  async claim(kind: string, at: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('job')
      .set({
        started_at: at,
        done: null,
        total: null,
        lease_owner: this.#owner,
        lease_until: sql<number>`${this.#now} + ${this.#leaseMs}`,
      })
      .where('kind', '=', kind)
      .where('next_at', '<=', at)
      .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', this.#now)]))
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /**
   * Cuts a lease that ends later than any that is given now: it was given by a clock that was ahead. Whoever still holds it
   * renews it before it ends.
   */
  async shortenLease(kind: string): Promise<void> {
    const longest = sql<number>`${this.#now} + ${this.#leaseMs}`;
    await this.#db
      .updateTable('job')
      .set({ lease_until: longest })
      .where('kind', '=', kind)
      .where('lease_until', '>', longest)
      .execute();
  }

  /** Holds on to a job and says how far it is; false when another process has taken it over. */
  async renew(kind: string, progress: JobState['progress']): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('job')
      .set({
        lease_until: sql<number>`${this.#now} + ${this.#leaseMs}`,
        ...(progress === null ? {} : progress),
      })
      .where('kind', '=', kind)
      .where('lease_owner', '=', this.#owner)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /** Holds on to a job until a transaction ends; false when another process has taken it over. */
  async holdIn(tx: Pick<RelationalAccess, 'for'>, kind: string): Promise<boolean> {
    const { numUpdatedRows } = await tables(tx)
      .updateTable('job')
      .set({ lease_until: sql<number>`${this.#now} + ${this.#leaseMs}` })
      .where('kind', '=', kind)
      .where('lease_owner', '=', this.#owner)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /** Gives a job back as it was. */
  async release(kind: string): Promise<void> {
    await this.#db
      .updateTable('job')
      .set({ lease_owner: null, lease_until: null })
      .where('kind', '=', kind)
      .where('lease_owner', '=', this.#owner)
      .execute();
  }

  /** Ends a run; nothing when another process has taken the job over. */
  async end(kind: string, at: number, nextAt: number, error: string | null): Promise<void> {
    await this.#db
      .updateTable('job')
      .set((eb) => ({
        ended_at: at,
        next_at: nextAt,
        last_error: error === null ? null : error.slice(0, ERROR_LENGTH_MAX),
        failures: error === null ? eb.ref('failures') : eb('failures', '+', 1),
        lease_owner: null,
        lease_until: null,
      }))
      .where('kind', '=', kind)
      .where('lease_owner', '=', this.#owner)
      .execute();
  }
}

/** Jobs by kind, those after `after`. */
export async function listJobs(
  relational: RelationalAccess & { readonly engine: SqlEngine },
  page: { after?: string; limit: number },
): Promise<JobState[]> {
  const now = NOW[relational.engine];
  let query = tables(relational)
    .selectFrom('job')
    .selectAll()
    .select(sql<number>`case when lease_until >= ${now} then 1 else 0 end`.as('running'));
  if (page.after !== undefined) query = query.where('kind', '>', page.after);
  const rows = await query.orderBy('kind').limit(page.limit).execute();
  return rows.map((row) => ({
    kind: row.kind,
    title: { zh: row.title_zh, en: row.title_en },
    nextAt: row.next_at,
    running: row.running === 1,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    progress: row.done === null || row.total === null ? null : { done: row.done, total: row.total },
    lastError: row.last_error,
    failures: row.failures,
  }));
}
