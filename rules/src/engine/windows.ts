/**
 * Series functions of a rule's inputs, kept up to date with each reading in constant time on average. A window is (t − length, t] of event
 * time and exact: it holds the readings themselves. It is unknown until readings are known from its beginning on, so that a new device or
 * an engine that has just begun does not take a few readings for a whole day.
 */
import { bug } from '@village/core';
import type { WindowCall } from '../language/expression.ts';

/** Readings that one window holds; what reports faster than a window of that many is judged over fewer, and counted. */
export const SAMPLES_MAX = 16_384;
const FIRST_CAPACITY = 8;

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
  readonly mean: number;
  /** Sum of squared differences from the mean. */
  readonly squares: number;
}

const NOTHING: Sum = { count: 0, mean: 0, squares: 0 };

function plus(one: Sum, other: Sum): Sum {
  if (one.count === 0) return other;
  if (other.count === 0) return one;
  const count = one.count + other.count;
  const apart = other.mean - one.mean;
  return {
    count,
    mean: one.mean + (apart * other.count) / count,
    squares: one.squares + other.squares + (apart * apart * one.count * other.count) / count,
  };
}

/**
 * What all readings of the window add up to. Nothing is ever subtracted, so that what was rounded does not pile up: of the older readings it
 * knows the sum from each of them on, of the newer the sum of all; when the older are used up the newer become the older.
 */
abstract class Added<Part> extends Aggregate {
  /** From each of the older readings on to the last of them; the oldest is on top. */
  readonly #older: Part[] = [];
  readonly #nothing: Part;
  #newer: Part;

  constructor(samples: Samples, ms: number, nothing: Part) {
    super(samples, ms);
    this.#nothing = nothing;
    this.#newer = nothing;
  }

  protected abstract of(value: number): Part;
  protected abstract plus(one: Part, other: Part): Part;

  protected get all(): Part {
    const { length } = this.#older;
    return length === 0 ? this.#newer : this.plus(this.#older[length - 1] as Part, this.#newer);
  }

  protected enter(n: number): void {
    this.#newer = this.plus(this.#newer, this.of(this.samples.value(n)));
  }

  protected leave(n: number): void {
    if (this.#older.length === 0) this.#turn(n, this.samples.size);
    this.#older.pop();
  }

  /** What comes before `end` becomes older. */
  #turn(from: number, end: number): void {
    let sum = this.#nothing;
    for (let n = end - 1; n >= from; n--) {
      sum = this.plus(this.of(this.samples.value(n)), sum);
      this.#older.push(sum);
    }
    this.#newer = this.#nothing;
  }

  protected clear(): void {
    this.#older.length = 0;
    this.#newer = this.#nothing;
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
}

/** Counts, sums and means. */
class Sums extends Added<number> {
  readonly #which: 'avg' | 'sum' | 'count';

  constructor(samples: Samples, ms: number, which: 'avg' | 'sum' | 'count') {
    super(samples, ms, 0);
    this.#which = which;
  }

  protected of(value: number): number {
    return value;
  }

  protected plus(one: number, other: number): number {
    return one + other;
  }

  result(): number {
    const { count } = this;
    if (this.#which === 'count') return count;
    if (this.#which === 'sum') return this.all;
    return count === 0 ? Number.NaN : this.all / count;
  }
}

class Deviation extends Added<Sum> {
  constructor(samples: Samples, ms: number) {
    super(samples, ms, NOTHING);
  }

  protected of(value: number): Sum {
    return { count: 1, mean: value, squares: 0 };
  }

  protected plus(one: Sum, other: Sum): Sum {
    return plus(one, other);
  }

  /** Of a sample: n - 1. */
  result(): number {
    const { count, squares } = this.all;
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

function aggregate(call: WindowCall, samples: Samples): Aggregate {
  switch (call.function) {
    case 'avg':
    case 'sum':
    case 'count':
      return new Sums(samples, call.ms, call.function);
    case 'stddev':
      return new Deviation(samples, call.ms);
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
      return bug(`${call.function} has no window`);
  }
}

/** All functions over windows of one input of one device. */
export class Series {
  readonly #samples: Samples;
  readonly #longest: number;
  readonly #intervalMs: number;
  readonly #aggregates: readonly {
    readonly of: Aggregate;
    readonly slot: number;
    readonly ms: number;
  }[];

  /** `calls` says the slot of each function. */
  constructor(
    calls: readonly { readonly call: WindowCall; readonly slot: number }[],
    intervalMs: number,
  ) {
    this.#intervalMs = intervalMs;
    this.#longest = Math.max(...calls.map(({ call }) => call.ms));
    this.#samples = new Samples(this.#longest);
    const samples = this.#samples;
    this.#aggregates = calls.map(({ call, slot }) => ({
      of: aggregate(call, samples),
      slot,
      ms: call.ms,
    }));
  }

  get dropped(): number {
    return this.#samples.dropped;
  }

  /** Takes a reading that is newer than all before, and puts what each function gives into its slot behind `offset`. */
  take(at: number, value: number, results: Float64Array, offset = 0): void {
    const samples = this.#samples;
    samples.add(at, value);
    const aggregates = this.#aggregates;
    for (let n = 0; n < aggregates.length; n++) (aggregates[n] as { of: Aggregate }).of.advance();
    const gone = samples.before(at - this.#longest);
    if (gone > 0) {
      samples.drop(gone);
      for (let n = 0; n < aggregates.length; n++)
        (aggregates[n] as { of: Aggregate }).of.shift(gone);
    }
    this.results(results, offset);
  }

  /** Takes a reading that is older than the newest: windows that it lies in hold it from now on. */
  takeLate(at: number, value: number): void {
    if (this.#samples.size === 0) return;
    this.#samples.add(at, value);
    for (const { of } of this.#aggregates) of.rebuild();
  }

  /** Puts what each function gives into its slot. */
  results(results: Float64Array, offset = 0): void {
    const samples = this.#samples;
    if (samples.size === 0) return;
    const newest = samples.at(samples.size - 1);
    const aggregates = this.#aggregates;
    for (let n = 0; n < aggregates.length; n++) {
      const { of, slot, ms } = aggregates[n] as { of: Aggregate; slot: number; ms: number };
      const whole = samples.since <= newest - ms + this.#intervalMs;
      results[offset + slot] = whole ? of.result() : Number.NaN;
    }
  }

  /** For a snapshot: all that later results follow from. */
  state(): SeriesState {
    const samples = this.#samples;
    const at = new Float64Array(samples.size);
    const values = new Float64Array(samples.size);
    for (let n = 0; n < samples.size; n++) {
      at[n] = samples.at(n);
      values[n] = samples.value(n);
    }
    const places = this.#aggregates.map(({ of }) => of.place);
    return { since: samples.since, at, values, places };
  }

  restore({ since, at, values, places }: SeriesState): void {
    for (let n = 0; n < at.length; n++) this.#samples.add(at[n] as number, values[n] as number);
    this.#samples.since = since;
    if (at.length > 0)
      for (const [n, { of }] of this.#aggregates.entries()) of.restore(places[n] as number);
  }
}

export interface SeriesState {
  readonly since: number;
  readonly at: Float64Array;
  readonly values: Float64Array;
  /** What results depend on besides the readings, by function. */
  readonly places: readonly number[];
}
