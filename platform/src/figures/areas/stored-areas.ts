/** Stored figures of areas: whether they are still what computing gives. */
import { DAY } from '@village/core';
import type { Relational } from '@village/store/relational';
import { dayOf, dayStart, lengthOf, type Span } from '../days.ts';
import type { AreaFigure } from '../figure.ts';
import type { Statements } from '../sources.ts';
import { type Days, type Known, markedDays } from '../stored/current-days.ts';
import type { StoredDay } from '../stored/days-stored.ts';
import { hasFault, missingDays } from '../stored/faults.ts';
import { type StoredResult, unpack } from '../stored/packed.ts';
import { areaKey, isAreaKey } from './keys.ts';
import { areaWindow, type Holding, type Member } from './members.ts';

/** The statements that touch what the members measured in the area in a span's window, in order. */
function statementsOn(
  figure: AreaFigure,
  members: readonly Member[],
  span: Span,
  statements: Statements,
): number[] {
  const around = areaWindow(figure, span);
  const ids = new Set<number>();
  for (const { device, stays } of members)
    for (const { from, to } of stays) {
      const part = { from: Math.max(from, around.from), to: Math.min(to, around.to) };
      if (part.from < part.to) for (const id of statements.touching(device, part)) ids.add(id);
    }
  return [...ids].sort((a, b) => a - b);
}

export interface StoredArea {
  readonly figure: AreaFigure;
  readonly area: string;
  readonly members: readonly Member[];
  readonly holding: Holding;
}

/** Days of the area or of its devices that are marked, gathered or missing: what is stored of days that look at them may be old. */
export async function unsettledDays(
  relational: Pick<Relational, 'for'>,
  { figure, area, members }: Pick<StoredArea, 'figure' | 'area' | 'members'>,
  days: Days,
  known: Known,
): Promise<Set<number>> {
  // The area last: with the end of a device's mark comes the area's.
  const owners = [...members.map(({ device }) => device), areaKey(area)];
  const marked = await markedDays(relational, owners, days, known);
  const unsettled = new Set<number>();
  // What a device's figure threw may be over by now, and the area's is of what it gives.
  const inputs = figure.inputs.map((input) => input.figure.id);
  const ids = new Set(members.map(({ device }) => device));
  for (const { device, day } of await missingDays(relational, inputs, days))
    if (ids.has(device)) unsettled.add(day);
  for (const [owner, own] of marked)
    for (const day of own) {
      if (isAreaKey(owner)) {
        unsettled.add(day);
        continue;
      }
      // As far as the inputs look around.
      for (let other = day - 1; other <= day + 1; other++) {
        const start = dayStart(other);
        const around = areaWindow(figure, { from: start, to: start + DAY });
        if (dayOf(around.from) <= day && day <= dayOf(around.to - 1)) unsettled.add(other);
      }
    }
  return unsettled;
}

/** A stored day's results, when they are still those of the present definition, devices and statements. */
export async function currentArea(
  { figure, members, holding }: StoredArea,
  row: StoredDay,
  statements: Statements,
): Promise<StoredResult[] | null> {
  if (row.version !== figure.version || row.circumstances !== (await holding.of(row.day)))
    return null;
  const results = unpack(figure, row.day, row.body);
  if (results === null || hasFault(results)) return null;
  const said = new Set(statements.devices());
  const concerned = members.filter(({ device }) => said.has(device));
  const length = lengthOf(figure.span);
  const same = results.every(({ at, corrections }) => {
    const now = statementsOn(figure, concerned, { from: at, to: at + length }, statements);
    return now.length === corrections.length && now.every((id, n) => id === corrections[n]);
  });
  return same ? results : null;
}
