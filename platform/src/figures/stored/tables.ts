/** Tables of stored figures: results and what they were before, one packed row a (figure, device, day), and the marks of what to compute. */
import type { ModuleMigration, RelationalAccess } from '@village/store/relational';
import { type Kysely, sql } from 'kysely';

export interface FigureTables {
  figure_day: {
    figure: string;
    device: string;
    /** Day of Beijing since 1970. */
    day: number;
    /** Version of the figure's definition. */
    version: number;
    /** Results of its spans, packed. */
    body: string;
    /** Digest of what held of the device. */
    circumstances: string;
    computed_at: number;
    /** Highest statement that touches it; 0 when none does. */
    statement: number;
  };
  figure_former: {
    figure: string;
    device: string;
    day: number;
    /** 1 is the first that was replaced. */
    number: number;
    version: number;
    body: string;
    computed_at: number;
    replaced_at: number;
    /** Bits of REASONS. */
    reasons: number;
  };
  figure_mark: {
    device: string;
    day: number;
    /** Hours whose inputs may be others now. */
    mask: number;
    reasons: number;
    /** Another each time the mark is made again: work that began before is not the end of it. */
    revision: number;
  };
  /** Up to which group each journal is marked. */
  figure_reader: {
    journal: string;
    /** Null while nothing of this journal is marked and all that is stored is being marked. */
    place: number | null;
    /** Another each time it is written. */
    sign: string;
  };
  figure_place: {
    id: number;
    /** Version of the registry up to which changes were marked. */
    registry: number | null;
  };
  /** Stored days that could not be computed since the figure threw. */
  figure_fault: {
    device: string;
    day: number;
    figure: string;
    /** How often it was computed of these inputs. */
    tries: number;
    /** When it is computed again; null when it is marked, and when it has been tried often enough. */
    retry_at: number | null;
  };
  /** Every device of which something is stored. */
  figure_device: { device: string; circumstances: string };
  /** The version of each definition up to which what others stored was marked. */
  figure_definition: { figure: string; version: number };
  /** Checks that were asked for or ran at night. */
  figure_check: {
    id: string;
    asked_at: number;
    ended_at: number | null;
    checked: number;
    waiting: number;
    differing: number;
    /** The first that differ, as JSON; why it failed, when it did. */
    detail: string | null;
  };
}

/** The module whose tables these are. */
export const FIGURES = 'figures';

export const figureTables = (access: Pick<RelationalAccess, 'for'>): Kysely<FigureTables> =>
  access.for<FigureTables>(FIGURES);

/** Why a result is another: bits in this order, which are stored; new ones come at the end. */
export const REASONS = [
  'late-data',
  'correction',
  'circumstances',
  'definition',
  'check',
  'rebuild',
  'retry',
] as const;
export type Reason = (typeof REASONS)[number];

export const reasonBit = (reason: Reason): number => 1 << REASONS.indexOf(reason);

export const reasonsOf = (bits: number): Reason[] =>
  REASONS.filter((reason) => (bits & reasonBit(reason)) !== 0);

export const figureMigrations: Readonly<Record<string, ModuleMigration>> = {
  '0001-figures': {
    up: async (db) => {
      await db.schema
        .createTable('figure_day')
        .addColumn('figure', 'text', (c) => c.notNull())
        .addColumn('device', 'text', (c) => c.notNull())
        .addColumn('day', 'integer', (c) => c.notNull())
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('body', 'text', (c) => c.notNull())
        .addColumn('circumstances', 'text', (c) => c.notNull())
        .addColumn('computed_at', 'bigint', (c) => c.notNull())
        .addColumn('statement', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('figure_day_key', ['device', 'day', 'figure'])
        .execute();
      await db.schema
        .createTable('figure_former')
        .addColumn('figure', 'text', (c) => c.notNull())
        .addColumn('device', 'text', (c) => c.notNull())
        .addColumn('day', 'integer', (c) => c.notNull())
        .addColumn('number', 'integer', (c) => c.notNull())
        .addColumn('version', 'integer', (c) => c.notNull())
        .addColumn('body', 'text', (c) => c.notNull())
        .addColumn('computed_at', 'bigint', (c) => c.notNull())
        .addColumn('replaced_at', 'bigint', (c) => c.notNull())
        .addColumn('reasons', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('figure_former_key', ['device', 'day', 'figure', 'number'])
        .execute();
      await db.schema
        .createTable('figure_mark')
        .addColumn('device', 'text', (c) => c.notNull())
        .addColumn('day', 'integer', (c) => c.notNull())
        .addColumn('mask', 'integer', (c) => c.notNull())
        .addColumn('reasons', 'integer', (c) => c.notNull())
        .addColumn('revision', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('figure_mark_key', ['device', 'day'])
        .execute();
      await db.schema.createIndex('figure_mark_day').on('figure_mark').column('day').execute();
      await db.schema
        .createTable('figure_place')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('journal', 'text')
        .addColumn('place', 'bigint')
        .addColumn('registry', 'bigint')
        .execute();
      await db.schema
        .createTable('figure_device')
        .addColumn('device', 'text', (c) => c.primaryKey())
        .addColumn('circumstances', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('figure_check')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('asked_at', 'bigint', (c) => c.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('checked', 'integer', (c) => c.notNull())
        .addColumn('waiting', 'integer', (c) => c.notNull())
        .addColumn('differing', 'integer', (c) => c.notNull())
        .addColumn('detail', 'text')
        .execute();
    },
  },
  '0002-order-of-marks': {
    up: async (db) => {
      await db.schema.dropIndex('figure_mark_day').execute();
      await db.schema
        .createIndex('figure_mark_order')
        .on('figure_mark')
        .columns(['day', 'device'])
        .execute();
      await db.schema
        .createTable('figure_definition')
        .addColumn('figure', 'text', (c) => c.primaryKey())
        .addColumn('version', 'integer', (c) => c.notNull())
        .execute();
    },
  },
  '0003-faults': {
    up: async (db) => {
      await db.schema
        .createTable('figure_fault')
        .addColumn('device', 'text', (c) => c.notNull())
        .addColumn('day', 'integer', (c) => c.notNull())
        .addColumn('figure', 'text', (c) => c.notNull())
        .addColumn('tries', 'integer', (c) => c.notNull())
        .addColumn('retry_at', 'bigint')
        .addPrimaryKeyConstraint('figure_fault_key', ['device', 'day', 'figure'])
        .execute();
      await db.schema
        .createIndex('figure_fault_due')
        .on('figure_fault')
        .column('retry_at')
        .execute();
    },
  },
  '0004-readers': {
    up: async (db) => {
      await db.schema
        .createTable('figure_reader')
        .addColumn('journal', 'text', (c) => c.primaryKey())
        .addColumn('place', 'bigint')
        .addColumn('sign', 'text', (c) => c.notNull())
        .execute();
      await sql`insert into figure_reader (journal, place, sign)
        select journal, place, '' from figure_place where journal is not null`.execute(db);
      await db.schema.alterTable('figure_place').dropColumn('journal').execute();
      await db.schema.alterTable('figure_place').dropColumn('place').execute();
    },
  },
};
