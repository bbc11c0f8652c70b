/**
 * Whether conditions can hold at once, by what they ask of each thing that they look at: "above 9" and "below 8.8" can't.
 * Exact where each thing is compared with numbers; `maybe` where that can't be told, such as for products of two inputs.
 */
import { ATTRIBUTES } from '@village/core';
import { type Code, keyOf, partsOf } from './code.ts';
import type { WindowFunction } from './expression.ts';
import type { Comparison } from './syntax.ts';

export type Verdict = 'yes' | 'no' | 'maybe';

/** From low to high; an end that is open is not in it. */
interface Interval {
  readonly low: number;
  readonly high: number;
  readonly lowOpen: boolean;
  readonly highOpen: boolean;
}

/** What one part of a conjunction asks of one thing. */
interface Demand {
  readonly interval: Interval;
  /** What the thing depends on; two things with one root may not take any two values at once. */
  readonly roots: readonly string[];
  /** Whether it takes every value of its range. */
  readonly free: boolean;
}

type Conjunction = ReadonlyMap<string, Demand>;

/** Conjunctions that are looked at, and how often two are put together; of what takes more nothing is said. */
const CONJUNCTIONS_MAX = 256;
const WORK_MAX = 20_000;

/** Plausible values of inputs by slot, where they are known. */
export type Ranges = ReadonlyMap<number, readonly [low: number, high: number]>;

