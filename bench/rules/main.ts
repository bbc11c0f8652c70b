/**
 * `npm run bench -- rules [--series N] [--rounds N]`: readings a second through the rules engine, ten mixed rules on each series,
 * against a loop over the same arrays that holds the same conditions and nothing else; memory and restart with a million instances.
 */
import { parseArgs } from 'node:util';
import { type Lane, MINUTE, SECOND, type Severity, seededRandom } from '@village/core';
import {
  compileExpression,
  type Directory,
  Engine,
  fromBytes,
  type Rule,
  type RuleSubject,
  type Slots,
  type Transition,
  toBytes,
} from '@village/rules';
import type { CommittedGroup, CommittedRows } from '@village/store/time-series';
import { numberOption } from '../options.ts';
import { type Case, judge, report } from '../report.ts';
import { Plain } from './plain.ts';

const START = Date.UTC(2026, 5, 1);

/** Ten rules: thresholds, expressions over two inputs, a mean of ten minutes and a rate. */
const RULES: readonly (readonly [when: string, clear: string | null, forMs: number])[] = [
  ['value > 60', 'value < 58', MINUTE],
  ['value > 62', 'value < 60', 0],
  ['value > 64', 'value < 60', 5 * MINUTE],
  ['value < 40', 'value > 42', MINUTE],
  ['value < 38', 'value > 40', 0],
  ['value > 66', null, 2 * MINUTE],
  ['value > 55 && other < 20', null, MINUTE],
  ['abs(value - other) > 70 || value > 90', null, 0],
  ["avg(value, '10m') > 60", "avg(value, '10m') < 58", 0],
  ['rate(value) > 0.2', null, 0],
];

function ruleOf([when, clear, forMs]: (typeof RULES)[number], n: number): Rule {
  const slots: Slots = {
    ...{ inputs: ['value', 'other'], windows: [], attributes: [], hasLimit: false, counters: [] },
  };
  const compile = (text: string) => {
    const { compiled, faults } = compileExpression(text, slots);
    if (compiled === null) throw new Error(JSON.stringify(faults));
    return compiled.expression;
  };
  const severity: Severity = 'major';
  const level = {
    ...{ severity, forMs },
    when: compile(when),
    clear: clear === null ? null : compile(clear),
  };
  const input = { quantity: null, maxAgeMs: Number.POSITIVE_INFINITY };
  return {
    id: `rule-${n}`,
    title: { zh: '测试', en: 'test' },
    subject: {
      kind: 'readings',
      inputs: [
        { name: 'value', metric: 'x', ...input },
        { name: 'other', metric: 'y', ...input },
      ],
    },
    slots,
    scope: { profiles: [], kinds: [], areas: [], labels: {}, attributes: {}, devices: [] },
    levels: [level],
    limit: null,
    ...{ clearForMs: MINUTE, minActiveMs: 0, latch: false, strictFor: false },
    qualities: new Set([0]),
    noData: { after: { ms: 15 * MINUTE, intervals: 3 }, state: 'keep' },
    live: { ms: 2 * MINUTE, intervals: 2 },
    repeat: null,
    flap: { transitions: 6, inMs: 60 * MINUTE, holdMs: 30 * MINUTE },
    ...{ schedule: null, message: null, advice: [], enabled: true },
  };
}

function subjectOf(n: number): RuleSubject {
  const metric = (key: string) => ({ key, quantity: 'water.level' }) as never;
  return {
    id: `d${n}`,
    profile: {
      ...{ id: 'bench/x', kind: 'sewage-monitor', metrics: [metric('x'), metric('y')] },
      ...{ reportEveryMs: MINUTE, silentAfterMs: 3 * MINUTE },
    },
    ...{
      attributes: {},
      labels: {},
      areas: ['330522000000', '330522101000', `33052210${n % 250}`],
    },
    ...{ gateway: null, registeredAt: 0 },
  };
}

/** A minute of all series, as the journal gives it. */
class Rows implements CommittedRows {
  readonly profile = 'bench/x';
  readonly metrics = ['x', 'y'];
  readonly #ids: readonly string[];
  at0 = 0;
  x = new Float64Array(0);
  y = new Float64Array(0);

  constructor(ids: readonly string[]) {
    this.#ids = ids;
  }
  get count(): number {
    return this.x.length;
  }
  device(row: number): string {
    return this.#ids[row] as string;
  }
  at(): number {
    return this.at0;
  }
  receivedAt(): number {
    return this.at0;
  }
  lane(): Lane {
    return 'live';
  }
  clockReplaced(): boolean {
    return false;
  }
  value(row: number, metric: number): number {
    return (metric === 0 ? this.x : this.y)[row] as number;
  }
  quality() {
    return 'good' as const;
  }
}

