/**
 * One alert for each instance of a rule, made of its levels: it is open while any of them is raised, as severe as the worst. What opens
 * and ends too often is held open until it has been quiet for a while.
 */
import type { Severity } from '@village/core';
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
) => void;

const NONE = -1;

/** Of an instance that has opened or ended before: when, and whether that is too often. */
interface Changes {
  at: number[];
  flapping: boolean;
  /** Whether any level was raised when it was looked at last. */
  raised: boolean;
}

export class Alarms {
  readonly #severities: readonly Severity[];
  readonly #flap: Flap;
  /** The worst raised level of an open alert; -1 where none is open. */
  open = new Int8Array(0);
  /** Since when its condition holds. */
  since = new Float64Array(0);
  readonly #changes = new Map<number, Changes>();
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
  }

  isFlapping(i: number): boolean {
    return this.#changes.get(i)?.flapping ?? false;
  }

  /** When one that changes too often has been quiet for long enough; Infinity where none does. */
  quietAt(i: number): number {
    const changes = this.#changes.get(i);
    return changes?.flapping === true
      ? (changes.at.at(-1) as number) + this.#flap.holdMs
      : Number.POSITIVE_INFINITY;
  }

  /** Levels may have changed: tells what that makes of the alert. */
  look(i: number, at: number, levels: Levels, value: number, limit: number): void {
    const worst = this.#worst(i, levels);
    const open = this.open[i] as number;
    const raised = worst !== NONE;
    const before = this.#changes.get(i)?.raised ?? open !== NONE;
    const often = raised !== before && this.#changed(i, at, raised);
    if (open === NONE) {
      if (raised) this.#begin(i, at, worst, levels, value, limit);
    } else if (raised && worst !== open) {
      this.open[i] = worst;
      this.#tell(worst < open ? 'worse' : 'milder', i, worst, at, value, limit);
    } else if (!raised && !this.isFlapping(i)) {
      this.#end(i, at, value, limit);
    }
    if (!often) return;
    this.#tell('flapping', i, this.open[i] as number, at, value, limit);
    this.arm(i, this.quietAt(i));
  }

  /** It has been quiet: it is what its levels say again. */
  calm(i: number, at: number, levels: Levels, value: number, limit: number): void {
    const changes = this.#changes.get(i);
    if (changes === undefined || !changes.flapping) return;
    changes.flapping = false;
    changes.at = [];
    if (this.#worst(i, levels) === NONE && this.open[i] !== NONE) this.#end(i, at, value, limit);
  }

  /** What it is of is gone. */
  end(i: number, at: number, value: number, limit: number): void {
    this.#changes.delete(i);
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
  #changed(i: number, at: number, raised: boolean): boolean {
    const changes = this.#changes.get(i) ?? { at: [], flapping: false, raised };
    this.#changes.set(i, changes);
    changes.raised = raised;
    changes.at = changes.at.filter((one) => one > at - this.#flap.inMs);
    changes.at.push(at);
    if (changes.flapping || changes.at.length <= this.#flap.transitions) return false;
    changes.flapping = true;
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
  ): void {
    const severity = this.#severities[level] as Severity;
    this.tell(kind, i, severity, at, this.since[i] as number, value, limit);
  }

  /** For a snapshot: instances that have changed lately. */
  state(): [i: number, at: readonly number[], flapping: boolean, raised: boolean][] {
    return [...this.#changes].map(([i, { at, flapping, raised }]) => [i, at, flapping, raised]);
  }

  /** `to` says where each instance is now; undefined of one that is gone. */
  restore(state: ReturnType<Alarms['state']>, to: readonly (number | undefined)[]): void {
    for (const [n, at, flapping, raised] of state) {
      const i = to[n];
      if (i === undefined) continue;
      this.#changes.set(i, { at: [...at], flapping, raised });
      if (flapping) this.arm(i, this.quietAt(i));
    }
  }
}
