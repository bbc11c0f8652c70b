/** Which rules each device's rows go to, looked up once a device and profile. */
import { qualityCode } from '@village/core';
import type { CommittedRows } from '@village/store/time-series';
import type { Program } from './program.ts';
import type { Row, RuleSubject } from './program-types.ts';
import { columnsOf, isInScope } from './scope.ts';

/** A rule that a device's rows go to. */
export interface Binding {
  readonly program: Program;
  readonly i: number;
  columns: Int32Array;
  /** Readings older than this are late, ms. */
  readonly liveMs: number;
}

/** What the rules know of one device. */
export interface BoundDevice {
  subject: RuleSubject;
  bindings: Binding[];
  /** Instances of rules that watch the device itself. */
  watched: { readonly program: Program; readonly i: number }[];
  /** Of the profile of rows that came last: how many metrics its columns were looked up among. */
  metrics: number;
  /** When it was heard last by the server's clock, ms. */
  heard: number;
  /** A timer for its silence is set. */
  armed: boolean;
  isSilent: boolean;
}

/** `i` of the device among the rule's; null where the rule is not for it. Without `take` it is only looked whether it is. */
export function bind(program: Program, subject: RuleSubject, take = true): Binding | null {
  const { rule, inputs } = program;
  if (rule.subject.kind !== 'readings' || !isInScope(rule.scope, subject)) return null;
  const { profile } = subject;
  const columns = columnsOf(
    inputs,
    profile,
    profile.metrics.map(({ key }) => key),
  );
  if (columns === null) return null;
  const { ms, intervals } = rule.live;
  const liveMs = Math.max(ms, intervals * profile.reportEveryMs);
  return { program, i: take ? program.add(subject) : -1, columns, liveMs };
}

/** Looks columns up among the metrics that a block has; they are only ever added at its end. */
export function lookUp(device: BoundDevice, { metrics }: Pick<CommittedRows, 'metrics'>): void {
  if (device.metrics === metrics.length) return;
  device.metrics = metrics.length;
  for (const binding of device.bindings) {
    const { inputs } = binding.program;
    const found = columnsOf(inputs, device.subject.profile, metrics);
    binding.columns = found ?? new Int32Array(inputs.length).fill(-1);
  }
}

/** One row of a block as programs read it; moved from row to row. */
export class BlockRow implements Row {
  block!: CommittedRows;
  row = 0;

  value(column: number): number {
    return this.block.value(this.row, column);
  }

  quality(column: number): number {
    const word = this.block.quality(this.row, column);
    return word === 'good' ? 0 : (qualityCode(word) as number);
  }
}
