/** What is known of the inputs of one device for one rule: the latest value of each, and its series functions. */
import { quantity } from '@village/core';
import type { Facts } from '../language/expression.ts';
import type { Input, Rule } from '../model.ts';
import type { Row, RuleSubject } from './program-types.ts';
import { Series, type SeriesState } from './windows.ts';

/** No value has come yet. */
export const MISSING = -1;

export interface KnownState {
  readonly at: Float64Array;
  readonly values: Float64Array;
  readonly qualities: Int8Array;
  readonly windows: Float64Array;
  readonly series: readonly (SeriesState | null)[];
}

export class Known {
  readonly #at: Float64Array;
  readonly #values: Float64Array;
  readonly #qualities: Int8Array;
  readonly #windows: Float64Array;
  readonly #attributes: Float64Array;
  readonly #series: readonly (Series | null)[];
  readonly #inputs: readonly Input[];
  readonly #rule: Rule;

  constructor(rule: Rule, inputs: readonly Input[], subject: RuleSubject) {
    this.#rule = rule;
    this.#inputs = inputs;
    this.#at = new Float64Array(inputs.length).fill(Number.NaN);
    this.#values = new Float64Array(inputs.length).fill(Number.NaN);
    this.#qualities = new Int8Array(inputs.length).fill(MISSING);
    this.#windows = new Float64Array(rule.slots.windows.length).fill(Number.NaN);
    this.#attributes = new Float64Array(rule.slots.attributes.length);
    this.attributesOf(subject);
    this.#series = inputs.map((input, slot) => seriesOf(rule, input, slot, subject));
  }

  /** What is said of the device is another now. */
  attributesOf({ attributes }: RuleSubject): void {
    this.#rule.slots.attributes.forEach((key, slot) => {
      const value = attributes[key];
      this.#attributes[slot] = typeof value === 'number' ? value : Number.NaN;
    });
  }

  /** Takes what a row brings of each input; what is older than what is known goes into windows alone. */
  learn(at: number, columns: Int32Array, row: Row): void {
    const { qualities } = this.#rule;
    for (let slot = 0; slot < columns.length; slot++) {
      const column = columns[slot] as number;
      if (column < 0) continue;
      const value = row.value(column);
      if (Number.isNaN(value)) continue;
      const quality = row.quality(column);
      const counts = qualities.has(quality);
      const series = this.#series[slot];
      if (at <= (this.#at[slot] as number)) {
        if (counts) series?.takeLate(at, value);
        continue;
      }
      this.#at[slot] = at;
      this.#values[slot] = counts ? value : Number.NaN;
      this.#qualities[slot] = quality;
      if (counts) series?.take(at, value, this.#windows);
    }
  }

  /** A row that is too old to be judged. */
  learnLate(at: number, columns: Int32Array, row: Row): void {
    const { qualities } = this.#rule;
    for (let slot = 0; slot < columns.length; slot++) {
      const series = this.#series[slot];
      const column = columns[slot] as number;
      if (series === null || series === undefined || column < 0) continue;
      const value = row.value(column);
      if (Number.isNaN(value) || !qualities.has(row.quality(column))) continue;
      series.takeLate(at, value);
      series.results(this.#windows);
    }
  }

  /** Puts down what expressions may look at. */
  fill(facts: Facts, at: number): void {
    for (let slot = 0; slot < this.#inputs.length; slot++) {
      const age = at - (this.#at[slot] as number);
      const isOld = slot > 0 && age > (this.#inputs[slot] as Input).maxAgeMs;
      facts.values[slot] = isOld ? Number.NaN : (this.#values[slot] as number);
      facts.ages[slot] = age / 1000;
    }
    facts.qualities.set(this.#qualities);
    facts.windows.set(this.#windows);
    facts.attributes.set(this.#attributes);
    facts.at = at;
  }

  state(): KnownState {
    return {
      at: this.#at,
      values: this.#values,
      qualities: this.#qualities,
      windows: this.#windows,
      series: this.#series.map((series) => series?.state() ?? null),
    };
  }

  restore(state: KnownState): void {
    this.#at.set(state.at);
    this.#values.set(state.values);
    this.#qualities.set(state.qualities);
    this.#windows.set(state.windows);
    this.#series.forEach((series, slot) => {
      const own = state.series[slot];
      if (series !== null && own !== null && own !== undefined) series.restore(own);
    });
  }
}

function seriesOf(
  { slots: { windows } }: Rule,
  { metric, quantity: id }: Input,
  slot: number,
  { profile }: RuleSubject,
): Series | null {
  const calls = windows
    .map((call, n) => ({ call, slot: n }))
    .filter(({ call }) => call.input === slot);
  if (calls.length === 0) return null;
  const own = profile.metrics.find((one) =>
    metric === null ? one.quantity === id : one.key === metric,
  );
  const counter = own !== undefined && quantity(own.quantity)?.total === true;
  return new Series({ calls, intervalMs: profile.reportEveryMs, counter });
}
