/** The audit log: entries are written in the transaction of what they tell, listed newest first, and deleted by age. */
import type { Clock } from '@village/core';
import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely';
import {
  AUDIT_LOOKED_AT,
  type AuditEntry,
  type AuditFilter,
  type AuditLog,
  type AuditPage,
  type AuditPlace,
  type StoredAuditEntry,
} from '../contract.ts';
import { contains } from '../scope.ts';
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

/** Narrows a query to a time and to what comes before a place, newest first: read from the index of times alone. */
function newestFirst<Row>(
  query: SelectQueryBuilder<AuditTables, 'audit', Row>,
  { from, to }: AuditFilter,
  before: AuditPlace | undefined,
) {
  let within = query.orderBy('at', 'desc').orderBy('id', 'desc');
  if (from !== undefined) within = within.where('at', '>=', from);
  if (to !== undefined) within = within.where('at', '<', to);
  if (before === undefined) return within;
  // Said twice, since only the first of it is a range of the index.
  return within
    .where('at', '<=', before.at)
    .where((eb) => eb.or([eb('at', '<', before.at), eb('id', '<', before.id)]));
}

async function search(
  db: Kysely<AuditTables>,
  filter: AuditFilter,
  page: { before?: AuditPlace | undefined; limit: number },
): Promise<AuditPage> {
  const { actor, action, outcome, text } = filter;
  const filtered = [actor, action, outcome, text].some((one) => one !== undefined);
  /** The last entry that this call looks at; undefined when all that are left are fewer. */
  const last = !filtered
    ? undefined
    : await newestFirst(db.selectFrom('audit').select(['at', 'id']), filter, page.before)
        .limit(1)
        .offset(AUDIT_LOOKED_AT - 1)
        .executeTakeFirst();
  let query = newestFirst(db.selectFrom('audit').selectAll(), filter, page.before);
  if (last !== undefined)
    query = query
      .where('at', '>=', last.at)
      .where((eb) => eb.or([eb('at', '>', last.at), eb('id', '>=', last.id)]));
  if (actor !== undefined) query = query.where('actor', '=', actor);
  if (action !== undefined) query = query.where('action', '=', action);
  if (outcome !== undefined) query = query.where('outcome', '=', outcome);
  if (text !== undefined)
    query = query.where(contains(['actor', 'target', 'address', 'detail'], text));
  const rows = await query.limit(page.limit).execute();
  const next = rows.length === page.limit ? rows.at(-1) : last;
  return {
    entries: rows.map(toEntry),
    next: next === undefined ? null : { at: next.at, id: next.id },
  };
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
