/** The tables of statements: what was said, never changed, and the steps that each has gone through. */
import { randomUUID } from 'node:crypto';
import { OperationalError } from '@village/core';
import type { RelationalAccess, RelationalModule } from '@village/store/relational';
import { type Generated, type Kysely, type SelectQueryBuilder, sql } from 'kysely';
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
  /** What its steps come to, so that lists find it; they alone say what holds. */
  state: Generated<StatementState>;
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
  /** By chance; null of steps from before there was one. */
  sign: string | null;
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
    '0003-signs': {
      up: (db) => db.schema.alterTable('correction_step').addColumn('sign', 'text').execute(),
    },
    '0004-lists': {
      up: async (db) => {
        await db.schema
          .alterTable('correction_statement')
          .addColumn('state', 'text', (c) => c.notNull().defaultTo('waiting'))
          .execute();
        await sql`update correction_statement set state = 'active' where exists (
          select 1 from correction_step as c where c.statement = id and c.step = 'activated')`.execute(
          db,
        );
        await sql`update correction_statement set state = (
            select c.step from correction_step as c where c.statement = id and c.step <> 'activated')
          where exists (select 1 from correction_step as c where c.statement = id and c.step <> 'activated')`.execute(
          db,
        );
        for (const column of ['state', 'target', 'by'])
          await db.schema
            .createIndex(`correction_statement_${column}`)
            .on('correction_statement')
            .columns([column, 'id'])
            .execute();
        await sql`create index correction_step_not_noted on correction_step (number) where noted = 0`.execute(
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

export const tables = (access: RelationalAccess): Kysely<Tables> =>
  access.for<Tables>('corrections');

/** Statements joined with their steps. */
export function joinedRows(access: RelationalAccess) {
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

export function stored(row: Joined): StoredStatement {
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

/** A statement, whoever asks; null when there is none. */
export async function statementById(
  access: RelationalAccess,
  id: number,
): Promise<StoredStatement | null> {
  const row = await joinedRows(access).where('s.id', '=', id).executeTakeFirst();
  return row === undefined ? null : stored(row);
}

/** A step that changed what holds, with all that tells it from another one of the same number, made after this was lost. */
export type Step = Readonly<Pick<StepTable, (typeof STEP)[number]>> & { readonly number: number };

const STEP = ['number', 'statement', 'step', 'by', 'at', 'sign'] as const;

/** Whether two are one and the same. */
export const sameStep = (one: Step | null, other: Step | null): boolean =>
  STEP.every((column) => one?.[column] === other?.[column]);

/** Whether a step is there that was read before. It is not, once the database was brought back to before it. */
export async function isThere(access: RelationalAccess, known: Step): Promise<boolean> {
  const row = await tables(access)
    .selectFrom('correction_step')
    .select(STEP)
    .where('number', '=', known.number)
    .executeTakeFirst();
  return row !== undefined && STEP.every((column) => row[column] === known[column]);
}

/** The last step, and all statements that hold: those of its time, or of a later one. */
export async function holding(
  access: RelationalAccess,
): Promise<{ statements: Statement[]; last: Step | null }> {
  // Before all else: what another process says while this is read comes after it, and is taken in once more.
  const last = await lastStep(access);
  const rows = await joinedRows(access).where('s.state', '=', 'active').execute();
  const statements = rows.map(
    ({ id, kind, device, metric, from_at: from, to_at: to, value, target }) => ({
      ...{ id, kind, device, metric, from, to, value, target },
    }),
  );
  return { statements, last };
}

/** The step that changed last what holds; null before the first. */
export async function lastStep(access: Pick<RelationalAccess, 'for'>): Promise<Step | null> {
  const row = await access
    .for<Tables>('corrections')
    .selectFrom('correction_step')
    .select(STEP)
    .where('number', 'is not', null)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { ...row, number: row.number as number };
}

/** Devices that any statement is or was about, those to which readings were given included. */
export async function devicesSaid(access: RelationalAccess): Promise<string[]> {
  const rows = await tables(access)
    .selectFrom('correction_statement')
    .select(['device', 'target'])
    .distinct()
    .execute();
  return [
    ...new Set(rows.flatMap(({ device, target }) => (target === null ? device : [device, target]))),
  ];
}

/** Called first in each transaction that changes statements: what it then reads stays so until it has ended. */
export async function takeTurn(access: RelationalAccess): Promise<void> {
  await tables(access).updateTable('correction_turn').set({ turn: sql`turn + 1` }).execute();
}

/** A step and what it changed. */
export interface Change {
  readonly number: number;
  readonly step: Step;
  readonly statement: Statement;
  readonly holds: boolean;
}

/** Steps after a number that changed what holds, in order, with what was said. */
function stepsAfter(access: RelationalAccess, number: number, limit: number) {
  return tables(access)
    .selectFrom('correction_step as c')
    .innerJoin('correction_statement as s', 's.id', 'c.statement')
    .select(['c.number', 'c.step', 'c.by', 'c.at', 'c.sign'])
    .select(['s.id', 's.kind', 's.device', 's.metric'])
    .select(['s.from_at', 's.to_at', 's.value', 's.target'])
    .where('c.number', '>', number)
    .orderBy('c.number')
    .limit(limit);
}

type StepRow =
  ReturnType<typeof stepsAfter> extends SelectQueryBuilder<infer _D, infer _T, infer O> ? O : never;

function changeOf({
  number,
  step,
  by,
  at,
  sign,
  from_at: from,
  to_at: to,
  ...said
}: StepRow): Change {
  return {
    number: number as number,
    step: { number: number as number, statement: said.id, step, by, at, sign },
    statement: { ...said, from, to },
    holds: step === 'activated',
  };
}

/** What changed after a number, in order. */
export async function changesAfter(
  access: RelationalAccess,
  number: number,
  limit: number,
): Promise<Change[]> {
  return (await stepsAfter(access, number, limit).execute()).map(changeOf);
}

/** The statement that a saying contradicts; null when it fits. */
export async function contradicted(
  access: RelationalAccess,
  saying: Saying,
): Promise<StoredStatement | null> {
  const rows = await joinedRows(access)
    .where('s.device', '=', saying.device)
    .where('s.state', 'in', ['waiting', 'active'])
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
  const number = step === 'withdrawn' ? null : ((await lastStep(access))?.number ?? 0) + 1;
  await tables(access)
    .insertInto('correction_step')
    .values({
      ...{ statement, step, by, at, why, number, sign: randomUUID() },
      noted: number === null ? 1 : 0,
    })
    .execute();
  await tables(access)
    .updateTable('correction_statement')
    .set({ state: step === 'activated' ? 'active' : step })
    .where('id', '=', statement)
    .execute();
  return number ?? 0;
}

const NOT_NOTED_PAGE = 1_000;
/** Not as a value that is bound: an index of few steps is used only where the text says so. */
const NOT_NOTED = sql<boolean>`c.noted = 0`;

/** Steps that the journal may not have, in order. */
export async function notNoted(access: RelationalAccess): Promise<Change[]> {
  const found: Change[] = [];
  for (;;) {
    const page = await stepsAfter(access, found.at(-1)?.number ?? 0, NOT_NOTED_PAGE)
      .where(NOT_NOTED)
      .execute();
    for (const row of page) found.push(changeOf(row));
    if (page.length < NOT_NOTED_PAGE) return found;
  }
}

/** Whether there are steps that the journal may not have. */
export async function someNotNoted(access: Pick<RelationalAccess, 'for'>): Promise<boolean> {
  const row = await access
    .for<Tables>('corrections')
    .selectFrom('correction_step')
    .select('number')
    .where(sql<boolean>`noted = 0`)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Nothing when the step is not there any more. */
export async function markNoted(access: RelationalAccess, step: Step): Promise<void> {
  let marked = tables(access).updateTable('correction_step').set({ noted: 1 });
  for (const column of STEP)
    marked = marked.where(column, step[column] === null ? 'is' : '=', step[column]);
  await marked.execute();
}
