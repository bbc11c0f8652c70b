/** What is known of the inputs of all instances of a rule: the latest value of each, and what series functions give; arrays by instance. */
import { quantity } from '@village/core';
import type { Facts, WindowCall } from '../language/expression.ts';
import type { Input, Rule } from '../model.ts';
import type { Column } from './batch.ts';
import type { RuleSubject } from './program-types.ts';
import { Series, type SeriesState } from './windows.ts';

/** No value has come yet. */
export const MISSING = -1;
/** A reading before is none of the rate's when it is older than so many intervals. */
const RATE_GAP_INTERVALS = 3;

export interface InputsState {
  readonly at: Float64Array;
  readonly values: Float64Array;
  readonly qualities: Int8Array;
  readonly goodAt: Float64Array;
  readonly good: Float64Array;
  readonly windows: Float64Array;
  /** By instance × inputs; null where an input has no windows. */
  readonly series: readonly (SeriesState | null)[];
}

interface Step {
  readonly call: WindowCall;
  readonly slot: number;
}

const isStep = ({ function: name }: WindowCall): boolean =>
  name === 'rate' || name === 'changed' || name === 'ewma';

function grown<A extends Float64Array | Int8Array>(old: A, next: A, fill: number): A {
  next.fill(fill);
  next.set(old as never);
  return next;
}

export class Inputs {
  readonly #rule: Rule;
  readonly #inputs: readonly Input[];
  readonly #windowCount: number;
  /** By instance × inputs: the latest value, when it is of, and its quality. */
  #at = new Float64Array(0);
  #values = new Float64Array(0);
  #qualities = new Int8Array(0);
  /** The latest of a quality that counts. */
  #goodAt = new Float64Array(0);
  #good = new Float64Array(0);
  /** By instance × functions. */
  #windows = new Float64Array(0);
  #attributes = new Float64Array(0);
  #intervals = new Float64Array(0);
  /** By input: functions that look at the reading before alone, and those of windows. */
  readonly #steps: readonly (readonly Step[])[];
  readonly #calls: readonly (readonly Step[])[];
  readonly #series: (Series | null)[] = [];
  readonly #counters: boolean[] = [];

  constructor(rule: Rule, inputs: readonly Input[]) {
    this.#rule = rule;
    this.#inputs = inputs;
    const { windows } = rule.slots;
    this.#windowCount = windows.length;
    const all = windows.map((call, slot) => ({ call, slot }));
    const own = (input: number, steps: boolean): Step[] =>
      all.filter(({ call }) => call.input === input && isStep(call) === steps);
    this.#steps = inputs.map((_, input) => own(input, true));
    this.#calls = inputs.map((_, input) => own(input, false));
  }

  resize(instances: number): void {
    const size = instances * this.#inputs.length;
    this.#at = grown(this.#at, new Float64Array(size), Number.NaN);
    this.#values = grown(this.#values, new Float64Array(size), Number.NaN);
    this.#qualities = grown(this.#qualities, new Int8Array(size), MISSING);
    this.#goodAt = grown(this.#goodAt, new Float64Array(size), Number.NaN);
    this.#good = grown(this.#good, new Float64Array(size), Number.NaN);
    const windows = new Float64Array(instances * this.#windowCount);
    this.#windows = grown(this.#windows, windows, Number.NaN);
    const attributes = new Float64Array(instances * this.#rule.slots.attributes.length);
    this.#attributes = grown(this.#attributes, attributes, Number.NaN);
    this.#intervals = grown(this.#intervals, new Float64Array(instances), 0);
  }

  add(i: number, subject: RuleSubject): void {
    const { profile } = subject;
    this.#intervals[i] = profile.reportEveryMs;
    this.attributesOf(i, subject);
    this.#inputs.forEach(({ metric, quantity: id }, slot) => {
      const own = profile.metrics.find((one) =>
        metric === null ? one.quantity === id : one.key === metric,
      );
      const n = i * this.#inputs.length + slot;
      this.#counters[n] = own !== undefined && quantity(own.quantity)?.total === true;
      const calls = this.#calls[slot] as readonly Step[];
      this.#series[n] = calls.length === 0 ? null : new Series(calls, profile.reportEveryMs);
    });
  }

  /** What is said of a device is another now. */
  attributesOf(i: number, { attributes }: RuleSubject): void {
    const keys = this.#rule.slots.attributes;
    keys.forEach((key, slot) => {
      const value = attributes[key];
      this.#attributes[i * keys.length + slot] = typeof value === 'number' ? value : Number.NaN;
    });
  }

