/** The audit log: entries are written in the transaction of what they tell, listed newest first, and deleted by age. */
import type { Clock } from '@village/core';
import { type Kysely, type Selectable, sql } from 'kysely';
import {
  AUDIT_LOOKED_AT,
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  type AuditPage,
  type StoredAuditEntry,
} from '../contract.ts';
import type { AuditTable, AuditTables } from './tables.ts';

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
  return rows.map(toEntry);
}

const toEntry = (row: Selectable<AuditTable>): StoredAuditEntry => ({
  ...row,
  detail: JSON.parse(row.detail) as Record<string, unknown>,
});

/** The ids between which a time lies, so that a month of last year is found without looking at this one. */
async function idsOf(
  db: Kysely<AuditTables>,
  { from, to }: AuditFilter,
): Promise<{ lowest: number; highest: number }> {
  let within = db.selectFrom('audit');
  if (from !== undefined) within = within.where('at', '>=', from);
  if (to !== undefined) within = within.where('at', '<', to);
  // One by one: each alone is read from the end of an index.
  const low = await within
    .select((eb) => eb.fn.min<number | null>('id').as('id'))
    .executeTakeFirst();
  const high = await within
    .select((eb) => eb.fn.max<number | null>('id').as('id'))
    .executeTakeFirst();
  return { lowest: Number(low?.id ?? 0), highest: Number(high?.id ?? -1) };
}

async function search(
  db: Kysely<AuditTables>,
  filter: AuditFilter,
  page: { before?: number | undefined; limit: number },
): Promise<AuditPage> {
  const { lowest, highest } = await idsOf(db, filter);
  const before = Math.min(page.before ?? highest + 1, highest + 1);
  const least = Math.max(lowest, before - AUDIT_LOOKED_AT);
  let query = db.selectFrom('audit').selectAll().where('id', '<', before).where('id', '>=', least);
  const { actor, action, outcome, text, from, to } = filter;
  if (actor !== undefined) query = query.where('actor', '=', actor);
  if (action !== undefined) query = query.where('action', '=', action);
  if (outcome !== undefined) query = query.where('outcome', '=', outcome);
  if (from !== undefined) query = query.where('at', '>=', from);
  if (to !== undefined) query = query.where('at', '<', to);
  if (text !== undefined) {
    const pattern = `%${text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
    query = query.where((eb) =>
      eb.or(
        (['actor', 'target', 'address', 'detail'] as const).map(
          (column) => sql<boolean>`lower(${eb.ref(column)}) like ${pattern} escape '\\'`,
        ),
      ),
    );
  }
  const rows = await query.orderBy('id', 'desc').limit(page.limit).execute();
  const last = rows.length === page.limit ? rows.at(-1)?.id : undefined;
  const next = last ?? least;
  return { entries: rows.map(toEntry), next: next > lowest ? next : null };
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
    search: (filter, page) => search(db, filter, page),
    trim: (at, most = Number.POSITIVE_INFINITY) => trim(db, at, most),
  };
}
