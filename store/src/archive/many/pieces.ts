/** Goes through many devices' spans in pieces that hold about as many rows as one answer of an engine may. */
import { MINUTE } from '@village/core';
import type { DeviceSpan } from '../contract.ts';

/** How much of an answer's rows a piece is meant to fill. */
const FILL = 0.75;
/** The most that the next piece's time is another than the last one's. */
const STEP_MAX = 8;

/**
 * Each device's spans in order of time, those that overlap or touch as one; devices in the order in which they are first
 * named. Times of rows are whole ms.
 */
export function byDevice(spans: readonly DeviceSpan[]): Map<string, DeviceSpan[]> {
  const whole = spans
    .map(({ device, from, to }) => ({ device, from: time(from), to: time(to) }))
    .filter(({ from, to }) => from < to);
  const found = Map.groupBy(whole, ({ device }) => device);
  for (const [device, own] of found) {
    if (own.length === 1) continue;
    const list: { device: string; from: number; to: number }[] = [];
    for (const one of own.sort((a, b) => a.from - b.from)) {
      const last = list.at(-1);
      if (last !== undefined && one.from <= last.to) last.to = Math.max(last.to, one.to);
      else list.push({ ...one });
    }
    found.set(device, list);
  }
  return found;
}

const time = (at: number): number =>
  Math.ceil(Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, at)));

/** Spans of devices on the way through an engine's answers. How much time a piece has follows from the rows that came. */
export class Pieces {
  readonly #spans: readonly DeviceSpan[];
  readonly #rowsMax: number;
  readonly #spansMax: number;
  #ms: number;
  /** What has not been asked for: from this time of this span on. */
  #next = 0;
  #from: number;
  /** The same behind the piece that is asked for. */
  #then = 0;
  #thenFrom = 0;

  /** As `byDevice` gives them, one device after the other. */
  constructor(spans: readonly DeviceSpan[], rowsMax: number, spansMax: number) {
    this.#spans = spans;
    this.#rowsMax = rowsMax;
    this.#spansMax = spansMax;
    this.#from = spans[0]?.from ?? 0;
    this.#ms = FILL * rowsMax * MINUTE;
  }

  /** The next spans to ask for; none when it is over. */
  next(): DeviceSpan[] {
    const piece: DeviceSpan[] = [];
    let left = Math.max(1, Math.ceil(this.#ms));
    let from = this.#from;
    let n = this.#next;
    while (n < this.#spans.length && left > 0 && piece.length < this.#spansMax) {
      const { device, to: end } = this.#spans[n]!;
      const to = Math.min(end, from + left);
      piece.push({ device, from, to });
      left -= to - from;
      from = to;
      if (to < end) break;
      n++;
      from = this.#spans[n]?.from ?? 0;
    }
    this.#then = n;
    this.#thenFrom = from;
    return piece;
  }

  /** All rows of the piece came. */
  came(rows: number): void {
    this.#next = this.#then;
    this.#from = this.#thenFrom;
    this.#pace(rows);
  }

  /** Only rows of the piece up to that time of that device came: what follows is asked for once more. */
  cut(device: string, at: number): void {
    const n = this.#spans.findIndex(
      (one, i) => i >= this.#next && one.device === device && one.to > at,
    );
    if (n < 0) throw new Error('BUG: a row came that was not asked for');
    this.#from = n === this.#next ? Math.max(this.#from, at) : Math.max(this.#spans[n]!.from, at);
    this.#next = n;
    this.#pace(2 * this.#rowsMax);
  }

  #pace(rows: number): void {
    const fit = (FILL * this.#rowsMax) / Math.max(1, rows);
    this.#ms *= Math.min(STEP_MAX, Math.max(1 / STEP_MAX, fit));
  }
}
