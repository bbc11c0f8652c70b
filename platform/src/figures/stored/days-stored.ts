/** Stored results: read, compared with what holds now, and replaced so that what was before is kept with the reason. */
import type { RelationalAccess } from '@village/store/relational';
import type { Circumstances } from '../circumstances.ts';
import type { Result } from '../compute.ts';
import { lengthOf, type Span } from '../days.ts';
import { type AnyFigure, type Figure, window } from '../figure.ts';
import type { Statements } from '../sources.ts';
import { hasFault, keepFaults } from './faults.ts';
import { pack, type StoredResult, sameTold, unpack } from './packed.ts';
import { type FigureTables, figureTables, reasonBit } from './tables.ts';

export type StoredDay = FigureTables['figure_day'];

/** Days of devices or areas that one figure's results are stored of, from the first to before the end. */
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

/** Devices that one statement asks for. */
export const DEVICES_A_STATEMENT = 200;

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
  // What the figure threw may be over by now.
  if (results === null || hasFault(results)) return null;
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

/** Days of one device or area, and what held of it. */
export interface OwnDays {
  readonly held: Pick<Circumstances, 'device' | 'digest'>;
  readonly days: readonly NewDay[];
}

/** What putting days of one owner down did. */
export interface Put {
  readonly device: string;
  /** How many tell people something else than before, and of how many nobody can say. */
  readonly changed: number;
  readonly damaged: number;
  /** Those that are not what was stored. */
  readonly other: readonly NewDay[];
}

const ROWS_A_STATEMENT = 100;
/** What a day was before: the first and the latest, so many in all. */
const FORMER_MAX = 50;

type Former = Omit<FigureTables['figure_former'], 'number'>;

const keyOf = ({ device, day, figure }: Pick<StoredDay, 'device' | 'day' | 'figure'>): string =>
  `${device} ${day} ${figure}`;

/** What is stored of some days of some owners. */
const storedOf = (
  access: Pick<RelationalAccess, 'for'>,
  devices: readonly string[],
  days: readonly number[],
  figures: readonly AnyFigure[],
): Promise<StoredDay[]> =>
  figureTables(access)
    .selectFrom('figure_day')
    .selectAll()
    .where('device', 'in', devices)
    .where('day', 'in', [...new Set(days)])
    .where('figure', 'in', [...new Set(figures.map(({ id }) => id))])
    .execute();

/** Puts down days of devices or areas; those that tell people something else than before keep what they were. */
export async function storeDays(
  access: Pick<RelationalAccess, 'for'>,
  owners: readonly OwnDays[],
  now: number,
): Promise<Put[]> {
  const numbers = owners.flatMap(({ days }) => days.map(({ day }) => day));
  if (numbers.length === 0) return [];
  const db = figureTables(access);
  const ids = owners.map(({ held }) => held.device);
  const figures = owners.flatMap(({ days }) => days.map(({ figure }) => figure));
  const known = await storedOf(access, ids, numbers, figures);
  const stored = new Map(known.map((row) => [keyOf(row), row]));
  const fresh: StoredDay[] = [];
  const former: Former[] = [];
  const put = owners.map(({ held, days }): Put => {
    const { device } = held;
    const other: NewDay[] = [];
    let [changed, damaged] = [0, 0];
    for (const one of days) {
      const { figure, day, results, circumstances = held.digest } = one;
      const was = stored.get(keyOf({ device, day, figure: figure.id }));
      const body = pack(results);
      if (was?.body !== body) other.push(one);
      fresh.push({
        ...{ figure: figure.id, device, day, version: figure.version, body, circumstances },
        computed_at: now,
        statement: Math.max(0, ...results.flatMap(({ corrections }) => corrections)),
      });
      if (was === undefined) continue;
      const before = unpack(figure, day, was.body);
      if (before === null) damaged++;
      if (before === null || sameTold(before, results)) continue;
      changed++;
      former.push(formerOf(was, one, circumstances, now));
    }
    return { device, changed, damaged, other };
  });
  await keepFormer(access, former);
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
  await keepFaults(
    access,
    owners.map(({ held, days }) => ({ device: held.device, days })),
    now,
  );
  return put;
}

