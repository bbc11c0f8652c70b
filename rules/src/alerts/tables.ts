/** Tables of alerts and of what happened to each, step by step. */
import {
  type AlertStep,
  type AlertSubject,
  type FalseAlertCause,
  type Severity,
  SUPPRESSIONS,
  type Suppression,
  type Verdict,
} from '@village/core';
import type { ModuleMigration, RelationalAccess } from '@village/store/relational';
import { type Kysely, type SqlBool, sql } from 'kysely';

export interface AlertTable {
  /** Sorts by when the server opened it. */
  id: string;
  rule: string;
  subject_kind: AlertSubject;
  /** Id of the device or gateway, code of the area. */
  subject: string;
  discriminator: string;
  /** Codes of the areas in which it stood, county first, with blanks between. */
  areas: string;
  /** 1 while its condition holds. */
  active: number;
  /** 1 while it changes too often and is held open. */
  flapping: number;
  severity: Severity;
  worst: Severity;
  /** Since when its condition holds, event time, ms. */
  began_at: number;
  /** When that had lasted long enough, event time. */
  raised_at: number;
  /** When the server knew, ms. */
  opened_at: number;
  /** When its condition was over, event time; null while it holds. */
  ended_at: number | null;
  /** When nobody had to look after it any more, by the server; null while it is open. */
  closed_at: number | null;
  /** Value and limit when it began, or became worse last; null where there is none. */
  value: number | null;
  limit_value: number | null;
  /** Bits of SUPPRESSIONS. */
  suppression: number;
  /** Rule and subject of what inhibits it. */
  inhibited_by: string | null;
  /** 1 where it stays open until somebody acknowledges it. */
  latch: number;
  /** What somebody answers to name it; none of two that are open is the other's. */
  code: string;
  acked_by: string | null;
  acked_at: number | null;
  ack_note: string | null;
  assigned_to: string | null;
  shelved_until: number | null;
  verdict: Verdict | null;
  verdict_cause: FalseAlertCause | null;
  verdict_note: string | null;
  verdict_by: string | null;
  verdict_at: number | null;
  /** How many steps it has; the number of the last. */
  steps: number;
}

export interface AlertStepTable {
  alert: string;
  /** 1 is its beginning. A notice is of one step. */
  number: number;
  kind: AlertStep;
  /** By the server's clock, ms. */
  at: number;
  /** Who did it; null of what the rules found. */
  by: string | null;
  /** JSON of StepDetail. */
  detail: string;
}

/** What is known of a step beyond its kind. */
export interface StepDetail {
  /** Event time, ms, of what the rules found. */
  readonly at?: number;
  readonly severity?: Severity;
  readonly value?: number;
  readonly limit?: number;
  /** Why nobody was told then. */
  readonly suppression?: readonly Suppression[];
  readonly inhibitedBy?: string;
  readonly note?: string;
  readonly to?: string;
  readonly until?: number;
  readonly verdict?: Verdict;
  readonly cause?: FalseAlertCause;
  /** What was acknowledged was over already. */
  readonly over?: true;
  /** What had been acknowledged is to be acknowledged anew. */
  readonly unacknowledged?: true;
}

export interface AlertTables {
  alert: AlertTable;
  alert_step: AlertStepTable;
  /** Up to which group each journal has been judged, and all of it is put down. */
  rules_place: {
    journal: string;
    place: number | null;
    /** Another each time it is written. */
    sign: string;
  };
  /** Readings that came late: these times of these devices are to be judged again in order. */
  rules_late: {
    device: string;
    from_at: number;
    to_at: number;
    /** When the first and the last of them came, by the server, ms. */
    since_at: number;
    last_at: number;
    /** Another each time the mark is made again: work that began before is not the end of it. */
    revision: number;
  };
  /** What was received in these times was never judged. */
  rules_missed: { id: string; from_at: number; to_at: number; noted_at: number };
}

/** The module whose tables these are. */
export const RULES = 'rules';

export const alertTables = (access: Pick<RelationalAccess, 'for'>): Kysely<AlertTables> =>
  access.for<AlertTables>(RULES);

export const suppressionBit = (one: Suppression): number => 1 << SUPPRESSIONS.indexOf(one);

