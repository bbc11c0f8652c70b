/** The table of the audit log as Kysely sees it, and the triggers that keep it append-only. */
import { type Generated, type Kysely, sql } from 'kysely';
import { AUDIT_KEPT_MS } from '../contract.ts';
import type { RelationalModule, SqlEngine } from '../modules.ts';

export interface AuditTable {
  id: Generated<number>;
  at: number;
  actor: string;
  address: string;
  action: string;
  target: string;
  outcome: 'done' | 'refused';
  detail: string;
}

export interface AuditTables {
  audit: AuditTable;
}

/** The audit log is append-only in the database itself: a stolen server account can't rewrite it by ordinary means. */
async function createAudit(db: Kysely<unknown>, engine: SqlEngine): Promise<void> {
  await db.schema
    .createTable('audit')
    .addColumn('id', engine === 'sqlite' ? 'integer' : 'bigserial', (c) =>
      engine === 'sqlite' ? c.primaryKey().autoIncrement() : c.primaryKey(),
    )
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('actor', 'text', (c) => c.notNull())
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('target', 'text', (c) => c.notNull())
    .addColumn('outcome', 'text', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .execute();
  if (engine === 'sqlite') {
    for (const verb of ['update', 'delete'])
      await sql`create trigger ${sql.ref(`audit_no_${verb}`)} before ${sql.raw(verb)} on audit
        begin select raise(abort, 'the audit log is append-only'); end`.execute(db);
    return;
  }
  await sql`create function audit_append_only() returns trigger language plpgsql as
    'begin raise exception ''the audit log is append-only''; end'`.execute(db);
  await sql`create trigger audit_no_change before update or delete or truncate on audit
    for each statement execute function audit_append_only()`.execute(db);
}

/**
 * Old entries may go, young ones may not: the database judges by its own clock, so that who can only ask it can't clear
 * what they did.
 */
async function letAuditAge(db: Kysely<unknown>, engine: SqlEngine): Promise<void> {
  const kept = sql.lit(AUDIT_KEPT_MS);
  if (engine === 'sqlite') {
    await sql`drop trigger audit_no_delete`.execute(db);
    await sql`create trigger audit_no_delete before delete on audit
      when old.at > cast(strftime('%s', 'now') as integer) * 1000 - ${kept}
      begin select raise(abort, 'the audit log is append-only'); end`.execute(db);
  } else {
    await sql`drop trigger audit_no_change on audit`.execute(db);
    await sql`create trigger audit_no_change before update or truncate on audit
      for each statement execute function audit_append_only()`.execute(db);
    await sql`create trigger audit_no_delete before delete on audit for each row
      when (old.at > extract(epoch from now()) * 1000 - ${kept})
      execute function audit_append_only()`.execute(db);
  }
  await db.schema.createIndex('audit_at').on('audit').column('at').execute();
}

/** Never change a migration that was released: add another. */
export const auditModule: RelationalModule = {
  name: 'audit',
  migrations: {
    '0001-audit': { up: createAudit },
    '0002-audit-ages': { up: letAuditAge },
  },
  formerly: { '0001-audit': '0004-audit', '0002-audit-ages': '0005-audit-ages' },
};
