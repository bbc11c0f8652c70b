/** What figures of days were before they are what they are, with the reasons. */
import { DAY } from '@village/core';
import type { RelationalAccess } from '@village/store/relational';
import { dayOf, dayStart, type Span } from '../days.ts';
import type { AnyFigure } from '../figure.ts';
import type { Days } from './current-days.ts';
import { DEVICES_A_STATEMENT, type StoredDay, storedDaysOf } from './days-stored.ts';
import { type StoredResult, unpack } from './packed.ts';
import { figureTables, type Reason, reasonBit, reasonsOf } from './tables.ts';

type Access = Pick<RelationalAccess, 'for'>;

/** A day's results as they were. */
export interface FormerDay {
  /** Null where they can't be read any more. */
  readonly results: () => readonly StoredResult[] | null;
  readonly version: number;
  readonly computedAt: number;
  readonly replacedAt: number;
  readonly reasons: readonly Reason[];
}

/** Whose figure is told, and what it is computed from. */
export interface Told {
  readonly figure: AnyFigure;
  /** The device, or the key of the area. */
  readonly owner: string;
  /** Devices that an area's figure is computed from. */
  readonly of?: readonly string[];
  /** All that computing a span reads. */
  readonly reads: (span: Span) => Span;
  /** Digest of what holds on a day. */
  readonly holds: (day: number) => Promise<string>;
}

/** What the reader of the journal has gathered of a device, and no mark yet, by day. */
export type GatheredOf = (
  owner: string,
) => ReadonlyMap<number, { readonly reasons: number }> | undefined;

/** Former days that are read at once: a day that many readings came late of has fifty. */
const PAGE = 200;
/** Above each number: the largest that every database takes for one. */
const NUMBER_END = 2 ** 31 - 1;

/**
 * Notes what is stored of days that are about to be computed for an answer, from `runs`: people were told it until now. What is
 * returned is asked when they are computed, and tells of the days from the first to before the end what they were, newest first; of
 * those computed also what was noted. Where that tells the same as now, whoever compares leaves it out. Nothing that was stored meanwhile
 * is among it: it may be of later readings than the answer.
 */
export async function noteBefore(
  access: Access,
  told: Told,
  days: Days,
  runs: readonly (readonly [first: number, end: number])[],
): Promise<(gatheredOf: GatheredOf, now: number) => AsyncGenerator<[number, FormerDay[]]>> {
  if (told.figure.keep !== 'stored') return none;
  const noted = new Map<number, Noted>();
  const [first, end] = [runs[0]?.[0], runs.at(-1)?.[1]];
  if (first !== undefined && end !== undefined) {
    const computed = { first, end };
    // In this order: of what becomes stored between them what it was before is counted.
    const stored = await storedDaysOf(access, [told.owner], computed, told.figure.id);
    const numbers = stored.length === 0 ? null : await lastNumbers(access, told, computed);
    for (const row of stored)
      if (runs.some(([from, to]) => from <= row.day && row.day < to))
        noted.set(row.day, { row, number: numbers?.get(row.day) ?? 0 });
  }
  return (gatheredOf, now) => former(access, told, { days, noted, gatheredOf, now });
}

async function* none(): AsyncGenerator<[number, FormerDay[]]> {
  // Of a figure that is not stored nobody knows.
}

/** A day as it is stored, and the number of the last that it was before. */
interface Noted {
  readonly row: StoredDay;
  readonly number: number;
}

interface Asked {
  readonly days: Days;
  readonly noted: Map<number, Noted>;
  readonly gatheredOf: GatheredOf;
  readonly now: number;
}

async function* former(
  access: Access,
  told: Told,
  { days, noted, gatheredOf, now }: Asked,
): AsyncGenerator<[number, FormerDay[]]> {
  // In this order: what is gathered becomes a mark, what is marked becomes stored, and that what it was before.
  const reasons = await reasonsFor(access, told, noted, gatheredOf);
  const asFormer = async (row: StoredDay): Promise<FormerDay> => ({
    ...formerDay(told.figure, row),
    replacedAt: now,
    reasons: reasonsOf(
      (reasons.get(row.day) ?? 0) |
        (row.version === told.figure.version ? 0 : reasonBit('definition')) |
        (row.circumstances === (await told.holds(row.day)) ? 0 : reasonBit('circumstances')),
    ),
  });
  for await (const [day, rows] of formerRows(access, told, days)) {
    const before = noted.get(day);
    noted.delete(day);
    const asIs = (row: FormerRow): FormerDay => ({
      ...formerDay(told.figure, row),
      replacedAt: row.replaced_at,
      reasons: reasonsOf(row.reasons),
    });
    if (before === undefined) {
      yield [day, rows.map(asIs)];
      continue;
    }
    const older = rows.filter(({ number }) => number <= before.number).map(asIs);
    // It may have been replaced meanwhile.
    const same = rows.find(({ number }) => number === before.number + 1);
    const last = same?.body === before.row.body ? asIs(same) : await asFormer(before.row);
    yield [day, [last, ...older]];
  }
  for (const [day, { row }] of noted) yield [day, [await asFormer(row)]];
}

