/**
 * What statements do to readings: the one definition, used for every engine. Kinds apply in the order clock, device, factor,
 * offset, validity; within a kind in order of value, so that it never matters which was said first.
 */
import type { Quality } from '@village/core';
import type { RangeRow } from '@village/store/time-series';
import type { Statement, StatementBook } from './statement.ts';

/** Of one reading that statements changed: what was received. */
export interface AsReceived {
  readonly device: string;
  readonly at: number;
  readonly value: number;
  readonly quality: Quality;
  /** Statements that speak of it, by number. */
  readonly statements: readonly number[];
}

/** A row in which statements have been applied. */
export interface CorrectedRow extends RangeRow {
  /** By metric, for those of which a statement speaks. */
  readonly received: Readonly<Record<string, AsReceived>>;
}

/** One reading on its way to the place where it belongs. */
export interface Placed {
  readonly device: string;
  readonly metric: string;
  readonly at: number;
  readonly value: number;
  readonly quality: Quality;
  /** The row that it was received in. */
  readonly row: RangeRow;
  readonly from: string;
  readonly statements: readonly number[];
}

const valuesOf = (statements: readonly Statement[], kind: Statement['kind']): number[] =>
  statements.flatMap((one) => (one.kind === kind ? [one.value ?? 0] : [])).sort((a, b) => a - b);

/** What the statements that speak of a reading do to it: the kinds in their order, within a kind in order of value. */
interface Plan {
  readonly shift: number;
  readonly target: string;
  readonly factors: readonly number[];
  readonly offsets: readonly number[];
  readonly verdict: 'invalid' | 'good' | null;
  readonly statements: readonly number[];
}

function planOf(device: string, metric: string, here: readonly Statement[]): Plan {
  const all = here.filter((one) => one.metric === null || one.metric === metric);
  const says = (kind: Statement['kind']): boolean => all.some((one) => one.kind === kind);
  // Two that name different devices are refused; should they meet all the same, the first by name counts.
  const [target = device] = all.flatMap((one) => (one.target === null ? [] : [one.target])).sort();
  return {
    shift: valuesOf(all, 'shift-clock').reduce((sum, more) => sum + more, 0),
    target,
    factors: valuesOf(all, 'factor'),
    offsets: valuesOf(all, 'offset'),
    verdict: says('invalid') ? 'invalid' : says('accept') ? 'good' : null,
    statements: all.map(({ id }) => id).sort((a, b) => a - b),
  };
}

function reading(device: string, row: RangeRow, metric: string, plan: Plan): Placed {
  const raw = row.values[metric] as number;
  let value = raw;
  for (const factor of plan.factors) value *= factor;
  for (const offset of plan.offsets) value += offset;
  const valid = Number.isFinite(value);
  return {
    device: plan.target,
    metric,
    at: row.at + plan.shift,
    value: valid ? value : raw,
    quality: valid ? (plan.verdict ?? row.quality[metric] ?? 'good') : 'invalid',
    row,
    from: device,
    statements: plan.statements,
  };
}

/**
 * Places readings of one device. Between the borders of statements the same ones speak, so plans are kept from row to row; from one
 * stretch to the next only those are looked at that begin or end there.
 */
export class Placer {
  readonly #device: string;
  /** By when they begin. */
  readonly #statements: readonly Statement[];
  /** How many of them have begun. */
  #begun = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  #here: readonly Statement[] = [];
  readonly #plans = new Map<string, Plan>();

  constructor(book: StatementBook, device: string) {
    this.#device = device;
    this.#statements = book.inOrder(device);
  }

  /** Where the readings of a row belong and what they are worth. */
  readings(row: RangeRow): Placed[] {
    const { at } = row;
    if (!(at >= this.#from && at < this.#to)) this.#turnTo(at);
    const list: Placed[] = [];
    for (const metric in row.values) {
      let plan = this.#plans.get(metric);
      if (plan === undefined) {
        plan = planOf(this.#device, metric, this.#here);
        this.#plans.set(metric, plan);
      }
      list.push(reading(this.#device, row, metric, plan));
    }
    return list;
  }

  #turnTo(at: number): void {
    if (at < this.#from) {
      this.#begun = 0;
      this.#here = [];
    }
    const here = this.#here.filter(({ to }) => at < to);
    for (; this.#begun < this.#statements.length; this.#begun++) {
      const next = this.#statements[this.#begun]!;
      if (next.from > at) break;
      if (at < next.to) here.push(next);
    }
    this.#here = here;
    this.#from = at;
    this.#to = this.#statements[this.#begun]?.from ?? Number.POSITIVE_INFINITY;
    for (const { to } of here) this.#to = Math.min(this.#to, to);
    this.#plans.clear();
  }
}

/** Where the readings of a row belong and what they are worth. */
export const placed = (book: StatementBook, device: string, row: RangeRow): Placed[] =>
  new Placer(book, device).readings(row);

/** Which of two readings that meet stays: the one that was there, then one of the same device, then by where it came from. */
function precedes(a: Placed, b: Placed): boolean {
  const rank = (one: Placed): number =>
    one.from !== one.device ? 2 : one.row.at !== one.at ? 1 : 0;
  const order = rank(a) - rank(b);
  if (order !== 0) return order < 0;
  return a.from === b.from ? a.row.at < b.row.at : a.from < b.from;
}

/** Those of readings that meet which stay: each metric stands once. */
function staying(readings: readonly Placed[]): Iterable<Placed> {
  const [first] = readings;
  // A row that was received holds each metric once.
  if (readings.every(({ row }) => row === first?.row)) return readings;
  const found = new Map<string, Placed>();
  for (const one of readings) {
    const other = found.get(one.metric);
    if (other === undefined || precedes(one, other)) found.set(one.metric, one);
  }
  return found.values();
}

/** One row of all readings that belong to one device and time; each metric stands once. */
export function rowOf(readings: readonly Placed[]): CorrectedRow {
  const values: Record<string, number> = {};
  const quality: Record<string, Quality> = {};
  const received: Record<string, AsReceived> = {};
  let receivedAt = Number.POSITIVE_INFINITY;
  let live = false;
  let clockReplaced = true;
  for (const { metric, value, quality: word, row, from, statements } of staying(readings)) {
    values[metric] = value;
    if (word !== 'good') quality[metric] = word;
    receivedAt = Math.min(receivedAt, row.receivedAt);
    live ||= row.lane === 'live';
    clockReplaced &&= row.clockReplaced;
    if (statements.length === 0) continue;
    const was = row.quality[metric] ?? 'good';
    const raw = row.values[metric] as number;
    received[metric] = { device: from, at: row.at, value: raw, quality: was, statements };
  }
  const { at } = readings[0]!;
  const lane = live ? 'live' : 'backfill';
  return { at, receivedAt, lane, clockReplaced, values, quality, received };
}

/** A device's corrected rows, in order of time, of everything that was received. */
export function corrected(
  book: StatementBook,
  received: ReadonlyMap<string, readonly RangeRow[]>,
  device: string,
): CorrectedRow[] {
  const here = [...received].flatMap(([from, rows]) =>
    rows.flatMap((row) => placed(book, from, row).filter((one) => one.device === device)),
  );
  return [...Map.groupBy(here, ({ at }) => at)]
    .sort(([a], [b]) => a - b)
    .map(([, readings]) => rowOf(readings));
}
