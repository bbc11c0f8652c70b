/** Runs a test of rules: plays its steps on a clock of its own, and tells what came otherwise than expected. */
import { MINUTE, SECOND, SEVERITIES, type Severity } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { SystemEvent } from '@village/store/time-series';
import type { LimitOf } from '../engine/index.ts';
import { ACTIVE, CLEARING, NORMAL, PENDING } from '../engine/levels.ts';
import type { RuleSet } from '../model.ts';
import type { AlarmState, Expectation, RuleTest, TestSeries, TestStep } from '../testing-model.ts';
import type { TestReading } from './block.ts';
import type { TestRecord } from './records.ts';
import { type Arrival, World } from './world.ts';

export interface RunOptions {
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly limitOf: LimitOf;
}

/** What a test found. */
export interface TestResult {
  readonly test: string;
  /** A line each; empty when all came as expected. */
  readonly differences: readonly string[];
}

const TICK_MS = 10 * SECOND;
/** A tick after what is expected last, for what was due by then. */
const AFTER_MS = TICK_MS;
/** A reading that is older when it comes was kept by its gateway. */
const BACKFILL_MS = MINUTE;

const STATES: readonly AlarmState[] = ['NORMAL', 'PENDING', 'ACTIVE', 'CLEARING'];

export function runTest(rules: RuleSet, test: RuleTest, options: RunOptions): TestResult {
  const { start, devices } = test;
  const world = new World({ rules, devices, start, ...options });
  const differences: string[] = [];
  const looks = test.expect.filter((one) => one.kind === 'alarms');
  const pending = [...looks].sort((a, b) => a.at - b.at);
  const lookUntil = (before: number): void => {
    while (pending[0] !== undefined && pending[0].at < before) {
      const one = pending.shift() as (typeof looks)[number];
      for (const line of alarmsDiffer(world, rules, one)) differences.push(line);
    }
  };
  for (const { at, arrival, restartMs, acknowledge } of timeline(test)) {
    lookUntil(at);
    world.take(start + at, arrival);
    for (const { rule, device } of acknowledge) world.records.acknowledge(rule, device, start + at);
    if (restartMs !== null) world.restart(start + at, restartMs);
  }
  lookUntil(Number.POSITIVE_INFINITY);
  for (const one of test.expect)
    for (const line of differs(world, start, one)) differences.push(line);
  return { test: test.name, differences };
}

interface Moment {
  readonly at: number;
  readonly arrival: Arrival;
  readonly restartMs: number | null;
  readonly acknowledge: TestStep['acknowledge'];
}

/** All that happens, in order of time: steps, readings as they are made, and ticks of the clock. */
function timeline(test: RuleTest): Moment[] {
  const ends = [
    ...test.steps.flatMap(({ at, series }) => [
      at,
      ...series.flatMap(({ samples }) => samples.map((one) => one.at)),
    ]),
    ...test.expect.map((one) => ('at' in one ? one.at : 'to' in one ? one.to : 0)),
  ];
  const end = Math.max(0, ...ends) + AFTER_MS;
  const moments = new Map<number, Arrivals>();
  const moment = (at: number): Arrivals => {
    const known = moments.get(at) ?? new Arrivals();
    moments.set(at, known);
    return known;
  };
  for (let at = 0; at <= end; at += TICK_MS) moment(at);
  const clocks = test.steps.flatMap(({ at, clocks: told }) => told.map((one) => ({ at, ...one })));
  const isWrong = (device: string, at: number): boolean =>
    clocks.findLast((one) => one.device === device && one.at <= at)?.wrong ?? false;
  for (const step of test.steps) {
    moment(step.at).step(step, test.start);
    for (const series of step.series)
      for (const { at } of series.samples)
        moment(at).add(series, at, at, test.start, isWrong(series.device, at));
    for (const series of step.arrive)
      for (const { at } of series.samples)
        moment(step.at).add(series, at, step.at, test.start, isWrong(series.device, step.at));
  }
  return [...moments]
    .sort(([a], [b]) => a - b)
    .map(([at, arrivals]) => ({ at, ...arrivals.moment() }));
}

/** What comes at one moment. */
class Arrivals {
  readonly #readings = new Map<string, TestReading>();
  readonly #system: SystemEvent[] = [];
  readonly #events: TestStep['events'][number][] = [];
  readonly #acknowledge: TestStep['acknowledge'][number][] = [];
  #restartMs: number | null = null;