function formerDay(
  figure: AnyFigure,
  { day, body, version, computed_at: computedAt }: Omit<StoredDay, 'circumstances' | 'statement'>,
): Pick<FormerDay, 'results' | 'version' | 'computedAt'> {
  let results: StoredResult[] | null | undefined;
  return {
    // Of most of them nobody asks.
    results: () => {
      results ??= unpack(figure, day, body);
      return results;
    },
    version,
    computedAt,
  };
}

type FormerRow = Omit<StoredDay, 'circumstances' | 'statement'> & {
  readonly number: number;
  readonly replaced_at: number;
  readonly reasons: number;
};

/** The number of the last that days were before, by day. */
async function lastNumbers(
  access: Access,
  { figure, owner }: Told,
  { first, end }: Days,
): Promise<Map<number, number>> {
  const rows = await figureTables(access)
    .selectFrom('figure_former')
    .select(({ fn }) => ['day', fn.max('number').as('number')])
    .where('device', '=', owner)
    .where('figure', '=', figure.id)
    .where('day', '>=', first)
    .where('day', '<', end)
    .groupBy('day')
    .execute();
  return new Map(rows.map(({ day, number }) => [day, number]));
}

/** Day by day, newest first. */
async function* formerRows(
  access: Access,
  { figure, owner }: Told,
  { first, end }: Days,
): AsyncGenerator<[number, FormerRow[]]> {
  let rows: FormerRow[] = [];
  let from = first;
  let below = NUMBER_END;
  for (;;) {
    const page = await figureTables(access)
      .selectFrom('figure_former')
      .selectAll()
      .where('device', '=', owner)
      .where('figure', '=', figure.id)
      .where('day', '>=', from)
      .where('day', '<', end)
      .where((eb) => eb.or([eb('day', '>', from), eb('number', '<', below)]))
      .orderBy('day')
      .orderBy('number', 'desc')
      .limit(PAGE)
      .execute();
    for (const row of page) {
      const [one] = rows;
      if (one !== undefined && one.day !== row.day) {
        yield [one.day, rows];
        rows = [];
      }
      rows.push(row);
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    [from, below] = [last.day, last.number];
  }
  const [one] = rows;
  if (one !== undefined) yield [one.day, rows];
}

/** Why days are to be computed again: for their own marks, else for those of the days around that they are computed from. */
async function reasonsFor(
  access: Access,
  { owner, of = [], reads }: Told,
  wanted: ReadonlyMap<number, unknown>,
  gatheredOf: GatheredOf,
): Promise<Map<number, number>> {
  if (wanted.size === 0) return new Map();
  const marked = new Map<number, number>();
  const add = (day: number, reasons: number): void => {
    marked.set(day, (marked.get(day) ?? 0) | reasons);
  };
  const owners = [owner, ...of];
  const all = [...wanted.keys()];
  const [first, last] = [Math.min(...all) - 1, Math.max(...all) + 1];
  for (const one of owners)
    for (const [day, { reasons }] of gatheredOf(one) ?? [])
      if (day >= first && day <= last) add(day, reasons);
  for (let n = 0; n < owners.length; n += DEVICES_A_STATEMENT) {
    const marks = await figureTables(access)
      .selectFrom('figure_mark')
      .select(['day', 'reasons'])
      .distinct()
      .where('device', 'in', owners.slice(n, n + DEVICES_A_STATEMENT))
      .where('day', '>=', first)
      .where('day', '<=', last)
      .execute();
    for (const { day, reasons } of marks) add(day, reasons);
  }
  const reasonsOn = (day: number): number => {
    const own = marked.get(day);
    if (own !== undefined) return own;
    const around = reads({ from: dayStart(day), to: dayStart(day) + DAY });
    let bits = 0;
    for (let other = dayOf(around.from); other <= dayOf(around.to - 1); other++)
      bits |= marked.get(other) ?? 0;
    return bits;
  };
  return new Map(all.map((day) => [day, reasonsOn(day)]));
}
