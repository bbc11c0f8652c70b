/** The contract of the relational store: areas, devices, who may speak, who may look, what was done, and modules' tables. */
import { type Area, DAY, type Device, HOUR, type Role } from '@village/core';
import type { Kysely } from 'kysely';
import type { EngineCounters } from './engines/connected.ts';
import type { ModuleFault } from './modules.ts';

/** Longest transaction; one that takes longer is undone. */
export const TRANSACTION_MS = 5_000;

/** The database itself keeps audit entries at least this long: six months and more, as the law asks of logs. */
export const AUDIT_KEPT_MS = 180 * DAY;

/** Signed-in people are silent for at most this long, and signed in for at most `SESSION_MAX_MS`. */
export const SESSION_IDLE_MS = 30 * 60_000;
export const SESSION_MAX_MS = 12 * HOUR;

/** Shortest secret that a device, gateway or machine may be given; ours have 256 random bits. */
export const SECRET_LENGTH_MIN = 16;

/** An area with its place in the tree: `/county/township/village/`. */
export interface StoredArea extends Area {
  readonly path: string;
}

/** A gateway or network server: what devices speak through. */
export interface Gateway {
  readonly id: string;
  readonly name: string;
  readonly area: string;
}

/** What a gateway said of itself last; `body` is the status message. */
export interface GatewayStatus {
  readonly gateway: string;
  readonly online: boolean;
  /** Receive time, ms. */
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How a device or gateway proves who it is; the id is its MQTT username. */
export interface Credential {
  readonly id: string;
  readonly kind: 'device' | 'gateway';
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string;
}

export interface Account {
  readonly name: string;
  readonly displayName: string;
  readonly role: Role;
  /** The account sees this area and everything below. */
  readonly area: string;
}

/** A machine's right to call the HTTP interface. The secret itself is shown once and not kept. */
export interface Token extends Omit<Account, 'displayName'> {
  readonly id: string;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Null never expires. */
  readonly expiresAt: number | null;
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

export interface DeviceImport {
  readonly devices: readonly Device[];
  readonly gateways: readonly Gateway[];
  readonly credentials: readonly Credential[];
}

export interface Imported {
  readonly created: number;
  readonly updated: number;
}

/**
 * Every method of the parts rejects with `relational-unavailable` (retry) when the database can't be reached or written.
 * A `scope` is the code of an area: what lies outside it and below is never returned, and an unknown code sees nothing.
 */
export interface Registry {
  /** All areas in scope, parents before children. */
  areas(scope: string): Promise<StoredArea[]>;
  /** Codes of areas without a parent, for those who load everything. */
  roots(): Promise<string[]>;
  /**
   * Adds or replaces areas and recomputes paths; all or nothing.
   * @throws area-without-parent when a parent is unknown or the parents form a ring
   */
  importAreas(areas: readonly Area[]): Promise<Imported>;
  /** Devices in scope by id, those after `after`. */
  devices(scope: string, page: { after?: string; limit: number }): Promise<Device[]>;
  gateways(scope: string): Promise<Gateway[]>;
  /** Adds or replaces devices, gateways and credentials; all or nothing. @throws import-conflict */
  importDevices(batch: DeviceImport): Promise<Imported>;
  credentials(): Promise<Credential[]>;
  saveGatewayStatus(status: GatewayStatus): Promise<void>;
  gatewayStatuses(): Promise<GatewayStatus[]>;
}

export interface People {
  accounts(scope: string): Promise<Account[]>;
  /** With the password's hash; null when there is no such account. */
  account(name: string): Promise<(Account & { readonly passwordHash: string }) | null>;
  /** Without a hash the old one stays. @throws password-needed for a new account without one */
  saveAccount(account: Account, passwordHash?: string): Promise<void>;
  /** Also ends its sessions. False when there was none. */
  removeAccount(name: string): Promise<boolean>;

  /** Opens a session and returns its secret, which is kept as a hash only. */
  openSession(account: string, address: string): Promise<string>;
  /** Whose session it is; null when unknown, idle or too old. Counts as use, unless it only `peek`s. */
  session(secret: string, options?: { readonly peek?: boolean }): Promise<Account | null>;
  closeSession(secret: string): Promise<void>;
  closeSessionsOf(account: string): Promise<void>;
  /** Forgets sessions and tokens that are over; returns how many. */
  clean(): Promise<number>;

  tokens(scope: string): Promise<Token[]>;
  createToken(
    token: Pick<Token, 'name' | 'role' | 'area' | 'createdBy' | 'expiresAt'>,
  ): Promise<{ token: Token; secret: string }>;
  /** The token of that secret; null when unknown or expired. */
  token(secret: string): Promise<Token | null>;
  removeToken(scope: string, id: string): Promise<boolean>;
}

export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first, those below `before`. */
  list(page: { before?: number; limit: number }): Promise<StoredAuditEntry[]>;
  /**
   * Deletes entries made before `at`, and returns how many. None that is younger than AUDIT_KEPT_MS by the database's
   * own clock: the whole is refused then.
   */
  trim(at: number): Promise<number>;
}

/** The store's parts and every module's tables, over the database or inside a transaction. */
export interface RelationalAccess {
  readonly registry: Registry;
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
}

export interface Relational extends RelationalAccess {
  /**
   * Runs `work` as one transaction. Transactions of a process run one after the other in the order of asking, none longer
   * than TRANSACTION_MS; inside, only `tx` is used, and nothing but the database is waited for. They do not nest.
   * @throws transaction-timeout (retry) when it took too long: nothing of it happened
   */
  transaction<Result>(
    work: (tx: RelationalAccess) => Promise<Result>,
    options?: TransactionOptions<Result>,
  ): Promise<Result>;
  /** Optional modules whose tables could not be brought up to date: `for` refuses them. */
  readonly faults: readonly ModuleFault[];
  counters(): EngineCounters;
  /** Copies a SQLite store into a new file while it is in use; false on PostgreSQL, which has its own tools. */
  backup(file: string): Promise<boolean>;
  close(): Promise<void>;
}
