/** Rules and devices for tests of the engine, made without files. */
import { HOUR, MINUTE, type Severity } from '@village/core';
import type { Expression, Threshold, WindowCall } from '../language/expression.ts';
import type { Rule } from '../model.ts';
import type { Compiled, Subject } from './program.ts';

/** `value OP number` on the first input. */
export function threshold(operator: Threshold['operator'], value: number): Expression {
  const own: Threshold = { input: 0, operator, value };
  return { source: `value ${operator} ${value}`, evaluate: () => Number.NaN, threshold: own };
}

export interface LevelSpec {
  readonly severity: Severity;
  readonly when: Expression;
  readonly clear?: Expression | null;
  readonly forMs?: number;
}

/** A rule on the metric `x`, with everything off that a test does not ask for. */
export function rule(levels: readonly LevelSpec[], more: Partial<Rule> = {}): Rule {
  return {
    id: 'r',
    title: { zh: '测试', en: 'test' },
    subject: {
      kind: 'readings',
      inputs: [{ name: 'value', metric: 'x', quantity: null, maxAgeMs: Number.POSITIVE_INFINITY }],
    },
    scope: { profiles: [], kinds: [], areas: [], labels: {}, attributes: {}, devices: [] },
    levels: levels.map(({ severity, when, clear = null, forMs = 0 }) => ({
      ...{ severity, when, clear, forMs },
    })) as unknown as Rule['levels'],
    limit: null,
    ...{ clearForMs: 0, minActiveMs: 0, latch: false, strictFor: false },
    qualities: new Set([0]),
    noData: { after: { ms: 15 * MINUTE, intervals: 3 }, state: 'keep' },
    live: { ms: 2 * MINUTE, intervals: 2 },
    repeat: null,
    // Never.
    flap: { transitions: 1_000_000, inMs: HOUR, holdMs: 0 },
    ...{ schedule: null, message: null, advice: [], enabled: true },
    ...more,
  };
}

export const compiled = (own: Rule, windows: readonly WindowCall[] = []): Compiled => ({
  rule: own,
  windows,
  attributes: [],
  counters: [],
});

/** A device with the metrics `x` and `y` that reports each `intervalMs`. */
export function device(id: string, intervalMs = MINUTE, more: Partial<Subject> = {}): Subject {
  const metric = (key: string) => ({ key, quantity: 'water.level' }) as never;
  return {
    id,
    profile: {
      ...{ id: 'test/x', kind: 'sewage-monitor' },
      metrics: [metric('x'), metric('y')],
      ...{ reportEveryMs: intervalMs, silentAfterMs: 3 * intervalMs },
    },
    attributes: {},
    labels: {},
    areas: ['330522000000', '330522101000', '330522101201'],
    gateway: null,
    registeredAt: 0,
    ...more,
  };
}

export const noLimit = (): number => Number.NaN;
