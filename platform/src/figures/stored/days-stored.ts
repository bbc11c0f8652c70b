/** Stored results: read, compared with what holds now, and replaced so that what was before is kept with the reason. */
import type { RelationalAccess } from '@village/store/relational';
import type { Circumstances } from '../circumstances.ts';
import type { Result } from '../compute.ts';
import { lengthOf, type Span } from '../days.ts';
import { type AnyFigure, type Figure, window } from '../figure.ts';
import type { Statements } from '../sources.ts';
import { pack, type StoredResult, sameTold, unpack } from './packed.ts';
import { type FigureTables, figureTables, type Reason, reasonBit, reasonsOf } from './tables.ts';

export type StoredDay = FigureTables['figure_day'];

/** A day's results as they were. */
export interface FormerDay {
  readonly results: readonly StoredResult[];
  readonly version: number;
  readonly computedAt: number;
  readonly replacedAt: number;
  readonly reasons: readonly Reason[];
}

/** Days of one device that a figure's results are stored of, from the first to before the end. */
export function storedDays(
  access: Pick<RelationalAccess, 'for'>,
  device: string,
  days: { readonly first: number; readonly end: number },
  figure?: string,
): Promise<StoredDay[]> {
  let query = figureTables(access)
    .selectFrom('figure_day')
    .selectAll()
    .where('device', '=', device)
    .where('day', '>=', days.first)
    .where('day', '<', days.end);
  if (figure !== undefined) query = query.where('figure', '=', figure);
  return query.execute();
}

/** Days of many devices that one figure's results are stored of. */
export function storedDaysOf(
  access: Pick<RelationalAccess, 'for'>,
  devices: readonly string[],
  days: { readonly first: number; readonly end: number },
  figure: string,
): Promise<StoredDay[]> {
  return figureTables(access)
    .selectFrom('figure_day')
    .selectAll()
    .where('device', 'in', devices)
    .where('figure', '=', figure)
    .where('day', '>=', days.first)
    .where('day', '<', days.end)
    .execute();
}

/** What a figure's days were before, newest first, by day. */
export async function formerDays(
  access: Pick<RelationalAccess, 'for'>,
  figure: Pick<AnyFigure, 'id' | 'span' | 'inputs'>,
  device: string,
  days: { readonly first: number; readonly end: number },
): Promise<Map<number, FormerDay[]>> {
  const rows = await figureTables(access)
    .selectFrom('figure_former')
    .selectAll()
    .where('device', '=', device)
    .where('figure', '=', figure.id)
    .where('day', '>=', days.first)
    .where('day', '<', days.end)
    .orderBy('number', 'desc')
    .execute();
  const found = new Map<number, FormerDay[]>();
  for (const { day, body, version, computed_at, replaced_at, reasons } of rows) {
    const results = unpack(figure, day, body);
    if (results === null) continue;
    const list = found.get(day) ?? [];
    found.set(day, list);
    list.push({
      results,
      version,
      computedAt: computed_at,
      replacedAt: replaced_at,
      reasons: reasonsOf(reasons),
    });
  }
  return found;
}

/** A result with the statements that hold now. */
export function withStatements(
  figure: Figure,
  device: string,
  span: Span,
  result: Result,
  statements: Statements,
): StoredResult {
  return { ...result, corrections: statements.touching(device, window(figure, span)) };
}

/** The statements that touch a day's results now, and which held when they were computed. */
function sameStatements(
  figure: Figure,
  device: string,
  results: readonly StoredResult[],
  statements: Statements,
): boolean {
  const length = lengthOf(figure.span);
  return results.every((one) => {
    const span = { from: one.at, to: one.at + length };
    const now = statements.touching(device, window(figure, span));
    return now.length === one.corrections.length && now.every((id, n) => id === one.corrections[n]);
  });
}

/** The results of a stored day, when they are still those of the present definition, circumstances and statements. */
export function current(
  figure: Figure,
  held: Circumstances,
  stored: StoredDay | undefined,
  statements: Statements,
): StoredResult[] | null {
  if (stored === undefined || stored.version !== figure.version) return null;
  if (stored.circumstances !== held.digest) return null;
  const results = unpack(figure, stored.day, stored.body);
  if (results === null) return null;
  return sameStatements(figure, held.device, results, statements) ? results : null;
}

/** What a day's results have become. */
export interface NewDay {
  readonly figure: AnyFigure;
  readonly day: number;
  readonly results: readonly StoredResult[];
  /** Why they were computed. */
  readonly reasons: number;
  /** Digest of what held that day, where that is not the same for all days. */
  readonly circumstances?: string;
}

/** What putting days down did. */
export interface Put {
  /** How many tell people something else than before, and of how many nobody can say. */
  readonly changed: number;
  readonly damaged: number;
  /** Those that are not what was stored. */
  readonly other: readonly NewDay[];
}

const ROWS_A_STATEMENT = 100;
/** What a day was before: the first and the latest, so many in all. */
const FORMER_MAX = 50;

