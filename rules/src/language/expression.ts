/**
 * What an expression of a rule is once it has been compiled: a closure over what is known of a device at a moment. Every result is
 * a double; a truth is 1 or 0, and what is not known is NaN: it makes what depends on it unknown (Kleene), and unknown neither raises nor ends.
 */

/** What an expression may look at, filled in by the engine before each evaluation and reused. Slots are those of the rule's program. */
export interface Facts {
  /** Latest value of each input; NaN where it is missing, too old or of a quality that does not count. */
  readonly values: Float64Array;
  /** Age of each input, seconds; NaN where there is none. */
  readonly ages: Float64Array;
  /** Code of the quality of each input's latest value, whatever it is; -1 where there is none. */
  readonly qualities: Int8Array;
  /** Result of each series function; NaN where it can't be told. */
  readonly windows: Float64Array;
  /** Attributes of the device that are numbers, by slot; NaN where nothing is said. */
  readonly attributes: Float64Array;
  /** The limit that the rule's standard sets; NaN where it is not known. */
  limit: number;
  /** Event time, ms. */
  at: number;
}

/** Functions over the readings of an input, kept up to date with each of them. */
export const WINDOW_FUNCTIONS = [
  'avg',
  'min',
  'max',
  'sum',
  'count',
  'stddev',
  'delta',
  'first',
  'last',
  'ewma',
  'rate',
  'changed',
] as const;
export type WindowFunction = (typeof WINDOW_FUNCTIONS)[number];

/** One series function of one input; equal calls share a slot. */
export interface WindowCall {
  readonly function: WindowFunction;
  /** Slot of the input. */
  readonly input: number;
  /** (t - ms, t]; 0 for `rate` and `changed`, which look at the reading before. */
  readonly ms: number;
}

/** What slots stand for; filled by compiling expressions of one rule one after the other. */
export interface Slots {
  readonly inputs: readonly string[];
  readonly windows: WindowCall[];
  /** Keys of attributes that are numbers. */
  readonly attributes: string[];
  readonly hasLimit: boolean;
  /** Names beside inputs that the subject gives, such as counters of areas; they stand behind the inputs in `values`. */
  readonly counters: readonly string[];
}

/** `input OP number`: judged without a call. */
export interface Threshold {
  readonly input: number;
  readonly operator: '>' | '>=' | '<' | '<=';
  readonly value: number;
}

export interface Expression {
  readonly source: string;
  /** 1, 0 or NaN. */
  readonly evaluate: (facts: Facts) => number;
  /** Set when it is nothing but that. */
  readonly threshold: Threshold | null;
}