const closed = (low: number, high: number): Interval => ({
  low,
  high,
  lowOpen: false,
  highOpen: false,
});
const ALL = closed(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
const NOT_NEGATIVE = closed(0, Number.POSITIVE_INFINITY);

const isEmpty = ({ low, high, lowOpen, highOpen }: Interval): boolean =>
  low > high || (low === high && (lowOpen || highOpen));

function both(one: Interval, other: Interval): Interval {
  const low = Math.max(one.low, other.low);
  const high = Math.min(one.high, other.high);
  return {
    low,
    high,
    lowOpen: (one.low === low && one.lowOpen) || (other.low === low && other.lowOpen),
    highOpen: (one.high === high && one.highOpen) || (other.high === high && other.highOpen),
  };
}

/** Values that a comparison with a number leaves. */
function left(operator: Exclude<Comparison, '!='>, value: number, whole: boolean): Interval {
  const interval = {
    '>': { ...ALL, low: value, lowOpen: true },
    '>=': { ...ALL, low: value },
    '<': { ...ALL, high: value, highOpen: true },
    '<=': { ...ALL, high: value },
    '==': closed(value, value),
  }[operator];
  if (!whole) return interval;
  const { low, high, lowOpen, highOpen } = interval;
  return closed(
    lowOpen ? Math.floor(low) + 1 : Math.ceil(low),
    highOpen ? Math.ceil(high) - 1 : Math.floor(high),
  );
}

/** Functions whose result lies among the values of their input. */
const AMONG_VALUES: ReadonlySet<WindowFunction> = new Set<WindowFunction>([
  'avg',
  'min',
  'max',
  'first',
  'last',
  'ewma',
]);

/** What a part may be by what it is. */
interface Thing {
  readonly range: Interval;
  readonly roots: readonly string[];
  readonly free: boolean;
  readonly whole: boolean;
}

function rootsOf(code: Code): string[] {
  if (code.op === 'value' || code.op === 'age' || code.op === 'quality') return [`v${code.slot}`];
  if (code.op === 'window') return [`v${code.call.input}`];
  if (code.op === 'attribute' || code.op === 'limit') return [keyOf(code)];
  if (code.op === 'hour' || code.op === 'weekday') return [code.op];
  return [...new Set(partsOf(code).flatMap(rootsOf))];
}

function thingOf(code: Code, ranges: Ranges): Thing {
  const roots = rootsOf(code);
  const thing = (range: Interval, free = true, whole = false): Thing => ({
    range,
    roots,
    free,
    whole,
  });
  const ofInput = (slot: number): Interval => {
    const range = ranges.get(slot);
    return range === undefined ? ALL : closed(...range);
  };
  switch (code.op) {
    case 'value':
      return thing(ofInput(code.slot));
    case 'limit':
      return thing(ALL);
    case 'attribute': {
      const known = ATTRIBUTES[code.key];
      return thing(known?.type === 'number' ? closed(known.min, known.max) : ALL);
    }
    case 'age':
      return thing(NOT_NEGATIVE);
    case 'hour':
      return thing(closed(0, 23), true, true);
    case 'weekday':
      return thing(closed(0, 6), true, true);
    case 'window': {
      const { function: name, input } = code.call;
      if (name === 'count') return thing(NOT_NEGATIVE, true, true);
      if (name === 'stddev') return thing(NOT_NEGATIVE);
      return thing(AMONG_VALUES.has(name) ? ofInput(input) : ALL);
    }
    case 'abs':
    case 'hypot':
      return thing(NOT_NEGATIVE, false);
    default:
      return thing(ALL, false);
  }
}

const MIRRORED = { '>': '<', '>=': '<=', '<': '>', '<=': '>=', '==': '==', '!=': '!=' } as const;
const OPPOSITE = { '>': '<=', '>=': '<', '<': '>=', '<=': '>', '==': '!=', '!=': '==' } as const;

/** Thrown inside this file alone, when there are too many conjunctions. */
class TooMany extends Error {}

const never: readonly Conjunction[] = [];
const always: readonly Conjunction[] = [new Map()];

function single(key: string, thing: Thing, interval: Interval): readonly Conjunction[] {
  const { roots, free } = thing;
  return [new Map([[key, { interval: both(thing.range, interval), roots, free }]])];
}

function comparisonOf(
  operator: Comparison,
  one: Code,
  other: Code,
  ranges: Ranges,
): readonly Conjunction[] {
  if (operator === '!=')
    return [...comparisonOf('<', one, other, ranges), ...comparisonOf('>', one, other, ranges)];
  if (one.op === 'constant' && other.op !== 'constant')
    return comparisonOf(MIRRORED[operator], other, one, ranges);
  const thing = thingOf(one, ranges);
  if (other.op === 'constant')
    return single(keyOf(one), thing, left(operator, other.value, thing.whole));
  // Two things: what is asked is of their difference.
  const [key, otherKey] = [keyOf(one), keyOf(other)];
  if (key === otherKey)
    return operator === '==' || operator === '>=' || operator === '<=' ? always : never;
  if (key > otherKey) return comparisonOf(MIRRORED[operator], other, one, ranges);
  const second = thingOf(other, ranges);
  const apart = thing.roots.every((root) => !second.roots.includes(root));
  const bounded = [thing, second].some(
    ({ range }) => Number.isFinite(range.low) || Number.isFinite(range.high),
  );
  const roots = [...thing.roots, ...second.roots];
  const free = thing.free && second.free && apart && !bounded;
  return single(
    `${key}~${otherKey}`,
    { range: ALL, roots, free, whole: false },
    left(operator, 0, false),
  );
}

/** Work of the question that is being answered. */
let work = 0;

function anded(ones: readonly Conjunction[], others: readonly Conjunction[]): Conjunction[] {
  const made: Conjunction[] = [];
  work += ones.length * others.length;
  if (work > WORK_MAX) throw new TooMany();
  for (const one of ones)
    for (const other of others) {
      const merged = new Map(one);
      for (const [key, demand] of other) {
        const own = merged.get(key);
        const interval = own === undefined ? demand.interval : both(own.interval, demand.interval);
        merged.set(key, { ...demand, interval });
      }
      if (![...merged.values()].some(({ interval }) => isEmpty(interval))) made.push(merged);
      if (made.length > CONJUNCTIONS_MAX) throw new TooMany();
    }
  return made;
}

function ored(ones: readonly Conjunction[], others: readonly Conjunction[]): Conjunction[] {
  const made = [...ones, ...others];
  if (made.length > CONJUNCTIONS_MAX) throw new TooMany();
  return made;
}

/** Ways in which a truth can come to be that. */
function waysOf(code: Code, wanted: boolean, ranges: Ranges): readonly Conjunction[] {
  const ways = (part: Code, be: boolean): readonly Conjunction[] => waysOf(part, be, ranges);
  switch (code.op) {
    case 'constant':
      return (code.value === 1) === wanted ? always : never;
    case 'not':
      return ways(code.of, !wanted);
    case '&&':
    case '||':
      return ((code.op === '&&') === wanted ? anded : ored)(
        ways(code.left, wanted),
        ways(code.right, wanted),
      );
    case 'choice':
      return ored(
        anded(ways(code.test, true), ways(code.yes, wanted)),
        anded(ways(code.test, false), ways(code.no, wanted)),
      );
    case '>':
    case '>=':
    case '<':
    case '<=':
    case '==':
    case '!=':
      return isTruth(code.left)
        ? sameTruth(code.left, code.right, (code.op === '==') === wanted, ranges)
        : comparisonOf(wanted ? code.op : OPPOSITE[code.op], code.left, code.right, ranges);
    default: {
      // A truth that is one thing: known or not, of that quality or not, changed or not.
      const thing = { range: ALL, roots: rootsOf(code), free: code.op === 'window', whole: true };
      return single(keyOf(code), thing, wanted ? closed(1, 1) : closed(0, 0));
    }
  }
}

const sameTruth = (one: Code, other: Code, same: boolean, ranges: Ranges): readonly Conjunction[] =>
  ored(
    anded(waysOf(one, true, ranges), waysOf(other, same, ranges)),
    anded(waysOf(one, false, ranges), waysOf(other, !same, ranges)),
  );

const TRUTHS: ReadonlySet<Code['op']> = new Set<Code['op']>([
  'not',
  'known',
  'quality',
  '&&',
  '||',
  '>',
  '>=',
  '<',
  '<=',
  '==',
  '!=',
] as const);

/** Whether a part is a truth; constants are taken for numbers. */
function isTruth(code: Code): boolean {
  if (code.op === 'choice') return isTruth(code.yes);
  return TRUTHS.has(code.op) || (code.op === 'window' && code.call.function === 'changed');
}

/** Whether all that it looks at may have these values at once for sure. */
function isCertain(conjunction: Conjunction): boolean {
  const demands = [...conjunction.values()];
  const roots = demands.flatMap((demand) => demand.roots);
  return demands.every(({ free }) => free) && new Set(roots).size === roots.length;
}

/** Whether all of these can be true at one moment, for values that are known and within `ranges`. */
export function canHold(codes: readonly Code[], ranges: Ranges = new Map()): Verdict {
  work = 0;
  try {
    const ways = codes.map((code) => waysOf(code, true, ranges)).reduce(anded, always);
    const open = anded(ways, always);
    if (open.length === 0) return 'no';
    return open.some(isCertain) ? 'yes' : 'maybe';
  } catch (error) {
    if (error instanceof TooMany) return 'maybe';
    throw error;
  }
}

/** The truth that is so whenever another is not. */
export const opposite = (code: Code): Code => ({ op: 'not', of: code });
