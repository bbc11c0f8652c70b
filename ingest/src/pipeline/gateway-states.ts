/** The newest status of each gateway, its will included. Kept in memory: a gateway sends its status each minute. */
import type { WireRefusals, WireStatus } from '@village/core';

export interface GatewayState {
  readonly id: string;
  readonly online: boolean;
  /** When this was said, by the server's clock. */
  readonly at: number;
  readonly epoch: string | null;
  readonly version: string | null;
  readonly waiting: { readonly live: number; readonly backfill: number } | null;
  /** When the oldest of them was put there, by the server's clock; null when none waits and for a gateway that does not tell. */
  readonly oldestAt: number | null;
  readonly dropped: Readonly<Record<string, number>>;
  /** What of its devices' frames it refused, since its start; the newest first. */
  readonly refused: readonly WireRefusals[];
  /** Of those that are samples: how many wait at the gateway, and were given up; null for a gateway that does not tell. */
  readonly refusedLane: WireStatus['refusedLane'] | null;
}

/** When a gateway handed something over, by the server's clock and by one that is never set, ms. */
export interface Heard {
  readonly at: number;
  readonly elapsed: number;
}

/** The newest state of every gateway that has spoken since the start. */
export class GatewayStates {
  readonly #states = new Map<string, GatewayState>();
  /** When each handed something over last; also those that never tell their status. */
  readonly #heard = new Map<string, Heard>();
  /** How many sessions each has open, of those whose sessions were seen. */
  readonly #sessions = new Map<string, number>();
  readonly #listeners = new Set<(state: GatewayState) => void>();

  set(id: string, status: WireStatus, receivedAt: number): void {
    const before = this.#states.get(id);
    const { oldestMs } = status;
    const oldestAt = oldestMs === undefined ? null : Math.max(0, receivedAt - oldestMs);
    const state: GatewayState = {
      id,
      // What it had sent before it went may come to its turn later.
      online: status.online && this.#sessions.get(id) !== 0,
      at: receivedAt,
      epoch: status.epoch ?? before?.epoch ?? null,
      version: status.version ?? before?.version ?? null,
      waiting: status.waiting ?? before?.waiting ?? null,
      // A will tells neither.
      oldestAt: status.waiting === undefined ? (before?.oldestAt ?? null) : oldestAt,
      dropped: status.dropped ?? before?.dropped ?? {},
      refused: status.refused ?? before?.refused ?? [],
      refusedLane: status.refusedLane ?? before?.refusedLane ?? null,
    };
    this.#states.set(id, state);
    for (const listener of this.#listeners) listener(state);
  }

  connected(id: string): void {
    this.#sessions.set(id, (this.#sessions.get(id) ?? 0) + 1);
  }

  /** Without a session it is offline, also one that left no will. */
  disconnected(id: string, at: number): void {
    const left = Math.max(0, (this.#sessions.get(id) ?? 0) - 1);
    this.#sessions.set(id, left);
    if (left === 0 && this.#states.get(id)?.online === true) this.gone(id, at);
  }

  /** It is offline until it says otherwise. */
  gone(id: string, at: number): void {
    if (this.#states.has(id)) this.set(id, { online: false, droppedSeq: [] }, at);
  }

  /** Calls `listener`, which must not throw, at each status; returns what ends that. */
  onStatus(listener: (state: GatewayState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A gateway, which must be a registered one, has handed something over. */
  noteHeard(id: string, heard: Heard): void {
    this.#heard.set(id, heard);
  }

  /** Null when it has not spoken since the start. */
  heard(id: string): Heard | null {
    return this.#heard.get(id) ?? null;
  }

  /** All that have spoken, of themselves or not. */
  spoken(): ReadonlySet<string> {
    return new Set([...this.#states.keys(), ...this.#heard.keys()]);
  }

  all(): ReadonlyMap<string, GatewayState> {
    return this.#states;
  }
}
