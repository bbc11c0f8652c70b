/**
 * What judging a stretch of the past again means for what is on record: whoever was told of an alert keeps what was told, and what was only
 * found in readings that came late is what those readings say now.
 */
import { DAY, MINUTE, type Severity } from '@village/core';
import type { Interval } from '../engine/history.ts';
import type { Rule } from '../model.ts';

/** An alert of one rule and device on record. */
export interface Recorded {
  readonly id: string;
  readonly severity: Severity;
  readonly from: number;
  /** null while it is open. */
  readonly to: number | null;
  /** Found in readings that came late; nobody was told. */
  readonly isLate: boolean;
}

export type Change =
  /** Nobody is told of it. */
  | { readonly kind: 'add'; readonly interval: Interval }
  /** It goes on now, and nobody knows of it yet: it is told once, with its true beginning. */
  | { readonly kind: 'raise'; readonly interval: Interval }
  /** An alert that nobody was told of has other times or another severity. */
  | { readonly kind: 'replace'; readonly id: string; readonly interval: Interval }
  /** One that nobody was told of is none any more. */
  | { readonly kind: 'drop'; readonly id: string }
  /** Late readings say something else of an alert that people were told of: it is said beside it. */
  | { readonly kind: 'annotate'; readonly id: string; readonly interval: Interval };

/** No more of the past than this is judged again at once. */
const REACH_MAX_MS = 31 * DAY;
/** Readings before the stretch that a rule may look at, beside its windows and waits. */
const MARGIN_MS = 10 * MINUTE;

/** How far before a reading a rule looks: its windows and its waits. */
export function lookBehindOf({ slots, levels, clearForMs, minActiveMs, repeat }: Rule): number {
  const windows = slots.windows.map(({ ms }) => ms);
  const waits = levels.map(({ forMs }) => forMs);
  return (
    Math.max(0, ...windows) +
    Math.max(...waits, clearForMs, minActiveMs, repeat?.inMs ?? 0) +
    MARGIN_MS
  );
}

/** From when on to judge so that what was open then does not matter: no alert on record reaches over that moment. */
export function judgedFrom(rule: Rule, late: number, records: readonly Recorded[]): number {
  const reach = lookBehindOf(rule);
  let from = late - reach;
  const least = late - REACH_MAX_MS;
  for (const record of [...records].sort((a, b) => b.from - a.from)) {
    if (record.from >= from || (record.to !== null && record.to < from)) continue;
    from = Math.max(least, record.from - reach);
  }
  return from;
}

const meets = (
  one: { from: number; to: number | null },
  from: number,
  to: number | null,
): boolean => (to === null || one.from <= to) && (one.to === null || one.to >= from);

const same = (record: Recorded, { severity, from, to }: Interval): boolean =>
  record.severity === severity && record.from === from && record.to === to;

/** `found` is all that was found from a moment on; `records` what stands there. */
export function reconcile(found: readonly Interval[], records: readonly Recorded[]): Change[] {
  const changes: Change[] = [];
  const met = new Set<string>();
  for (const interval of found) {
    const own = records.filter((one) => meets(one, interval.from, interval.to));
    const told = own.filter(({ isLate }) => !isLate);
    for (const { id } of own) met.add(id);
    if (told.length > 0) {
      for (const record of told)
        if (!same(record, interval)) changes.push({ kind: 'annotate', id: record.id, interval });
      for (const { id, isLate } of own) if (isLate) changes.push({ kind: 'drop', id });
      continue;
    }
    const [first, ...rest] = own;
    for (const { id } of rest) changes.push({ kind: 'drop', id });
    if (interval.to === null) {
      if (first !== undefined) changes.push({ kind: 'drop', id: first.id });
      changes.push({ kind: 'raise', interval });
    } else if (first === undefined) changes.push({ kind: 'add', interval });
    else if (!same(first, interval)) changes.push({ kind: 'replace', id: first.id, interval });
  }
  for (const { id, isLate } of records)
    if (isLate && !met.has(id)) changes.push({ kind: 'drop', id });
  return changes;
}
