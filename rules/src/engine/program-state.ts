/** A rule at work, as a snapshot holds it: some of its instances, counted from the first. */
import type { Severity } from '@village/core';
import type { Rule } from '../model.ts';
import type { Alarms } from './alarms.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Inputs, InputsState } from './inputs.ts';
import type { Levels, LevelsState } from './levels.ts';
import type { RuleSubject } from './program-types.ts';
import type { Repeats } from './repeats.ts';

/** Some of a program's instances, for a snapshot. */
export interface ProgramState {
  readonly rule: string;
  readonly fingerprint: string;
  readonly subjects: readonly string[];
  readonly levels: LevelsState;
  readonly severities: readonly Severity[];
  readonly open: Int8Array;
  readonly since: Float64Array;
  readonly changes: ReturnType<Alarms['state']>;
  readonly newest: Float64Array;
  readonly value: Float64Array;
  readonly limit: Float64Array;
  /** Null where nothing but the driving value is looked at. */
  readonly known: InputsState | null;
  readonly ends: readonly (readonly [i: number, at: number])[];
  readonly times: readonly (readonly [k: number, at: readonly number[]])[];
}

/** What a program keeps of its instances. */
export interface Kept {
  readonly rule: Rule;
  readonly levels: Levels;
  readonly alarms: Alarms;
  readonly subjects: readonly RuleSubject[];
  readonly newest: Float64Array;
  readonly value: Float64Array;
  readonly limit: Float64Array;
  readonly known: Inputs | null;
  readonly ends: ReadonlyMap<number, number>;
  readonly repeats: Repeats | null;
}

/** Of instances from one before another. */
export function stateOf(kept: Kept, from: number, to: number): ProgramState {
  const { rule, levels, alarms, subjects, newest, value, limit, known, repeats } = kept;
  const ends: [number, number][] = [];
  for (let i = from; i < to; i++) {
    const at = kept.ends.get(i);
    if (at !== undefined) ends.push([i - from, at]);
  }
  return {
    rule: rule.id,
    fingerprint: fingerprintOf(rule),
    subjects: subjects.slice(from, to).map(({ id }) => id),
    levels: levels.snapshot(from, to),
    severities: rule.levels.map(({ severity }) => severity),
    open: alarms.open.slice(from, to),
    since: alarms.since.slice(from, to),
    changes: alarms.state(from, to),
    newest: newest.slice(from, to),
    value: value.slice(from, to),
    limit: limit.slice(from, to),
    known: known?.state(from, to) ?? null,
    ends,
    times: repeats?.state(from * levels.count, to * levels.count) ?? [],
  };
}
