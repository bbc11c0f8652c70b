/**
 * How much of what one device says is kept in a day, so that a device which never stops talking does not fill the disk
 * of all. Its readings go on. What was not kept is told: by device, times of receipt and event times, durable with the
 * group that it would have stood in.
 */
import { BEIJING_OFFSET_MS, DAY } from '@village/core';
import type { ReceivedFrame } from './contract.ts';
import { weightOf } from './frame-section.ts';
import type { JournalDb } from './journal-db.ts';

/** Key of the spans in the journal's table `state`. */
const STATE_SPANS = 'frames-over-budget';
/** Beyond it the oldest two become one, of every device. */
const SPANS_MAX = 1_000;
/** In place of a device: any. */
const ANY = '';

/** Frames of a device that were not kept; times in ms, both ends inclusive. */
export interface NotKept {
  readonly device: string;
  /** When they were received. */
  readonly from: number;
  readonly to: number;
  /** Their event times, in whole days. */
  readonly at: readonly [from: number, to: number];
}

/** Beginning and last millisecond of a day in Beijing. */
const dayOf = (at: number): number => Math.floor((at + BEIJING_OFFSET_MS) / DAY);
const beginOf = (day: number): number => day * DAY - BEIJING_OFFSET_MS;
const endOf = (day: number): number => beginOf(day + 1) - 1;

export class FrameBudget {
  readonly #bytesMax: number;
  #day = Number.NaN;
  /** Bytes taken today, by device. */
  #taken = new Map<string, number>();
  #spans: NotKept[] = [];
  #changed = false;
  /** Frames that were not kept since the start. */
  refused = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  restore(db: JournalDb): void {
    this.#spans = JSON.parse(String(db.state(STATE_SPANS) ?? '[]')) as NotKept[];
  }

  /** Whether a frame that came now is kept; it counts then. */
  admits(frame: ReceivedFrame, now: number): boolean {
    const day = dayOf(now);
    if (day !== this.#day) this.#begin(day);
    const taken = (this.#taken.get(frame.device) ?? 0) + weightOf(frame);
    if (taken <= this.#bytesMax) {
      this.#taken.set(frame.device, taken);
      return true;
    }
    // Smaller ones are not kept either: from here to the day's end all are missing, and one span says so.
    this.#taken.set(frame.device, Number.POSITIVE_INFINITY);
    this.#tell(frame, day);
    this.refused++;
    return false;
  }

  #begin(day: number): void {
    this.#day = day;
    this.#taken = new Map();
    // Those that were over it before a restart still are.
    for (const { device, to } of this.#spans)
      if (to === endOf(day) && device !== ANY) this.#taken.set(device, Number.POSITIVE_INFINITY);
  }

  #tell({ device, at, receivedAt }: ReceivedFrame, day: number): void {
    const to = Math.max(endOf(day), receivedAt);
    const known = this.#spans.findIndex((span) => span.device === device && span.to >= to);
    const before = this.#spans[known];
    if (
      before !== undefined &&
      before.from <= receivedAt &&
      before.at[0] <= at &&
      before.at[1] >= at
    )
      return;
    const [first, last] = [beginOf(dayOf(at)), endOf(dayOf(at))];
    const span: NotKept = {
      device,
      from: Math.min(before?.from ?? receivedAt, receivedAt),
      to: before?.to ?? to,
      at: [Math.min(before?.at[0] ?? first, first), Math.max(before?.at[1] ?? last, last)],
    };
    if (before === undefined) this.#spans.push(span);
    else this.#spans[known] = span;
    if (this.#spans.length > SPANS_MAX) {
      const [one, other] = this.#spans.splice(0, 2) as [NotKept, NotKept];
      this.#spans.unshift(joined(one, other));
    }
    this.#changed = true;
  }

  /** What was not kept of a device and may be about these event times, `from` ≤ at < `to`. */
  notKept(device: string, from: number, to: number): NotKept[] {
    return this.#spans.filter(
      (span) =>
        (span.device === device || span.device === ANY) && span.at[1] >= from && span.at[0] < to,
    );
  }

  get spans(): number {
    return this.#spans.length;
  }

  /** What was received before would be deleted by now. */
  forget(before: number): void {
    const kept = this.#spans.filter(({ to }) => to >= before);
    if (kept.length === this.#spans.length) return;
    this.#spans = kept;
    this.#changed = true;
  }

  /** Whether `save` has something to write. */
  get hasUnsaved(): boolean {
    return this.#changed;
  }

  /** Writes the spans; inside a transaction `saved` must follow its success. */
  save(db: JournalDb): void {
    db.setState(STATE_SPANS, JSON.stringify(this.#spans));
  }

  saved(): void {
    this.#changed = false;
  }
}

const joined = (one: NotKept, other: NotKept): NotKept => ({
  device: one.device === other.device ? one.device : ANY,
  from: Math.min(one.from, other.from),
  to: Math.max(one.to, other.to),
  at: [Math.min(one.at[0], other.at[0]), Math.max(one.at[1], other.at[1])],
});
