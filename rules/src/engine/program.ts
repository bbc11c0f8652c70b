/** A rule on readings at work: what is known of each device that it is for, and how a reading changes it. */
import { gapAfterMs, isWorse, type Severity } from '@village/core';
import type { Expression, Facts } from '../language/expression.ts';
import type { Rule } from '../model.ts';
import { Alarms } from './alarms.ts';
import { fingerprintOf } from './fingerprint.ts';
import { Known, type KnownState, MISSING } from './known.ts';
import { Levels, NORMAL } from './levels.ts';
import type { LimitOf, Row, RuleSubject } from './program-types.ts';

/** What a program needs of the engine. */
export interface ProgramHost {
  /** Sets a timer; it comes at its moment or later. */
  arm(program: Program, k: number, due: number): void;
}

export class Program {
  readonly rule: Rule;
  readonly levels: Levels;
  readonly alarms: Alarms;
  /** Event time of the newest reading that was judged. */
  newest = new Float64Array(0);
  /** Driving value and limit then. */
  value = new Float64Array(0);
  limit = new Float64Array(0);
  size = 0;
  readonly subjects: RuleSubject[] = [];
  readonly #host: ProgramHost;
  readonly #limitOf: LimitOf;
  readonly #facts: Facts;
  readonly #simple: boolean;
  /** By instance: what is known of each input. Null where the driving value is all that is looked at. */
  readonly #known: (Known | null)[] = [];
  readonly #freshMs: number[] = [];
  /** Of what was said to hold for a while: until when. */
  readonly #ends = new Map<number, number>();
  /** Of rules that ask for repetition: when it was true lately, by level of an instance. */
  readonly #times = new Map<number, number[]>();
  #capacity = 0;

