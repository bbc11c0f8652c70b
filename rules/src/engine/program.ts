/** A rule on readings at work: what is known of each device that it is for, and how a reading changes it. */
import { gapAfterMs, quantity, type Severity } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Expression, Facts, WindowCall } from '../language/expression.ts';
import type { Rule } from '../model.ts';
import { Alarms } from './alarms.ts';
import { Levels, NORMAL } from './levels.ts';
import { Series } from './windows.ts';

/** What a program needs of the engine. */
export interface ProgramHost {
  /** Sets a timer; it comes at its moment or later. */
  arm(program: Program, k: number, due: number): void;
}

/** A device, gateway or area as rules see it. */
export interface Subject {
  readonly id: string;
  /** Of a gateway or an area it is one that measures nothing. */
  readonly profile: Pick<
    DeviceProfile,
    'id' | 'kind' | 'metrics' | 'reportEveryMs' | 'silentAfterMs'
  >;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly labels: Readonly<Record<string, string>>;
  /** County, township and village in which it stands. */
  readonly areas: readonly string[];
  readonly gateway: string | null;
  /** When it was registered, ms. */
  readonly registeredAt: number;
}

/** The limit that a rule's standard sets for a device at a time; NaN where it is not known. */
export type LimitOf = (rule: Rule, subject: Subject, at: number) => number;

/** A rule with what its expressions need. */
export interface Compiled {
  readonly rule: Rule;
  readonly windows: readonly WindowCall[];
  /** Keys of attributes that are numbers, by slot. */
  readonly attributes: readonly string[];
  /** Names that the subject gives, by slot behind the inputs. */
  readonly counters: readonly string[];
}

const MISSING = -1;

/** What one reading of one device gives a program: the value of each input, by slot. */
export interface Row {
  /** Whether the row carries the metric in this column. */
  value(column: number): number;
  quality(column: number): number;
}

export class Program {
  readonly compiled: Compiled;
  readonly rule: Rule;
  readonly levels: Levels;
  readonly alarms: Alarms;
  /** Event time of the newest reading that was judged. */
  newest = new Float64Array(0);
  /** Driving value and limit then. */
  value = new Float64Array(0);
  limit = new Float64Array(0);
  size = 0;
  readonly subjects: Subject[] = [];
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

  constructor(compiled: Compiled, host: ProgramHost, limitOf: LimitOf) {
    this.compiled = compiled;
    this.rule = compiled.rule;
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
    const values = this.inputs.length + compiled.counters.length;
    this.#facts = {
      values: new Float64Array(values).fill(Number.NaN),
      ages: new Float64Array(values).fill(Number.NaN),
      qualities: new Int8Array(values).fill(MISSING),
      windows: new Float64Array(compiled.windows.length).fill(Number.NaN),
      attributes: new Float64Array(compiled.attributes.length).fill(Number.NaN),
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
  add(subject: Subject): number {
    const i = this.size++;
    if (this.size > this.#capacity) this.#grow();
    this.subjects.push(subject);
    this.newest[i] = Number.NEGATIVE_INFINITY;
    const readings = this.rule.subject.kind === 'readings';
    this.#freshMs.push(
      readings ? gapAfterMs(subject.profile.reportEveryMs) : Number.POSITIVE_INFINITY,
    );
    this.#known.push(this.#simple ? null : this.#knownOf(subject));
    return i;
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

  #knownOf({ profile, attributes }: Subject): Known {
    const { inputs } = this;
    const series = inputs.map(({ metric }, slot) => {
      const calls = this.compiled.windows
        .map((call, n) => ({ call, slot: n }))
        .filter(({ call }) => call.input === slot);
      if (calls.length === 0) return null;
      const own = profile.metrics.find(({ key }) => key === metric);
      const counter = own !== undefined && quantity(own.quantity)?.total === true;
      return new Series({ calls, intervalMs: profile.reportEveryMs, counter });
    });
    const said = this.compiled.attributes.map((key) => {
      const value = attributes[key];
      return typeof value === 'number' ? value : Number.NaN;
    });
    return {
      at: new Float64Array(inputs.length).fill(Number.NaN),
      values: new Float64Array(inputs.length).fill(Number.NaN),
      qualities: new Int8Array(inputs.length).fill(MISSING),
      windows: new Float64Array(this.compiled.windows.length).fill(Number.NaN),
      attributes: Float64Array.from(said),
      series,
    };
  }

  /** A row that is too old to be judged, or not newer: windows that it lies in hold it from now on. */
  takeLate(i: number, at: number, columns: Int32Array, row: Row): void {
    const known = this.#known[i];
    if (known === null || known === undefined) return;
    for (let slot = 0; slot < columns.length; slot++) {
      const series = known.series[slot];
      const column = columns[slot] as number;
      if (series === null || series === undefined || column < 0) continue;
      const value = row.value(column);
      if (Number.isNaN(value) || !this.rule.qualities.has(row.quality(column))) continue;
      series.takeLate(at, value);
      series.results(known.windows);
    }
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
    this.#learn(known, at, columns, row);
    if (Number.isNaN(value) || old) return;
    this.#fill(known, at);
    const limit =
      this.rule.limit === null
        ? Number.NaN
        : this.#limitOf(this.rule, this.subjects[i] as Subject, at);
    this.#facts.limit = limit;
    this.#judge(i, at, value, limit);
  }

  #learn(known: Known, at: number, columns: Int32Array, row: Row): void {
    for (let slot = 0; slot < columns.length; slot++) {
      const column = columns[slot] as number;
      if (column < 0) continue;
      const value = row.value(column);
      if (Number.isNaN(value)) continue;
      const quality = row.quality(column);
      const counts = this.rule.qualities.has(quality);
      if (at <= (known.at[slot] as number)) {
        if (counts) known.series[slot]?.takeLate(at, value);
        continue;
      }
      known.at[slot] = at;
      known.values[slot] = counts ? value : Number.NaN;
      known.qualities[slot] = quality;
      if (counts) known.series[slot]?.take(at, value, known.windows);
    }
  }

  #fill(known: Known, at: number): void {
    const facts = this.#facts;
    const { inputs } = this;
    for (let slot = 0; slot < inputs.length; slot++) {
      const age = at - (known.at[slot] as number);
      const old = slot > 0 && age > (inputs[slot] as { maxAgeMs: number }).maxAgeMs;
      facts.values[slot] = old ? Number.NaN : (known.values[slot] as number);
      facts.ages[slot] = age / 1000;
    }
    facts.qualities.set(known.qualities);
    facts.windows.set(known.windows);
    facts.attributes.set(known.attributes);
    facts.at = at;
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

/** What is known of the inputs of one device, by slot. */
interface Known {
  readonly at: Float64Array;
  readonly values: Float64Array;
  readonly qualities: Int8Array;
  readonly windows: Float64Array;
  readonly attributes: Float64Array;
  readonly series: readonly (Series | null)[];
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
