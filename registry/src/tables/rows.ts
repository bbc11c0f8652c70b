/** What the files of this folder share: the database as they know it, slices of rows, and the asker's area. */
import type { Kysely } from 'kysely';
import type { RegistryTables } from './schema.ts';

export type Db = Kysely<RegistryTables>;

/** Rows of one statement. Each statement is waited for, long on a busy machine; many more rows would be more values than one may have. */
const CHUNK = 500;

export function* chunks<T>(items: readonly T[]): Generator<T[]> {
  for (let at = 0; at < items.length; at += CHUNK) yield items.slice(at, at + CHUNK);
}

/** Path of the scope's area; null when there is no such area. */
export async function scopePath(db: Db, scope: string): Promise<string | null> {
  const row = await db
    .selectFrom('area')
    .select('path')
    .where('code', '=', scope)
    .executeTakeFirst();
  return row?.path ?? null;
}