  constructor(rule: Rule, host: ProgramHost, limitOf: LimitOf) {
    this.rule = rule;
    this.#host = host;
    this.#limitOf = limitOf;
    const { levels, clearForMs, minActiveMs, strictFor } = this.rule;
    this.levels = new Levels(levels.length, {
      forMs: levels.map(({ forMs }) => forMs),
      ...{ clearForMs, minActiveMs, strictFor },
    });
    this.alarms = new Alarms(
      levels.map(({ severity }) => severity),
      this.rule.flap,
    );
    const values = this.inputs.length + rule.slots.counters.length;
    this.#facts = {
      values: new Float64Array(values).fill(Number.NaN),
      ages: new Float64Array(values).fill(Number.NaN),
      qualities: new Int8Array(values).fill(MISSING),
      windows: new Float64Array(rule.slots.windows.length).fill(Number.NaN),
      attributes: new Float64Array(rule.slots.attributes.length).fill(Number.NaN),
      limit: Number.NaN,
      at: Number.NaN,
    };
    this.#simple =
      this.rule.limit === null &&
      levels.every(({ when, clear }) => isDriven(when) && (clear === null || isDriven(clear)));
  }

  get inputs() {
    const { subject } = this.rule;
    return subject.kind === 'readings' ? subject.inputs : [];
  }

  severity(level: number): Severity {
    return (this.rule.levels[level] as Rule['levels'][number]).severity;
  }

  /** Takes in a device; `counters` says which inputs are counters that may be reset. */
  add(subject: RuleSubject): number {
    const i = this.size++;
    if (this.size > this.#capacity) this.#grow();
    this.subjects.push(subject);
    this.newest[i] = Number.NEGATIVE_INFINITY;
    const readings = this.rule.subject.kind === 'readings';
    this.#freshMs.push(
      readings ? gapAfterMs(subject.profile.reportEveryMs) : Number.POSITIVE_INFINITY,
    );
    this.#known.push(this.#simple ? null : new Known(this.rule, this.inputs, subject));
    return i;
  }

  /** What it is of is the same, and something else is said of it now. */
  change(i: number, subject: RuleSubject): void {
    this.subjects[i] = subject;
    this.#known[i]?.attributesOf(subject);
  }

  #grow(): void {
    this.#capacity = Math.max(8, this.#capacity * 2);
    this.levels.resize(this.#capacity);
    this.alarms.resize(this.#capacity);
    for (const name of ['newest', 'value', 'limit'] as const) {
      const next = new Float64Array(this.#capacity);
      next.set(this[name]);
      this[name] = next;
    }
  }

  /** A row that is too old to be judged: windows that it lies in hold it from now on. */
  takeLate(i: number, at: number, columns: Int32Array, row: Row): void {
    this.#known[i]?.learnLate(at, columns, row);
  }

  /** What is watched is so, or is not so any more, from an instant on. */
  say(i: number, at: number, is: boolean): void {
    this.#facts.values[0] = Number(is);
    this.#settle(i, at, Number.NaN, Number.NaN, Number(is));
  }

  /** What was said last holds until an instant, unless it is said again. */
  endAfter(i: number, at: number): void {
    this.#ends.set(i, at);
    this.#host.arm(this, i * this.levels.count, at);
  }

  /** Whether any level of it is raised or may be soon. */
  isUnderWay(i: number): boolean {
    const { levels } = this;
    if (this.alarms.open[i] !== -1) return true;
    for (let level = 0; level < levels.count; level++)
      if (levels.condition(i * levels.count + level) !== NORMAL) return true;
    return false;
  }

  /** What it was about is gone: what is open ends. */
  remove(i: number, at: number): void {
    const { levels } = this;
    for (let level = 0; level < levels.count; level++) levels.reset(i * levels.count + level);
    this.alarms.end(i, at, this.value[i] as number, this.limit[i] as number);
    this.newest[i] = Number.POSITIVE_INFINITY;
    this.#ends.delete(i);
  }

  /** Counters of an area have changed. */
  takeCounters(i: number, at: number, counters: Float64Array): void {
    this.#facts.values.set(counters, this.inputs.length);
    this.#facts.at = at;
    this.#judge(i, at, Number.NaN, Number.NaN);
  }

  /** A row of the device; only what is newer than all before is judged. */
  take(i: number, at: number, columns: Int32Array, row: Row): void {
    const driving = columns[0] as number;
    const value = driving < 0 ? Number.NaN : row.value(driving);
    const old = at <= (this.newest[i] as number);
    if (this.#simple) {
      if (Number.isNaN(value) || old) return;
      const counts = this.rule.qualities.has(row.quality(driving));
      this.#facts.values[0] = counts ? value : Number.NaN;
      this.#judge(i, at, value, Number.NaN);
      return;
    }
    const known = this.#known[i] as Known;
    known.learn(at, columns, row);
    if (Number.isNaN(value) || old) return;
    known.fill(this.#facts, at);
    const limit = this.#limitAt(i, at);
    this.#facts.limit = limit;
    this.#judge(i, at, value, limit);
  }

  #limitAt(i: number, at: number): number {
    const { limit } = this.rule;
    if (limit === null) return Number.NaN;
    const slot = limit.temperature;
    const temperature = slot === null ? Number.NaN : (this.#facts.values[slot] as number);
    return this.#limitOf(this.rule, this.subjects[i] as RuleSubject, at, temperature);
  }

  #judge(i: number, at: number, value: number, limit: number): void {
    this.#settle(i, at, value, limit, Number.NaN);
  }

  /** `said` is 1 or 0 where nothing has to be evaluated. */
  #settle(i: number, at: number, value: number, limit: number, said: number): void {
    const { levels, rule } = this;
    const newest = this.newest[i] as number;
    const gap = at - newest;
    const fresh = this.#freshMs[i] as number;
    this.catchUp(i, at);
    this.value[i] = value;
    this.limit[i] = limit;
    for (let level = 0; level < levels.count; level++) {
      const k = i * levels.count + level;
      if (gap > fresh) levels.skip(k, gap);
      const { when, clear } = rule.levels[level] as Rule['levels'][number];
      const is = Number.isNaN(said) ? result(when, this.#facts) : said;
      const over = clear === null || said === is ? 1 - is : result(clear, this.#facts);
      if (this.rule.repeat !== null && !levels.isRaised(k)) {
        this.#repeated(k, at, is);
        continue;
      }
      if (levels.judge(k, level, at, is, over)) this.#arm(k);
    }
    this.newest[i] = at;
    this.alarms.look(i, at, levels, value, limit);
  }

  /** So many true readings in so long a time raise it, whatever was between. */
  #repeated(k: number, at: number, is: number): void {
    if (is !== 1 || this.rule.repeat === null) return;
    const { count, inMs } = this.rule.repeat;
    const times = (this.#times.get(k) ?? []).filter((one) => one > at - inMs);
    times.push(at);
    if (times.length < count) {
      this.#times.set(k, times);
      return;
    }
    this.#times.delete(k);
    this.levels.raise(k, times[0] as number);
  }

  /** Does what would have come before an instant had a clock run in event time. */
  catchUp(i: number, before: number): void {
    const { levels } = this;
    for (;;) {
      let first = -1;
      for (let level = 0; level < levels.count; level++) {
        const k = i * levels.count + level;
        if (!levels.waits(k) || (levels.due[k] as number) >= before || !this.#isFresh(i, k))
          continue;
        if (first === -1 || (levels.due[k] as number) < (levels.due[first] as number)) first = k;
      }
      const quiet = this.alarms.quietAt(i);
      if (quiet < before && (first === -1 || quiet <= (levels.due[first] as number))) {
        this.alarms.calm(i, quiet, levels, this.value[i] as number, this.limit[i] as number);
        continue;
      }
      if (first === -1) return;
      const due = levels.due[first] as number;
      levels.elapse(first);
      this.alarms.look(i, due, levels, this.value[i] as number, this.limit[i] as number);
    }
  }

  /** A timer came, by the server's clock: what is due by then is done, if readings are fresh. */
  timer(k: number, now: number): void {
    this.levels.armed[k] = 0;
    const i = Math.floor(k / this.levels.count);
    const end = this.#ends.get(i);
    if (end !== undefined && end <= now) {
      this.#ends.delete(i);
      this.say(i, end, false);
    }
    this.catchUp(i, now);
    if (this.levels.waits(k) && this.#isFresh(i, k)) this.#arm(k);
  }

  state(): ProgramState {
    const { size, levels, alarms } = this;
    const all = size * levels.count;
    return {
      rule: this.rule.id,
      fingerprint: fingerprintOf(this.rule),
      subjects: this.subjects.map(({ id }) => id),
      levels: {
        state: levels.state.slice(0, all),
        since: levels.since.slice(0, all),
        due: levels.due.slice(0, all),
        began: levels.began.slice(0, all),
      },
      severities: this.rule.levels.map(({ severity }) => severity),
      open: alarms.open.slice(0, size),
      since: alarms.since.slice(0, size),
      changes: alarms.state(),
      newest: this.newest.slice(0, size),
      value: this.value.slice(0, size),
      limit: this.limit.slice(0, size),
      known: this.#known.map((known) => known?.state() ?? null),
      ends: [...this.#ends],
      times: [...this.#times],
    };
  }

  /** Takes instances of before up again, where what they are of is still there. Of a rule that was changed open alerts stay. */
  restore(state: ProgramState): void {
    const same = state.fingerprint === fingerprintOf(this.rule);
    const place = new Map(this.subjects.map(({ id }, i) => [id, i]));
    const to = state.subjects.map((id) => place.get(id));
    to.forEach((i, n) => {
      if (i === undefined) return;
      if (same) this.#restoreOne(state, n, i);
      else if (state.open[n] !== -1) this.#adopt(state, n, i);
    });
    if (!same) return;
    const { count } = this.levels;
    this.alarms.restore(state.changes, to);
    for (const [n, at] of state.ends) {
      const i = to[n];
      if (i !== undefined) this.endAfter(i, at);
    }
    for (const [k, at] of state.times) {
      const i = to[Math.floor(k / count)];
      if (i !== undefined) this.#times.set(i * count + (k % count), [...at]);
    }
  }

  #restoreOne(state: ProgramState, n: number, i: number): void {
    const { levels } = this;
    for (let level = 0; level < levels.count; level++) {
      const from = n * levels.count + level;
      const k = i * levels.count + level;
      levels.state[k] = state.levels.state[from] as number;
      for (const name of ['since', 'due', 'began'] as const)
        levels[name][k] = state.levels[name][from] as number;
      if (levels.waits(k)) this.#arm(k);
    }
    this.alarms.open[i] = state.open[n] as number;
    this.alarms.since[i] = state.since[n] as number;
    for (const name of ['newest', 'value', 'limit'] as const)
      this[name][i] = state[name][n] as number;
    const before = state.known[n];
    if (before !== null && before !== undefined) this.#known[i]?.restore(before);
  }

  /** An alert of the rule as it was before goes on as one of the level that is as severe, or the next below. */
  #adopt(state: ProgramState, n: number, i: number): void {
    const severity = state.severities[state.open[n] as number] as Severity;
    const own = this.rule.levels.findIndex((level) => !isWorse(level.severity, severity));
    const level = own === -1 ? this.levels.count - 1 : own;
    this.levels.raise(i * this.levels.count + level, state.since[n] as number);
    this.alarms.open[i] = level;
    this.alarms.since[i] = state.since[n] as number;
  }

  /** One that changes too often may have been quiet for long enough by now. */
  quiet(i: number, now: number): void {
    this.catchUp(i, now);
    if (this.alarms.isFlapping(i)) this.alarms.arm(i, this.alarms.quietAt(i));
  }

  /** Whether the newest reading still holds at the moment that is waited for. */
  #isFresh(i: number, k: number): boolean {
    return (
      (this.levels.due[k] as number) - (this.newest[i] as number) <= (this.#freshMs[i] as number)
    );
  }

  #arm(k: number): void {
    const due = this.levels.due[k] as number;
    const armed = this.levels.armed[k] as number;
    // One that comes earlier looks again.
    if (armed !== 0 && armed <= due) return;
    this.levels.armed[k] = due;
    this.#host.arm(this, k, due);
  }
}

/** A program's instances, for a snapshot. */
export interface ProgramState {
  readonly rule: string;
  readonly fingerprint: string;
  readonly subjects: readonly string[];
  readonly levels: {
    readonly state: Uint8Array;
    readonly since: Float64Array;
    readonly due: Float64Array;
    readonly began: Float64Array;
  };
  readonly severities: readonly Severity[];
  readonly open: Int8Array;
  readonly since: Float64Array;
  readonly changes: ReturnType<Alarms['state']>;
  readonly newest: Float64Array;
  readonly value: Float64Array;
  readonly limit: Float64Array;
  /** By instance; null where nothing but the driving value is looked at. */
  readonly known: readonly (KnownState | null)[];
  readonly ends: readonly (readonly [i: number, at: number])[];
  readonly times: readonly (readonly [k: number, at: readonly number[]])[];
}

const isDriven = ({ threshold }: Expression): boolean =>
  threshold !== null && threshold.input === 0;

/** 1, 0 or NaN. */
function result({ threshold, evaluate }: Expression, facts: Facts): number {
  if (threshold === null) return evaluate(facts);
  const value = facts.values[threshold.input] as number;
  if (Number.isNaN(value)) return value;
  switch (threshold.operator) {
    case '>':
      return value > threshold.value ? 1 : 0;
    case '>=':
      return value >= threshold.value ? 1 : 0;
    case '<':
      return value < threshold.value ? 1 : 0;
    case '<=':
      return value <= threshold.value ? 1 : 0;
  }
}
