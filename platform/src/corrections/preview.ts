/** What a change of statements would change: rows and the sums of hours and days, before and after. */
import { BEIJING_OFFSET_MS, DAY, HOUR, type Quality, Slices } from '@village/core';
import type { AggregateRow, ArchiveQueries } from '@village/store/time-series';
import type { CorrectedRow } from './apply.ts';
import { Budget, correctedRows } from './rows.ts';
import type { DeviceSpan, StatementBook } from './statement.ts';
import { Buckets } from './sums.ts';

/** Rows looked at; a preview of more tells of the first of them. */
const ROWS_LOOKED_AT = 100_000;
const SAMPLES = 50;
const BUCKETS_TOLD = 200;

interface Cell {
  readonly value: number;
  readonly quality: Quality;
}

/** One reading before and after; null where there is none. */
export interface ReadingChange {
  readonly device: string;
  readonly metric: string;
  readonly at: number;
  readonly before: Cell | null;
  readonly after: Cell | null;
}

export interface BucketChange {
  readonly device: string;
  readonly metric: string;
  readonly at: number;
  /** Of good readings; null where there are none. */
  readonly before: AggregateRow['values'] | null;
  readonly after: AggregateRow['values'] | null;
}

export interface Preview {
  /** Readings looked at and how many of them would be others. */
  readonly readings: number;
  readonly changed: number;
  /** False when there is more than was looked at. */
  readonly complete: boolean;
  /** The first of those that would change. */
  readonly samples: readonly ReadingChange[];
  /** Hours and days in Beijing that would change; the first of them. */
  readonly hours: readonly BucketChange[];
  readonly days: readonly BucketChange[];
  /** How many more of each would change. */
  readonly more: { readonly hours: number; readonly days: number };
}

const AGGREGATES = ['count', 'avg', 'min', 'max'] as const;

