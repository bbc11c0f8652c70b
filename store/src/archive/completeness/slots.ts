/** Completeness as every engine counts it: report intervals of a span by hour, and which silences are gaps. */
import { BEIJING_OFFSET_MS, gapAfterMs, HOUR, OperationalError } from '@village/core';
import type { CompletenessHour, CompletenessQuery } from '../contract.ts';

/** A half-open stretch of event time, ms. */
interface Span {
  readonly from: number;
  readonly to: number;
}

const HOURS_MAX = 20_000;

type Hour = { -readonly [K in keyof CompletenessHour]: CompletenessHour[K] };

/** The report interval that an instant lies in. */
export function slotOf(at: number, every: number): number {
  return Math.floor((at + BEIJING_OFFSET_MS) / every);
}

/** Report intervals of the span by hour, days and longer ones from midnight in Beijing; none that is over before `since`. */
export class Slots {
  readonly hours: Hour[];
  readonly #every: number;
  readonly #firstHour: number;
  /** Intervals that count: first ≤ slot < end. */
  readonly first: number;
  readonly end: number;
  /** A bit for each, once any is filled: there may be millions. */
  #filled: Uint8Array | null = null;

  constructor({ from, to, reportEveryMs: every }: CompletenessQuery, since: number) {
    this.#every = every;
    this.#firstHour = Math.floor(from / HOUR);
    const count = Math.ceil(to / HOUR) - this.#firstHour;
    if (count > HOURS_MAX || every < 1_000)
      throw new OperationalError('range-too-wide', `At most ${HOURS_MAX} hours can be asked for.`);
    this.hours = Array.from({ length: count }, (_, i) => ({
      at: (this.#firstHour + i) * HOUR,
      expected: 0,
      received: 0,
      rows: 0,
      backfilled: 0,
    }));
    this.first = Math.max(
      Math.ceil((from + BEIJING_OFFSET_MS) / every),
      Math.floor((since + BEIJING_OFFSET_MS) / every),
    );
    this.end = Math.floor((to + BEIJING_OFFSET_MS) / every);
    const firstIn = (hour: number): number => Math.ceil((hour * HOUR + BEIJING_OFFSET_MS) / every);
    for (const [n, hour] of this.hours.entries()) {
      const begins = Math.max(this.first, firstIn(this.#firstHour + n));
      const ends = Math.min(this.end, firstIn(this.#firstHour + n + 1));
      hour.expected = Math.max(0, ends - begins);
    }
  }

  #hourOf(slot: number): Hour {
    const at = slot * this.#every - BEIJING_OFFSET_MS;
    return this.hours[Math.floor(at / HOUR) - this.#firstHour]!;
  }

  /** Notes rows of an hour. */
  count(hour: number, rows: number, backfilled: number): void {
    const into = this.hours[hour - this.#firstHour]!;
    into.rows += rows;
    into.backfilled += backfilled;
  }

  /** Notes how many of the intervals that begin in an hour and count hold any row. */
  receive(hour: number, intervals: number): void {
    this.hours[hour - this.#firstHour]!.received += intervals;
  }

  /** Notes rows of one interval in one hour. */
  fill(slot: number, hour: number, rows: number, backfilled: number): void {
    this.count(hour, rows, backfilled);
    if (slot < this.first || slot >= this.end) return;
    this.#filled ??= new Uint8Array(Math.ceil((this.end - this.first) / 8));
    const [byte, bit] = [(slot - this.first) >>> 3, 1 << ((slot - this.first) & 7)];
    if ((this.#filled[byte]! & bit) !== 0) return;
    this.#filled[byte]! |= bit;
    this.#hourOf(slot).received++;
  }
}

/** The part of a silence that lies in the span; null when it is too short or outside. */
export function cut(silence: Span, query: CompletenessQuery): Span | null {
  if (!(silence.to - silence.from > gapAfterMs(query.reportEveryMs))) return null;
  const from = Math.max(silence.from, query.from);
  const to = Math.min(silence.to, query.to);
  return from < to ? { from, to } : null;
}

/**
 * The silences at both ends of what was read. Rows farther away than a gap is long were not read, but it is known
 * whether there are any: then the silence is a gap, however long it is.
 */
export function ends(
  edges: Span | null,
  query: CompletenessQuery,
  since: number,
  newest: number,
): (Span | null)[] {
  const later = newest >= query.to ? Number.POSITIVE_INFINITY : query.to;
  if (edges === null) return [cut({ from: since, to: later }, query)];
  const before = since < edges.from ? cut({ from: since, to: edges.from }, query) : null;
  return [before, cut({ from: edges.to, to: later }, query)];
}
