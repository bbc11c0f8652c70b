/** Comparisons of one value with a number, judged without a call. */
import type { Expression, Facts, Threshold } from '../language/expression.ts';

export interface Calm {
  readonly below: number;
  readonly above: number;
  /** The borders are calm too. */
  readonly isInclusive: boolean;
}

/** Where no level is true. No value is surely calm where thresholds of both kinds meet: those are looked at one by one. */
export function calmOf(thresholds: readonly (Threshold | null)[]): Calm {
  const known = thresholds.filter((one) => one !== null);
  const strict = known.every(({ operator }) => operator === '>' || operator === '<');
  const upper = known.filter(({ operator }) => operator.startsWith('>')).map(({ value }) => value);
  const lower = known.filter(({ operator }) => operator.startsWith('<')).map(({ value }) => value);
  return {
    below: Math.max(Number.NEGATIVE_INFINITY, ...lower),
    above: Math.min(Number.POSITIVE_INFINITY, ...upper),
    isInclusive: strict,
  };
}

/** Whether it compares the driving value with a number and does nothing else. */
export const isDriven = ({ threshold }: Expression): boolean =>
  threshold !== null && threshold.input === 0;

/** 1, 0 or NaN. */
export function result({ threshold, evaluate }: Expression, facts: Facts): number {
  if (threshold === null) return evaluate(facts);
  const value = facts.values[threshold.input] as number;
  if (Number.isNaN(value)) return value;
  switch (threshold.operator) {
    case '>':
      return value > threshold.value ? 1 : 0;
    case '>=':
      return value >= threshold.value ? 1 : 0;
    case '<':
      return value < threshold.value ? 1 : 0;
    case '<=':
      return value <= threshold.value ? 1 : 0;
  }
}
