/** Accounts, sessions and tokens. Secrets come in or go out once and are kept as hashes. */
import { randomUUID } from 'node:crypto';
import { type Clock, isAreaCode, OperationalError } from '@village/core';
import type { Kysely, Selectable } from 'kysely';
import { type Account, SESSION_IDLE_MS, SESSION_MAX_MS, type Token } from './contract.ts';
import type { AccountTable, Schema, TokenTable } from './schema.ts';
import { hashSecret, newSecret } from './secrets.ts';

/** A session's last use is written at most this often, so that reading pages doesn't write to disk. */
const TOUCH_EVERY_MS = 60_000;

/** Pattern of the paths of an area and all below; one that matches nothing when the scope is no area code. */
function inScope(scope: string): string {
  return isAreaCode(scope) ? `%/${scope}/%` : '';
}

function toAccount(row: Omit<Selectable<AccountTable>, 'password_hash'>): Account {
  return { name: row.name, displayName: row.display_name, role: row.role, area: row.area };
}

function toToken(row: Omit<Selectable<TokenTable>, 'hash'>): Token {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    area: row.area,
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
  };
}

/** Accounts whose area lies in scope, by name. */
export async function listAccounts(db: Kysely<Schema>, scope: string): Promise<Account[]> {
  const rows = await db
    .selectFrom('account')
    .innerJoin('area', 'area.code', 'account.area')
    .selectAll('account')
    .where('area.path', 'like', inScope(scope))
    .orderBy('account.name')
    .execute();
  return rows.map(toAccount);
}

/** One account with its password's hash. */
export async function findAccount(
  db: Kysely<Schema>,
  name: string,
): Promise<(Account & { passwordHash: string }) | null> {
  const row = await db
    .selectFrom('account')
    .selectAll()
    .where('name', '=', name)
    .executeTakeFirst();
  return row === undefined ? null : { ...toAccount(row), passwordHash: row.password_hash };
}

/** Adds or replaces an account; without a hash the old one stays. @throws password-needed */
export async function saveAccount(
  db: Kysely<Schema>,
  account: Account,
  passwordHash?: string,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const hash = passwordHash ?? (await findAccount(trx, account.name))?.passwordHash;
    if (hash === undefined)
      throw new OperationalError('password-needed', `a new account needs a password`);
    const row = { display_name: account.displayName, role: account.role, area: account.area };
    await trx
      .insertInto('account')
      .values({ name: account.name, ...row, password_hash: hash })
      .onConflict((c) => c.column('name').doUpdateSet({ ...row, password_hash: hash }))
      .execute();
  });
}

/** Removes an account and, by the foreign key, its sessions. */
export async function removeAccount(db: Kysely<Schema>, name: string): Promise<boolean> {
  const result = await db.deleteFrom('account').where('name', '=', name).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** Opens a session; returns its secret. */
export async function openSession(
  db: Kysely<Schema>,
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
  return secret;
}

/** Whose session it is, if it is neither idle for too long nor too old. */
export async function findSession(
  db: Kysely<Schema>,
  clock: Clock,
  secret: string,
  notNoted: (error: unknown) => void,
): Promise<Account | null> {
  const hash = hashSecret(secret);
  const row = await db
    .selectFrom('session')
    .innerJoin('account', 'account.name', 'session.account')
    .selectAll('account')
    .select(['session.created_at', 'session.used_at'])
    .where('session.hash', '=', hash)
    .executeTakeFirst();
  const now = clock();
  if (row === undefined || now - row.used_at >= SESSION_IDLE_MS) return null;
  if (now - row.created_at >= SESSION_MAX_MS) return null;
  // A time in the future was written before the clock was set back: the session counts from now on.
  if (now - row.used_at >= TOUCH_EVERY_MS || now < row.used_at || now < row.created_at)
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
export async function closeSession(db: Kysely<Schema>, secret: string): Promise<void> {
  await db.deleteFrom('session').where('hash', '=', hashSecret(secret)).execute();
}

/** Ends all sessions of an account. */
export async function closeSessionsOf(db: Kysely<Schema>, account: string): Promise<void> {
  await db.deleteFrom('session').where('account', '=', account).execute();
}

/** Forgets sessions and tokens that are over; sessions from before the clock was set back count from now on. */
export async function clean(db: Kysely<Schema>, clock: Clock): Promise<number> {
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
export async function listTokens(db: Kysely<Schema>, scope: string): Promise<Token[]> {
  const rows = await db
    .selectFrom('token')
    .innerJoin('area', 'area.code', 'token.area')
    .selectAll('token')
    .where('area.path', 'like', inScope(scope))
    .orderBy('token.created_at')
    .orderBy('token.id')
    .execute();
  return rows.map(toToken);
}

/** Makes a token; its secret is returned here and never again. */
export async function createToken(
  db: Kysely<Schema>,
  clock: Clock,
  token: Pick<Token, 'name' | 'role' | 'area' | 'createdBy' | 'expiresAt'>,
): Promise<{ token: Token; secret: string }> {
  const secret = newSecret();
  const made: Token = { ...token, id: randomUUID(), createdAt: clock() };
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

/** The token of that secret, unless it has expired. */
export async function findToken(
  db: Kysely<Schema>,
  clock: Clock,
  secret: string,
): Promise<Token | null> {
  const row = await db
    .selectFrom('token')
    .selectAll()
    .where('hash', '=', hashSecret(secret))
    .executeTakeFirst();
  if (row === undefined || (row.expires_at !== null && row.expires_at <= clock())) return null;
  return toToken(row);
}

/** Removes a token whose area lies in scope. */
export async function removeToken(db: Kysely<Schema>, scope: string, id: string): Promise<boolean> {
  const result = await db
    .deleteFrom('token')
    .where('id', '=', id)
    .where('area', 'in', (eb) =>
      eb.selectFrom('area').select('code').where('path', 'like', inScope(scope)),
    )
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}
