/** The audit log: entries are written in the transaction of what they tell, listed newest first, and deleted by age. */
import type { Clock } from '@village/core';
import type { Kysely } from 'kysely';
import type { AuditEntry, AuditLog, StoredAuditEntry } from '../contract.ts';
import type { AuditTables } from './tables.ts';

/** Rows deleted by one statement, so that years of it don't hold up who writes meanwhile. */
const TRIM_SLICE = 1_000;

async function append(db: Kysely<AuditTables>, clock: Clock, entry: AuditEntry): Promise<void> {
  await db
    .insertInto('audit')
    .values({ ...entry, at: clock(), detail: JSON.stringify(entry.detail) })
    .execute();
}

async function list(
  db: Kysely<AuditTables>,
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

async function trim(db: Kysely<AuditTables>, at: number, most: number): Promise<number> {
  let deleted = 0;
  for (;;) {
    const slice = Math.min(TRIM_SLICE, most - deleted);
    if (slice === 0) return deleted;
    const old = db
      .selectFrom('audit')
      .select('id')
      .where('at', '<', at)
      .orderBy('at')
      .orderBy('id')
      .limit(slice);
    const { numDeletedRows } = await db
      .deleteFrom('audit')
      .where('id', 'in', old)
      .executeTakeFirstOrThrow();
    deleted += Number(numDeletedRows);
    if (numDeletedRows < slice) return deleted;
  }
}

/** The audit log over a database or a transaction. */
export function auditLog(db: Kysely<AuditTables>, clock: Clock): AuditLog {
  return {
    append: (entry) => append(db, clock, entry),
    list: (page) => list(db, page),
    trim: (at, most = Number.POSITIVE_INFINITY) => trim(db, at, most),
  };
}