/** Sums of one device in two views, by metric. */
class Sums {
  readonly #before = new Map<string, Buckets>();
  readonly #after = new Map<string, Buckets>();
  readonly #everyMs: number;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  add(side: 'before' | 'after', row: CorrectedRow): void {
    const sums = side === 'before' ? this.#before : this.#after;
    for (const metric in row.values) {
      if (row.quality[metric] !== undefined) continue;
      const value = row.values[metric] as number;
      const buckets =
        sums.get(metric) ?? new Buckets({ everyMs: this.#everyMs, offsetMs: BEIJING_OFFSET_MS });
      sums.set(metric, buckets);
      buckets.add(row.at, null, value);
    }
  }

  /** Tells what differs. */
  async collect(device: string, changes: Changes): Promise<void> {
    const slices = new Slices();
    for (const metric of new Set([...this.#before.keys(), ...this.#after.keys()])) {
      const was = new Map<number, AggregateRow['values']>();
      for (const { at, values } of this.#before.get(metric)?.each(AGGREGATES) ?? []) {
        was.set(at, values);
        if (slices.over) await slices.next();
      }
      for (const { at, values } of this.#after.get(metric)?.each(AGGREGATES) ?? []) {
        if (slices.over) await slices.next();
        const before = was.get(at) ?? null;
        was.delete(at);
        if (JSON.stringify(before) !== JSON.stringify(values))
          changes.add({ device, metric, at, before, after: values });
      }
      for (const [at, before] of was) {
        if (slices.over) await slices.next();
        changes.add({ device, metric, at, before, after: null });
      }
    }
  }
}

/** Hours or days that would change: how many, and the first of them. */
class Changes {
  #list: BucketChange[] = [];
  #count = 0;

  add(change: BucketChange): void {
    this.#count++;
    this.#list.push(change);
    // Of a year of all metrics there are a hundred thousand, of which few are told.
    if (this.#list.length >= 10 * BUCKETS_TOLD) this.#list = this.first;
  }

  get first(): BucketChange[] {
    return this.#list.toSorted((a, b) => a.at - b.at).slice(0, BUCKETS_TOLD);
  }

  get more(): number {
    return Math.max(0, this.#count - BUCKETS_TOLD);
  }
}

const cell = (row: CorrectedRow | undefined, metric: string): Cell | null => {
  const value = row?.values[metric];
  return value === undefined ? null : { value, quality: row?.quality[metric] ?? 'good' };
};

/** Metrics of either row. */
function metricsOf(one: CorrectedRow | undefined, other: CorrectedRow | undefined): string[] {
  const own = Object.keys(one?.values ?? {});
  if (other === undefined) return own;
  if (one === undefined) return Object.keys(other.values);
  for (const metric in other.values) if (!(metric in one.values)) own.push(metric);
  return own;
}

/** Whether both say the same of a metric that one of them has. */
const sameReading = (
  one: CorrectedRow | undefined,
  other: CorrectedRow | undefined,
  metric: string,
): boolean =>
  one?.values[metric] === other?.values[metric] && one?.quality[metric] === other?.quality[metric];

/** Rows of two streams side by side, in order of time. */
async function* sideBySide(
  before: AsyncGenerator<CorrectedRow[]>,
  after: AsyncGenerator<CorrectedRow[]>,
): AsyncGenerator<[CorrectedRow | undefined, CorrectedRow | undefined]> {
  const read = async (rows: AsyncGenerator<CorrectedRow[]>): Promise<CorrectedRow[]> => {
    const { value, done } = await rows.next();
    return done === true ? [] : (value as CorrectedRow[]).reverse();
  };
  const pages = new Map([
    [before, [] as CorrectedRow[]],
    [after, [] as CorrectedRow[]],
  ]);
  const next = async (rows: AsyncGenerator<CorrectedRow[]>): Promise<CorrectedRow | undefined> => {
    if (pages.get(rows)?.length === 0) pages.set(rows, await read(rows));
    return pages.get(rows)?.pop();
  };
  let [one, other] = [await next(before), await next(after)];
  while (one !== undefined || other !== undefined) {
    const at = Math.min(one?.at ?? Number.POSITIVE_INFINITY, other?.at ?? Number.POSITIVE_INFINITY);
    const here = one?.at === at ? one : undefined;
    const there = other?.at === at ? other : undefined;
    yield [here, there];
    if (here !== undefined) one = await next(before);
    if (there !== undefined) other = await next(after);
  }
}

/**
 * Compares two books over the spans that differ. Hours and days are whole: also what lies beside the spans counts in them.
 * @throws as the archive's queries do
 */
export async function preview(
  archive: Pick<ArchiveQueries, 'range'>,
  [before, after]: readonly [StatementBook, StatementBook],
  spans: readonly DeviceSpan[],
  metrics: readonly string[] | undefined,
  signal?: AbortSignal,
): Promise<Preview> {
  let readings = 0;
  let rows = 0;
  let changed = 0;
  let complete = true;
  const slices = new Slices();
  const samples: ReadingChange[] = [];
  const hours = new Changes();
  const days = new Changes();
  for (const [device, list] of Map.groupBy(spans, (one) => one.device)) {
    const hour = new Sums(HOUR);
    const day = new Sums(DAY);
    for (const span of wholeDays(list)) {
      if (!complete) break;
      const asked = { ...span, device, ...(metrics === undefined ? {} : { metrics }) };
      const streams = [before, after].map((book) =>
        correctedRows(archive, book, asked, new Budget(), signal),
      ) as [AsyncGenerator<CorrectedRow[]>, AsyncGenerator<CorrectedRow[]>];
      for await (const [one, other] of sideBySide(...streams)) {
        if (one !== undefined) for (const sums of [hour, day]) sums.add('before', one);
        if (other !== undefined) for (const sums of [hour, day]) sums.add('after', other);
        const row = (one ?? other)!;
        for (const metric of metricsOf(one, other)) {
          readings++;
          if (sameReading(one, other, metric)) continue;
          changed++;
          if (samples.length >= SAMPLES) continue;
          const change = { before: cell(one, metric), after: cell(other, metric) };
          samples.push({ device, metric, at: row.at, ...change });
        }
        if (slices.over) await slices.next();
        complete = ++rows < ROWS_LOOKED_AT;
        if (!complete) break;
      }
    }
    await hour.collect(device, hours);
    await day.collect(device, days);
  }
  const told = { hours: hours.first, days: days.first };
  const more = { hours: hours.more, days: days.more };
  return { readings, changed, complete, samples, ...told, more };
}

/** Spans widened to days in Beijing, each day once. */
function wholeDays(spans: readonly DeviceSpan[]): { from: number; to: number }[] {
  const list: { from: number; to: number }[] = [];
  const down = (at: number): number =>
    Math.floor((at + BEIJING_OFFSET_MS) / DAY) * DAY - BEIJING_OFFSET_MS;
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const whole = { from: down(from), to: down(to - 1) + DAY };
    const last = list.at(-1);
    if (last !== undefined && whole.from <= last.to) last.to = Math.max(last.to, whole.to);
    else list.push(whole);
  }
  return list;
}
