/** A rule on readings at work: what is known of each device that it is for, and how a reading changes it. */
import { gapAfterMs, isWorse, type Severity } from '@village/core';
import type { Facts } from '../language/expression.ts';
import type { Level, Rule } from '../model.ts';
import { Alarms } from './alarms.ts';
import type { Batch, Column } from './batch.ts';
import { fingerprintOf } from './fingerprint.ts';
import { Inputs, MISSING } from './inputs.ts';
import { ACTIVE, Levels } from './levels.ts';
import { type ProgramState, stateOf } from './program-state.ts';
import type { LimitOf, RuleSubject } from './program-types.ts';
import { Repeats } from './repeats.ts';
import { columnsOf } from './scope.ts';
import { type Calm, calmOf, isDriven, result } from './thresholds.ts';

/** Rows that are judged between two stops: a fraction of a millisecond. */
const ROWS_AT_ONCE = 256;

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
  readonly #place = new Map<string, number>();
  readonly #host: ProgramHost;
  readonly #limitOf: LimitOf;
  readonly #facts: Facts;
  readonly #simple: boolean;
  /** Null where the driving value is all that is looked at. */
  readonly #known: Inputs | null;
  /** After so long without a reading nobody knows what holds, ms. */
  #freshMs = new Float64Array(0);
  /** Readings older than this are late, ms. */
  #liveMs = new Float64Array(0);
  /** 1 where a level is not normal or an alert is open: of all others most readings change nothing. */
  #busy = new Uint8Array(0);
  /** Instance of a device by its number; -1 where the rule is not for it. */
  #byDevice = new Int32Array(0);
  /** Columns of the inputs by profile, and among how many metrics they were looked up. */
  readonly #columns = new Map<string, { readonly metrics: number; readonly of: Int32Array }>();
  readonly #goodCounts: boolean;
  /** Values between which no level is true, where the driving value is all that is looked at. */
  readonly #calm: Calm;
  /** Of what was said to hold for a while: until when. */
  readonly #ends = new Map<number, number>();
  readonly #repeats: Repeats | null;
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
    this.#known = this.#simple ? null : new Inputs(rule, this.inputs);
    this.#repeats = rule.repeat === null ? null : new Repeats(rule.repeat);
    this.#goodCounts = rule.qualities.has(0);
    this.#calm = calmOf(levels.map(({ when }) => when.threshold));
  }

  get inputs() {
    const { subject } = this.rule;
    return subject.kind === 'readings' ? subject.inputs : [];
  }

  severity(level: number): Severity {
    return (this.rule.levels[level] as Rule['levels'][number]).severity;
  }

  /** Takes in what it is for; `number` is that of a device in batches. */
  add(subject: RuleSubject, number = -1): number {
    const i = this.size++;
    if (this.size > this.#capacity) this.#grow();
    this.subjects.push(subject);
    this.#place.set(subject.id, i);
    const { reportEveryMs } = subject.profile;
    const readings = this.rule.subject.kind === 'readings';
    const { ms, intervals } = this.rule.live;
    this.newest[i] = Number.NEGATIVE_INFINITY;
    this.#freshMs[i] = readings ? gapAfterMs(reportEveryMs) : Number.POSITIVE_INFINITY;
    this.#liveMs[i] = Math.max(ms, intervals * reportEveryMs);
    this.#known?.add(i, subject);
    if (number >= 0) this.#bind(number, i);
    return i;
  }

  #bind(number: number, i: number): void {
    if (number >= this.#byDevice.length) {
      const next = new Int32Array(Math.max(8, 2 * this.#byDevice.length, number + 1)).fill(-1);
      next.set(this.#byDevice);
      this.#byDevice = next;
    }
    this.#byDevice[number] = i;
  }

  /** What it is of is the same, and something else is said of it now. */
  change(i: number, subject: RuleSubject): void {
    this.subjects[i] = subject;
    this.#known?.attributesOf(i, subject);
  }

  #grow(): void {
    this.#capacity = Math.max(8, this.#capacity * 2);
    this.levels.resize(this.#capacity);
    this.alarms.resize(this.#capacity);
    this.#known?.resize(this.#capacity);
    const grown = (old: Float64Array): Float64Array<ArrayBuffer> => {
      const next = new Float64Array(this.#capacity);
      next.set(old);
      return next;
    };
    this.newest = grown(this.newest);
    this.value = grown(this.value);
    this.limit = grown(this.limit);
    this.#freshMs = grown(this.#freshMs);
    this.#liveMs = grown(this.#liveMs);
    const busy = new Uint8Array(this.#capacity);
    busy.set(this.#busy);
    this.#busy = busy;
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
    return this.alarms.open[i] !== -1 || !this.levels.areNormal(i);
  }

  /** What it was about is gone: what is open ends. */
  remove(i: number, at: number, number = -1): void {
    if (number >= 0) this.#byDevice[number] = -1;
    const { levels } = this;
    levels.reset(i);
    this.alarms.end(i, at, this.value[i] as number, this.limit[i] as number);
    this.newest[i] = Number.POSITIVE_INFINITY;
    this.#place.delete((this.subjects[i] as RuleSubject).id);
    this.#ends.delete(i);
  }

  /** Counters of an area have changed. */
  takeCounters(i: number, at: number, counters: Float64Array): void {
    this.#facts.values.set(counters, this.inputs.length);
    this.#facts.at = at;
    this.#judge(i, at, Number.NaN, Number.NaN);
  }

  /** Rows of devices; of each device only what is newer than all before is judged. */
  takeBatch(batch: Batch, now: number): void {
    for (const _ of this.taking(batch, now));
  }

  /** The same, with a stop after every few rows. */
  *taking(batch: Batch, now: number): Generator<undefined> {
    const columns = this.#columnsOf(batch);
    const driving = columns?.[0];
    if (columns === null || driving === null || driving === undefined) return;
    const isDriven = this.#known === null && this.rule.repeat === null;
    for (let from = 0; from < batch.count; from += ROWS_AT_ONCE) {
      const to = Math.min(batch.count, from + ROWS_AT_ONCE);
      if (isDriven) this.#takeDriven(batch, driving, now, from, to);
      else this.#takeKnown(batch, columns, driving, now, from, to);
      yield;
    }
  }

  /** Most rules compare one value with numbers, and most readings change nothing: those cost a few steps each. */
  #takeDriven(
    { devices, at: times, backfill, late }: Batch,
    driving: Column,
    now: number,
    from: number,
    to: number,
  ): void {
    const { values, codes } = driving;
    const byDevice = this.#byDevice;
    const newest = this.newest;
    const busy = this.#busy;
    const liveMs = this.#liveMs;
    const { below, above, isInclusive } = this.#calm;
    for (let row = from; row < to; row++) {
      const value = values[row] as number;
      const number = devices[row] as number;
      if (number < 0 || number >= byDevice.length || Number.isNaN(value)) continue;
      const i = byDevice[number] as number;
      if (i < 0) continue;
      const at = times[row] as number;
      if (backfill !== null && (backfill[row] === 1 || now - at > (liveMs[i] as number))) {
        late[row] = 1;
        continue;
      }
      const before = newest[i] as number;
      if (at <= before) {
        if (at < before) late[row] = 1;
        continue;
      }
      const isCalm = isInclusive
        ? value >= below && value <= above
        : value > below && value < above;
      if (busy[i] === 0 && isCalm) newest[i] = at;
      else this.#reading(i, at, value, codes === null ? 0 : (codes[row] as number));
    }
  }

  #takeKnown(
    { devices, at: times, backfill, late }: Batch,
    columns: readonly (Column | null)[],
    { values, codes }: Column,
    now: number,
    from: number,
    to: number,
  ): void {
    const byDevice = this.#byDevice;
    const liveMs = this.#liveMs;
    for (let row = from; row < to; row++) {
      const number = devices[row] as number;
      const i = number >= 0 && number < byDevice.length ? (byDevice[number] as number) : -1;
      if (i < 0) continue;
      const at = times[row] as number;
      if (backfill !== null && (backfill[row] === 1 || now - at > (liveMs[i] as number))) {
        late[row] = 1;
        this.#known?.learnLate(i, at, row, columns);
        continue;
      }
      this.#known?.learn(i, at, row, columns);
      const value = values[row] as number;
      if (Number.isNaN(value)) continue;
      const newest = this.newest[i] as number;
      if (at <= newest) {
        if (at < newest) late[row] = 1;
        continue;
      }
      const quality = codes === null ? 0 : (codes[row] as number);
      this.#reading(i, at, value, quality);
    }
  }

  #reading(i: number, at: number, value: number, quality: number): void {
    const facts = this.#facts;
    let limit = Number.NaN;
    if (this.#known === null) {
      const counts = quality === 0 ? this.#goodCounts : this.rule.qualities.has(quality);
      facts.values[0] = counts ? value : Number.NaN;
    } else {
      this.#known.fill(i, facts, at);
      limit = this.#limitAt(i, at);
      facts.limit = limit;
    }
    if (this.#busy[i] === 0 && this.rule.repeat === null && !this.#anyTrue()) {
      this.newest[i] = at;
      return;
    }
    this.#judge(i, at, value, limit);
  }

  #limitAt(i: number, at: number): number {
    const { limit } = this.rule;
    if (limit === null) return Number.NaN;
    const slot = limit.temperature;
    const temperature = slot === null ? Number.NaN : (this.#facts.values[slot] as number);
    return this.#limitOf(this.rule, this.subjects[i] as RuleSubject, at, temperature);
  }

  #anyTrue(): boolean {
    const { levels } = this.rule;
    for (let level = 0; level < levels.length; level++)
      if (result((levels[level] as Level).when, this.#facts) === 1) return true;
    return false;
  }

  #columnsOf(batch: Batch): (Column | null)[] | null {
    const { profile, metrics } = batch;
    let known = this.#columns.get(profile);
    if (known === undefined || known.metrics !== metrics.length) {
      const some = this.subjects.find((one) => one.profile.id === profile);
      const of = some === undefined ? null : columnsOf(this.inputs, some.profile, metrics);
      if (of === null) return null;
      known = { metrics: metrics.length, of };
      this.#columns.set(profile, known);
    }
    return Array.from(known.of, (column) => (column < 0 ? null : batch.column(column)));
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
    if (this.#busy[i] === 1) {
      if (levels.count === 1 && Number.isNaN(said) && this.#goesOn(i)) {
        this.value[i] = value;
        this.limit[i] = limit;
        this.newest[i] = at;
        return;
      }
      this.catchUp(i, at);
    }
    this.value[i] = value;
    this.limit[i] = limit;
    for (let level = 0; level < levels.count; level++) {
      const k = i * levels.count + level;
      if (gap > fresh) levels.skip(k, gap);
      const { when, clear } = rule.levels[level] as Level;
      const is = Number.isNaN(said) ? result(when, this.#facts) : said;
      const over = clear === null || said === is ? 1 - is : result(clear, this.#facts);
      if (this.#repeats !== null && !levels.isRaised(k)) {
        const first = is === 1 ? this.#repeats.note(k, at) : null;
        if (first !== null) levels.raise(k, first);
        continue;
      }
      if (levels.judge(k, level, at, is, over)) this.#arm(k);
    }
    this.newest[i] = at;
    this.alarms.look(i, at, levels, value, limit);
    this.#busy[i] = Number(this.isUnderWay(i) || this.alarms.isFlapping(i));
  }

  /** An alert of one level that is open and not over: nothing changes. */
  #goesOn(i: number): boolean {
    if (this.levels.condition(i) !== ACTIVE || this.alarms.isFlapping(i)) return false;
    const { when, clear } = this.rule.levels[0];
    return clear === null ? result(when, this.#facts) !== 0 : result(clear, this.#facts) !== 1;
  }

  /** Does what would have come before an instant had a clock run in event time. */
  catchUp(i: number, before: number): void {
    const { levels } = this;
    if (!this.alarms.isFlapping(i) && !levels.mayElapse(i, before)) return;
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
      // All of one moment together: one level may end as another begins.
      for (let k = i * levels.count; k < (i + 1) * levels.count; k++)
        if (levels.waits(k) && levels.due[k] === due && this.#isFresh(i, k)) levels.elapse(k);
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

  /** Of instances from one before another. */
  state(from: number, to: number): ProgramState {
    const { rule, levels, alarms, subjects, newest, value, limit } = this;
    const own = { known: this.#known, ends: this.#ends, repeats: this.#repeats };
    return stateOf({ rule, levels, alarms, subjects, newest, value, limit, ...own }, from, to);
  }

  /** Takes instances of before up again, where what they are of is still there. Of a rule that was changed open alerts stay. */
  restore(state: ProgramState): void {
    const same = state.fingerprint === fingerprintOf(this.rule);
    const to = state.subjects.map((id) => this.#place.get(id));
    to.forEach((i, n) => {
      if (i === undefined) return;
      if (same) this.#restoreOne(state, n, i);
      else if (state.open[n] !== -1)
        this.adopt(
          i,
          state.severities[state.open[n] as number] as Severity,
          state.since[n] as number,
        );
    });
    if (!same) return;
    this.alarms.restore(state.changes, to);
    for (const [n, , flapping] of state.changes) {
      const i = to[n];
      if (i !== undefined && flapping) this.#busy[i] = 1;
    }
    for (const [n, at] of state.ends) {
      const i = to[n];
      if (i !== undefined) this.endAfter(i, at);
    }
    const { count } = this.levels;
    this.#repeats?.restore(state.times, (k) => {
      const i = to[Math.floor(k / count)];
      return i === undefined ? undefined : i * count + (k % count);
    });
  }

  #restoreOne(state: ProgramState, n: number, i: number): void {
    const { levels } = this;
    levels.restore(state.levels, n, i);
    for (let k = i * levels.count; k < (i + 1) * levels.count; k++)
      if (levels.waits(k)) this.#arm(k);
    this.alarms.open[i] = state.open[n] as number;
    this.alarms.since[i] = state.since[n] as number;
    for (const name of ['newest', 'value', 'limit'] as const)
      this[name][i] = state[name][n] as number;
    this.alarms.resume(i, levels);
    if (state.known !== null) this.#known?.restore(state.known, n, i);
    this.#busy[i] = Number(this.isUnderWay(i));
  }

  /** An open alert goes on as one of the level that is as severe, or of the next below. */
  adopt(i: number, severity: Severity, since: number): void {
    const own = this.rule.levels.findIndex((level) => !isWorse(level.severity, severity));
    const level = own === -1 ? this.levels.count - 1 : own;
    this.levels.raise(i * this.levels.count + level, since);
    this.alarms.open[i] = level;
    this.alarms.since[i] = since;
    this.alarms.resume(i, this.levels);
    this.#busy[i] = 1;
  }

  /** Where a subject is among its instances. */
  indexOf(id: string): number | undefined {
    return this.#place.get(id);
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
