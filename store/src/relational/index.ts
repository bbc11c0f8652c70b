/** The relational store: areas, devices, credentials, people and the audit log, on SQLite or PostgreSQL. */
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { type Clock, OperationalError } from '@village/core';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import type { AuditEntry, Relational, StoredAuditEntry } from './contract.ts';
import { type Connected, postgresDialect, sqliteDialect } from './engines.ts';
import { migrations } from './migrations.ts';
import * as people from './people.ts';
import * as places from './places.ts';
import type { Schema } from './schema.ts';

export * from './contract.ts';
export { hashSecret, newSecret } from './secrets.ts';

export interface RelationalOptions {
  /** `postgres://…`; else `file`, the path of a SQLite database (`:memory:` for one that is forgotten). */
  readonly url?: string;
  readonly file?: string;
  readonly clock: Clock;
  /** Told of what failed and did no harm: a connection that the database closed, a use of a session not noted. */
  readonly log?: (level: 'warn', message: string, detail: Record<string, unknown>) => void;
}

/** Opens the store and brings its tables up to date. @throws relational-unavailable */
export async function openRelational(options: RelationalOptions): Promise<Relational> {
  const connected = connect(options);
  const db = new Kysely<Schema>({ dialect: connected.dialect });
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations(connected.engine)) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw unavailable(error);
  }
  return guarded(methods(db, options, connected));
}

function connect(options: RelationalOptions): Connected {
  if (options.url !== undefined) {
    const log = options.log;
    const onError = (error: Error): void =>
      log?.('warn', 'an idle database connection was closed', { error: error.message });
    return postgresDialect(options.url, onError);
  }
  if (options.file === undefined) throw new Error('BUG: openRelational needs a url or a file');
  try {
    return sqliteDialect(options.file);
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): OperationalError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new OperationalError('relational-unavailable', `relational store: ${message}`, {
    retry: true,
    cause,
  });
}

/** Constraint faults of both engines: SQLite's extended code 19, SQLSTATE class 23. */
function isConflict(error: unknown): boolean {
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  return (
    (typeof errcode === 'number' && (errcode & 0xff) === 19) ||
    (typeof code === 'string' && /^23...$/.test(code))
  );
}

/** Turns the engines' errors into ours, in one place; our own and bugs pass. */
function guarded(store: Relational): Relational {
  const wrapped: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(store) as [string, (...a: never[]) => unknown][])
    wrapped[name] = async (...values: never[]) => {
      try {
        return await method(...values);
      } catch (error) {
        if (error instanceof OperationalError || isBug(error)) throw error;
        if (isConflict(error))
          throw new OperationalError('import-conflict', `refused: ${(error as Error).message}`, {
            cause: error,
          });
        throw unavailable(error);
      }
    };
  return wrapped as unknown as Relational;
}

function isBug(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && error.message.startsWith('BUG:'));
}

function methods(
  db: Kysely<Schema>,
  { clock, log }: RelationalOptions,
  connected: Connected,
): Relational {
  const notNoted = (error: unknown): void =>
    log?.('warn', 'the use of a session could not be noted', { err: error });
  return {
    areas: (scope) => places.listAreas(db, scope),
    roots: () => places.listRoots(db),
    importAreas: (areas) => places.importAreas(db, areas),
    devices: (scope, page) => places.listDevices(db, scope, page),
    gateways: (scope) => places.listGateways(db, scope),
    importDevices: (batch) => places.importDevices(db, batch),
    credentials: () => db.selectFrom('credential').selectAll().orderBy('id').execute(),
    saveGatewayStatus: (status) => places.saveGatewayStatus(db, status),
    gatewayStatuses: () => places.listGatewayStatuses(db),

    accounts: (scope) => people.listAccounts(db, scope),
    account: (name) => people.findAccount(db, name),
    saveAccount: (account, hash) => people.saveAccount(db, account, hash),
    removeAccount: (name) => people.removeAccount(db, name),
    openSession: (account, address) => people.openSession(db, clock, account, address),
    session: (secret) => people.findSession(db, clock, secret, notNoted),
    closeSession: (secret) => people.closeSession(db, secret),
    closeSessionsOf: (account) => people.closeSessionsOf(db, account),
    clean: () => people.clean(db, clock),
    tokens: (scope) => people.listTokens(db, scope),
    createToken: (token) => people.createToken(db, clock, token),
    token: (secret) => people.findToken(db, clock, secret),
    removeToken: (scope, id) => people.removeToken(db, scope, id),

    audit: (entry) => writeAudit(db, clock, entry),
    audited: (page) => listAudit(db, page),
    trimAudit: (at) => trimAudit(db, at),
    backup: async (file) => {
      await connected.backup?.(file);
      return connected.backup !== undefined;
    },
    close: () => db.destroy(),
  };
}

async function writeAudit(db: Kysely<Schema>, clock: Clock, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit')
    .values({ ...entry, at: clock(), detail: JSON.stringify(entry.detail) })
    .execute();
}

/** Deleted in slices with a breath between, so that years of it don't hold up whoever asks meanwhile. */
const TRIM_SLICE = 1_000;

async function trimAudit(db: Kysely<Schema>, at: number): Promise<number> {
  let deleted = 0;
  for (;;) {
    const old = db.selectFrom('audit').select('id').where('at', '<', at).limit(TRIM_SLICE);
    const { numDeletedRows } = await db
      .deleteFrom('audit')
      .where('id', 'in', old)
      .executeTakeFirstOrThrow();
    deleted += Number(numDeletedRows);
    if (numDeletedRows < TRIM_SLICE) return deleted;
    await yieldToEvents();
  }
}

async function listAudit(
  db: Kysely<Schema>,
  page: { before?: number; limit: number },
): Promise<StoredAuditEntry[]> {
  let query = db.selectFrom('audit').selectAll();
  if (page.before !== undefined) query = query.where('id', '<', page.before);
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map((row) => ({
    ...row,
    detail: JSON.parse(row.detail) as Record<string, unknown>,
  }));
}