/** A slow sine of each series with noise: some five changes of a state in a hundred readings. */
function minutesOf(series: number, rounds: number): { x: Float64Array; y: Float64Array }[] {
  const random = seededRandom('bench rules');
  return Array.from({ length: rounds }, (_, round) => ({
    x: Float64Array.from(
      { length: series },
      (_, n) => 50 + 14 * Math.sin((round + 7 * n) / 90) + 0.5 * random(),
    ),
    y: Float64Array.from({ length: series }, (_, n) => 30 + 12 * Math.sin((round + n) / 50)),
  }));
}

const group = (id: number, at: number, rows: readonly CommittedRows[]): CommittedGroup => ({
  ...{ id, committedAt: at, rowCount: 0, rows, events: [], system: [], frames: [], damaged: false },
});

function engineOf(subjects: readonly RuleSubject[], tell: (one: Transition) => void): Engine {
  const directory: Directory = { devices: () => subjects, gateways: () => [], areas: () => [] };
  const engine = new Engine({
    ...{ rules: RULES.map(ruleOf), inhibit: [], limitOf: () => Number.NaN },
    ...{ tell, late: () => undefined },
  });
  engine.now = START;
  engine.refresh(directory);
  return engine;
}

const seconds = (work: () => void): number => {
  const begun = performance.now();
  work();
  return (performance.now() - begun) / SECOND;
};

function speed(series: number, rounds: number): Case[] {
  const subjects = Array.from({ length: series }, (_, n) => subjectOf(n));
  const minutes = minutesOf(series, rounds * 2);
  let transitions = 0;
  const engine = engineOf(subjects, () => {
    transitions++;
  });
  const rows = new Rows(subjects.map(({ id }) => id));
  const plain = new Plain(series);
  const play = (from: number, to: number): void => {
    for (let round = from; round < to; round++) {
      const { x, y } = minutes[round] as { x: Float64Array; y: Float64Array };
      Object.assign(rows, { x, y, at0: START + round * MINUTE });
      engine.take(group(round + 1, rows.at0, [rows]));
    }
  };
  const loop = (from: number, to: number): void => {
    for (let round = from; round < to; round++) {
      const { x, y } = minutes[round] as { x: Float64Array; y: Float64Array };
      plain.take(START + round * MINUTE, x, y);
    }
  };
  play(0, rounds);
  loop(0, rounds);
  transitions = 0;
  const readings = series * rounds;
  const own = readings / seconds(() => play(rounds, rounds * 2));
  const bound = readings / seconds(() => loop(rounds, rounds * 2));
  return [
    judge('readings a second', Math.round(own), '1/s'),
    judge('readings a second of a plain loop over the same arrays', Math.round(bound), '1/s'),
    judge('of the plain loop', Number((own / bound).toFixed(3)), '×', '>= 0.25'),
    judge(
      'transitions a hundred readings',
      Number(((100 * transitions) / readings).toFixed(2)),
      '',
    ),
    judge(
      'changes of state a hundred readings, plain loop',
      Number(((100 * plain.changes) / readings / 2).toFixed(2)),
      '',
    ),
  ];
}

function million(instances: number): Case[] {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const subjects = Array.from({ length: instances / RULES.length }, (_, n) => subjectOf(n));
  const engine = engineOf(subjects, () => undefined);
  const rows = new Rows(subjects.map(({ id }) => id));
  minutesOf(subjects.length, 12).forEach(({ x, y }, round) => {
    Object.assign(rows, { x, y, at0: START + round * MINUTE });
    engine.take(group(round + 1, rows.at0, [rows]));
  });
  const rss = process.memoryUsage.rss() - before;
  let bytes = new Uint8Array(0);
  const saving = seconds(() => {
    bytes = Uint8Array.from(toBytes(engine.state()));
  });
  const restart = seconds(() => {
    engineOf(subjects, () => undefined).restore(fromBytes(bytes));
  });
  return [
    judge(`memory of ${instances} instances`, Math.round(rss / 2 ** 20), 'MiB', '<= 1024'),
    judge('snapshot', Math.round(bytes.length / 2 ** 20), 'MiB'),
    judge('making it', Number(saving.toFixed(2)), 's'),
    judge('restart with it', Number(restart.toFixed(2)), 's'),
  ];
}

export function run(given: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...given],
    options: {
      series: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '60' },
      instances: { type: 'string', default: '1000000' },
    },
  });
  report('rules', [
    ...speed(numberOption('series', values.series), numberOption('rounds', values.rounds)),
    ...million(numberOption('instances', values.instances, RULES.length)),
  ]);
  return Promise.resolve();
}
