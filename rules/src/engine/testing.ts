/** Rules, devices and groups for tests of the engine, made without files and without a store. */
import {
  type DeviceEvent,
  HOUR,
  type Lane,
  MINUTE,
  qualityWord,
  type Severity,
} from '@village/core';
import type { CommittedGroup, CommittedRows, SystemEvent } from '@village/store/time-series';
import type { Expression, Threshold } from '../language/expression.ts';
import type { Rule } from '../model.ts';
import type { RuleSubject } from './program-types.ts';

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
    slots: { inputs: ['value'], windows: [], attributes: [], hasLimit: false, counters: [] },
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

/** A device with the metrics `x` and `y` that reports each `intervalMs`. */
export function device(
  id: string,
  intervalMs = MINUTE,
  more: Partial<RuleSubject> = {},
): RuleSubject {
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

/** A reading of a test: metric `x`, and `y` where it is given. */
export interface TestRow {
  readonly device: string;
  readonly at: number;
  readonly x?: number;
  readonly y?: number;
  readonly lane?: Lane;
  /** Code of the quality of both. */
  readonly quality?: number;
  readonly clockReplaced?: boolean;
}

class TestRows implements CommittedRows {
  readonly profile: string = 'test/x';
  readonly metrics: readonly string[] = ['x', 'y'];
  readonly #rows: readonly TestRow[];
  readonly #receivedAt: number;

  constructor(rows: readonly TestRow[], receivedAt: number) {
    this.#rows = rows;
    this.#receivedAt = receivedAt;
  }

  get count(): number {
    return this.#rows.length;
  }

  #at(row: number): TestRow {
    return this.#rows[row] as TestRow;
  }

  device(row: number): string {
    return this.#at(row).device;
  }

  at(row: number): number {
    return this.#at(row).at;
  }

  receivedAt(): number {
    return this.#receivedAt;
  }

  lane(row: number): Lane {
    return this.#at(row).lane ?? 'live';
  }

  clockReplaced(row: number): boolean {
    return this.#at(row).clockReplaced ?? false;
  }

  value(row: number, metric: number): number {
    const { x = Number.NaN, y = Number.NaN } = this.#at(row);
    return metric === 0 ? x : y;
  }

  quality(row: number) {
    return qualityWord(this.#at(row).quality ?? 0);
  }
}

/** What is in a group of a test. */
export interface TestGroup {
  readonly at: number;
  readonly rows?: readonly TestRow[];
  readonly events?: readonly DeviceEvent[];
  readonly system?: readonly SystemEvent[];
}

export function group(
  id: number,
  { at, rows = [], events = [], system = [] }: TestGroup,
): CommittedGroup {
  return {
    ...{ id, committedAt: at, rowCount: rows.length, system, frames: [], damaged: false },
    rows: rows.length === 0 ? [] : [new TestRows(rows, at)],
    events: events.map((event) => ({ event, lane: 'live' as const })),
  };
}

export const gatewayStatus = (subject: string, online: boolean, at: number): SystemEvent => ({
  ...{ type: 'gateway-status', at, subject },
  detail: { online },
});
