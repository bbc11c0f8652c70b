/** Which figures a change of statements would change: computed from the rows of both books, stored or not. */
import { DAY } from '@village/core';
import {
  CorrectedQueries,
  dayOf,
  type Figure,
  isOfArea,
  Sources,
  type StatementBook,
  statementsOf,
} from '@village/platform';
import { Slices } from '@village/registry';
import type { Needs } from '../needs.ts';

/** Days looked at from the first that would change on, and values told. */
const DAYS_MAX = 31;
const CHANGES_MAX = 200;
/** Values computed between two pauses in which others have their turn: a few milliseconds. */
const VALUES_A_SLICE = 24;

export interface FigureChange {
  readonly figure: string;
  readonly device: string;
  readonly at: number;
  readonly before: number | null;
  readonly after: number | null;
}

type Value = Pick<FigureChange, 'figure' | 'at'> & { readonly value: number | null };

/** Figures of a device over whole days, as a book leaves its readings. */
async function valuesOf(
  { store, relational, profiles }: Pick<Needs, 'store' | 'relational' | 'profiles'>,
  figures: readonly Figure[],
  book: StatementBook,
  { device, first, end }: { device: string; first: number; end: number },
  signal: AbortSignal,
): Promise<Map<string, Value>> {
  const nowhere = { locations: () => undefined, profile: () => undefined };
  const sources = new Sources({
    rows: new CorrectedQueries(store, () => book, nowhere),
    statements: statementsOf(() => book),
    relational,
    profiles,
  });
  const held = await sources.circumstances(device);
  const found = new Map<string, Value>();
  const slices = new Slices(VALUES_A_SLICE);
  for await (const [{ id }, { at, value }] of sources.compute(figures, held, first, end, signal)) {
    found.set(`${id} ${at}`, { figure: id, at, value });
    if (slices.due()) await slices.pause();
  }
  return found;
}

/** What would change, by time; of long spans the first month, a day around each since figures look beyond their own. */
export async function figureChanges(
  needs: Pick<Needs, 'store' | 'relational' | 'profiles' | 'figures' | 'clock'>,
  [before, after]: readonly [StatementBook, StatementBook],
  spans: readonly { readonly device: string; readonly from: number; readonly to: number }[],
  signal: AbortSignal,
): Promise<FigureChange[]> {
  const changes: FigureChange[] = [];
  const figures = needs.figures.filter((figure) => !isOfArea(figure));
  for (const [device, list] of Map.groupBy(spans, (one) => one.device)) {
    const first = dayOf(Math.min(...list.map(({ from }) => from)) - DAY);
    const last = dayOf(Math.min(needs.clock(), Math.max(...list.map(({ to }) => to)) + DAY));
    const end = Math.min(last + 1, first + DAYS_MAX);
    if (first >= end) continue;
    const days = { device, first, end };
    const was = await valuesOf(needs, figures, before, days, signal);
    const is = await valuesOf(needs, figures, after, days, signal);
    for (const [key, { figure, at, value }] of was) {
      const other = is.get(key)?.value ?? null;
      if (other !== value) changes.push({ figure, device, at, before: value, after: other });
    }
  }
  return changes.sort((a, b) => a.at - b.at).slice(0, CHANGES_MAX);
}
