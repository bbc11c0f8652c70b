/** The number of the registry's present state, by which other processes see that it changed. */
import { sql } from 'kysely';
import type { Db } from './rows.ts';

export async function registryVersion(db: Db): Promise<number> {
  const row = await db.selectFrom('registry_version').select('version').executeTakeFirstOrThrow();
  return row.version;
}

/** Called in the transaction of each change. */
export async function bumpVersion(trx: Db): Promise<void> {
  await trx.updateTable('registry_version').set({ version: sql`version + 1` }).execute();
}
