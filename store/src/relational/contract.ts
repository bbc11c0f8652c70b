/** The contract of the relational store: who may look, what was done, transactions, and modules' tables. */
import { DAY, HOUR, type Role } from '@village/core';
import type { Kysely } from 'kysely';
import type { EngineCounters } from './engines/connected.ts';
import type { ModuleFault, SqlEngine } from './modules.ts';

/** Longest transaction; one that takes longer is undone. */
export const TRANSACTION_MS = 5_000;
/** Longest transaction that writes a whole file of thousands of rows: less than others wait for their turn. */
export const FILE_TRANSACTION_MS = 12_000;

/** The database itself keeps audit entries at least this long: six months and more, as the law asks of logs. */
export const AUDIT_KEPT_MS = 180 * DAY;

/** Entries of the audit log that one search looks at. */
export const AUDIT_LOOKED_AT = 50_000;

/** Signed-in people are silent for at most this long, and signed in for at most `SESSION_MAX_MS`. */
export const SESSION_IDLE_MS = 30 * 60_000;
export const SESSION_MAX_MS = 12 * HOUR;

export interface Account {
  readonly name: string;
  readonly displayName: string;
  readonly role: Role;
  /** The account sees this area and everything below. */
  readonly area: string;
}

/** An account with what administrators see of it and say. */
export interface AccountState extends Account {
  /** Rises with each change that an administrator makes. */
  readonly revision: number;
  readonly lastSignInAt: number | null;
  /** Since when nobody can sign in with it; null when one can. */
  readonly lockedAt: number | null;
  /** Whether its holder must choose a password before anything else. */
  readonly passwordToChange: boolean;
}

/** What was seen of an account before it is changed. */
export type AccountSeen = Pick<Account, 'area' | 'role'> & { readonly revision?: number };

/** What is said of an account beside its fields; what is left out stays. */
export interface AccountChange {
  readonly passwordHash?: string;
  readonly passwordToChange?: boolean;
  readonly locked?: boolean;
}

/** A machine's right to call the HTTP interface. The secret itself is shown once and not kept. */
export interface Token extends Omit<Account, 'displayName'> {
  readonly id: string;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Null never expires. */
  readonly expiresAt: number | null;
  /** To the minute; null when it never was. */
  readonly lastUsedAt: number | null;
  /** One of an administrator holds only while its maker may do as much. */
  readonly suspended: boolean;
}

/** Rows of a list that is asked for without a limit. */
export const LISTED_MAX = 1_000;

/** A part of the accounts, by name. */
export interface AccountPage {
  /** Part of either name, whatever its capitals (of Latin letters). */
  readonly text?: string;
  readonly role?: Role;
  /** Those whose name comes after this. */
  readonly after?: string;
  readonly limit?: number;
}

/** A part of the tokens, the newest first. */
export interface TokenPage {
  /** Part of its name, its id or of who made it, whatever its capitals (of Latin letters). */
  readonly text?: string;
  /** Those that come after this one in the list. */
  readonly after?: Pick<Token, 'createdAt' | 'id'>;
  readonly limit?: number;
}

export interface AuditEntry {
  /** Account name, `token:<id>`, or the name that was tried. */
  readonly actor: string;
  readonly address: string;
  /** Kebab-case, for example `sign-in`. */
  readonly action: string;
  readonly target: string;
  readonly outcome: 'done' | 'refused';
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface StoredAuditEntry extends AuditEntry {
  readonly id: number;
  readonly at: number;
}

/**
 * Every method of the parts rejects with `relational-unavailable` (retry) when the database can't be reached or written.
 * A `scope` is the code of an area: what lies outside it and below is never returned, and an unknown code sees nothing.
 */
export interface People {
  /** How many accounts and tokens are of the area itself; tokens that are over do not count. */
  countOf(area: string): Promise<{ accounts: number; tokens: number }>;
  /** By name, LISTED_MAX at most unless a limit is given. */
  accounts(scope: string, page?: AccountPage): Promise<AccountState[]>;
  /** With the password's hash; null when there is no such account. */
  account(name: string): Promise<(AccountState & { readonly passwordHash: string }) | null>;
  /** All of the role `admin`; until the transaction has ended no other changes one of them, in whatever process. */
  administrators(): Promise<AccountState[]>;
  /** The name of the account that is meant: that name or, if only one has it, the one with other capitals; null when there is none. */
  accountName(spelled: string): Promise<string | null>;
  /** @throws already-exists also when another process has made one of that name meanwhile */
  addAccount(
    account: Account,
    passwordHash: string,
    more?: Pick<AccountChange, 'passwordToChange'>,
  ): Promise<void>;
  /**
   * Changes an account that is still in the area, role and revision in which it was looked at. False when another process has moved or
   * removed it meanwhile.
   */
  changeAccount(before: AccountSeen, account: Account, change?: AccountChange): Promise<boolean>;
  /** Its holder has chosen another password. False when it has not that one any more. */
  changePassword(name: string, before: string, after: string): Promise<boolean>;
  /** Removes an account that is still in the revision in which it was looked at, and ends its sessions. False when it is not. */
  removeAccount(before: Pick<AccountState, 'name' | 'revision'>): Promise<boolean>;

