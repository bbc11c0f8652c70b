/** Requests that wait for a connection: units that are slow to answer wait behind the others and get a bounded share. */
import type { OperationalError } from '@village/core';
import type { ModbusValues, ReadPdu } from '@village/device-profiles/modbus';
import type { Lie } from './answers.ts';

export interface Request {
  readonly unit: number;
  readonly timeoutMs: number;
  readonly read: ReadPdu;
  /** What may be wrong with the answer. */
  readonly accept: ReadonlySet<Lie>;
  /** Held to the share of slow units. */
  readonly held: boolean;
  readonly queuedAt: number;
  readonly resolve: (answer: ModbusValues) => void;
  readonly reject: (fault: OperationalError) => void;
}

const QUEUE_MAX = 1_000;
/** Slow units get at most one part in this many of a shared connection's time. */
const SLOW_SHARE = 5;
/** Even on a busy connection a slow unit is asked after this wait. */
const SLOW_PATIENCE_MS = 10_000;

/** Times are those of performance.now(). */
export class RequestQueue {
  readonly #shared: boolean;
  readonly #quick: Request[] = [];
  readonly #slow: Request[] = [];
  /** Units whose last answer did not come, or took more than half of its time. */
  readonly #slowUnits = new Set<number>();
  #slowNotBefore = 0;

  /** With `shared`, several devices have the connection, and slow ones are held to their share. */
  constructor(shared: boolean) {
    this.#shared = shared;
  }

  get full(): boolean {
    return this.#quick.length + this.#slow.length >= QUEUE_MAX;
  }

  get empty(): boolean {
    return this.#quick.length + this.#slow.length === 0;
  }

  /** When a slow request may go; null when none waits. */
  get slowAt(): number | null {
    return this.#slow.length === 0 ? null : this.#slowNotBefore;
  }

  add(request: Omit<Request, 'held' | 'queuedAt'>, now: number): void {
    const held = this.#shared && this.#slowUnits.has(request.unit);
    (held ? this.#slow : this.#quick).push({ ...request, held, queuedAt: now });
  }

  /** A request that was taken and not answered is the next again. */
  putBack(request: Request): void {
    this.#quick.unshift(request);
  }

  /** Takes the next request that may go now. */
  take(now: number): Request | undefined {
    const [slow] = this.#slow;
    const allowed = slow !== undefined && now >= this.#slowNotBefore;
    if (allowed && (this.#quick.length === 0 || now - slow.queuedAt > SLOW_PATIENCE_MS)) {
      // Until its answer is in, no other slow one may go.
      this.#slowNotBefore = Number.POSITIVE_INFINITY;
      return this.#slow.shift();
    }
    return this.#quick.shift();
  }

  /** A request that took `tookMs` has ended; the connection then stays quiet for `quietMs`. */
  ended({ unit, timeoutMs, held }: Request, now: number, tookMs: number, quietMs: number): void {
    if (tookMs > timeoutMs / 2) this.#slowUnits.add(unit);
    else this.#slowUnits.delete(unit);
    if (held) this.#slowNotBefore = now + quietMs + (SLOW_SHARE - 1) * (tookMs + quietMs);
  }

  /** A new connection owes nothing to the one before. */
  reset(): void {
    this.#slowNotBefore = 0;
  }

  /** Empties the queue. */
  takeAll(): Request[] {
    return [...this.#quick.splice(0), ...this.#slow.splice(0)];
  }
}
