/** What is known of each gateway from its status messages, will included. In memory; a gateway says it anew each minute. */
import type { WireStatus } from '@village/core';
import {
  type Fields,
  integer,
  object,
  ranges,
  refuse,
  TOP,
  textIn,
  time,
} from '../../pipeline/shape.ts';

export interface GatewayState {
  readonly id: string;
  readonly online: boolean;
  /** When this was said, by the server's clock. */
  readonly at: number;
  readonly epoch: string | null;
  readonly version: string | null;
  readonly waiting: { readonly live: number; readonly backfill: number } | null;
  readonly dropped: Readonly<Record<string, number>>;
}

const CAUSES_MAX = 32;

/** The checked status of a payload. @throws with the place of what is wrong */
export function checkStatus(value: unknown): WireStatus {
  const status = object(value, '');
  if (typeof status['online'] !== 'boolean') refuse('not-a-boolean', 'online', 'not true or false');
  const checked: WireStatus = { online: status['online'] };
  if (status['at'] !== undefined) {
    time(status, 'at', TOP);
    checked.at = String(status['at']);
  }
  if (status['epoch'] !== undefined) checked.epoch = textIn(status, 'epoch', TOP, 64);
  if (status['version'] !== undefined) checked.version = textIn(status, 'version', TOP, 64);
  if (status['waiting'] !== undefined) {
    const waiting = object(status['waiting'], 'waiting');
    checked.waiting = {
      live: integer(waiting['live'], 'waiting.live', 0),
      backfill: integer(waiting['backfill'], 'waiting.backfill', 0),
    };
  }
  if (status['dropped'] !== undefined)
    checked.dropped = counts(object(status['dropped'], 'dropped'));
  checked.droppedSeq = ranges(status['droppedSeq'], 'droppedSeq');
  return checked;
}

function counts(dropped: Fields): Record<string, number> {
  const causes = Object.entries(dropped);
  if (causes.length > CAUSES_MAX)
    refuse('too-many-causes', 'dropped', `more than ${CAUSES_MAX} causes`);
  return Object.fromEntries(
    causes.map(([cause, n]) => [
      cause.slice(0, 64),
      integer(n, `dropped.${cause.slice(0, 64)}`, 0),
    ]),
  );
}

/** The newest state of every gateway that has spoken since the start. */
export class Gateways {
  readonly #states = new Map<string, GatewayState>();
  readonly #listeners = new Set<(state: GatewayState) => void>();

  set(id: string, status: WireStatus, receivedAt: number): void {
    const before = this.#states.get(id);
    const state: GatewayState = {
      id,
      online: status.online,
      at: receivedAt,
      epoch: status.epoch ?? before?.epoch ?? null,
      version: status.version ?? before?.version ?? null,
      waiting: status.waiting ?? before?.waiting ?? null,
      dropped: status.dropped ?? before?.dropped ?? {},
    };
    this.#states.set(id, state);
    for (const listener of this.#listeners) listener(state);
  }

  /** Calls `listener`, which must not throw, at each status; returns what ends that. */
  onStatus(listener: (state: GatewayState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  all(): ReadonlyMap<string, GatewayState> {
    return this.#states;
  }
}
