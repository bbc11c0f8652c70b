/** Which figures of devices and of areas a change of statements would change: computed from the rows of both books, stored or not. */
import { DAY, Slices } from '@village/core';
import {
  type AnyFigure,
  AreaComparison,
  type AreaDifference,
  type AreaSources,
  CorrectedQueries,
  dayOf,
  type Figure,
  isOfArea,
  lastDeletedDay,
  type Result,
  runsOf,
  Sources,
  type StatementBook,
  statementsOf,
} from '@village/platform';
import type { Needs } from '../needs.ts';

/** Days of a device that are looked at, the first of those that may change. */
const DAYS_MAX = 31;
/** Values told in all, and of one figure of one device or area. */
const CHANGES_MAX = 400;
const OF_ONE_MAX = 31;

export interface FigureChange {
  readonly figure: string;
  readonly device: string;
  readonly at: number;
  readonly before: number | null;
  readonly after: number | null;
  readonly completeness: { readonly before: number; readonly after: number };
}

export interface FigureChanges {
  /** What is stored first, then days, then hours; of each figure in order of time. */
  readonly figures: readonly FigureChange[];
  readonly areas: readonly AreaDifference[];
  /** Further ones that would change, and values of areas that were not computed. */
  readonly more: { readonly figures: number; readonly areas: number; readonly unseen: number };
  /** Days of devices that were not looked at. */
  readonly daysLeft: number;
}

type FigureNeeds = Pick<
  Needs,
  'fair' | 'relational' | 'profiles' | 'figures' | 'clock' | 'timer' | 'config' | 'ages'
>;

function sourcesOf({ fair, relational, profiles }: FigureNeeds, book: StatementBook): Sources {
  const nowhere = { locations: () => undefined, profile: () => undefined, count: () => 0 };
  return new Sources({
    rows: new CorrectedQueries(fair, () => book, nowhere),
    statements: statementsOf(() => book),
    relational,
    profiles,
  });
}

/** Days on which figures of a device may change, a day around each span since figures look beyond their own. */
function daysOf(
  spans: readonly { readonly from: number; readonly to: number }[],
  now: number,
): number[] {
  const days = new Set<number>();
  for (const { from, to } of spans) {
    const last = dayOf(Math.min(now, to - 1 + DAY));
    for (let day = dayOf(from) - 1; day <= last; day++) days.add(day);
  }
  return [...days].sort((a, b) => a - b);
}

/** Figures of a device on some days. */
async function valuesOf(
  sources: Sources,
  figures: readonly Figure[],
  device: string,
  days: readonly number[],
  signal: AbortSignal,
): Promise<Map<string, readonly [Figure, Result]>> {
  const held = await sources.circumstances(device);
  const found = new Map<string, readonly [Figure, Result]>();
  const slices = new Slices();
  for (const [first, end] of runsOf(days))
    for await (const one of sources.compute(figures, held, first, end, signal)) {
      found.set(`${one[0].id} ${one[1].at}`, one);
      if (slices.over) await slices.next();
    }
  return found;
}

/** What would change; of long spans the first month. */
export async function figureChanges(
  needs: FigureNeeds,
  areas: AreaSources,
  books: readonly [StatementBook, StatementBook],
  spans: readonly { readonly device: string; readonly from: number; readonly to: number }[],
  sees: (area: string) => boolean,
  signal: AbortSignal,
): Promise<FigureChanges> {
  const { clock } = needs;
  const deletedBefore = (): number => needs.ages.before(needs.config.store.retention);
  const sources = [sourcesOf(needs, books[0]), sourcesOf(needs, books[1])] as const;
  const ofDevices = needs.figures.filter((figure) => !isOfArea(figure));
  const deleted = lastDeletedDay(deletedBefore);
  const figures: FigureChange[] = [];
  const days = new Map<string, number[]>();
  let daysLeft = 0;
  for (const [device, own] of Map.groupBy(spans, (one) => one.device)) {
    const all = daysOf(own, clock());
    const looked = all.slice(0, DAYS_MAX);
    daysLeft += all.length - looked.length;
    days.set(device, looked);
    const was = await valuesOf(sources[0], ofDevices, device, looked, signal);
    const is = await valuesOf(sources[1], ofDevices, device, looked, signal);
    for (const [key, [{ id, keep }, { at, value, completeness }]] of was) {
      // What was stored while its readings were there holds.
      if (keep === 'stored' && dayOf(at) <= deleted) continue;
      const other = is.get(key)?.[1];
      if (other === undefined) continue;
      if (other.value === value && other.completeness === completeness) continue;
      figures.push({
        ...{ figure: id, device, at, before: value, after: other.value },
        completeness: { before: completeness, after: other.completeness },
      });
    }
  }
  const comparison = new AreaComparison({
    ...{ areas, sources, days, sees, clock, deletedBefore, elapsed: needs.timer.elapsed },
    figures: needs.figures.filter(isOfArea),
  });
  const compared = await comparison.run(signal);
  const told = {
    figures: firstOf(needs.figures, figures, ({ device }) => device),
    // By code: the county before its townships, those before their villages.
    areas: firstOf(
      needs.figures,
      [...compared.differences].sort((a, b) => (a.area < b.area ? -1 : a.area > b.area ? 1 : 0)),
      ({ area }) => area,
    ),
  };
  return {
    ...told,
    more: {
      figures: figures.length - told.figures.length,
      areas: compared.differences.length - told.areas.length,
      unseen: compared.unseen,
    },
    daysLeft,
  };
}

/** Those that are told: verdicts and reports rest on what is stored, and days say more than hours. */
function firstOf<Change extends { readonly figure: string; readonly at: number }>(
  figures: readonly AnyFigure[],
  changes: readonly Change[],
  ownerOf: (one: Change) => string,
): Change[] {
  const rank = new Map(
    figures.map(({ id, keep, span }) => [id, keep === 'stored' ? 0 : span === 'day' ? 1 : 2]),
  );
  return [...Map.groupBy(changes, (one) => `${one.figure} ${ownerOf(one)}`).values()]
    .sort(([a], [b]) => (rank.get(a?.figure ?? '') ?? 0) - (rank.get(b?.figure ?? '') ?? 0))
    .flatMap((own) => own.sort((a, b) => a.at - b.at).slice(0, OF_ONE_MAX))
    .slice(0, CHANGES_MAX);
}
