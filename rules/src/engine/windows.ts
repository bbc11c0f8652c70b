/**
 * Series functions of a rule's inputs, kept up to date with each reading in constant time on average. A window is (t − length, t] of event
 * time and exact: it holds the readings themselves. It is unknown until readings are known from its beginning on, so that a new device or
 * an engine that has just begun does not take a few readings for a whole day.
 */
import type { WindowCall } from '../language/expression.ts';

/** Readings that one window holds; what reports faster than a window of that many is judged over fewer, and counted. */
export const SAMPLES_MAX = 16_384;
const FIRST_CAPACITY = 8;
/** A reading before is none of the rate's when it is older than so many intervals. */
const RATE_GAP_INTERVALS = 3;

/** Readings of one input of one device, in order of time, as long as the longest window looks back. */
export class Samples {
  #at = new Float64Array(FIRST_CAPACITY);
  #value = new Float64Array(FIRST_CAPACITY);
  #head = 0;
  size = 0;
  /** Readings that were let go of since there were too many. */
  dropped = 0;
  /** From when on every reading is here or was let go of for its age. */
  since = Number.NaN;
  readonly #keepMs: number;

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  at(n: number): number {
    return this.#at[(this.#head + n) & (this.#at.length - 1)] as number;
  }

  value(n: number): number {
    return this.#value[(this.#head + n) & (this.#at.length - 1)] as number;
  }

