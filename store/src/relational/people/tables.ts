/** Tables of accounts, sessions and tokens as Kysely sees them, and how they came about. */

import type { Role } from '@village/core';
import type { Kysely } from 'kysely';
import type { RelationalModule } from '../modules.ts';

export interface AccountTable {
  name: string;
  display_name: string;
  role: Role;
  area: string;
  password_hash: string;
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

/** Refers to areas, so that the registry's tables must be there before. Never change a migration that was released. */
export const peopleModule: RelationalModule = {
  name: 'people',
  migrations: {
    '0001-tokens': { up: createTokens },
    '0002-accounts': { up: createAccounts },
  },
  // The old list made tokens together with the credentials of machines.
  formerly: { '0001-tokens': '0002-machines', '0002-accounts': '0003-people' },
};
