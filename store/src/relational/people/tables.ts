/** Tables of accounts, sessions and tokens as Kysely sees them, and how they came about. */

import type { Role } from '@village/core';
import type { Generated, Kysely } from 'kysely';
import type { RelationalModule } from '../modules.ts';

export interface AccountTable {
  name: string;
  display_name: string;
  role: Role;
  area: string;
  password_hash: string;
  /** Rises with each change that an administrator makes. */
  revision: Generated<number>;
  last_sign_in_at: number | null;
  locked_at: number | null;
  /** 1 until its holder has chosen a password of their own. */
  password_to_change: Generated<number>;
}

export interface SessionTable {
  hash: string;
  account: string;
  address: string;
  created_at: number;
  used_at: number;
}

export interface TokenTable {
  id: string;
  name: string;
  hash: string;
  role: Role;
  area: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
  last_used_at: number | null;
}

export interface PeopleTables {
  account: AccountTable;
  session: SessionTable;
  token: TokenTable;
}

async function createTokens(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('token')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull().unique())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('created_by', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .execute();
}

async function createAccounts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('account')
    .addColumn('name', 'text', (c) => c.primaryKey())
    .addColumn('display_name', 'text', (c) => c.notNull())
    .addColumn('role', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('password_hash', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('session')
    .addColumn('hash', 'text', (c) => c.primaryKey())
    .addColumn('account', 'text', (c) => c.notNull().references('account.name').onDelete('cascade'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('used_at', 'bigint', (c) => c.notNull())
    .execute();
}

/** What lists of people and tokens tell, and who may not sign in. */
async function tellOfUse(db: Kysely<unknown>): Promise<void> {
  const add = (column: string, kind: 'bigint' | 'integer', least?: number) =>
    db.schema
      .alterTable('account')
      .addColumn(column, kind, (c) => (least === undefined ? c : c.notNull().defaultTo(least)))
      .execute();
  await add('revision', 'integer', 1);
  await add('last_sign_in_at', 'bigint');
  await add('locked_at', 'bigint');
  await add('password_to_change', 'integer', 0);
  await db.schema.alterTable('token').addColumn('last_used_at', 'bigint').execute();
}

/** Tokens are listed newest first, page by page. */
async function listByAge(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex('token_created').on('token').columns(['created_at', 'id']).execute();
}

/** Refers to areas, so that the registry's tables must be there before. Never change a migration that was released. */
export const peopleModule: RelationalModule = {
  name: 'people',
  migrations: {
    '0001-tokens': { up: createTokens },
    '0002-accounts': { up: createAccounts },
    '0003-use': { up: tellOfUse },
    '0004-lists': { up: listByAge },
  },
  // The old list made tokens together with the credentials of machines.
  formerly: { '0001-tokens': '0002-machines', '0002-accounts': '0003-people' },
};
