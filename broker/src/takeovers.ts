/** Who takes whose place: a client that connects anew closes its old connection, and one that does so again and again is told of. */

/** So many within the time below, and two machines share a credential, or a line goes up and down. */
const MANY = 5;
const WITHIN_MS = 10 * 60_000;
const REMEMBERED_MAX = 10_000;

export class Takeovers<Owner extends object> {
  readonly #open = new Map<string, Owner>();
  readonly #recent = new Map<string, number[]>();

  /** A client was let in. Says whether it took its own place, and whether that has become too often. */
  enter(clientId: string, owner: Owner, now: number): { took: boolean; often: boolean } {
    const took = this.#open.has(clientId);
    this.#open.set(clientId, owner);
    if (!took) return { took, often: false };
    const times = (this.#recent.get(clientId) ?? []).filter((at) => now - at < WITHIN_MS);
    times.push(now);
    this.#recent.delete(clientId);
    if (this.#recent.size >= REMEMBERED_MAX) {
      const oldest = this.#recent.keys().next().value;
      if (oldest !== undefined) this.#recent.delete(oldest);
    }
    // Told once for each five, not at each further one.
    const often = times.length >= MANY;
    if (!often) this.#recent.set(clientId, times);
    return { took, often };
  }

  /** The connection is closed; it may have lost its place before. */
  leave(clientId: string, owner: Owner): void {
    if (this.#open.get(clientId) === owner) this.#open.delete(clientId);
  }
}
