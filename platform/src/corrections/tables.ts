/** The tables of statements: what was said, never changed, and the steps that each has gone through. */
import { OperationalError } from '@village/core';
import {
  areaWithin,
  type RelationalAccess,
  type RelationalModule,
} from '@village/store/relational';
import { type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import { contradict, type Saying, type Statement, type StatementKind } from './statement.ts';

interface StatementTable {
  id: number;
  kind: StatementKind;
  device: string;
  metric: string | null;
  from_at: number;
  to_at: number;
  value: number | null;
  target: string | null;
  reason: string;
  by: string;
  at: number;
  /** 1 where another person has to approve. */
  second: number;
}

interface StepTable {
  statement: number;
  /** A withdrawn statement never held. */
  step: 'activated' | 'undone' | 'withdrawn';
  by: string;
  at: number;
  why: string | null;
  /** Rises over all steps that change what holds; null for the others. */
  number: number | null;
  /** 1 when the journal has it. */
  noted: number;
}

interface Tables {
  correction_statement: StatementTable;
  correction_step: StepTable;
  /** One row, which whoever changes statements changes first: over all processes one does so at a time. */
  correction_turn: { id: number; turn: number };
}

/** What PostgreSQL's NOTIFY is sent on with each commit that changes what holds; others look at the last number. */
export const CORRECTIONS_CHANNEL = 'village_corrections';

/** Always there: readings are answered by what these tables hold. */
export const correctionTables: RelationalModule = {
  name: 'corrections',
  migrations: {
    '0001-statements': {
      up: async (db) => {
        await db.schema
          .createTable('correction_statement')
          .addColumn('id', 'bigint', (c) => c.primaryKey())
          .addColumn('kind', 'text', (c) => c.notNull())
          .addColumn('device', 'text', (c) => c.notNull())
          .addColumn('metric', 'text')
          .addColumn('from_at', 'bigint', (c) => c.notNull())
          .addColumn('to_at', 'bigint', (c) => c.notNull())
          .addColumn('value', 'double precision')
          .addColumn('target', 'text')
          .addColumn('reason', 'text', (c) => c.notNull())
          .addColumn('by', 'text', (c) => c.notNull())
          .addColumn('at', 'bigint', (c) => c.notNull())
          .addColumn('second', 'integer', (c) => c.notNull())
          .execute();
        await db.schema
          .createIndex('correction_statement_device')
          .on('correction_statement')
          .columns(['device', 'id'])
          .execute();
        await db.schema
          .createTable('correction_step')
          .addColumn('statement', 'bigint', (c) =>
            c.notNull().references('correction_statement.id'),
          )
          .addColumn('step', 'text', (c) => c.notNull())
          .addColumn('by', 'text', (c) => c.notNull())
          .addColumn('at', 'bigint', (c) => c.notNull())
          .addColumn('why', 'text')
          .addColumn('number', 'bigint', (c) => c.unique())
          .addColumn('noted', 'integer', (c) => c.notNull().defaultTo(0))
          .addPrimaryKeyConstraint('correction_step_key', ['statement', 'step'])
          .execute();
      },
    },
    '0002-processes': {
      up: async (db, engine) => {
        await db.schema
          .createTable('correction_turn')
          .addColumn('id', 'integer', (c) => c.primaryKey())
          .addColumn('turn', 'bigint', (c) => c.notNull())
          .execute();
        await sql`insert into correction_turn (id, turn) values (1, 1)`.execute(db);
        if (engine !== 'postgres') return;
        await sql`create function corrections_changed() returns trigger language plpgsql as
          'begin perform pg_notify(''village_corrections'', new.number::text); return null; end'`.execute(
          db,
        );
        await sql`create trigger correction_step_made after insert on correction_step
          for each row when (new.number is not null) execute function corrections_changed()`.execute(
          db,
        );
      },
    },
  },
};

export const STATEMENT_STATES = ['waiting', 'active', 'undone', 'withdrawn'] as const;
export type StatementState = (typeof STATEMENT_STATES)[number];

/** What somebody did to a statement. */
export interface Deed {
  readonly by: string;
  readonly at: number;
}

export interface StoredStatement extends Statement {
  readonly reason: string;
  readonly by: string;
  readonly at: number;
  /** Whether another person has to approve it, or had to. */
  readonly second: boolean;
  readonly state: StatementState;
  /** From when on it held, by whom; null while it waits and when it never did. */
  readonly activated: Deed | null;
  /** Undone or withdrawn. */
  readonly undone: (Deed & { readonly why: string | null }) | null;
}

/** Most statements on one device that hold or wait. */
const PER_DEVICE_MAX = 1_000;

const tables = (access: RelationalAccess): Kysely<Tables> => access.for<Tables>('corrections');

/** Statements joined with their steps. */
function joinedRows(access: RelationalAccess) {
  return tables(access)
    .selectFrom('correction_statement as s')
    .leftJoin('correction_step as a', (join) =>
      join.onRef('a.statement', '=', 's.id').on('a.step', '=', 'activated'),
    )
    .leftJoin('correction_step as u', (join) =>
      join.onRef('u.statement', '=', 's.id').on('u.step', 'in', ['undone', 'withdrawn']),
    )
    .selectAll('s')
    .select(['a.by as activated_by', 'a.at as activated_at', 'u.step as end_step'])
    .select(['u.by as undone_by', 'u.at as undone_at', 'u.why as undone_why']);
}

type Joined =
  ReturnType<typeof joinedRows> extends SelectQueryBuilder<infer _D, infer _T, infer O> ? O : never;

function stored(row: Joined): StoredStatement {
  const { from_at: from, to_at: to, second, ...said } = row;
  const { activated_by: activatedBy, activated_at: activatedAt } = row;
  const { undone_by: undoneBy, undone_at: undoneAt } = row;
  return {
    id: said.id,
    kind: said.kind,
    device: said.device,
    metric: said.metric,
    from,
    to,
    value: said.value,
    target: said.target,
    reason: said.reason,
    by: said.by,
    at: said.at,
    second: second === 1,
    state:
      row.end_step === null
        ? activatedAt === null
          ? 'waiting'
          : 'active'
        : row.end_step === 'undone'
          ? 'undone'
          : 'withdrawn',
    activated: activatedBy === null ? null : { by: activatedBy, at: activatedAt as number },
    undone:
      undoneBy === null ? null : { by: undoneBy, at: undoneAt as number, why: row.undone_why },
  };
}

export interface StatementsQuery {
  /** Code of the area in which the asker sees devices. */
  readonly scope: string;
  readonly device?: string;
  /** Devices that stand in it or below. */
  readonly area?: string;
  readonly by?: string;
  readonly state?: StatementState;
  /** Only those with a lower number. */
  readonly before?: number;
  readonly limit: number;
}

const inArea = (scope: string) =>
  sql<boolean>`s.device in (select d.id from device as d where ${areaWithin('d.area', scope)})`;

/** Statements in scope, newest first. */
export async function listStatements(
  access: RelationalAccess,
  { scope, device, area, by, state, before, limit }: StatementsQuery,
): Promise<StoredStatement[]> {
  let query = joinedRows(access).where(inArea(scope));
  if (area !== undefined) query = query.where(inArea(area));
  if (device !== undefined)
    query = query.where((eb) => eb.or([eb('s.device', '=', device), eb('s.target', '=', device)]));
  if (by !== undefined) query = query.where('s.by', '=', by);
  if (before !== undefined) query = query.where('s.id', '<', before);
  if (state === 'waiting') query = query.where('a.at', 'is', null).where('u.at', 'is', null);
  if (state === 'active') query = query.where('a.at', 'is not', null).where('u.at', 'is', null);
  if (state === 'undone' || state === 'withdrawn') query = query.where('u.step', '=', state);
  const rows = await query.orderBy('s.id', 'desc').limit(limit).execute();
  return rows.map(stored);
}

/** A statement, whoever asks; null when there is none. */
export async function statementById(
  access: RelationalAccess,
  id: number,
): Promise<StoredStatement | null> {
  const row = await joinedRows(access).where('s.id', '=', id).executeTakeFirst();
  return row === undefined ? null : stored(row);
}

/** All statements that hold, and the last number of all steps. */
export async function holding(
  access: RelationalAccess,
): Promise<{ statements: StoredStatement[]; number: number }> {
  const rows = await joinedRows(access)
    .where('a.at', 'is not', null)
    .where('u.at', 'is', null)
    .execute();
  return { statements: rows.map(stored), number: await lastNumber(access) };
}

/** Called first in each transaction that changes statements: what it then reads stays so until it has ended. */
export async function takeTurn(access: RelationalAccess): Promise<void> {
  await tables(access).updateTable('correction_turn').set({ turn: sql`turn + 1` }).execute();
}

/** A step that changed what holds. */
export interface Change {
  readonly number: number;
  readonly statement: Statement;
  readonly holds: boolean;
}

/** What changed after a number, in order. */
export async function changesAfter(
  access: RelationalAccess,
  number: number,
  limit: number,
): Promise<Change[]> {
  const rows = await tables(access)
    .selectFrom('correction_step as c')
    .innerJoin('correction_statement as s', 's.id', 'c.statement')
    .select(['c.number', 'c.step', 's.id', 's.kind', 's.device', 's.metric'])
    .select(['s.from_at', 's.to_at', 's.value', 's.target'])
    .where('c.number', '>', number)
    .orderBy('c.number')
    .limit(limit)
    .execute();
  return rows.map(({ number: rose, step, from_at: from, to_at: to, ...said }) => ({
    number: rose as number,
    statement: { ...said, from, to },
    holds: step === 'activated',
  }));
}

/** The last number of all steps; 0 before the first. */
export async function lastNumber(access: RelationalAccess): Promise<number> {
  const { number } = await tables(access)
    .selectFrom('correction_step')
    .select((eb) => eb.fn.max('number').as('number'))
    .executeTakeFirstOrThrow();
  return Number(number ?? 0);
}

/** The statement that a saying contradicts; null when it fits. */
export async function contradicted(
  access: RelationalAccess,
  saying: Saying,
): Promise<StoredStatement | null> {
  const rows = await joinedRows(access)
    .where('s.device', '=', saying.device)
    .where('u.at', 'is', null)
    .orderBy('s.id')
    .execute();
  if (rows.length >= PER_DEVICE_MAX)
    throw new OperationalError(
      'too-many-statements',
      `${saying.device} has ${PER_DEVICE_MAX} statements that hold or wait: undo some first`,
    );
  return rows.map(stored).find((other) => contradict(other, saying)) ?? null;
}

/** Keeps a statement; the number that it got. */
export async function insertStatement(
  access: RelationalAccess,
  {
    from,
    to,
    second,
    ...said
  }: Saying & Deed & { readonly reason: string; readonly second: boolean },
): Promise<number> {
  const { last } = await tables(access)
    .selectFrom('correction_statement')
    .select((eb) => eb.fn.max('id').as('last'))
    .executeTakeFirstOrThrow();
  const id = Number(last ?? 0) + 1;
  await tables(access)
    .insertInto('correction_statement')
    .values({ ...said, id, from_at: from, to_at: to, second: second ? 1 : 0 })
    .execute();
  return id;
}

/** Keeps a step; its number when it changes what holds. */
export async function insertStep(
  access: RelationalAccess,
  statement: number,
  step: StepTable['step'],
  { by, at, why = null }: Deed & { readonly why?: string | null },
): Promise<number> {
  const number = step === 'withdrawn' ? null : (await lastNumber(access)) + 1;
  await tables(access)
    .insertInto('correction_step')
    .values({ statement, step, by, at, why, number, noted: number === null ? 1 : 0 })
    .execute();
  return number ?? 0;
}

/** Steps that the journal may not have, in order. */
export async function notNoted(
  access: RelationalAccess,
): Promise<{ statement: StoredStatement; number: number }[]> {
  const steps = await tables(access)
    .selectFrom('correction_step')
    .select(['statement', 'number'])
    .where('noted', '=', 0)
    .orderBy('number')
    .execute();
  const list: { statement: StoredStatement; number: number }[] = [];
  for (const { statement, number } of steps) {
    const found = await statementById(access, statement);
    if (found !== null) list.push({ statement: found, number: number ?? 0 });
  }
  return list;
}

export async function markNoted(access: RelationalAccess, number: number): Promise<void> {
  await tables(access)
    .updateTable('correction_step')
    .set({ noted: 1 })
    .where('number', '=', number)
    .execute();
}