  step({ at, gateways, events, acknowledge, restartMs }: TestStep, start: number): void {
    for (const { id, online } of gateways)
      this.#system.push({
        ...{ type: 'gateway-status', at: start + at, subject: id },
        detail: { online },
      });
    this.#events.push(...events);
    this.#acknowledge.push(...acknowledge);
    this.#restartMs = restartMs ?? this.#restartMs;
  }

  /** A reading that was made at `at` and comes at `now`; metrics of one device and time are one row. */
  add(series: TestSeries, at: number, now: number, start: number, clockWrong: boolean): void {
    const { device, metric, quality } = series;
    const value = series.samples.find((one) => one.at === at)?.value as number;
    const key = `${device} ${at}`;
    const values = new Map([
      ...(this.#readings.get(key)?.values ?? []),
      [metric, { value, quality }],
    ]);
    const lane = now - at > BACKFILL_MS ? 'backfill' : 'live';
    this.#readings.set(key, { device, at: start + at, lane, clockWrong, values });
  }

  moment(): Omit<Moment, 'at'> {
    const readings = [...this.#readings.values()].sort((a, b) => a.at - b.at);
    return {
      arrival: { readings, system: this.#system, events: this.#events },
      restartMs: this.#restartMs,
      acknowledge: this.#acknowledge,
    };
  }
}

const conditions: Readonly<Record<AlarmState, number>> = {
  ...{ NORMAL, PENDING, ACTIVE, CLEARING },
};

/** The state of an alarm: of its worst level that is not normal. */
function stateOf(world: World, rule: string, device: string): AlarmState | null {
  const program = world.engine.programs.find((one) => one.rule.id === rule);
  const i = program?.indexOf(device);
  if (program === undefined || i === undefined) return null;
  const { levels } = program;
  const own = SEVERITIES.slice(0, levels.count).map((_, level) =>
    levels.condition(i * levels.count + level),
  );
  const raised = own.find((condition) => condition === ACTIVE) ?? own.find((c) => c === CLEARING);
  const condition = raised ?? own.find((one) => one === PENDING) ?? NORMAL;
  return STATES.find((state) => conditions[state] === condition) ?? null;
}

/** How bad an open alert is now; null where none is open. */
function severityOf(world: World, rule: string, device: string): Severity | null {
  const program = world.engine.programs.find((one) => one.rule.id === rule);
  const level = program?.alarms.open[program.indexOf(device) ?? -1] ?? -1;
  return program === undefined || level === -1 ? null : program.severity(level);
}

const minutes = (ms: number): string => (ms % MINUTE === 0 ? `${ms / MINUTE}m` : `${ms / SECOND}s`);

function alarmsDiffer(
  world: World,
  rules: RuleSet,
  { index, at, alarms }: Extract<Expectation, { kind: 'alarms' }>,
): string[] {
  return alarms.flatMap(({ rule, device, state, severity, suppression }) => {
    const where = `expect[${index}] at ${minutes(at)}, ${rule} of ${device}:`;
    if (!rules.rules.some(({ id }) => id === rule)) return [`${where} there is no such rule`];
    const found = stateOf(world, rule, device);
    if (found === null) return [`${where} the rule is not for it`];
    const record = world.records.open(rule, device);
    const lines: string[] = [];
    if (found !== state) lines.push(`${where} state\n  - ${state}\n  + ${found}`);
    const now = severityOf(world, rule, device);
    if (severity !== null && now !== severity)
      lines.push(`${where} severity\n  - ${severity}\n  + ${now ?? 'none'}`);
    if (suppression !== null && !sameWords(suppression, record?.suppression ?? []))
      lines.push(
        `${where} suppression\n  - ${list(suppression)}\n  + ${list(record?.suppression ?? [])}`,
      );
    return lines;
  });
}

const list = (words: readonly string[]): string => `[${[...words].sort().join(', ')}]`;
const sameWords = (one: readonly string[], two: readonly string[]): boolean =>
  list(one) === list(two);

function differs(world: World, start: number, one: Expectation): string[] {
  switch (one.kind) {
    case 'alarms':
      return [];
    case 'history':
      return historyDiffers(world, start, one);
    case 'transitions':
      return one.transitions.flatMap(({ rule, count }) => {
        const found = world.records.told.filter((told) => told.rule === rule);
        const times = found.map(({ at }) => minutes(at - start)).join(', ');
        return found.length === count
          ? []
          : [
              `expect[${one.index}] people are told of ${rule}\n  - ${count} times\n  + ${found.length} times: ${times}`,
            ];
      });
    case 'quiet':
      return world.records.told
        .filter(({ at }) => at - start >= one.from && at - start < one.to)
        .map(
          ({ rule, at }) =>
            `expect[${one.index}] quiet from ${minutes(one.from)} to ${minutes(one.to)}\n  + ${rule} at ${minutes(at - start)}`,
        );
  }
}

const compared = (one: string, other: string): number => Number(one > other) - Number(one < other);
const nameOf = ({ rule, subject }: TestRecord): string => `${rule} ${subject}`;

/** Those that begin together are compared by rule and device, in whatever order they are written. */
function historyDiffers(
  world: World,
  start: number,
  { index, history }: Extract<Expectation, { kind: 'history' }>,
): string[] {
  const named = new Set(history.map(({ rule, device }) => `${rule} ${device}`));
  const found = world.records.all
    .filter((record) => named.has(nameOf(record)))
    .toSorted((a, b) => a.from - b.from || compared(nameOf(a), nameOf(b)));
  const wanted = history.toSorted(
    (a, b) => a.from - b.from || compared(`${a.rule} ${a.device}`, `${b.rule} ${b.device}`),
  );
  return Array.from({ length: Math.max(found.length, wanted.length) }, (_, n) => n).flatMap((n) => {
    const [want, have] = [wanted[n], found[n]];
    const told = have === undefined ? 'nothing' : recordText(have, start, want);
    const asked = want === undefined ? 'nothing' : wantedText(want);
    return told === asked ? [] : [`expect[${index}] history\n  - ${asked}\n  + ${told}`];
  });
}

type Wanted = Extract<Expectation, { kind: 'history' }>['history'][number];

const spanText = (from: number, to: number | null): string =>
  `${minutes(from)}..${to === null ? '' : minutes(to)}`;

const wantedText = ({ rule, device, from, to, severity, suppression }: Wanted): string =>
  [
    `${rule} of ${device} ${spanText(from, to)}`,
    ...(severity === null ? [] : [severity]),
    ...(suppression === null ? [] : [list(suppression)]),
  ].join(' ');

/** As the expectation asks: what it does not ask for is left out. */
const recordText = (record: TestRecord, start: number, wanted: Wanted | undefined): string =>
  wantedText({
    ...{ rule: record.rule, device: record.subject, from: record.from - start },
    to: record.to === null ? null : record.to - start,
    severity: wanted?.severity === null ? null : record.severity,
    suppression: wanted?.suppression === null ? null : record.suppression,
  });