/** What was stored of a day that has become another, with the reasons. */
function formerOf(
  { figure, device, day, version, body, computed_at, circumstances: before }: StoredDay,
  now: NewDay,
  circumstances: string,
  replacedAt: number,
): Former {
  const reasons =
    now.reasons |
    (version === now.figure.version ? 0 : reasonBit('definition')) |
    (before === circumstances ? 0 : reasonBit('circumstances'));
  return { figure, device, day, version, body, computed_at, replaced_at: replacedAt, reasons };
}

/** Figures that a device or area does not have, as is known now, and the days on which that is looked at. */
export interface Gone {
  readonly device: string;
  readonly figures: readonly AnyFigure[];
  readonly marks: readonly { readonly day: number; readonly reasons: number }[];
}

/** A day of which something stored was taken away. */
export interface DroppedDay {
  readonly device: string;
  readonly figure: AnyFigure;
  readonly day: number;
  readonly reasons: number;
}

/** Takes away what is stored of figures that devices or areas do not have; what they were is kept. */
export async function dropDays(
  access: Pick<RelationalAccess, 'for'>,
  owners: readonly Gone[],
  now: number,
): Promise<DroppedDay[]> {
  const looked = owners.filter(({ figures, marks }) => figures.length > 0 && marks.length > 0);
  if (looked.length === 0) return [];
  const ids = looked.map(({ device }) => device);
  const days = looked.flatMap(({ marks }) => marks.map(({ day }) => day));
  const all = looked.flatMap(({ figures }) => figures);
  const stored = Map.groupBy(await storedOf(access, ids, days, all), ({ device }) => device);
  const former: Former[] = [];
  const dropped: DroppedDay[] = [];
  for (const { device, figures, marks } of looked) {
    const gone = new Map(figures.map((figure) => [figure.id, figure]));
    const reasons = new Map(marks.map((mark) => [mark.day, mark.reasons]));
    for (const row of stored.get(device) ?? []) {
      const figure = gone.get(row.figure);
      const why = reasons.get(row.day);
      if (figure === undefined || why === undefined) continue;
      const { day, version, body, computed_at } = row;
      former.push({
        ...{ figure: row.figure, device, day, version, body, computed_at, replaced_at: now },
        reasons: why | reasonBit('circumstances'),
      });
      dropped.push({ device, figure, day, reasons: why | reasonBit('circumstances') });
    }
  }
  await keepFormer(access, former);
  for (const [device, own] of Map.groupBy(dropped, (one) => one.device))
    for (const table of ['figure_day', 'figure_fault'] as const)
      await figureTables(access)
        .deleteFrom(table)
        .where('device', '=', device)
        .where(
          'day',
          'in',
          own.map(({ day }) => day),
        )
        .where(
          'figure',
          'in',
          own.map(({ figure }) => figure.id),
        )
        .execute();
  return dropped;
}

async function keepFormer(
  access: Pick<RelationalAccess, 'for'>,
  former: readonly Former[],
): Promise<void> {
  if (former.length === 0) return;
  const db = figureTables(access);
  const counted = await db
    .selectFrom('figure_former')
    .select(({ fn }) => ['device', 'figure', 'day', fn.max('number').as('last')])
    .where('device', 'in', [...new Set(former.map(({ device }) => device))])
    .where('day', 'in', [...new Set(former.map(({ day }) => day))])
    .groupBy(['device', 'figure', 'day'])
    .execute();
  const last = new Map(counted.map((row) => [keyOf(row), row.last]));
  const rows = former.map((row) => ({ ...row, number: (last.get(keyOf(row)) ?? 0) + 1 }));
  for (let n = 0; n < rows.length; n += ROWS_A_STATEMENT)
    await db
      .insertInto('figure_former')
      .values(rows.slice(n, n + ROWS_A_STATEMENT))
      .execute();
  // Data that trickles in may change a day hundreds of times.
  for (const { device, figure, day, number } of rows)
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
