/** Devices and areas whose figures could not be computed: left out until all others have had their turn, and for a while that grows each time. */
import { BoundedMap, MINUTE, SECOND } from '@village/core';

/** Those that are left out at the same time. */
const LEFT_OUT_MAX = 2_000;
const FIRST_WAIT_MS = 2 * SECOND;
const LONGEST_WAIT_MS = MINUTE;

export class LeftOut {
  readonly #elapsed: () => number;
  readonly #owners = new Map<string, { readonly error: unknown; readonly dueAt: number }>();
  /** How long those wait that failed when they were tried last. */
  readonly #waits = new BoundedMap<string, number>(2 * LEFT_OUT_MAX);

  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
  }

  get owners(): string[] {
    return [...this.#owners.keys()];
  }

  /** Whether they are so many that it is probably none of theirs. */
  get isFull(): boolean {
    return this.#owners.size > LEFT_OUT_MAX;
  }

  add(owner: string, error: unknown): void {
    const before = this.#waits.get(owner);
    const waitMs = before === undefined ? FIRST_WAIT_MS : Math.min(2 * before, LONGEST_WAIT_MS);
    this.#waits.set(owner, waitMs);
    this.#owners.set(owner, { error, dueAt: this.#elapsed() + waitMs });
  }

  /** It could be computed. */
  forget(owner: string): void {
    this.#waits.delete(owner);
  }

  /** What one of them failed of; null when nobody is left out. */
  get error(): unknown {
    const [one] = this.#owners.values();
    return one?.error ?? null;
  }

  /** All others have had their turn: lets those in that have waited for long enough; false when there are none. */
  letIn(): boolean {
    const now = this.#elapsed();
    const due = [...this.#owners].filter(([, { dueAt }]) => dueAt <= now);
    for (const [owner] of due) this.#owners.delete(owner);
    return due.length > 0;
  }
}
