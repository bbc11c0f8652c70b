/**
 * The number of the registry's present state, by which other processes see that it changed. It rises by chance amounts: a number that
 * was lost, since the database was brought back or a transaction undone, is never that of another state.
 */
import { randomInt } from 'node:crypto';
import { OperationalError } from '@village/core';
import { type RawBuilder, sql } from 'kysely';
import type { Db } from './rows.ts';

/** Four million changes fit below 2 ** 53. */
const RISE_MAX = 2 ** 32;

export async function registryVersion(db: Db): Promise<number> {
  const row = await db.selectFrom('registry_version').select('version').executeTakeFirstOrThrow();
  return row.version;
}

/**
 * Called first in the transaction of each change, before it reads or writes: of two that change the registry the second waits here,
 * and never each for what the other holds.
 */
export async function bumpVersion(trx: Db): Promise<void> {
  const version = sql<number>`version + ${sql.lit(randomInt(1, RISE_MAX))}`;
  await trx.updateTable('registry_version').set({ version }).execute();
}

/**
 * Called first in a transaction that does what was judged by what was read: holds whatever else would change the registry until the
 * transaction ends. @throws registry-changed when it is in another state than `seen`
 */
export async function expectUnchanged(trx: Db, seen: number): Promise<void> {
  return expectSeen(trx, seen, sql<number>`version + ${sql.lit(randomInt(1, RISE_MAX))}`);
}

/** The same for what changes nothing of the registry itself and was judged by it. @throws registry-changed */
export const holdUnchanged = (trx: Db, seen: number): Promise<void> =>
  expectSeen(trx, seen, sql<number>`version`);

async function expectSeen(trx: Db, seen: number, version: RawBuilder<number>): Promise<void> {
  const { numUpdatedRows } = await trx
    .updateTable('registry_version')
    .set({ version })
    .where('version', '=', seen)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n)
    throw new OperationalError('registry-changed', 'the registry was changed meanwhile', {
      retry: true,
    });
}