/** Puts down days of one device or area; those that tell people something else than before keep what they were. */
export async function storeDays(
  access: Pick<RelationalAccess, 'for'>,
  held: Pick<Circumstances, 'device' | 'digest'>,
  days: readonly NewDay[],
  now: number,
): Promise<Put> {
  if (days.length === 0) return { changed: 0, damaged: 0, other: [] };
  const db = figureTables(access);
  const numbers = days.map(({ day }) => day);
  const range = { first: Math.min(...numbers), end: Math.max(...numbers) + 1 };
  const known = await storedDays(access, held.device, range);
  const stored = new Map(known.map((row) => [`${row.day} ${row.figure}`, row]));
  const fresh: StoredDay[] = [];
  const former: Omit<FigureTables['figure_former'], 'number'>[] = [];
  const other: NewDay[] = [];
  let damaged = 0;
  for (const one of days) {
    const { figure, day, results, reasons, circumstances = held.digest } = one;
    const was = stored.get(`${day} ${figure.id}`);
    const body = pack(results);
    if (was?.body !== body) other.push(one);
    fresh.push({
      figure: figure.id,
      device: held.device,
      day,
      version: figure.version,
      body,
      circumstances,
      computed_at: now,
      statement: Math.max(0, ...results.flatMap(({ corrections }) => corrections)),
    });
    if (was === undefined) continue;
    const before = unpack(figure, day, was.body);
    if (before === null) damaged++;
    if (before === null || sameTold(before, results)) continue;
    const why =
      reasons |
      (was.version === figure.version ? 0 : reasonBit('definition')) |
      (was.circumstances === circumstances ? 0 : reasonBit('circumstances'));
    const { version, body: old, computed_at } = was;
    former.push({
      ...{ figure: figure.id, device: held.device, day, version, body: old, computed_at },
      replaced_at: now,
      reasons: why,
    });
  }
  await keepFormer(access, held.device, range, former);
  for (let n = 0; n < fresh.length; n += ROWS_A_STATEMENT)
    await db
      .insertInto('figure_day')
      .values(fresh.slice(n, n + ROWS_A_STATEMENT))
      .onConflict((conflict) =>
        conflict.columns(['device', 'day', 'figure']).doUpdateSet((eb) => ({
          version: eb.ref('excluded.version'),
          body: eb.ref('excluded.body'),
          circumstances: eb.ref('excluded.circumstances'),
          computed_at: eb.ref('excluded.computed_at'),
          statement: eb.ref('excluded.statement'),
        })),
      )
      .execute();
  return { changed: former.length, damaged, other };
}

/** Takes away what is stored of figures whose inputs the device never measured, as is known now; what they were is kept. */
export async function dropDays(
  access: Pick<RelationalAccess, 'for'>,
  { device }: Circumstances,
  figures: readonly Figure[],
  marks: readonly { readonly day: number; readonly reasons: number }[],
  now: number,
): Promise<{ figure: Figure; day: number; reasons: number }[]> {
  if (figures.length === 0) return [];
  const db = figureTables(access);
  const reasons = new Map(marks.map((mark) => [mark.day, mark.reasons]));
  const ids = figures.map(({ id }) => id);
  const numbers = [...reasons.keys()];
  const rows = await db
    .selectFrom('figure_day')
    .selectAll()
    .where('device', '=', device)
    .where('day', 'in', numbers)
    .where('figure', 'in', ids)
    .execute();
  const range = { first: Math.min(...numbers), end: Math.max(...numbers) + 1 };
  const former = rows.map(({ figure, day, version, body, computed_at }) => ({
    ...{ figure, device, day, version, body, computed_at, replaced_at: now },
    reasons: (reasons.get(day) ?? 0) | reasonBit('circumstances'),
  }));
  await keepFormer(access, device, range, former);
  if (rows.length > 0)
    await db
      .deleteFrom('figure_day')
      .where('device', '=', device)
      .where('day', 'in', numbers)
      .where('figure', 'in', ids)
      .execute();
  return former.flatMap(({ figure: id, day, reasons: why }) => {
    const figure = figures.find((one) => one.id === id);
    return figure === undefined ? [] : [{ figure, day, reasons: why }];
  });
}

async function keepFormer(
  access: Pick<RelationalAccess, 'for'>,
  device: string,
  range: { readonly first: number; readonly end: number },
  former: readonly Omit<FigureTables['figure_former'], 'number'>[],
): Promise<void> {
  if (former.length === 0) return;
  const db = figureTables(access);
  const counted = await db
    .selectFrom('figure_former')
    .select(({ fn }) => ['figure', 'day', fn.max('number').as('last')])
    .where('device', '=', device)
    .where('day', '>=', range.first)
    .where('day', '<', range.end)
    .groupBy(['figure', 'day'])
    .execute();
  const last = new Map(counted.map((row) => [`${row.day} ${row.figure}`, row.last]));
  const rows = former.map((row) => ({
    ...row,
    number: (last.get(`${row.day} ${row.figure}`) ?? 0) + 1,
  }));
  for (let n = 0; n < rows.length; n += ROWS_A_STATEMENT)
    await db
      .insertInto('figure_former')
      .values(rows.slice(n, n + ROWS_A_STATEMENT))
      .execute();
  // Data that trickles in may change a day hundreds of times.
  for (const { figure, day, number } of rows)
    if (number > FORMER_MAX)
      await db
        .deleteFrom('figure_former')
        .where('device', '=', device)
        .where('day', '=', day)
        .where('figure', '=', figure)
        .where('number', '>', 1)
        .where('number', '<=', number - FORMER_MAX + 1)
        .execute();
}
