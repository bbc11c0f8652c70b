/** A rule at work, as a snapshot holds it. */
import type { Severity } from '@village/core';
import type { Alarms } from './alarms.ts';
import type { InputsState } from './inputs.ts';
import type { LevelsState } from './levels.ts';

/** A program's instances, for a snapshot. */
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
