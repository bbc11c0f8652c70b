import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsOf, slotsOf, soundExpression } from './testing.ts';

/** An expression as it was made: its text, and what it says by the book, undefined where that is unknown. */
interface Made<T> {
  readonly text: string;
  readonly is: (values: Values) => T | undefined;
}
type Values = Readonly<Record<string, number | undefined>>;

const NAMES = ['a', 'b', 'c'] as const;
/** Never 0, so that what CEL calls infinite does not come up. */
const DIVISOR = 'd';

/** Of two parts, both of which must be known. */
const strict =
  <A, T>(one: Made<A>, other: Made<A>, of: (x: A, y: A) => T): Made<T>['is'] =>
  (values) => {
    const x = one.is(values);
    const y = other.is(values);
    return x === undefined || y === undefined ? undefined : of(x, y);
  };

/** Kleene's tables, written out; the third row and column are unknown. */
const AND = [
  [true, false, undefined],
  [false, false, false],
  [undefined, false, undefined],
] as const;
const OR = [
  [true, true, true],
  [true, false, undefined],
  [true, undefined, undefined],
] as const;
const row = (truth: boolean | undefined): 0 | 1 | 2 => (truth === undefined ? 2 : truth ? 0 : 1);

const literal = fc.integer({ min: -4000, max: 4000 }).map((n): Made<number> => {
  const value = n / 4;
  const text = Number.isInteger(value) ? `${value}.0` : String(value);
  return { text: value < 0 ? `(${text})` : text, is: () => value };
});
const name = (of: string): Made<number> => ({ text: of, is: (values) => values[of] });
const divisor = fc.oneof(
  fc.constant(name(DIVISOR)),
  literal.filter(({ is }) => is({}) !== 0),
);

const COMPARE: Record<string, (x: number, y: number) => boolean> = {
  '<': (x, y) => x < y,
  '<=': (x, y) => x <= y,
  '>': (x, y) => x > y,
  '>=': (x, y) => x >= y,
  '==': (x, y) => x === y,
  '!=': (x, y) => x !== y,
};
const COMPUTE: Record<string, (x: number, y: number) => number> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
};
const CALL: Record<string, (x: number, y: number) => number> = {
  min: Math.min,
  max: Math.max,
  hypot: Math.hypot,
};

const { truth } = fc.letrec<{ number: Made<number>; truth: Made<boolean> }>((tie) => {
  const number = tie('number');
  const truth = tie('truth');
  const choice = <T>(of: fc.Arbitrary<Made<T>>): fc.Arbitrary<Made<T>> =>
    fc.tuple(truth, of, of).map(([test, then, otherwise]) => ({
      text: `(${test.text} ? ${then.text} : ${otherwise.text})`,
      is: (values) => {
        const found = test.is(values);
        return found === undefined ? undefined : (found ? then : otherwise).is(values);
      },
    }));
  const pick = <K extends object>(of: K): fc.Arbitrary<string> =>
    fc.constantFrom(...Object.keys(of));
  return {
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...NAMES.map(name)),
      literal,
      fc.tuple(pick(COMPUTE), number, number).map(([op, x, y]) => ({
        text: `(${x.text} ${op} ${y.text})`,
        is: strict(x, y, COMPUTE[op] as (typeof COMPUTE)[string]),
      })),
      fc.tuple(number, divisor).map(([x, y]) => ({
        text: `${x.text} / ${y.text}`,
        is: strict(x, y, (one, other) => one / other),
      })),
      fc.tuple(pick(CALL), number, number).map(([op, x, y]) => ({
        text: `${op}(${x.text}, ${y.text})`,
        is: strict(x, y, CALL[op] as (typeof CALL)[string]),
      })),
      number.map((x) => ({
        text: `abs(${x.text})`,
        is: (values: Values) => {
          const value = x.is(values);
          return value === undefined ? undefined : Math.abs(value);
        },
      })),
      choice(number),
    ),
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.tuple(pick(COMPARE), number, number).map(([op, x, y]) => ({
        text: `${x.text} ${op} ${y.text}`,
        is: strict(x, y, COMPARE[op] as (typeof COMPARE)[string]),
      })),
      fc.tuple(fc.constantFrom('&&', '||'), truth, truth).map(([op, x, y]) => ({
        text: `(${x.text} ${op} ${y.text})`,
        is: (values: Values) => (op === '&&' ? AND : OR)[row(x.is(values))][row(y.is(values))],
      })),
      truth.map((x) => ({
        text: `!(${x.text})`,
        is: (values: Values) => {
          const value = x.is(values);
          return value === undefined ? undefined : !value;
        },
      })),
      choice(truth),
    ),
  };
});

const value = fc.integer({ min: -4000, max: 4000 }).map((n) => n / 4);
const known = fc.record({
  a: value,
  b: value,
  c: value,
  d: value.filter((one) => one !== 0),
});

const ORACLE = new Environment()
  .registerVariable('a', 'double')
  .registerVariable('b', 'double')
  .registerVariable('c', 'double')
  .registerVariable('d', 'double')
  .registerFunction('abs(double): double', Math.abs)
  .registerFunction('min(double, double): double', Math.min)
  .registerFunction('max(double, double): double', Math.max)
  .registerFunction('hypot(double, double): double', Math.hypot);

/** Short enough and of few enough parts for the limits of rules. */
const fitting = truth.filter(({ text }) => text.length <= 600 && !/\({28}/.test(text));
const INPUTS = [...NAMES, DIVISOR];

function ours(text: string, values: Values): number {
  const slots = slotsOf(INPUTS);
  const { expression } = soundExpression(text, slots);
  const facts = Object.entries(values).filter(([, one]) => one !== undefined);
  return expression.evaluate(factsOf(slots, Object.fromEntries(facts) as Record<string, number>));
}

describe('expressions', () => {
  it('say what the evaluator of the library says, where all is known', () => {
    const seen = { true: 0, false: 0 };
    fc.assert(
      fc.property(fitting, known, ({ text }, values) => {
        const wanted = ORACLE.evaluate(text, values) as boolean;
        seen[`${wanted}`]++;
        expect(ours(text, values)).toBe(Number(wanted));
      }),
      { numRuns: 10_000 },
    );
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(1_000);
  }, 120_000);

  it('say what the tables of three-valued logic say, where something is unknown', () => {
    const seen = { true: 0, false: 0, undefined: 0 };
    const some = fc.record(
      Object.fromEntries(
        INPUTS.map((one) => [
          one,
          fc.option(
            value.filter((n) => n !== 0),
            { nil: undefined },
          ),
        ]),
      ),
    );
    fc.assert(
      fc.property(fitting, some, ({ text, is }, values) => {
        const wanted = is(values);
        seen[`${wanted}`]++;
        expect(ours(text, values)).toBe(wanted === undefined ? Number.NaN : Number(wanted));
      }),
      { numRuns: 10_000 },
    );
    expect(Math.min(seen.true, seen.false, seen.undefined)).toBeGreaterThan(1_000);
  }, 120_000);
});
