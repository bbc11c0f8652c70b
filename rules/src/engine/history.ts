/** Judges a device's past by rules, in order of time and by the engine that judges the present: what would have alerted, from when to when. */
import type { Severity } from '@village/core';
import { isWorse } from '@village/core';
import type { Rule } from '../model.ts';
import type { Batch, Column } from './batch.ts';
import { isFor } from './bindings.ts';
import { Program } from './program.ts';
import type { LimitOf, RuleSubject } from './program-types.ts';

/** Readings of one device in order of time, a column each. */
export interface Columns {
  readonly metrics: readonly string[];
  readonly at: Float64Array;
  /** By metric; NaN where a row does not carry it. */
  readonly values: readonly Float64Array[];
  /** Codes of qualities by metric; null where all are good. */
  readonly qualities: readonly (Uint8Array | null)[];
}

/** An alert of the past. */
export interface Interval {
  readonly rule: string;
  readonly subject: string;
  /** The worst that it became. */
  readonly severity: Severity;
  /** Since when its condition held, event time, ms. */
  readonly from: number;
  /** When it was raised: `from` and the rule's own delay. */
  readonly raised: number;
  /** When it was over; null when it was not. */
  readonly to: number | null;
  /** The driving value when it was raised, and the limit it was judged by; null where there is none. */
  readonly value: number | null;
  readonly limit: number | null;
}

/** Rows of the past: of one device, and none of them late. */
class PastBatch implements Batch {
  readonly profile: string;
  readonly metrics: readonly string[];
  readonly count: number;
  readonly devices: Int32Array;
  readonly at: Float64Array;
  readonly backfill = null;
  readonly late: Uint8Array;
  readonly #columns: Columns;

  constructor(columns: Columns, profile: string) {
    this.#columns = columns;
    this.profile = profile;
    this.metrics = columns.metrics;
    this.at = columns.at;
    this.count = columns.at.length;
    this.devices = new Int32Array(this.count);
    this.late = new Uint8Array(this.count);
  }

  column(metric: number): Column {
    const { values, qualities } = this.#columns;
    return { values: values[metric] as Float64Array, codes: qualities[metric] ?? null };
  }
}

const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

/**
 * Judges what a device measured, one part after the other: `add` gets rows in order of time, `end` says up to when it is known that nothing
 * more came.
 */
export class History {
  readonly #programs: readonly { readonly program: Program; readonly i: number }[];
  readonly #subject: RuleSubject;
  readonly #open = new Map<Program, Interval>();
  readonly #found: Interval[] = [];

  constructor(rules: readonly Rule[], subject: RuleSubject, limitOf: LimitOf) {
    this.#subject = subject;
    // Timers come by event time alone: each reading first does what was due before it.
    const host = { arm: (): void => undefined };
    this.#programs = rules
      .filter((rule) => rule.subject.kind === 'readings')
      .map((rule) => new Program(rule, host, limitOf))
      .filter((program) => isFor(program, subject))
      .map((program) => {
        program.alarms.tell = (kind, _i, severity, at, since, value, limit) =>
          this.#told(program, kind, severity, at, since, value, limit);
        return { program, i: program.add(subject, 0) };
      });
  }

  add(columns: Columns): void {
    const batch = new PastBatch(columns, this.#subject.profile.id);
    for (const { program } of this.#programs) program.takeBatch(batch, Number.NaN);
  }

  /** Alerts in the order in which they were raised; those that go on have no end. */
  end(at: number): Interval[] {
    for (const { program, i } of this.#programs) program.catchUp(i, at);
    return [...this.#found, ...this.#open.values()].sort((a, b) => a.raised - b.raised);
  }

  #told(
    program: Program,
    kind: string,
    severity: Severity,
    at: number,
    since: number,
    value: number,
    limit: number,
  ): void {
    const open = this.#open.get(program);
    if (kind === 'open')
      this.#open.set(program, {
        ...{ rule: program.rule.id, subject: this.#subject.id, severity, from: since, raised: at },
        ...{ to: null, value: orNull(value), limit: orNull(limit) },
      });
    else if (open !== undefined && kind === 'close') {
      this.#open.delete(program);
      this.#found.push({ ...open, to: at });
    } else if (open !== undefined && isWorse(severity, open.severity))
      this.#open.set(program, { ...open, severity });
  }
}
