/** Aggregates of corrected readings, as archives make them, and one answer of those and of an archive's own. */
import type { Aggregate, AggregateQuery, AggregateRow } from '@village/store/time-series';

/** Fractions are summed as whole multiples of 2^-62, so that a sum does not depend on the order. */
const FRACTION_BITS = 62n;
const FRACTION = 2 ** 62;
const HUGE = 1n << 1_000n;
const HALF_BITS = 31n;
const HALF = 2 ** 31;
/** Sums of integers are carried over before they would be rounded. */
const CARRIED_AT = 2 ** 52;

interface Sums {
  count: number;
  /** What has been carried over, in units of 2^-62. */
  exact: bigint;
  /** Whole parts, and the two halves of fractions, each as an integer that a double holds exactly. */
  whole: number;
  upper: number;
  lower: number;
  min: number;
  max: number;
  firstAt: number;
  first: number;
  lastAt: number;
  last: number;
}

interface Bucket {
  readonly at: number;
  readonly group: string | null;
  readonly sums: Sums;
}

/** What of an archive's answer is needed to join it with more readings. */
const PARTS: Readonly<Record<Aggregate, readonly Aggregate[]>> = {
  count: ['count'],
  avg: ['sum', 'count'],
  sum: ['sum', 'count'],
  min: ['min'],
  max: ['max'],
  first: ['first', 'firstAt'],
  last: ['last', 'lastAt'],
  firstAt: ['firstAt'],
  lastAt: ['lastAt'],
};

/** The aggregates to ask an archive for, those wanted first. */
export const partsOf = (wanted: readonly Aggregate[]): Aggregate[] => [
  ...new Set([...wanted, ...wanted.flatMap((name) => PARTS[name])]),
];

/** Good readings by bucket and group. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();
  /** That of the reading before: most come in order of time. */
  #last: Bucket | null = null;
  readonly #query: Pick<AggregateQuery, 'everyMs' | 'offsetMs'>;

  constructor(query: Pick<AggregateQuery, 'everyMs' | 'offsetMs'>) {
    this.#query = query;
  }

  add(at: number, group: string | null, value: number): void {
    const { everyMs, offsetMs } = this.#query;
    const bucket = Math.floor((at + offsetMs) / everyMs) * everyMs - offsetMs;
    if (this.#last?.at !== bucket || this.#last.group !== group)
      this.#last = this.#bucket(bucket, group);
    const { sums } = this.#last;
    const whole = Math.trunc(value);
    const halves = (value - whole) * HALF;
    const upper = Math.trunc(halves);
    sums.count++;
    sums.whole += whole;
    sums.upper += upper;
    sums.lower += Math.round((halves - upper) * HALF);
    if (Math.max(Math.abs(sums.whole), Math.abs(sums.upper), Math.abs(sums.lower)) > CARRIED_AT)
      carry(sums);
    sums.min = Math.min(sums.min, value);
    sums.max = Math.max(sums.max, value);
    // Of readings at the same first (last) instant the smallest (largest) counts.
    if (at < sums.firstAt || (at === sums.firstAt && value < sums.first)) {
      sums.firstAt = at;
      sums.first = value;
    }
    if (at > sums.lastAt || (at === sums.lastAt && value > sums.last)) {
      sums.lastAt = at;
      sums.last = value;
    }
  }

  #bucket(at: number, group: string | null): Bucket {
    const key = `${at} ${group ?? ''}`;
    const known = this.#buckets.get(key) ?? { at, group, sums: none() };
    this.#buckets.set(key, known);
    return known;
  }

  /** What is in here, in no particular order; each is made when it is taken. */
  *each(aggregates: readonly Aggregate[]): Generator<AggregateRow> {
    for (const { at, group, sums } of this.#buckets.values())
      yield {
        at,
        group,
        values: Object.fromEntries(
          aggregates.map((name) => [name, aggregateOf(sums, name, undefined)]),
        ),
      };
  }

  rows(aggregates: readonly Aggregate[]): AggregateRow[] {
    return [...this.each(aggregates)];
  }

  /** The rows of an answer, in order, with what an archive said of the readings that are not in here. */
  joined(rows: readonly AggregateRow[], query: AggregateQuery): AggregateRow[] {
    const others = new Map(rows.map((row) => [`${row.at} ${row.group ?? ''}`, row]));
    const list = [...this.#buckets].map(([key, { at, group, sums }]) => {
      const other = others.get(key);
      others.delete(key);
      const values = Object.fromEntries(
        query.aggregates.map((name) => [name, aggregateOf(sums, name, other?.values)]),
      );
      return { at, group, values };
    });
    const alone = [...others.values()].map(({ at, group, values }) => ({
      at,
      group,
      values: Object.fromEntries(query.aggregates.map((name) => [name, values[name] ?? null])),
    }));
    return inOrder([...list, ...alone], query);
  }
}

function carry(sums: Sums): void {
  const { whole, upper, lower } = sums;
  sums.exact += (BigInt(whole) << FRACTION_BITS) + (BigInt(upper) << HALF_BITS) + BigInt(lower);
  sums.whole = 0;
  sums.upper = 0;
  sums.lower = 0;
}

const none = (): Sums => ({
  count: 0,
  exact: 0n,
  whole: 0,
  upper: 0,
  lower: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  firstAt: Number.POSITIVE_INFINITY,
  first: Number.NaN,
  lastAt: Number.NEGATIVE_INFINITY,
  last: Number.NaN,
});

function aggregateOf(
  sums: Sums,
  name: Aggregate,
  other: AggregateRow['values'] | undefined,
): number {
  carry(sums);
  // What is too large for a double as a multiple of 2^-62 has no fraction.
  const huge = sums.exact > HUGE || sums.exact < -HUGE;
  const exact = huge ? Number(sums.exact >> FRACTION_BITS) : Number(sums.exact) / FRACTION;
  const count = sums.count + (other?.count ?? 0);
  const sum = exact + (other?.sum ?? 0);
  const otherFirst = other?.firstAt ?? Number.POSITIVE_INFINITY;
  const otherLast = other?.lastAt ?? Number.NEGATIVE_INFINITY;
  switch (name) {
    case 'count':
      return count;
    case 'sum':
      return sum;
    case 'avg':
      return sum / count;
    case 'min':
      return Math.min(sums.min, other?.min ?? sums.min);
    case 'max':
      return Math.max(sums.max, other?.max ?? sums.max);
    case 'firstAt':
      return Math.min(sums.firstAt, otherFirst);
    case 'lastAt':
      return Math.max(sums.lastAt, otherLast);
    case 'first':
      if (sums.firstAt === otherFirst) return Math.min(sums.first, other?.first ?? sums.first);
      return sums.firstAt < otherFirst ? sums.first : (other?.first ?? sums.first);
    case 'last':
      if (sums.lastAt === otherLast) return Math.max(sums.last, other?.last ?? sums.last);
      return sums.lastAt > otherLast ? sums.last : (other?.last ?? sums.last);
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The order in which archives answer, and the top of it. */
function inOrder(rows: AggregateRow[], { aggregates, top }: AggregateQuery): AggregateRow[] {
  const byTime = (a: AggregateRow, b: AggregateRow): number =>
    a.at - b.at || byText(a.group ?? '', b.group ?? '');
  if (top === undefined) return rows.sort(byTime);
  const key = aggregates[0]!;
  const size = (row: AggregateRow): number => row.values[key] ?? Number.NEGATIVE_INFINITY;
  return rows.sort((a, b) => size(b) - size(a) || byTime(a, b)).slice(0, top);
}
