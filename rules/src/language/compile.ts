/** From the tree of an expression to closures, as expression.ts describes their results. */
import { HOUR, MINUTE } from '@village/core';
import { minuteOfDayAt, weekdayAt } from '../beijing.ts';
import type { Binary, Code } from './code.ts';
import type { Facts, Threshold } from './expression.ts';

export type Evaluate = (facts: Facts) => number;

const UNKNOWN = Number.NaN;

/** What is no number any more is unknown, so that no infinity ever decides. */
const finite = (value: number): number => (Number.isFinite(value) ? value : UNKNOWN);

const HOUR_MINUTES = HOUR / MINUTE;

const hourAt = (at: number): number => finite(Math.floor(minuteOfDayAt(at) / HOUR_MINUTES));

/** Comparisons with one slot and a constant, which most rules are made of. */
function withConstant(operator: Threshold['operator'], slot: number, limit: number): Evaluate {
  switch (operator) {
    case '>':
      return ({ values }) => {
        const value = values[slot] as number;
        return value > limit ? 1 : value <= limit ? 0 : UNKNOWN;
      };
    case '>=':
      return ({ values }) => {
        const value = values[slot] as number;
        return value >= limit ? 1 : value < limit ? 0 : UNKNOWN;
      };
    case '<':
      return ({ values }) => {
        const value = values[slot] as number;
        return value < limit ? 1 : value >= limit ? 0 : UNKNOWN;
      };
    case '<=':
      return ({ values }) => {
        const value = values[slot] as number;
        return value <= limit ? 1 : value > limit ? 0 : UNKNOWN;
      };
  }
}

const MIRRORED = { '>': '<', '>=': '<=', '<': '>', '<=': '>=' } as const;

/** `input OP number`, either way round; null when the expression is anything else. */
export function thresholdOf(code: Code): Threshold | null {
  if (code.op !== '>' && code.op !== '>=' && code.op !== '<' && code.op !== '<=') return null;
  const { op: operator, left, right } = code;
  if (left.op === 'value' && right.op === 'constant')
    return { input: left.slot, operator, value: right.value };
  if (left.op === 'constant' && right.op === 'value')
    return { input: right.slot, operator: MIRRORED[operator], value: left.value };
  return null;
}

function comparison(op: Binary['op'], left: Evaluate, right: Evaluate): Evaluate | null {
  switch (op) {
    case '>':
      return (facts) => {
        const a = left(facts);
        const b = right(facts);
        return a > b ? 1 : a <= b ? 0 : UNKNOWN;
      };
    case '>=':
      return (facts) => {
        const a = left(facts);
        const b = right(facts);
        return a >= b ? 1 : a < b ? 0 : UNKNOWN;
      };
    case '<':
      return comparison('>', right, left);
    case '<=':
      return comparison('>=', right, left);
    case '==':
      return (facts) => {
        const a = left(facts);
        const b = right(facts);
        return a === b ? 1 : a < b || a > b ? 0 : UNKNOWN;
      };
    case '!=':
      return (facts) => {
        const a = left(facts);
        const b = right(facts);
        return a === b ? 0 : a < b || a > b ? 1 : UNKNOWN;
      };
    default:
      return null;
  }
}

/** What two known values make; one that is unknown makes the whole unknown. */
const ARITHMETIC_OF: Partial<Record<Binary['op'], (a: number, b: number) => number>> = {
  '+': (a, b) => finite(a + b),
  '-': (a, b) => finite(a - b),
  '*': (a, b) => finite(a * b),
  '/': (a, b) => finite(a / b),
  // Other than these of Math, hypot of an infinity and NaN is infinite; there are no infinities here.
  hypot: (a, b) => finite(Math.hypot(a, b)),
  min: Math.min,
  max: Math.max,
};

function binary({ op, left, right }: Binary): Evaluate {
  const a = evaluatorOf(left);
  const b = evaluatorOf(right);
  // Kleene's: what is known of one side may decide, whichever side it is.
  if (op === '&&')
    return (facts) => {
      const first = a(facts);
      if (first === 0) return 0;
      const second = b(facts);
      return second === 0 ? 0 : first * second;
    };
  if (op === '||')
    return (facts) => {
      const first = a(facts);
      if (first === 1) return 1;
      const second = b(facts);
      return second === 1 ? 1 : first + second;
    };
  const compared = comparison(op, a, b);
  if (compared !== null) return compared;
  const made = ARITHMETIC_OF[op] as (a: number, b: number) => number;
  return (facts) => made(a(facts), b(facts));
}

/** The closure of a tree. */
export function evaluatorOf(code: Code): Evaluate {
  const threshold = thresholdOf(code);
  if (threshold !== null) return withConstant(threshold.operator, threshold.input, threshold.value);
  if ('left' in code) return binary(code);
  switch (code.op) {
    case 'constant': {
      const { value } = code;
      return () => value;
    }
    case 'value': {
      const { slot } = code;
      return ({ values }) => values[slot] as number;
    }
    case 'limit':
      return ({ limit }) => limit;
    case 'attribute': {
      const { slot } = code;
      return ({ attributes }) => attributes[slot] as number;
    }
    case 'age': {
      const { slot } = code;
      return ({ ages }) => ages[slot] as number;
    }
    case 'quality': {
      const { slot, quality } = code;
      return ({ qualities }) => {
        const own = qualities[slot] as number;
        return own === quality ? 1 : own >= 0 ? 0 : UNKNOWN;
      };
    }
    case 'window': {
      const { slot } = code;
      return ({ windows }) => windows[slot] as number;
    }
    case 'hour':
      return ({ at }) => hourAt(at);
    case 'weekday':
      return ({ at }) => finite(weekdayAt(at));
    case 'choice': {
      const test = evaluatorOf(code.test);
      const yes = evaluatorOf(code.yes);
      const no = evaluatorOf(code.no);
      return (facts) => {
        const found = test(facts);
        return found === 1 ? yes(facts) : found === 0 ? no(facts) : UNKNOWN;
      };
    }
    default:
      return unary(code.op, evaluatorOf(code.of));
  }
}

function unary(op: 'negate' | 'not' | 'known' | 'abs', of: Evaluate): Evaluate {
  switch (op) {
    case 'negate':
      return (facts) => -of(facts);
    case 'not':
      return (facts) => 1 - of(facts);
    case 'known':
      return (facts) => (Number.isNaN(of(facts)) ? 0 : 1);
    case 'abs':
      return (facts) => Math.abs(of(facts));
  }
}
