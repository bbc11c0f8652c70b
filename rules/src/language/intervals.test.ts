import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canHold, opposite, type Ranges } from './intervals.ts';
import { factsOf, slotsOf, soundExpression } from './testing.ts';

const slots = () => slotsOf(['x', 'y'], { hasLimit: true, counters: ['total'] });

function verdict(sources: readonly string[], ranges?: Ranges): string {
  const shared = slots();
  return canHold(
    sources.map((source) => soundExpression(source, shared).code),
    ranges,
  );
}

describe('whether conditions can hold at once', () => {
  it.each([
    // Of one input.
    ['x > 9', 'x < 8.8', 'no'],
    ['x > 9', 'x < 9', 'no'],
    ['x > 9', 'x <= 9', 'no'],
    ['x >= 9', 'x <= 9', 'yes'],
    ['x > 9', 'x < 9.1', 'yes'],
    ['9 < x', '8 > x', 'no'],
    ['x > 9', 'x == 9', 'no'],
    ['x >= 9', 'x != 9', 'yes'],
    ['x == 9', 'x != 9', 'no'],
    ['!(x > 9)', 'x > 9', 'no'],
    ['between(x, 1, 2)', 'x > 2', 'no'],
    ['between(x, 1, 2)', 'x >= 2', 'yes'],
    ['x > 9 || x < 2', 'x < 8 && x > 3', 'no'],
    ['x > 9 || x < 2', 'x < 8', 'yes'],
    ['x > 5 ? x < 6 : x > 4.9', 'x > 6 || x < 4', 'no'],
    // Of several.
    ['x > 9 && y > 1', 'x < 8', 'no'],
    ['x > 9 && y > 1', 'y < 1', 'no'],
    ['x > 9 || y > 1', 'x < 8', 'yes'],
    ['x > 9 || y > 1', 'x < 8 && y < 0.5', 'no'],
    ['x > y', 'x < y', 'no'],
    ['x > y', 'y <= x', 'yes'],
    ['x > limit', 'x < limit', 'no'],
    ['x > limit', 'limit > 3', 'maybe'],
    ['x > limit', 'x < limit * 0.95', 'maybe'],
    ["avg(x, '10m') > 5", "avg(x, '10m') < 5", 'no'],
    ["avg(x, '10m') > 5", "avg(x, '10m') < 6", 'yes'],
    ["avg(x, '10m') > 5", 'x < 5', 'maybe'],
    ["avg(x, '10m') > 5", 'y < 5', 'yes'],
    ["count(x, '10m') < 1", "count(x, '10m') > 0", 'no'],
    ["count(x, '10m') < 0", 'true', 'no'],
    ['hour() >= 22 || hour() < 6', 'hour() > 5 && hour() < 22', 'no'],
    ['hour() > 23', 'true', 'no'],
    ['weekday() < 1', 'weekday() == 0', 'yes'],
    ["attribute('population') < 0", 'true', 'no'],
    ['abs(x) < 0', 'true', 'no'],
    ['abs(x) > 3', 'x < 4', 'maybe'],
    ['x + 1 > 3', 'x < 1', 'maybe'],
    ['isKnown(y)', '!isKnown(y)', 'no'],
    ['isKnown(y)', 'x > 3', 'maybe'],
    ["quality(x) == 'good'", "quality(x) != 'good'", 'no'],
    ['changed(x)', '!changed(x)', 'no'],
    ['changed(x)', 'changed(x) == false', 'no'],
    ['(x > 1) == (y > 1)', 'x > 1 && y < 1', 'no'],
    ['(x > 1) != (y > 1)', 'x > 1 && y > 1', 'no'],
    ['total > 4', 'total < 5', 'yes'],
    ['false', 'x > 1', 'no'],
    ['x == x', 'x > 1', 'yes'],
    ['x != x', 'true', 'no'],
  ])('%s, %s: %s', (one, other, wanted) => {
    expect(verdict([one, other])).toBe(wanted);
    expect(verdict([other, one])).toBe(wanted);
  });

  it('holds values to what they can plausibly be', () => {
    const ranges: Ranges = new Map([[0, [0, 14]]]);
    expect(verdict(['x > 60'], ranges)).toBe('no');
    expect(verdict(["avg(x, '10m') > 60"], ranges)).toBe('no');
    expect(verdict(["sum(x, '10m') > 60"], ranges)).toBe('yes');
    expect(verdict(['x >= 14'], ranges)).toBe('yes');
    expect(verdict(['y > 60'], ranges)).toBe('yes');
  });

  it('says nothing of what has too many cases', () => {
    const many = Array.from({ length: 12 }, (_, i) => `(x > ${i} || y < ${-i})`).join(' && ');
    expect(verdict([many, 'x > 3', 'y > 3'])).toBe('maybe');
    // Few are left at any time, but each step has many to look at.
    const names = Array.from({ length: 14 }, (_, i) => `(x > ${i} || x < ${i - 1} || y == ${i})`);
    const shared = slots();
    const codes = names.map((source) => soundExpression(source, shared).code);
    expect(['no', 'yes', 'maybe']).toContain(canHold([...codes, ...codes, ...codes]));
  });

  /** Comparisons with whole numbers from 0 to 3: what holds anywhere holds at a multiple of a half from -1 to 4. */
  const atom = fc
    .tuple(
      fc.constantFrom('x', 'y'),
      fc.constantFrom('<', '<=', '>', '>=', '==', '!='),
      fc.integer({ min: 0, max: 3 }),
    )
    .map(([name, op, n]) => `${name} ${op} ${n}`);
  const { truth } = fc.letrec<{ truth: string }>((tie) => ({
    truth: fc.oneof(
      { depthSize: 'small' },
      atom,
      fc
        .tuple(tie('truth'), fc.constantFrom('&&', '||'), tie('truth'))
        .map(([x, op, y]) => `(${x} ${op} ${y})`),
      tie('truth').map((x) => `!(${x})`),
    ),
  }));
  const GRID = Array.from({ length: 11 }, (_, i) => i / 2 - 1);

  it('agrees with trying every value', () => {
    const seen = { yes: 0, no: 0, maybe: 0 };
    fc.assert(
      fc.property(truth, truth, (one, other) => {
        const shared = slotsOf(['x', 'y']);
        fc.pre(one.length + other.length < 400);
        const both = [one, other].map((source) => soundExpression(source, shared));
        const holds = GRID.some((x) =>
          GRID.some((y) =>
            both.every(({ expression }) => expression.evaluate(factsOf(shared, { x, y })) === 1),
          ),
        );
        const found = canHold(both.map(({ code }) => code));
        seen[found]++;
        if (found !== 'maybe') expect(found).toBe(holds ? 'yes' : 'no');
        for (const { code } of both) expect(canHold([code, opposite(code)])).not.toBe('yes');
      }),
      { numRuns: 5_000 },
    );
    expect(seen.maybe).toBeLessThan(50);
    expect(Math.min(seen.yes, seen.no)).toBeGreaterThan(500);
  });
});