export const suppressionsOf = (bits: number): Suppression[] =>
  SUPPRESSIONS.filter((one) => (bits & suppressionBit(one)) !== 0);

export const alertMigrations: Readonly<Record<string, ModuleMigration>> = {
  '0001-alerts': {
    up: async (db) => {
      await makeAlerts(db);
      await makeReader(db);
    },
  },
  '0002-late': {
    up: async (db) => {
      for (const column of ['since_at', 'last_at'])
        await db.schema
          .alterTable('rules_late')
          .addColumn(column, 'bigint', (c) => c.notNull().defaultTo(0))
          .execute();
    },
  },
};

async function makeAlerts(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('alert')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('rule', 'text', (c) => c.notNull())
    .addColumn('subject_kind', 'text', (c) => c.notNull())
    .addColumn('subject', 'text', (c) => c.notNull())
    .addColumn('discriminator', 'text', (c) => c.notNull())
    .addColumn('areas', 'text', (c) => c.notNull())
    .addColumn('active', 'integer', (c) => c.notNull())
    .addColumn('flapping', 'integer', (c) => c.notNull())
    .addColumn('severity', 'text', (c) => c.notNull())
    .addColumn('worst', 'text', (c) => c.notNull())
    .addColumn('began_at', 'bigint', (c) => c.notNull())
    .addColumn('raised_at', 'bigint', (c) => c.notNull())
    .addColumn('opened_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('closed_at', 'bigint')
    .addColumn('value', 'double precision')
    .addColumn('limit_value', 'double precision')
    .addColumn('suppression', 'integer', (c) => c.notNull())
    .addColumn('inhibited_by', 'text')
    .addColumn('latch', 'integer', (c) => c.notNull())
    .addColumn('code', 'text', (c) => c.notNull())
    .addColumn('acked_by', 'text')
    .addColumn('acked_at', 'bigint')
    .addColumn('ack_note', 'text')
    .addColumn('assigned_to', 'text')
    .addColumn('shelved_until', 'bigint')
    .addColumn('verdict', 'text')
    .addColumn('verdict_cause', 'text')
    .addColumn('verdict_note', 'text')
    .addColumn('verdict_by', 'text')
    .addColumn('verdict_at', 'bigint')
    .addColumn('steps', 'integer', (c) => c.notNull())
    .execute();
  const open = sql<SqlBool>`closed_at is null`;
  const index = (name: string, ...columns: string[]) =>
    db.schema.createIndex(`alert_${name}`).on('alert').columns(columns);
  await index('key', 'rule', 'subject', 'discriminator').unique().where(open).execute();
  await index('code', 'code').unique().where(open).execute();
  // Lists are by begin, and id where that is the same.
  await index('open', 'began_at', 'id').where(open).execute();
  await index('order', 'began_at', 'id').execute();
  await index('subject', 'subject', 'began_at', 'id').execute();
  await index('rule', 'rule', 'began_at', 'id').execute();
  await index('shelved', 'shelved_until').where(sql<SqlBool>`shelved_until is not null`).execute();
  await db.schema
    .createTable('alert_step')
    .addColumn('alert', 'text', (c) => c.notNull().references('alert.id'))
    .addColumn('number', 'integer', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('at', 'bigint', (c) => c.notNull())
    .addColumn('by', 'text')
    .addColumn('detail', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('alert_step_key', ['alert', 'number'])
    .execute();
}

async function makeReader(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('rules_place')
    .addColumn('journal', 'text', (c) => c.primaryKey())
    .addColumn('place', 'bigint')
    .addColumn('sign', 'text', (c) => c.notNull())
    .execute();
  await db.schema
    .createTable('rules_late')
    .addColumn('device', 'text', (c) => c.notNull())
    .addColumn('from_at', 'bigint', (c) => c.notNull())
    .addColumn('to_at', 'bigint', (c) => c.notNull())
    .addColumn('revision', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('rules_late_key', ['device', 'from_at'])
    .execute();
  await db.schema
    .createTable('rules_missed')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('from_at', 'bigint', (c) => c.notNull())
    .addColumn('to_at', 'bigint', (c) => c.notNull())
    .addColumn('noted_at', 'bigint', (c) => c.notNull())
    .execute();
}
