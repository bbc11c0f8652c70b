/**
 * Whether a clock of ours can be right, so that stamps may be taken from it: held against when this version was made, what
 * was stamped last, and what the clocks of others say.
 */
import { DAY, HOUR } from './duration.ts';
import { RELEASED } from './event-time.ts';

/** Nobody leaves a county off for so long; a clock that is set wrongly is off by years as a rule. */
const FAR_MS = 365 * DAY;
/** Clocks that agree with ours are within so much. */
const NEAR_MS = DAY;
/** Of so many, all that spoke in an hour have to say that ours is ahead. */
const OTHERS_MIN = 3;
const HEARD_MS = HOUR;

export const CLOCK_FAULTS = [
  'clock-not-set',
  'clock-behind-stored',
  'clock-ahead-of-stored',
  'clock-ahead-of-others',
] as const;
export type ClockFault = (typeof CLOCK_FAULTS)[number];

export class OwnClock {
  readonly #trusted: boolean;
  readonly #elapsed: () => number;
  /** Those who say that our clock is years ahead: when they said so by the measure of durations, and which time. */
  readonly #doubters = new Map<string, { readonly elapsed: number; readonly at: number }>();
  #isDoubted = false;
  /** The last stamp that a clock gave which has been set since, as all who doubted it said. */
  #wrongStamp = 0;
  #agreedAt = Number.NEGATIVE_INFINITY;
  /** Nothing was stamped when this was first asked: there is nothing but others to hold the clock against. */
  #isFirst: boolean | null = null;
  /** What the clock less the durations was when nothing was wrong with it. */
  #rightBase: number | null = null;

  /** `trusted` is for who knows better: nothing is a fault then. */
  constructor(elapsed: () => number, trusted = false) {
    this.#elapsed = elapsed;
    this.#trusted = trusted;
  }

  /** A device or gateway has told the present by its own clock. One that was never set says nothing of ours. */
  told(who: string, at: number, now: number): void {
    const ahead = now - at;
    if (ahead < NEAR_MS) {
      if (ahead > -NEAR_MS) {
        this.#agreedAt = this.#elapsed();
        this.#doubters.clear();
        this.#isDoubted = false;
      }
      return;
    }
    if (ahead > FAR_MS && at >= RELEASED && this.#doubters.size < OTHERS_MIN)
      this.#doubters.set(who, { elapsed: this.#elapsed(), at });
  }

  /** What is wrong with the clock; `stamped` is what was stamped last, 0 when nothing was. */
  fault(now: number, stamped: number): ClockFault | null {
    if (this.#trusted) return null;
    this.#isFirst ??= stamped === 0;
    const elapsed = this.#elapsed();
    const fault = this.#faultAt(now, elapsed, stamped);
    if (fault === null) this.#rightBase = now - elapsed;
    return fault;
  }

  #faultAt(now: number, elapsed: number, stamped: number): ClockFault | null {
    if (now < RELEASED) return 'clock-not-set';
    const isAgreed = elapsed - this.#agreedAt < HEARD_MS;
    this.#noteSet(now, elapsed, stamped);
    if (stamped > 0 && !isAgreed) {
      if (now < stamped - FAR_MS && stamped > this.#wrongStamp) return 'clock-behind-stored';
      // Time that has passed since is no fault of the clock.
      const base = this.#rightBase;
      const hasPassed = base !== null && Math.abs(now - elapsed - base) < FAR_MS;
      if (now > stamped + FAR_MS && !hasPassed) return 'clock-ahead-of-stored';
    }
    // Where stamps are stored, three devices whose clocks stand in a year before stop nothing.
    if (!this.#isFirst || this.#doubters.size < OTHERS_MIN) return null;
    if (this.#isDoubted) return 'clock-ahead-of-others';
    const heard = [...this.#doubters.values()].filter((one) => elapsed - one.elapsed < HEARD_MS);
    if (heard.length < OTHERS_MIN) return null;
    // Nothing is taken in from now on, so nobody can say it again: it holds until the clock is set.
    this.#isDoubted = true;
    return 'clock-ahead-of-others';
  }

  /**
   * The clock of a process that began with nothing stored was doubted, and now says what they say who doubted it: it has been
   * set. What it had stamped before is no measure; else nobody could speak for it, since nothing would be taken in.
   */
  #noteSet(now: number, elapsed: number, stamped: number): void {
    if (!this.#isFirst || this.#doubters.size < OTHERS_MIN) return;
    for (const one of this.#doubters.values())
      if (Math.abs(one.at + elapsed - one.elapsed - now) >= NEAR_MS) return;
    this.#doubters.clear();
    this.#isDoubted = false;
    this.#wrongStamp = stamped;
  }
}
