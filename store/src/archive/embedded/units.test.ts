import fc from 'fast-check';
import { expect, it } from 'vitest';
import { addStep, differingSpans, sameSteps, type UnitStep } from './units.ts';

const steps = fc
  .array(
    fc.record({ since: fc.integer({ min: 1, max: 20 }), unit: fc.integer({ min: 0, max: 2 }) }),
  )
  .map((list) => {
    const made: UnitStep[] = [{ since: Number.NEGATIVE_INFINITY, unit: 0 }];
    const times = new Map(list.map(({ since, unit }) => [since, unit]));
    for (const [since, unit] of [...times].sort(([a], [b]) => a - b))
      addStep(made, { since, unit });
    return made;
  });

it('two lists differ exactly in the spans that are told, and in none when they are the same', () => {
  fc.assert(
    fc.property(steps, steps, (a, b) => {
      const spans = differingSpans(a, b);
      expect(spans.length === 0).toBe(sameSteps(a, b));
      for (let at = 0; at <= 21; at++) {
        const unit = (list: readonly UnitStep[]) => list.filter(({ since }) => since <= at).at(-1);
        const inside = spans.some(({ from, to }) => from <= at && at < to);
        expect(inside).toBe(unit(a)?.unit !== unit(b)?.unit);
      }
    }),
  );
});
