/** Takeovers: a client that connects again closes its old connection; one that does so many times within minutes is reported. */
import { BoundedMap, MINUTE } from '@village/core';

/** So many within the time below, and two machines share a credential, or a line goes up and down. */
const MANY = 5;
const WITHIN_MS = 10 * MINUTE;
const REMEMBERED_MAX = 10_000;

export class Takeovers<Owner extends object> {
  readonly #open = new Map<string, Owner>();
  readonly #recent = new BoundedMap<string, number[]>(REMEMBERED_MAX);

  /** A client was let in. Says whether it took over its own session, and whether that has become too often. */
  enter(clientId: string, owner: Owner, now: number): { took: boolean; often: boolean } {
    const took = this.#open.has(clientId);
    this.#open.set(clientId, owner);
    if (!took) return { took, often: false };
    const times = (this.#recent.get(clientId) ?? []).filter((at) => now - at < WITHIN_MS);
    times.push(now);
    const often = times.length >= MANY;
    // Reported once for each five, not at each further one.
    if (often) this.#recent.delete(clientId);
    else this.#recent.set(clientId, times);
    return { took, often };
  }

  /** The connection is closed; it may have been taken over before. */
  leave(clientId: string, owner: Owner): void {
    if (this.#open.get(clientId) === owner) this.#open.delete(clientId);
  }
}
