/**
 * Stored results that are missing since the figure threw: computed again after a while, each time a longer one, and so many times at
 * most. What changes an input or the definition begins anew, like everything else that marks.
 */
import { DAY, MINUTE } from '@village/core';
import type { Relational, RelationalAccess } from '@village/store/relational';
import { WHOLE_DAY } from '../days.ts';
import type { AnyFigure } from '../figure.ts';
import { putMarks } from './marks.ts';
import type { StoredResult } from './packed.ts';
import { type FigureTables, figureTables, reasonBit } from './tables.ts';

const FIRST_WAIT_MS = 10 * MINUTE;
const LONGEST_WAIT_MS = DAY;
/** Ten minutes, an hour, six hours, and a day each from then on. */
const waitAfter = (tries: number): number =>
  Math.min(FIRST_WAIT_MS * 6 ** (tries - 1), LONGEST_WAIT_MS);
/** How often a day is computed of the same inputs; it is left then as it is. */
export const TRIES_MAX = 8;
/** Days that are marked in one run. */
const DUE_MAX = 1_000;
const ROWS_A_STATEMENT = 100;

type FaultRow = FigureTables['figure_fault'];

/** A day's results, and why they were computed. */
interface ComputedDay {
  readonly figure: AnyFigure;
  readonly day: number;
  readonly results: readonly StoredResult[];
  readonly reasons: number;
}

/** What a figure threw. */
export interface FigureFault {
  readonly figure: AnyFigure;
  readonly day: number;
  readonly fault: string;
}

/** The first fault of a day's results; null when all could be computed. */
const faultIn = (results: readonly StoredResult[]): string | null =>
  results.find(({ fault }) => fault !== null)?.fault ?? null;

export const hasFault = (results: readonly StoredResult[]): boolean => faultIn(results) !== null;

/** Of each day and figure that could not be computed what it threw first. */
export const faultsOf = (days: readonly ComputedDay[]): FigureFault[] =>
  days.flatMap(({ figure, day, results }) => {
    const fault = faultIn(results);
    return fault === null ? [] : [{ figure, day, fault }];
  });

/** Keeps which days of devices or areas could not be computed and when to try again, in the transaction that stores them. */
export async function keepFaults(
  access: Pick<RelationalAccess, 'for'>,
  owners: readonly { readonly device: string; readonly days: readonly ComputedDay[] }[],
  now: number,
): Promise<void> {
  const numbers = owners.flatMap(({ days }) => days.map(({ day }) => day));
  if (numbers.length === 0) return;
  const db = figureTables(access);
  const ids = owners.map(({ device }) => device);
  const known = await db
    .selectFrom('figure_fault')
    .selectAll()
    .where('device', 'in', ids)
    .where('day', 'in', [...new Set(numbers)])
    .execute();
  const keyOf = (device: string, day: number, figure: string): string =>
    `${device} ${day} ${figure}`;
  const before = new Map(known.map((row) => [keyOf(row.device, row.day, row.figure), row]));
  const rows: FaultRow[] = [];
  for (const { device, days } of owners)
    for (const { figure, day, results, reasons } of days) {
      const was = before.get(keyOf(device, day, figure.id));
      if (hasFault(results)) {
        // Of other inputs it is another fault.
        const tries = (reasons === reasonBit('retry') ? (was?.tries ?? 0) : 0) + 1;
        const retry_at = tries < TRIES_MAX ? now + waitAfter(tries) : null;
        rows.push({ device, day, figure: figure.id, tries, retry_at });
      } else if (was !== undefined)
        await db
          .deleteFrom('figure_fault')
          .where('device', '=', device)
          .where('day', '=', day)
          .where('figure', '=', figure.id)
          .execute();
    }
  for (let n = 0; n < rows.length; n += ROWS_A_STATEMENT)
    await db
      .insertInto('figure_fault')
      .values(rows.slice(n, n + ROWS_A_STATEMENT))
      .onConflict((conflict) =>
        conflict.columns(['device', 'day', 'figure']).doUpdateSet((eb) => ({
          tries: eb.ref('excluded.tries'),
          retry_at: eb.ref('excluded.retry_at'),
        })),
      )
      .execute();
}

/** Marks what is due to be tried again. */
export async function markFaults(relational: Relational, now: number): Promise<void> {
  const due = await figureTables(relational)
    .selectFrom('figure_fault')
    .selectAll()
    .where('retry_at', 'is not', null)
    // What lies further ahead than any wait was planned by a clock that was.
    .where((eb) => eb.or([eb('retry_at', '<=', now), eb('retry_at', '>', now + LONGEST_WAIT_MS)]))
    .orderBy('retry_at')
    .limit(DUE_MAX)
    .execute();
  if (due.length === 0) return;
  await relational.transaction(async (tx) => {
    const reasons = reasonBit('retry');
    for (const [device, own] of Map.groupBy(due, (row) => row.device)) {
      const days = [...new Set(own.map(({ day }) => day))];
      await putMarks(
        tx,
        days.map((day) => ({ device, day, mask: WHOLE_DAY, reasons })),
      );
      // It is due again once it has been computed.
      for (let n = 0; n < days.length; n += ROWS_A_STATEMENT)
        await figureTables(tx)
          .updateTable('figure_fault')
          .set({ retry_at: null })
          .where('device', '=', device)
          .where('day', 'in', days.slice(n, n + ROWS_A_STATEMENT))
          .execute();
    }
  });
}

/** Days of figures that are missing since computing them failed. */
export async function countFaults(access: Pick<RelationalAccess, 'for'>): Promise<number> {
  const { count } = await figureTables(access)
    .selectFrom('figure_fault')
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Devices and days of which one of some figures is missing, the days from the first to before the end. */
export async function missingDays(
  access: Pick<RelationalAccess, 'for'>,
  figures: readonly string[],
  { first, end }: { readonly first: number; readonly end: number },
): Promise<Pick<FaultRow, 'device' | 'day'>[]> {
  if (figures.length === 0) return [];
  return figureTables(access)
    .selectFrom('figure_fault')
    .select(['device', 'day'])
    .where('figure', 'in', figures)
    .where('day', '>=', first)
    .where('day', '<', end)
    .execute();
}

/** Days of a figure of one device or area that will be tried again. */
export async function faultsToRetry(
  access: Pick<RelationalAccess, 'for'>,
  owner: string,
  figure: string,
): Promise<Set<number>> {
  const rows = await figureTables(access)
    .selectFrom('figure_fault')
    .select('day')
    .where('device', '=', owner)
    .where('figure', '=', figure)
    .where('retry_at', 'is not', null)
    .execute();
  return new Set(rows.map(({ day }) => day));
}
