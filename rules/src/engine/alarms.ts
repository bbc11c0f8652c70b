/**
 * One alert for each instance of a rule, made of its levels: it is open while any of them is raised, as severe as the worst. What opens
 * and ends too often is held open until it has been quiet for a while.
 */
import { bug, type Severity } from '@village/core';
import type { Flap } from '../model.ts';
import type { Levels } from './levels.ts';
import type { TransitionKind } from './transition.ts';

/** What became of an instance's alert. */
export type Tell = (
  kind: TransitionKind,
  i: number,
  severity: Severity,
  at: number,
  since: number,
  value: number,
  limit: number,
  /** How bad it was before, when that is what changed. */
  before: Severity | null,
) => void;

const NONE = -1;

export class Alarms {
  readonly #severities: readonly Severity[];
  readonly #flap: Flap;
  /** The worst raised level of an open alert; -1 where none is open. */
  open = new Int8Array(0);
  /** Since when its condition holds. */
  since = new Float64Array(0);
  /** Whether any level was raised when it was looked at last. */
  #raised = new Uint8Array(0);
  #flapping = new Uint8Array(0);
  /** Of an instance that has opened or ended before: when. */
  readonly #changes = new Map<number, readonly number[]>();
  tell: Tell = () => undefined;
  /** Asks for `calm` at a moment, for when no reading comes. */
  arm: (i: number, at: number) => void = () => undefined;

  constructor(severities: readonly Severity[], flap: Flap) {
    this.#severities = severities;
    this.#flap = flap;
  }

  resize(instances: number): void {
    const open = new Int8Array(instances).fill(NONE);
    open.set(this.open);
    this.open = open;
    const since = new Float64Array(instances);
    since.set(this.since);
    this.since = since;
    const raised = new Uint8Array(instances);
    raised.set(this.#raised);
    this.#raised = raised;
    const flapping = new Uint8Array(instances);
    flapping.set(this.#flapping);
    this.#flapping = flapping;
  }

  isFlapping(i: number): boolean {
    return this.#flapping[i] === 1;
  }

  /** When one that changes too often has been quiet for long enough; Infinity where none does. */
  quietAt(i: number): number {
    if (this.#flapping[i] === 0) return Number.POSITIVE_INFINITY;
    const last = this.#changes.get(i)?.at(-1) ?? bug('it changes too often and has not changed');
    return last + this.#flap.holdMs;
  }

  /** Levels may have changed: tells what that makes of the alert. */
  look(i: number, at: number, levels: Levels, value: number, limit: number): void {
    const worst = this.#worst(i, levels);
    const open = this.open[i] as number;
    const raised = worst !== NONE;
    const before = this.#raised[i] === 1;
    if (worst === open && raised === before) return;
    this.#raised[i] = Number(raised);
    const often = raised !== before && this.#changed(i, at);
    if (open === NONE) {
      if (raised) this.#begin(i, at, worst, levels, value, limit);
    } else if (raised && worst !== open) {
      this.open[i] = worst;
      const kind = worst < open ? 'worse' : 'milder';
      this.#tell(kind, i, worst, at, value, limit, this.#severities[open]);
    } else if (!raised && !this.isFlapping(i)) {
      this.#end(i, at, value, limit);
    }
    if (!often) return;
    this.#tell('flapping', i, this.open[i] as number, at, value, limit);
    this.arm(i, this.quietAt(i));
  }

  /** It has been quiet: it is what its levels say again. */
  calm(i: number, at: number, levels: Levels, value: number, limit: number): void {
    if (this.#flapping[i] === 0) return;
    this.#flapping[i] = 0;
    this.#changes.delete(i);
    if (this.#worst(i, levels) === NONE && this.open[i] !== NONE) this.#end(i, at, value, limit);
  }

  /** What it is of is gone. */
  end(i: number, at: number, value: number, limit: number): void {
    this.#changes.delete(i);
    this.#raised[i] = 0;
    this.#flapping[i] = 0;
    if (this.open[i] !== NONE) this.#end(i, at, value, limit);
  }

  #begin(i: number, at: number, level: number, levels: Levels, value: number, limit: number): void {
    this.open[i] = level;
    this.since[i] = levels.began[i * levels.count + level] as number;
    this.#tell('open', i, level, at, value, limit);
  }

  #end(i: number, at: number, value: number, limit: number): void {
    const level = this.open[i] as number;
    this.open[i] = NONE;
    this.#tell('close', i, level, at, value, limit);
  }

  /** Tells whether it has just become too often. */
  #changed(i: number, at: number): boolean {
    const changes = (this.#changes.get(i) ?? []).filter((one) => one > at - this.#flap.inMs);
    changes.push(at);
    this.#changes.set(i, changes);
    if (this.#flapping[i] === 1 || changes.length <= this.#flap.transitions) return false;
    this.#flapping[i] = 1;
    return true;
  }

  #worst(i: number, levels: Levels): number {
    for (let level = 0; level < levels.count; level++)
      if (levels.isRaised(i * levels.count + level)) return level;
    return NONE;
  }

  #tell(
    kind: TransitionKind,
    i: number,
    level: number,
    at: number,
    value: number,
    limit: number,
    before: Severity | null = null,
  ): void {
    const severity = this.#severities[level] as Severity;
    this.tell(kind, i, severity, at, this.since[i] as number, value, limit, before);
  }

  /** An instance is taken up again, as its levels and what is open of it say. */
  resume(i: number, levels: Levels): void {
    this.#raised[i] = Number(this.#worst(i, levels) !== NONE);
  }

  /** For a snapshot: of instances from one before another, counted from the first, those that have changed lately. */
  state(from: number, to: number): [i: number, at: readonly number[], flapping: boolean][] {
    const found: [number, readonly number[], boolean][] = [];
    for (let i = from; i < to; i++) {
      const at = this.#changes.get(i);
      if (at !== undefined) found.push([i - from, at, this.#flapping[i] === 1]);
    }
    return found;
  }

  /** `to` says where each instance is now; undefined of one that is gone. */
  restore(state: ReturnType<Alarms['state']>, to: readonly (number | undefined)[]): void {
    for (const [n, at, flapping] of state) {
      const i = to[n];
      if (i === undefined) continue;
      this.#changes.set(i, at);
      this.#flapping[i] = Number(flapping);
      if (flapping) this.arm(i, this.quietAt(i));
    }
  }
}
