/** Accounts, sessions and tokens. Secrets come in or go out once and are kept as hashes. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '@village/core';
import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely';
import {
  type Account,
  type AccountChange,
  type AccountPage,
  type AccountState,
  LISTED_MAX,
  type People,
  SESSION_IDLE_MS,
  SESSION_MAX_MS,
  type AccountSeen as Seen,
  type Token,
  type TokenPage,
} from '../contract.ts';
import { areaWithin, contains } from '../scope.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { AccountTable, PeopleTables, TokenTable } from './tables.ts';

type Db = Kysely<PeopleTables>;
type RemovedSeen = Pick<AccountState, 'name' | 'revision'>;

/** The last use of a session or token is written at most this often, so that reading pages doesn't write to disk. */
const TOUCH_EVERY_MS = 60_000;

function toAccount(row: Omit<Selectable<AccountTable>, 'password_hash'>): AccountState {
  return {
    name: row.name,
    displayName: row.display_name,
    role: row.role,
    area: row.area,
    revision: row.revision,
    lastSignInAt: row.last_sign_in_at,
    lockedAt: row.locked_at,
    passwordToChange: row.password_to_change !== 0,
  };
}

/**
 * Holds for a token of an administrator whose maker may do less by now: locked, of another role, or of an area that has not the
 * token's in it. Of a maker who is no account nothing is known.
 */
const isSuspended = sql<SqlBool>`(token.role = 'admin' and exists (
  select 1 from account as maker where maker.name = token.created_by and (
    maker.locked_at is not null or maker.role <> 'admin' or token.area not in (
      select below.code from area as below, area as top
      where top.code = maker.area and substr(below.path, 1, length(top.path)) = top.path))))`;

function toToken(row: Omit<Selectable<TokenTable>, 'hash'> & { suspended?: number }): Token {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    area: row.area,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    suspended: row.suspended === 1,
  };
}

/** Accounts whose area lies in scope, by name. */
async function listAccounts(
  db: Db,
  scope: string,
  { text, role, after, limit = LISTED_MAX }: AccountPage = {},
): Promise<AccountState[]> {
  let query = db
    .selectFrom('account')
    .selectAll()
    .where(areaWithin('account.area', scope))
    .orderBy('name')
    .limit(limit);
  if (text !== undefined) query = query.where(contains(['name', 'display_name'], text));
  if (role !== undefined) query = query.where('role', '=', role);
  if (after !== undefined) query = query.where('name', '>', after);
  const rows = await query.execute();
  return rows.map(toAccount);
}

/** How many are of the area itself. */
async function countOf(
  db: Db,
  clock: Clock,
  area: string,
): Promise<{ accounts: number; tokens: number }> {
  const count = sql<number | string>`count(*)`.as('count');
  const accounts = await db
    .selectFrom('account')
    .select(count)
    .where('area', '=', area)
    .executeTakeFirstOrThrow();
  const tokens = await db
    .selectFrom('token')
    .select(count)
    .where('area', '=', area)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', clock())]))
    .executeTakeFirstOrThrow();
  return { accounts: Number(accounts.count), tokens: Number(tokens.count) };
}

/** One account with its password's hash. */
async function findAccount(
  db: Db,
  name: string,
): Promise<(AccountState & { passwordHash: string }) | null> {
  const row = await db
    .selectFrom('account')
    .selectAll()
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? null : { ...toAccount(row), passwordHash: row.password_hash };
}

/** Phones begin a name with a capital. */
async function findName(db: Db, spelled: string): Promise<string | null> {
  const rows = await db
    .selectFrom('account')
    .select('name')
    .where((eb) => eb.fn<string>('lower', ['name']), '=', spelled.toLowerCase())
    .execute();
  const names = rows.map(({ name }) => name);
  if (names.includes(spelled)) return spelled;
  return names.length === 1 ? names[0]! : null;
}

const columnsOf = ({ displayName, role, area }: Account) => ({
  display_name: displayName,
  role,
  area,
});

/** Writes to each of them, so that other transactions that mean one of them wait for this one. */
async function holdAdministrators(db: Db): Promise<AccountState[]> {
  await db.updateTable('account').set({ role: 'admin' }).where('role', '=', 'admin').execute();
  const rows = await db.selectFrom('account').selectAll().where('role', '=', 'admin').execute();
  return rows.map(toAccount);
}

async function addAccount(
  db: Db,
  account: Account,
  passwordHash: string,
  { passwordToChange = false }: Pick<AccountChange, 'passwordToChange'> = {},
): Promise<void> {
  await db
    .insertInto('account')
    .values({
      name: account.name,
      ...columnsOf(account),
      password_hash: passwordHash,
      password_to_change: passwordToChange ? 1 : 0,
    })
    .execute();
}

