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
  readonly #first: number;
  readonly #end: number;
  readonly #filled = new Set<number>();

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
    this.#first = Math.max(
      Math.ceil((from + BEIJING_OFFSET_MS) / every),
      Math.floor((since + BEIJING_OFFSET_MS) / every),
    );
    this.#end = Math.floor((to + BEIJING_OFFSET_MS) / every);
    for (let slot = this.#first; slot < this.#end; slot++) this.#hourOf(slot).expected++;
  }

  #hourOf(slot: number): Hour {
    const at = slot * this.#every - BEIJING_OFFSET_MS;
    return this.hours[Math.floor(at / HOUR) - this.#firstHour]!;
  }

  /** Notes rows of one interval in one hour. */
  fill(slot: number, hour: number, rows: number, backfilled: number): void {
    const into = this.hours[hour - this.#firstHour]!;
    into.rows += rows;
    into.backfilled += backfilled;
    if (slot < this.#first || slot >= this.#end || this.#filled.has(slot)) return;
    this.#filled.add(slot);
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
