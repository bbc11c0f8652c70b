/** Cuts days of many devices into what one question to the archive brings: bounded in rows, a month of a device at most. */
import { DAY } from '@village/core';
import type { Circumstances } from './circumstances.ts';
import { dayStart } from './days.ts';
import type { Figure } from './figure.ts';

/** Days of a device whose rows are in memory at once. */
export const CHUNK_DAYS = 31;
/** Rows that are expected of one device, and of one question. */
const ROWS_OF_ONE = 50_000;
const ROWS = 500_000;

/** Days of one device that are wanted, as runs in order. */
export interface Wanted {
  readonly held: Circumstances;
  readonly runs: readonly { readonly first: number; readonly end: number }[];
}

const daysOf = ({ runs }: Wanted): number =>
  runs.reduce((sum, { first, end }) => sum + end - first, 0);

/** Rows that a device sends a day of what figures read, at the most. */
function rowsADay(figures: readonly Figure[], { held, runs }: Wanted): number {
  const [from, to] = [dayStart(runs[0]?.first ?? 0), dayStart(runs.at(-1)?.end ?? 0)];
  const every = figures
    .flatMap(({ inputs }) => inputs.flatMap(({ quantity }) => held.measured(quantity)))
    .filter((one) => one.from < to && one.to > from)
    .map(({ reportEveryMs }) => reportEveryMs);
  return DAY / Math.max(1, Math.min(DAY, ...every));
}

/** The first days, and those that are left; null when none are. */
function cut(wanted: Wanted, days: number): [Wanted, Wanted | null] {
  const { held, runs } = wanted;
  const head: { first: number; end: number }[] = [];
  let left = days;
  for (const [n, { first, end }] of runs.entries()) {
    const to = Math.min(end, first + left);
    head.push({ first, end: to });
    left -= to - first;
    const tail = [...(to < end ? [{ first: to, end }] : []), ...runs.slice(n + 1)];
    if (left === 0 && tail.length > 0)
      return [
        { held, runs: head },
        { held, runs: tail },
      ];
  }
  return [wanted, null];
}

/** What to ask for, question by question; a device is in each of them once, its days in order. */
export function* portions(
  figures: readonly Figure[],
  wanted: readonly Wanted[],
): Generator<Wanted[]> {
  for (let rest = wanted; rest.length > 0; ) {
    const later: Wanted[] = [];
    let portion: Wanted[] = [];
    let rows = 0;
    for (const one of rest) {
      const perDay = rowsADay(figures, one);
      const most = Math.min(CHUNK_DAYS, Math.max(1, Math.floor(ROWS_OF_ONE / perDay)));
      const [head, tail] = cut(one, most);
      const more = daysOf(head) * perDay;
      if (portion.length > 0 && rows + more > ROWS) {
        yield portion;
        portion = [];
        rows = 0;
      }
      portion.push(head);
      rows += more;
      if (tail !== null) later.push(tail);
    }
    if (portion.length > 0) yield portion;
    rest = later;
  }
}
