/**
 * The condition of each level of each instance of a rule: normal, pending, active, clearing (docs/rules.md has the table). All times are
 * event times. What a clock would have raised or ended before a reading is done before the reading is judged, so that the
 * result follows from the readings alone and not from when they or the clock's ticks arrive.
 */

export const NORMAL = 0;
export const PENDING = 1;
export const ACTIVE = 2;
export const CLEARING = 3;
const CONDITION = 3;
/** The last reading said what the wait is for: true while pending, over while clearing. */
const HELD = 4;

export interface LevelTimes {
  readonly forMs: readonly number[];
  readonly clearForMs: number;
  readonly minActiveMs: number;
  readonly strictFor: boolean;
}

export interface LevelsState {
  readonly state: Uint8Array;
  readonly since: Float64Array;
  readonly due: Float64Array;
  readonly began: Float64Array;
}

const grown = (old: Float64Array, size: number): Float64Array<ArrayBuffer> => {
  const next = new Float64Array(size);
  next.set(old);
  return next;
};

export class Levels {
  readonly count: number;
  readonly #times: LevelTimes;
  /** By instance × levels + level. */
  state = new Uint8Array(0);
  /** Since when it is pending or clearing; of an active one since when its condition holds. */
  since = new Float64Array(0);
  /** When the wait is over. */
  due = new Float64Array(0);
  /** Since when an active level's condition holds. */
  began = new Float64Array(0);
  /** When a timer of it comes; 0 without one. */
  armed = new Float64Array(0);

  constructor(count: number, times: LevelTimes) {
    this.count = count;
    this.#times = times;
  }

  resize(instances: number): void {
    const size = instances * this.count;
    const state = new Uint8Array(size);
    state.set(this.state);
    this.state = state;
    this.since = grown(this.since, size);
    this.due = grown(this.due, size);
    this.began = grown(this.began, size);
    this.armed = grown(this.armed, size);
  }

  condition(k: number): number {
    return (this.state[k] as number) & CONDITION;
  }

  /** Whether the level alerts. */
  isRaised(k: number): boolean {
    return this.condition(k) >= ACTIVE;
  }

  /** Waits for a moment, and the last reading said that it may come. */
  waits(k: number): boolean {
    const state = this.state[k] as number;
    const condition = state & CONDITION;
    return (state & HELD) !== 0 && (condition === PENDING || condition === CLEARING);
  }

  /** The wait is over at its moment, as nothing newer said otherwise. Tells the new condition. */
  elapse(k: number): void {
    const due = this.due[k] as number;
    if (this.condition(k) === PENDING) this.#raise(k, this.since[k] as number);
    else this.#set(k, NORMAL, due);
  }

  /** Of a time without readings nobody knows anything: it does not count towards a wait. */
  skip(k: number, gapMs: number): void {
    const condition = this.condition(k);
    if (condition === PENDING || condition === CLEARING)
      this.due[k] = (this.due[k] as number) + gapMs;
  }

  /** Judges a reading: `when` and `clear` are 1, 0 or NaN. Tells whether a wait began or may come to its end now. */
  judge(k: number, level: number, at: number, when: number, clear: number): boolean {
    switch (this.condition(k)) {
      case NORMAL:
        return when === 1 && this.#begin(k, level, at);
      case PENDING:
        return this.#pending(k, at, when, clear);
      case ACTIVE:
        return clear === 1 && this.#end(k, at);
      default:
        return this.#clearing(k, at, when, clear);
    }
  }

  #begin(k: number, level: number, at: number): boolean {
    const forMs = this.#times.forMs[level] as number;
    if (forMs === 0) {
      this.#raise(k, at);
      return false;
    }
    this.#set(k, PENDING | HELD, at);
    this.due[k] = at + forMs;
    return true;
  }

  #pending(k: number, at: number, when: number, clear: number): boolean {
    if (when === 1) {
      if (at >= (this.due[k] as number)) this.#raise(k, this.since[k] as number);
      else if (((this.state[k] as number) & HELD) === 0) {
        this.state[k] = PENDING | HELD;
        return true;
      }
      return false;
    }
    if (clear === 1 || this.#times.strictFor) this.#set(k, NORMAL, at);
    else this.state[k] = PENDING;
    return false;
  }

  #end(k: number, at: number): boolean {
    const { clearForMs, minActiveMs } = this.#times;
    const due = Math.max(at + clearForMs, (this.began[k] as number) + minActiveMs);
    if (due <= at) {
      this.#set(k, NORMAL, at);
      return false;
    }
    this.#set(k, CLEARING | HELD, at);
    this.due[k] = due;
    return true;
  }

  #clearing(k: number, at: number, when: number, clear: number): boolean {
    if (clear === 1) {
      if (at >= (this.due[k] as number)) this.#set(k, NORMAL, at);
      else if (((this.state[k] as number) & HELD) === 0) {
        this.state[k] = CLEARING | HELD;
        return true;
      }
      return false;
    }
    // Not over, or between `when` and `clear`; what is unknown changes nothing.
    if (when === 1 || clear === 0) this.#set(k, ACTIVE, this.began[k] as number);
    else this.state[k] = CLEARING;
    return false;
  }

  /** Raised from outside: so many true readings in so long a time. */
  raise(k: number, since: number): void {
    this.#raise(k, since);
  }

  /** As if nothing had ever been. */
  reset(i: number): void {
    for (let k = i * this.count; k < (i + 1) * this.count; k++) this.#set(k, NORMAL, 0);
  }

  areNormal(i: number): boolean {
    for (let k = i * this.count; k < (i + 1) * this.count; k++)
      if (this.condition(k) !== NORMAL) return false;
    return true;
  }

  /** Whether some wait of an instance is over before a moment. */
  mayElapse(i: number, before: number): boolean {
    for (let k = i * this.count; k < (i + 1) * this.count; k++)
      if (this.waits(k) && (this.due[k] as number) < before) return true;
    return false;
  }

  /** Of instances from one before another. */
  snapshot(from: number, to: number): LevelsState {
    const [first, end] = [from * this.count, to * this.count];
    return {
      state: this.state.slice(first, end),
      since: this.since.slice(first, end),
      due: this.due.slice(first, end),
      began: this.began.slice(first, end),
    };
  }

  /** Takes instance `n` of a snapshot up as `i`. */
  restore({ state, since, due, began }: LevelsState, n: number, i: number): void {
    for (let level = 0; level < this.count; level++) {
      const [from, to] = [n * this.count + level, i * this.count + level];
      this.state[to] = state[from] as number;
      this.since[to] = since[from] as number;
      this.due[to] = due[from] as number;
      this.began[to] = began[from] as number;
    }
  }

  #raise(k: number, since: number): void {
    this.#set(k, ACTIVE, since);
    this.began[k] = since;
  }

  #set(k: number, state: number, since: number): void {
    this.state[k] = state;
    this.since[k] = since;
  }
}
