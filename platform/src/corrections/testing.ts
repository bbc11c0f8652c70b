/** Random statements and received rows for tests, drawn from few times and values so that they meet. */
import type { Quality } from '@village/core';
import type { RangeRow } from '@village/store/time-series';
import fc from 'fast-check';
import { checkSaying, contradict, type Saying, type Statement } from './statement.ts';

export const DEVICES = ['a', 'b', 'c'];
export const METRICS = ['cod', 'ph'];

const said = fc.record({
  device: fc.constantFrom(...DEVICES),
  metric: fc.constantFrom(null, ...METRICS),
  start: fc.integer({ min: 0, max: 30 }),
  length: fc.integer({ min: 1, max: 12 }),
  kind: fc.constantFrom<Saying['kind'][]>(
    'invalid',
    'offset',
    'factor',
    'reassign',
    'shift-clock',
    'accept',
  ),
  factor: fc.constantFrom(0.1, 3, -2, 1.7),
  offset: fc.constantFrom(0.1, -5, 12.5),
  steps: fc.constantFrom(-3, 1, 4),
  target: fc.constantFrom(...DEVICES),
});

/** Statements of which no two contradict each other, over times from `origin` in steps. */
export const statementsArbitrary = (
  origin: number,
  stepMs: number,
  most = 8,
): fc.Arbitrary<Statement[]> =>
  fc.array(said, { maxLength: most }).map((list) => {
    const taken: Statement[] = [];
    for (const [n, one] of list.entries()) {
      const { kind, device } = one;
      const from = origin + one.start * stepMs;
      const values = { factor: one.factor, offset: one.offset, 'shift-clock': one.steps * stepMs };
      const statement: Statement = {
        id: n + 1,
        kind,
        device,
        metric: kind === 'shift-clock' ? null : one.metric,
        from,
        to: from + one.length * stepMs,
        value: (values as Partial<Record<string, number>>)[kind] ?? null,
        target:
          kind !== 'reassign'
            ? null
            : one.target === device
              ? device === 'a'
                ? 'b'
                : 'a'
              : one.target,
      };
      checkSaying(statement);
      if (!taken.some((other) => contradict(other, statement))) taken.push(statement);
    }
    return taken;
  });

/** A row as it was received. */
export const received = (
  at: number,
  values: Readonly<Record<string, number>>,
  quality: Readonly<Record<string, Quality>> = {},
): RangeRow => ({
  at,
  receivedAt: at + 1_000,
  lane: 'live',
  clockReplaced: false,
  values,
  quality,
});