  /** Opens a session, which is the account's last sign-in, and returns its secret, which is kept as a hash only. */
  openSession(account: string, address: string): Promise<string>;
  /** Whose session it is; null when unknown, idle, too old, or of a locked account. Counts as use, unless it only `peek`s. */
  session(secret: string, options?: { readonly peek?: boolean }): Promise<AccountState | null>;
  closeSession(secret: string): Promise<void>;
  closeSessionsOf(account: string): Promise<void>;
  /** Forgets sessions and tokens that are over; returns how many. */
  clean(): Promise<number>;

  /** The newest first, LISTED_MAX at most unless a limit is given. */
  tokens(scope: string, page?: TokenPage): Promise<Token[]>;
  createToken(
    token: Pick<Token, 'name' | 'role' | 'area' | 'createdBy' | 'expiresAt'>,
  ): Promise<{ token: Token; secret: string }>;
  /** The token of that secret; null when unknown, expired or suspended. Counts as use, unless it only `peek`s. */
  token(secret: string, options?: { readonly peek?: boolean }): Promise<Token | null>;
  /** Removes the tokens of role `admin` that the account has made; returns how many. */
  removeAdminTokensOf(maker: string): Promise<number>;
  removeToken(scope: string, id: string): Promise<boolean>;
}

/** Which entries are wanted; all that is said must hold. */
export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly outcome?: 'done' | 'refused';
  /** Part of the actor, target, address or detail, whatever its capitals (of Latin letters). */
  readonly text?: string;
  readonly from?: number;
  /** Exclusive. */
  readonly to?: number;
}

/** An entry's place in the order of searches: by time, and by id where that is the same. */
export type AuditPlace = Pick<StoredAuditEntry, 'at' | 'id'>;

export interface AuditPage {
  readonly entries: StoredAuditEntry[];
  /** Before which place the next page begins; null when nothing is left to look at. */
  readonly next: AuditPlace | null;
}

export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first, those below `before`. */
  list(page: { before?: number; limit: number }): Promise<StoredAuditEntry[]>;
  /**
   * Those that the filter lets through, newest first. One call looks at AUDIT_LOOKED_AT entries at most, so that a page may hold fewer than
   * `limit`, or none, and still have a next one.
   */
  search(
    filter: AuditFilter,
    page: { before?: AuditPlace | undefined; limit: number },
  ): Promise<AuditPage>;
  /**
   * Deletes entries made before `at`, the oldest first and `most` of them, and returns how many. None that is younger than AUDIT_KEPT_MS by the database's
   * own clock: the whole is refused then.
   */
  trim(at: number, most?: number): Promise<number>;
}

/** The store's parts and every module's tables, over the database or inside a transaction. */
export interface RelationalAccess {
  readonly people: People;
  readonly audit: AuditLog;
  /** Tables of a module that the store was opened with, as the module knows them. */
  for<Tables>(module: string): Kysely<Tables>;
}

/** Entries that belong to a transaction, known beforehand or from its result. */
export type Audited<Result> =
  | AuditEntry
  | readonly AuditEntry[]
  | ((result: Result) => AuditEntry | readonly AuditEntry[] | null);

export interface TransactionOptions<Result> {
  /** Written in the same transaction: when an entry can't be written, nothing happened. */
  readonly audit?: Audited<Result>;
  /** The longest that it may take, ms, where that is not TRANSACTION_MS: FILE_TRANSACTION_MS for what somebody sent as a file. */
  readonly limitMs?: number;
}

export interface Relational extends RelationalAccess {
  readonly engine: SqlEngine;
  /**
   * Runs `work` as one transaction. Transactions of a process run one after the other in the order of asking, none longer
   * than TRANSACTION_MS or what `options` say; inside, only `tx` is used, and nothing but the database is waited for. They do not nest.
   * @throws transaction-timeout (retry) when it took too long: nothing of it happened
   */
  transaction<Result>(
    work: (tx: RelationalAccess) => Promise<Result>,
    options?: TransactionOptions<Result>,
  ): Promise<Result>;
  /** Optional modules whose tables could not be brought up to date: `for` refuses them. */
  readonly faults: readonly ModuleFault[];
  /**
   * Calls `heard`, which must not throw, when another process tells of something on a channel of the database; returns what
   * ends that. A hint alone, which may be lost, and never comes on SQLite: who must know looks for himself as well.
   */
  listen(channel: string, heard: () => void): () => Promise<void>;
  counters(): EngineCounters;
  /** Copies a SQLite store into a new file while it is in use; false on PostgreSQL, which has its own tools. */
  backup(file: string): Promise<boolean>;
  close(): Promise<void>;
}