/** One statement looks and changes, so that nothing comes between. */
async function changeAccount(
  db: Db,
  clock: Clock,
  before: Seen,
  account: Account,
  { passwordHash, passwordToChange, locked }: AccountChange = {},
): Promise<boolean> {
  let update = db
    .updateTable('account')
    .set((eb) => ({
      ...columnsOf(account),
      revision: eb('revision', '+', 1),
      ...(passwordHash === undefined ? {} : { password_hash: passwordHash }),
      ...(passwordToChange === undefined ? {} : { password_to_change: passwordToChange ? 1 : 0 }),
      // Said again it stays locked since then.
      ...(locked === undefined
        ? {}
        : { locked_at: locked ? eb.fn.coalesce('locked_at', eb.val(clock())) : null }),
    }))
    .where('name', '=', account.name)
    .where('area', '=', before.area)
    .where('role', '=', before.role);
  if (before.revision !== undefined) update = update.where('revision', '=', before.revision);
  const result = await update.executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

async function changePassword(
  db: Db,
  name: string,
  before: string,
  after: string,
): Promise<boolean> {
  const result = await db
    .updateTable('account')
    .set({ password_hash: after, password_to_change: 0 })
    .where('name', '=', name)
    .where('password_hash', '=', before)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Removes an account and, by the foreign key, its sessions; one statement looks and removes. */
async function removeAccount(db: Db, { name, revision }: RemovedSeen): Promise<boolean> {
  const result = await db
    .deleteFrom('account')
    .where('name', '=', name)
    .where('revision', '=', revision)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** Opens a session; returns its secret. */
async function openSession(
  db: Db,
  clock: Clock,
  account: string,
  address: string,
): Promise<string> {
  const secret = newSecret();
  const now = clock();
  await db
    .insertInto('session')
    .values({ hash: hashSecret(secret), account, address, created_at: now, used_at: now })
    .execute();
  await db
    .updateTable('account')
    .set({ last_sign_in_at: now })
    .where('name', '=', account)
    .execute();
  return secret;
}

/** Whose session it is, if it is neither idle for too long nor too old; it counts as used unless one only peeks. */
async function findSession(
  db: Db,
  clock: Clock,
  secret: string,
  { peek, notNoted }: { peek: boolean; notNoted: (error: unknown) => void },
): Promise<AccountState | null> {
  const hash = hashSecret(secret);
  const row = await db
    .selectFrom('session')
    .innerJoin('account', 'account.name', 'session.account')
    .selectAll('account')
    .select(['session.created_at', 'session.used_at'])
    .where('session.hash', '=', hash)
    .where('account.locked_at', 'is', null)
    .executeTakeFirst();
  const now = clock();
  if (row === undefined || now - row.used_at >= SESSION_IDLE_MS) return null;
  if (now - row.created_at >= SESSION_MAX_MS) return null;
  // A time in the future was written before the clock was set back: the session counts from now on.
  const backwards = now < row.used_at || now < row.created_at;
  if (backwards || (!peek && now - row.used_at >= TOUCH_EVERY_MS))
    try {
      const created_at = Math.min(now, row.created_at);
      await db
        .updateTable('session')
        .set({ used_at: now, created_at })
        .where('hash', '=', hash)
        .execute();
    } catch (error) {
      // On a full disk people must still see; the session ends a little earlier at worst.
      notNoted(error);
    }
  return toAccount(row);
}

/** Ends one session. */
async function closeSession(db: Db, secret: string): Promise<void> {
  await db.deleteFrom('session').where('hash', '=', hashSecret(secret)).execute();
}

/** Ends all sessions of an account. */
async function closeSessionsOf(db: Db, account: string): Promise<void> {
  await db.deleteFrom('session').where('account', '=', account).execute();
}

/** Forgets sessions and tokens that are over; sessions from before the clock was set back count from now on. */
async function clean(db: Db, clock: Clock): Promise<number> {
  const now = clock();
  await db.updateTable('session').set({ used_at: now }).where('used_at', '>', now).execute();
  await db.updateTable('session').set({ created_at: now }).where('created_at', '>', now).execute();
  const sessions = await db
    .deleteFrom('session')
    .where((eb) =>
      eb.or([
        eb('used_at', '<=', now - SESSION_IDLE_MS),
        eb('created_at', '<=', now - SESSION_MAX_MS),
      ]),
    )
    .executeTakeFirst();
  const tokens = await db.deleteFrom('token').where('expires_at', '<=', now).executeTakeFirst();
  return Number(sessions.numDeletedRows + tokens.numDeletedRows);
}

/** Tokens whose area lies in scope. */
async function listTokens(
  db: Db,
  scope: string,
  { text, after, limit = LISTED_MAX }: TokenPage = {},
): Promise<Token[]> {
  let query = db
    .selectFrom('token')
    .selectAll()
    .select(sql<number>`case when ${isSuspended} then 1 else 0 end`.as('suspended'))
    .where(areaWithin('token.area', scope))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
  if (text !== undefined) query = query.where(contains(['name', 'id', 'created_by'], text));
  if (after !== undefined)
    // Said twice, since only the first of it is a range of the index.
    query = query
      .where('created_at', '<=', after.createdAt)
      .where((eb) => eb.or([eb('created_at', '<', after.createdAt), eb('id', '<', after.id)]));
  const rows = await query.execute();
  return rows.map(toToken);
}

/** Makes a token; its secret is returned here and never again. */
async function createToken(
  db: Db,
  clock: Clock,
  token: Pick<Token, 'name' | 'role' | 'area' | 'createdBy' | 'expiresAt'>,
): Promise<{ token: Token; secret: string }> {
  const secret = newSecret();
  const made: Token = {
    ...token,
    ...{ id: randomUUID(), createdAt: clock(), lastUsedAt: null, suspended: false },
  };
  await db
    .insertInto('token')
    .values({
      id: made.id,
      name: made.name,
      hash: hashSecret(secret),
      role: made.role,
      area: made.area,
      created_at: made.createdAt,
      created_by: made.createdBy,
      expires_at: made.expiresAt,
    })
    .execute();
  return { token: made, secret };
}

/** The token of that secret, unless it has expired or is suspended; it counts as used unless one only peeks. */
async function findToken(
  db: Db,
  clock: Clock,
  secret: string,
  { peek, notNoted }: { peek: boolean; notNoted: (error: unknown) => void },
): Promise<Token | null> {
  const row = await db
    .selectFrom('token')
    .selectAll()
    .where('hash', '=', hashSecret(secret))
    .where(sql<SqlBool>`not ${isSuspended}`)
    .executeTakeFirst();
  const now = clock();
  if (row === undefined || (row.expires_at !== null && row.expires_at <= now)) return null;
  const used = row.last_used_at;
  if (!peek && (used === null || now < used || now - used >= TOUCH_EVERY_MS))
    try {
      await db.updateTable('token').set({ last_used_at: now }).where('id', '=', row.id).execute();
    } catch (error) {
      // A machine goes on working while nothing can be written; its last use is told a little late.
      notNoted(error);
    }
  return toToken(row);
}

/** Removes a token whose area lies in scope. */
async function removeToken(db: Db, scope: string, id: string): Promise<boolean> {
  const result = await db
    .deleteFrom('token')
    .where('id', '=', id)
    .where(areaWithin('token.area', scope))
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** Removes what an account made that manages others. */
async function removeAdminTokensOf(db: Db, maker: string): Promise<number> {
  const result = await db
    .deleteFrom('token')
    .where('created_by', '=', maker)
    .where('role', '=', 'admin')
    .executeTakeFirst();
  return Number(result.numDeletedRows);
}

/** Accounts, sessions and tokens over a database or a transaction. */
export function people(db: Db, clock: Clock, notNoted: (error: unknown) => void): People {
  return {
    countOf: (area) => countOf(db, clock, area),
    accounts: (scope, page) => listAccounts(db, scope, page),
    account: (name) => findAccount(db, name),
    accountName: (spelled) => findName(db, spelled),
    administrators: () => holdAdministrators(db),
    addAccount: (account, hash, more) => addAccount(db, account, hash, more),
    changeAccount: (before, account, change) => changeAccount(db, clock, before, account, change),
    changePassword: (name, before, after) => changePassword(db, name, before, after),
    removeAccount: (before) => removeAccount(db, before),
    openSession: (account, address) => openSession(db, clock, account, address),
    session: (secret, options) =>
      findSession(db, clock, secret, { peek: options?.peek ?? false, notNoted }),
    closeSession: (secret) => closeSession(db, secret),
    closeSessionsOf: (account) => closeSessionsOf(db, account),
    clean: () => clean(db, clock),
    tokens: (scope, page) => listTokens(db, scope, page),
    createToken: (token) => createToken(db, clock, token),
    token: (secret, options) =>
      findToken(db, clock, secret, { peek: options?.peek ?? false, notNoted }),
    removeAdminTokensOf: (maker) => removeAdminTokensOf(db, maker),
    removeToken: (scope, id) => removeToken(db, scope, id),
  };
}
