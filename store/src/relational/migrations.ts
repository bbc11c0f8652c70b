/** The one set of migrations for both engines, in order. Never change one that was released: add another. */
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { AUDIT_KEPT_MS } from './contract.ts';

export type Engine = 'sqlite' | 'postgres';

async function createPlaces(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('area')
    .addColumn('code', 'text', (c) => c.primaryKey())
    .addColumn('level', 'text', (c) => c.notNull())
    .addColumn('name_zh', 'text', (c) => c.notNull())
    .addColumn('name_en', 'text', (c) => c.notNull())
    .addColumn('parent', 'text', (c) => c.references('area.code'))
    .addColumn('path', 'text', (c) => c.notNull())
    .addColumn('aliases', 'text', (c) => c.notNull())
    .addColumn('valid_from', 'text')
    .addColumn('valid_to', 'text')
    .execute();
  await db.schema.createIndex('area_path').on('area').column('path').execute();
  await db.schema
    .createTable('gateway')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .execute();
  await db.schema
    .createTable('device')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('profile', 'text', (c) => c.notNull())
    .addColumn('area', 'text', (c) => c.notNull().references('area.code'))
    .addColumn('gateway', 'text', (c) => c.references('gateway.id'))
    .addColumn('address', 'text', (c) => c.notNull())
    .addColumn('options', 'text', (c) => c.notNull())
    .addColumn('longitude', 'double precision')
    .addColumn('latitude', 'double precision')
    .addUniqueConstraint('device_address', ['profile', 'address'])
    .execute();
  await db.schema.createIndex('device_area').on('device').column('area').execute();
}

async function createMachines(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('credential')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('gateway_status')
    .addColumn('gateway', 'text', (c) => c.primaryKey().references('gateway.id'))
    .addColumn('online', 'integer', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('body', 'text', (c) => c.notNull())
    .execute();
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

async function createPeople(db: Kysely<unknown>): Promise<void> {
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

/** The audit log is append-only in the database itself: a stolen server account can't rewrite it by ordinary means. */
async function createAudit(db: Kysely<unknown>, engine: Engine): Promise<void> {
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
async function letAuditAge(db: Kysely<unknown>, engine: Engine): Promise<void> {
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

/** Migrations by name; their order is that of the names. */
export function migrations(engine: Engine): Record<string, Migration> {
  return {
    '0001-places': { up: createPlaces },
    '0002-machines': { up: createMachines },
    '0003-people': { up: createPeople },
    '0004-audit': { up: (db) => createAudit(db, engine) },
    '0005-audit-ages': { up: (db) => letAuditAge(db, engine) },
  };
}