  /** Puts a reading where its time says; one of the same time is replaced. Tells whether it was the newest. */
  add(at: number, value: number): boolean {
    if (Number.isNaN(this.since)) this.since = at;
    const newest = this.size === 0 ? Number.NEGATIVE_INFINITY : this.at(this.size - 1);
    if (at <= newest - this.#keepMs) return false;
    let place = this.size;
    while (place > 0 && this.at(place - 1) >= at) place--;
    if (place < this.size && this.at(place) === at) {
      this.#value[(this.#head + place) & (this.#at.length - 1)] = value;
      return false;
    }
    this.#insert(place, at, value);
    if (at < this.since) this.since = at;
    return place === this.size - 1;
  }

  #insert(place: number, at: number, value: number): void {
    if (this.size === SAMPLES_MAX) {
      this.dropped++;
      this.since = this.at(1);
      this.drop(1);
      place = Math.max(0, place - 1);
    }
    if (this.size === this.#at.length) this.#grow();
    const mask = this.#at.length - 1;
    for (let n = this.size; n > place; n--) {
      const to = (this.#head + n) & mask;
      const from = (this.#head + n - 1) & mask;
      this.#at[to] = this.#at[from] as number;
      this.#value[to] = this.#value[from] as number;
    }
    this.#at[(this.#head + place) & mask] = at;
    this.#value[(this.#head + place) & mask] = value;
    this.size++;
  }

  #grow(): void {
    const at = new Float64Array(this.#at.length * 2);
    const value = new Float64Array(at.length);
    for (let n = 0; n < this.size; n++) {
      at[n] = this.at(n);
      value[n] = this.value(n);
    }
    this.#at = at;
    this.#value = value;
    this.#head = 0;
  }

  /** Lets go of the oldest. */
  drop(count: number): void {
    this.#head = (this.#head + count) & (this.#at.length - 1);
    this.size -= count;
  }

  /** How many of the oldest are at or before an instant. */
  before(at: number): number {
    let n = 0;
    while (n < this.size && this.at(n) <= at) n++;
    return n;
  }

  /** For a snapshot. */
  *[Symbol.iterator](): Generator<readonly [at: number, value: number]> {
    for (let n = 0; n < this.size; n++) yield [this.at(n), this.value(n)];
  }
}

/** One series function over readings: what is told of the window that ends with the newest. */
abstract class Aggregate {
  /** Of the readings the first in the window. */
  protected from = 0;
  protected readonly samples: Samples;
  protected readonly ms: number;

  constructor(samples: Samples, ms: number) {
    this.samples = samples;
    this.ms = ms;
  }

  /** The newest reading was added; older ones leave. */
  advance(): void {
    const { samples } = this;
    this.enter(samples.size - 1);
    const begin = samples.at(samples.size - 1) - this.ms;
    while (samples.at(this.from) <= begin) this.leave(this.from++);
  }

  /** Readings came between: everything is taken up again. */
  rebuild(): void {
    this.clear();
    this.from = this.samples.before(this.samples.at(this.samples.size - 1) - this.ms);
    for (let n = this.from; n < this.samples.size; n++) this.enter(n);
  }

  /** So many of the oldest readings were let go of; they had left the window. */
  shift(count: number): void {
    this.from = Math.max(0, this.from - count);
  }

  protected get count(): number {
    return this.samples.size - this.from;
  }

  /** What results depend on besides the readings, for a snapshot: to the last digit they are the same after it. */
  get place(): number {
    return 0;
  }

  restore(_place: number): void {
    this.rebuild();
  }

  protected abstract enter(n: number): void;
  protected abstract leave(n: number): void;
  protected abstract clear(): void;
  abstract result(): number;
}

/** What some readings sum up to; two of them add up to what both sum up to (Chan, Golub and LeVeque 1979). */
interface Sum {
  readonly count: number;
  readonly sum: number;
  readonly mean: number;
  /** Sum of squared differences from the mean. */
  readonly squares: number;
}

const NOTHING: Sum = { count: 0, sum: 0, mean: 0, squares: 0 };

function plus(one: Sum, other: Sum): Sum {
  if (one.count === 0) return other;
  if (other.count === 0) return one;
  const count = one.count + other.count;
  const apart = other.mean - one.mean;
  return {
    count,
    sum: one.sum + other.sum,
    mean: one.mean + (apart * other.count) / count,
    squares: one.squares + other.squares + (apart * apart * one.count * other.count) / count,
  };
}

const only = (value: number): Sum => ({ count: 1, sum: value, mean: value, squares: 0 });

/**
 * Counts, sums, means and deviations. Nothing is ever subtracted, so that what was rounded does not pile up: of the older readings it knows the
 * sum from each of them on, of the newer the sum of all; when the older are used up the newer become the older.
 */
class Sums extends Aggregate {
  readonly #which: 'avg' | 'sum' | 'count' | 'stddev';
  /** From each of the older readings on to the last of them; the oldest is on top. */
  #older: Sum[] = [];
  #newer: Sum = NOTHING;

  constructor(samples: Samples, ms: number, which: 'avg' | 'sum' | 'count' | 'stddev') {
    super(samples, ms);
    this.#which = which;
  }

  protected enter(n: number): void {
    this.#newer = plus(this.#newer, only(this.samples.value(n)));
  }

  protected leave(n: number): void {
    if (this.#older.length === 0) this.#turn(n, this.samples.size);
    this.#older.pop();
  }

  /** What comes before `end` becomes older. */
  #turn(from: number, end: number): void {
    let sum = NOTHING;
    for (let n = end - 1; n >= from; n--) {
      sum = plus(only(this.samples.value(n)), sum);
      this.#older.push(sum);
    }
    this.#newer = NOTHING;
  }

  protected clear(): void {
    this.#older = [];
    this.#newer = NOTHING;
  }

  override get place(): number {
    return this.#older.length;
  }

  override restore(place: number): void {
    this.rebuild();
    this.clear();
    this.#turn(this.from, this.from + place);
    for (let n = this.from + place; n < this.samples.size; n++) this.enter(n);
  }

  result(): number {
    const { count, sum, squares } = plus(this.#older.at(-1) ?? NOTHING, this.#newer);
    if (this.#which === 'count') return count;
    if (this.#which === 'sum') return sum;
    if (this.#which === 'avg') return count === 0 ? Number.NaN : sum / count;
    // Of a sample: n - 1.
    return count < 2 ? Number.NaN : Math.sqrt(squares / (count - 1));
  }
}

/** Lowest or highest: of the readings only those that no later one beats. */
class Extreme extends Aggregate {
  readonly #sign: 1 | -1;
  /** Times and values, best first. */
  #at: number[] = [];
  #value: number[] = [];
  #first = 0;

  constructor(samples: Samples, ms: number, sign: 1 | -1) {
    super(samples, ms);
    this.#sign = sign;
  }

  protected enter(n: number): void {
    const own = this.samples.value(n) * this.#sign;
    while (this.#value.length > this.#first && (this.#value.at(-1) as number) <= own) {
      this.#value.pop();
      this.#at.pop();
    }
    this.#at.push(this.samples.at(n));
    this.#value.push(own);
  }

  protected leave(n: number): void {
    if (this.#at[this.#first] === this.samples.at(n)) this.#first++;
    if (this.#first > 64 && this.#first * 2 > this.#at.length) {
      this.#at = this.#at.slice(this.#first);
      this.#value = this.#value.slice(this.#first);
      this.#first = 0;
    }
  }

  protected clear(): void {
    this.#at = [];
    this.#value = [];
    this.#first = 0;
  }

  result(): number {
    const best = this.#value[this.#first];
    return best === undefined ? Number.NaN : best * this.#sign;
  }
}

/** The first of the window, the last, or what lies between. */
class Edges extends Aggregate {
  readonly #which: 'first' | 'last' | 'delta';

  constructor(samples: Samples, ms: number, which: 'first' | 'last' | 'delta') {
    super(samples, ms);
    this.#which = which;
  }

  protected enter(): void {
    // The readings themselves are all it needs.
  }
  protected leave(): void {
    // The readings themselves are all it needs.
  }
  protected clear(): void {
    // The readings themselves are all it needs.
  }

  result(): number {
    const { samples } = this;
    if (this.count === 0) return Number.NaN;
    const first = samples.value(this.from);
    const last = samples.value(samples.size - 1);
    if (this.#which === 'first') return first;
    return this.#which === 'last' ? last : last - first;
  }
}

function aggregate(call: WindowCall, samples: Samples): Aggregate | null {
  switch (call.function) {
    case 'avg':
    case 'sum':
    case 'count':
    case 'stddev':
      return new Sums(samples, call.ms, call.function);
    case 'min':
      return new Extreme(samples, call.ms, -1);
    case 'max':
      return new Extreme(samples, call.ms, 1);
    case 'first':
    case 'last':
    case 'delta':
      return new Edges(samples, call.ms, call.function);
    case 'ewma':
    case 'rate':
    case 'changed':
      return null;
  }
}

/** What a series looks like to functions that need the reading before alone. */
interface Before {
  at: number;
  value: number;
  /** Exponential mean, by slot. */
  readonly means: Float64Array;
}

export interface SeriesShape {
  /** Functions of this input, and the slot of each. */
  readonly calls: readonly { readonly call: WindowCall; readonly slot: number }[];
  /** How often the device reports, ms. */
  readonly intervalMs: number;
  /** The quantity is a counter: a step back is a reset, not a rate. */
  readonly counter: boolean;
}

/** All series functions of one input of one device. */
export class Series {
  readonly #shape: SeriesShape;
  readonly #samples: Samples | null;
  readonly #longest: number;
  readonly #aggregates: readonly {
    readonly of: Aggregate;
    readonly slot: number;
    readonly ms: number;
  }[];
  readonly #before: Before;

  constructor(shape: SeriesShape) {
    this.#shape = shape;
    this.#longest = Math.max(0, ...shape.calls.map(({ call }) => windowMs(call)));
    this.#samples = this.#longest === 0 ? null : new Samples(this.#longest);
    const samples = this.#samples;
    this.#aggregates = shape.calls.flatMap(({ call, slot }) => {
      const of = samples === null ? null : aggregate(call, samples);
      return of === null ? [] : [{ of, slot, ms: call.ms }];
    });
    this.#before = {
      at: Number.NaN,
      value: Number.NaN,
      means: new Float64Array(shape.calls.length).fill(Number.NaN),
    };
  }

  get dropped(): number {
    return this.#samples?.dropped ?? 0;
  }

  /** Takes a reading that is newer than all before, and puts what each function gives into its slot. */
  take(at: number, value: number, results: Float64Array): void {
    this.#takeBefore(at, value, results);
    const samples = this.#samples;
    if (samples === null) return;
    samples.add(at, value);
    for (const { of } of this.#aggregates) of.advance();
    const gone = samples.before(at - this.#longest);
    if (gone > 0) {
      samples.drop(gone);
      for (const { of } of this.#aggregates) of.shift(gone);
    }
    this.results(results);
  }

  /** Takes a reading that is older than the newest: windows that it lies in hold it from now on. */
  takeLate(at: number, value: number): void {
    const samples = this.#samples;
    if (samples === null || samples.size === 0) return;
    samples.add(at, value);
    for (const { of } of this.#aggregates) of.rebuild();
  }

  /** Puts what each function of a window gives into its slot. */
  results(results: Float64Array): void {
    const samples = this.#samples;
    if (samples === null || samples.size === 0) return;
    const newest = samples.at(samples.size - 1);
    for (const { of, slot, ms } of this.#aggregates) {
      const whole = samples.since <= newest - ms + this.#shape.intervalMs;
      results[slot] = whole ? of.result() : Number.NaN;
    }
  }

  #takeBefore(at: number, value: number, results: Float64Array): void {
    const { calls, counter, intervalMs } = this.#shape;
    const before = this.#before;
    const gap = at - before.at;
    const known = gap <= RATE_GAP_INTERVALS * intervalMs;
    for (let n = 0; n < calls.length; n++) {
      const { call, slot } = calls[n] as SeriesShape['calls'][number];
      if (call.function === 'rate') {
        const reset = counter && value < before.value;
        results[slot] = known && !reset ? ((value - before.value) * 1000) / gap : Number.NaN;
      } else if (call.function === 'changed') {
        results[slot] = Number.isNaN(before.at) ? Number.NaN : Number(value !== before.value);
      } else if (call.function === 'ewma') {
        const mean = before.means[n] as number;
        const share = 1 - Math.exp(-gap / call.ms);
        const next = Number.isNaN(mean) ? value : mean + share * (value - mean);
        before.means[n] = next;
        results[slot] = next;
      }
    }
    before.at = at;
    before.value = value;
  }

  /** For a snapshot: all that later results follow from. */
  state(): SeriesState {
    const { at, value, means } = this.#before;
    return {
      before: [at, value, ...means],
      since: this.#samples?.since ?? Number.NaN,
      samples: this.#samples === null ? [] : [...this.#samples],
      places: this.#aggregates.map(({ of }) => of.place),
    };
  }

  restore({ before, since, samples, places }: SeriesState): void {
    [this.#before.at, this.#before.value] = before as [number, number];
    this.#before.means.set(before.slice(2, 2 + this.#before.means.length));
    if (this.#samples === null) return;
    for (const [at, value] of samples) this.#samples.add(at, value);
    this.#samples.since = since;
    if (samples.length > 0)
      for (const [n, { of }] of this.#aggregates.entries()) of.restore(places[n] as number);
  }
}

export interface SeriesState {
  readonly places: readonly number[];
  readonly before: readonly number[];
  readonly since: number;
  readonly samples: readonly (readonly [at: number, value: number])[];
}

/** How long a function's window is; 0 of those that need the reading before alone. */
const windowMs = ({ function: name, ms }: WindowCall): number =>
  name === 'ewma' || name === 'rate' || name === 'changed' ? 0 : ms;