  /** Takes what a row brings of each input; what is older than what is known goes into windows alone. */
  learn(i: number, at: number, row: number, columns: readonly (Column | null)[]): void {
    const { qualities } = this.#rule;
    for (let slot = 0; slot < columns.length; slot++) {
      const column = columns[slot];
      if (column === null || column === undefined) continue;
      const value = column.values[row] as number;
      if (Number.isNaN(value)) continue;
      const quality = column.codes === null ? 0 : (column.codes[row] as number);
      const counts = qualities.has(quality);
      const n = i * columns.length + slot;
      if (at <= (this.#at[n] as number)) {
        if (counts) this.#series[n]?.takeLate(at, value);
        continue;
      }
      this.#at[n] = at;
      this.#values[n] = counts ? value : Number.NaN;
      this.#qualities[n] = quality;
      if (counts) this.#take(i, slot, n, at, value);
    }
  }

  #take(i: number, slot: number, n: number, at: number, value: number): void {
    const steps = this.#steps[slot] as readonly Step[];
    for (let m = 0; m < steps.length; m++) this.#step(i, n, at, value, steps[m] as Step);
    this.#goodAt[n] = at;
    this.#good[n] = value;
    this.#series[n]?.take(at, value, this.#windows, i * this.#windowCount);
  }

  #step(i: number, n: number, at: number, value: number, { call, slot }: Step): void {
    const before = this.#good[n] as number;
    const gap = at - (this.#goodAt[n] as number);
    const place = i * this.#windowCount + slot;
    let result: number;
    if (call.function === 'changed')
      result = Number.isNaN(before) ? before : Number(value !== before);
    else if (call.function === 'rate') {
      const known = gap <= RATE_GAP_INTERVALS * (this.#intervals[i] as number);
      const isReset = value < before && this.#counters[n] === true;
      result = known && !isReset ? ((value - before) * 1000) / gap : Number.NaN;
    } else {
      const mean = this.#windows[place] as number;
      result = Number.isNaN(mean) ? value : mean + (1 - Math.exp(-gap / call.ms)) * (value - mean);
    }
    this.#windows[place] = result;
  }

  /** A row that is too old to be judged. */
  learnLate(i: number, at: number, row: number, columns: readonly (Column | null)[]): void {
    for (let slot = 0; slot < columns.length; slot++) {
      const series = this.#series[i * columns.length + slot];
      const column = columns[slot];
      if (series === null || series === undefined || column === null || column === undefined)
        continue;
      const value = column.values[row] as number;
      const quality = column.codes === null ? 0 : (column.codes[row] as number);
      if (Number.isNaN(value) || !this.#rule.qualities.has(quality)) continue;
      series.takeLate(at, value);
      series.results(this.#windows, i * this.#windowCount);
    }
  }

  /** Puts down what expressions may look at. */
  fill(i: number, facts: Facts, at: number): void {
    const inputs = this.#inputs;
    for (let slot = 0; slot < inputs.length; slot++) {
      const n = i * inputs.length + slot;
      const age = at - (this.#at[n] as number);
      const isOld = slot > 0 && age > (inputs[slot] as Input).maxAgeMs;
      facts.values[slot] = isOld ? Number.NaN : (this.#values[n] as number);
      facts.ages[slot] = age / 1000;
      facts.qualities[slot] = this.#qualities[n] as number;
    }
    const windows = this.#windowCount;
    for (let slot = 0; slot < windows; slot++)
      facts.windows[slot] = this.#windows[i * windows + slot] as number;
    const { length } = this.#rule.slots.attributes;
    for (let slot = 0; slot < length; slot++)
      facts.attributes[slot] = this.#attributes[i * length + slot] as number;
    facts.at = at;
  }

  /** Readings that windows let go of since there were too many. */
  get dropped(): number {
    return this.#series.reduce((sum, one) => sum + (one?.dropped ?? 0), 0);
  }

  /** Of instances from one before another. */
  state(from: number, to: number): InputsState {
    const [first, end] = [from * this.#inputs.length, to * this.#inputs.length];
    const windows = this.#windowCount;
    return {
      at: this.#at.slice(first, end),
      values: this.#values.slice(first, end),
      qualities: this.#qualities.slice(first, end),
      goodAt: this.#goodAt.slice(first, end),
      good: this.#good.slice(first, end),
      windows: this.#windows.slice(from * windows, to * windows),
      series:
        windows === 0 ? [] : this.#series.slice(first, end).map((one) => one?.state() ?? null),
    };
  }

  /** Takes instance `n` of a state up as `i`. */
  restore(state: InputsState, n: number, i: number): void {
    const { length } = this.#inputs;
    for (let slot = 0; slot < length; slot++) {
      const [from, to] = [n * length + slot, i * length + slot];
      this.#at[to] = state.at[from] as number;
      this.#values[to] = state.values[from] as number;
      this.#qualities[to] = state.qualities[from] as number;
      this.#goodAt[to] = state.goodAt[from] as number;
      this.#good[to] = state.good[from] as number;
      const own = state.series[from];
      if (own !== null && own !== undefined) this.#series[to]?.restore(own);
    }
    const windows = this.#windowCount;
    for (let slot = 0; slot < windows; slot++)
      this.#windows[i * windows + slot] = state.windows[n * windows + slot] as number;
  }
}
