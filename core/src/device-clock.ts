/**
 * How far a device's own clock is off, found from what it sends: the time that it tells against the time of receipt. One
 * late message says nothing about a clock, since messages wait; a clock that is behind is behind in one message after the other.
 */
import { DAY, HOUR, MINUTE, SECOND } from './duration.ts';

/** What a device itself sends later than this is history, not news. */
export const NEWS_MS = 15 * MINUTE;

/** Messages that differ by more than this are not of one state of the clock. */
const STEP_MS = MINUTE;
/** Messages and time that it takes to believe that a clock is behind, or has been set. */
const BELIEVED_COUNT = 3;
const BELIEVED_MS = 1.5 * SECOND;
/** Messages that the offset is a mean of, and those that the drift begins after. */
const MEAN_OF = 16;
const DRIFT_AFTER = 8;
/** A shorter time would take the wavering of a network for a drift. */
const DRIFT_SPAN_MS = 6 * HOUR;
/** Times are corrected by the same offset until the measured one is further from it: what is told twice is one time. */
const CORRECTION_SLACK_MS = 10 * SECOND;
/** A gateway may hold a message for a minute and a half, which looks like a clock that is behind. */
const RELAYED_SLACK_MS = 2 * MINUTE;

/** All in milliseconds. */
export interface ClockOffset {
  /** The device's clock minus ours: negative when it is behind. */
  readonly offset: number;
  /** How much the offset grows in a day; null until it was watched for six hours. */
  readonly drift: number | null;
  /** When the first message of this state of the clock was received. */
  readonly since: number;
}

/** Messages that all speak of one state of the clock. */
class Run {
  readonly since: number;
  count = 1;
  offset: number;
  /** Said at a moment that we know, so that no waiting is in it. */
  isProved = false;
  #driftFrom: { readonly at: number; readonly offset: number } | null = null;
  #last: number;

  constructor(offset: number, receivedAt: number) {
    this.offset = offset;
    this.since = receivedAt;
    this.#last = receivedAt;
  }

  add(offset: number, receivedAt: number): void {
    this.count++;
    this.offset += (offset - this.offset) / Math.min(this.count, MEAN_OF);
    this.#last = receivedAt;
    if (this.count === DRIFT_AFTER) this.#driftFrom = { at: receivedAt, offset: this.offset };
  }

  /**
   * Whether a message speaks of the same state while there are few of them. What was kept for hours and is sent at once
   * falls less and less behind; a clock that is behind stays so.
   */
  resembles(offset: number, receivedAt: number): boolean {
    const slack = Math.min(STEP_MS, SECOND + Math.max(0, receivedAt - this.since) / 2);
    return Math.abs(offset - this.offset) <= slack;
  }

  /** Whether enough messages say so to correct times by it. */
  get isSteady(): boolean {
    if (this.isProved) return true;
    return this.count >= BELIEVED_COUNT && this.#last - this.since >= BELIEVED_MS;
  }

  get drift(): number | null {
    const from = this.#driftFrom;
    if (from === null || this.#last - from.at < DRIFT_SPAN_MS) return null;
    return ((this.offset - from.offset) / (this.#last - from.at)) * DAY;
  }
}

export class DeviceClock {
  #believed: Run | null = null;
  /** What the clock may have come to since. */
  #suspected: Run | null = null;
  /** The newest time told in the newest message: the others of a message are its past. */
  #told = Number.NaN;
  #receivedAt = Number.NaN;
  #correction: number;

  /** `correction` is what times were corrected by before the process began. */
  constructor(correction = 0) {
    this.#correction = correction;
  }

  /** A message of the device told this time. */
  note(told: number, receivedAt: number): void {
    if (receivedAt === this.#receivedAt) {
      if (told > this.#told) this.#told = told;
      return;
    }
    this.#settle();
    this.#told = told;
    this.#receivedAt = receivedAt;
  }

  /** A message that told this time was written just now, as we know by other means: it is believed at once. */
  prove(told: number, receivedAt: number): void {
    this.#settle();
    const offset = told - receivedAt;
    const believed = this.#believed;
    if (believed !== null && Math.abs(offset - believed.offset) <= STEP_MS)
      believed.add(offset, receivedAt);
    else this.#believe(new Run(offset, receivedAt));
    if (this.#believed !== null) this.#believed.isProved = true;
    this.#suspected = null;
  }

  /** What is known of it; null before the first time that is worth believing. */
  get offset(): ClockOffset | null {
    this.#settle();
    const run = this.#believed;
    return run === null ? null : { offset: run.offset, drift: run.drift, since: run.since };
  }

  /** What the device's times are corrected by: the offset of its clock in whole seconds, once it is steady. */
  correction(isRelayed: boolean): number {
    this.#settle();
    const run = this.#believed;
    const slack = isRelayed ? RELAYED_SLACK_MS : CORRECTION_SLACK_MS;
    // A clock that was set right is left as it is, not corrected by the way of a message.
    if (run?.isSteady && Math.abs(run.offset - this.#correction) > slack)
      this.#correction =
        Math.abs(run.offset) <= slack ? 0 : Math.round(run.offset / SECOND) * SECOND;
    return this.#correction;
  }

  /** Whether what is told to be of that time is new, by a clock like ours or by the device's own. */
  isNews(told: number, receivedAt: number): boolean {
    if (receivedAt - told <= NEWS_MS) return true;
    if (receivedAt !== this.#receivedAt) this.#settle();
    const run = this.#believed;
    return run !== null && run.offset - (told - receivedAt) <= NEWS_MS;
  }

  #settle(): void {
    if (Number.isNaN(this.#told)) return;
    const offset = this.#told - this.#receivedAt;
    const at = this.#receivedAt;
    this.#told = Number.NaN;
    const believed = this.#believed;
    if (believed !== null && Math.abs(offset - believed.offset) <= STEP_MS) {
      believed.add(offset, at);
      this.#suspected = null;
      return;
    }
    // Nothing is told earlier than it happens: what is told in time shows that the clock is not behind, and what has not
    // happened yet that it is ahead.
    const intelligible =
      believed === null
        ? offset >= -NEWS_MS
        : offset > believed.offset && Math.abs(offset) <= NEWS_MS;
    if (intelligible) {
      this.#believe(new Run(offset, at));
      return;
    }
    const suspected = this.#suspected;
    if (suspected?.resembles(offset, at) !== true) {
      this.#suspected = new Run(offset, at);
      return;
    }
    suspected.add(offset, at);
    if (suspected.count >= BELIEVED_COUNT && at - suspected.since >= BELIEVED_MS)
      this.#believe(suspected);
  }

  #believe(run: Run): void {
    this.#believed = run;
    this.#suspected = null;
  }
}
