/** What all connections of one broker share: its hooks, limits, counters, and the list of those that wait. */

import type { Connection } from './connection.ts';
import type { BrokerHooks, BrokerLimits, Publish, Session } from './contract.ts';
import { Takeovers } from './takeovers.ts';

export type Log = (level: 'info' | 'warn' | 'error', message: string, detail: object) => void;

/** Calls the owner's hooks so that nothing they throw gets further, and holds everybody back when too much is open. */
export class Hub<Who> {
  readonly hooks: BrokerHooks<Who>;
  readonly limits: BrokerLimits;
  readonly connections = new Set<Connection<Who>>();
  /** Clients out of tokens, looked at ten times a second. */
  readonly throttled = new Set<Connection<Who>>();
  readonly #takeovers = new Takeovers<Connection<Who>>();
  readonly refused: Record<string, number> = Object.create(null) as Record<string, number>;
  connects = 0;
  messages = 0;
  acknowledged = 0;
  inFlight = 0;
  partialBytes = 0;
  closing = false;
  /** Called when nothing is in flight any more; set while closing. */
  drained: (() => void) | null = null;
  readonly #log: Log;
  #waiting: Connection<Who>[] = [];
  #toAcknowledge: Connection<Who>[] = [];
  #flushPlanned = false;
  readonly #flush = (): void => this.#acknowledgeAll();

  constructor(hooks: BrokerHooks<Who>, limits: BrokerLimits, log: Log) {
    this.hooks = hooks;
    this.limits = limits;
    this.#log = log;
  }

  count(cause: string): void {
    this.refused[cause] = (this.refused[cause] ?? 0) + 1;
  }

  log(level: 'info' | 'warn' | 'error', message: string, detail: object): void {
    this.#log(level, message, detail);
  }

  /** An exception out of a hook is a fault of the owner; it costs one client its connection and nobody else anything. */
  hookFailed(hook: string, session: Session<Who> | null, cause: unknown): void {
    this.count('hook-exception');
    this.#log('error', `hook ${hook} threw`, { clientId: session?.clientId, cause });
  }

  /** A client was let in; its old connection, if there is one, is about to close. */
  admitted(session: Session<Who>, connection: Connection<Who>): void {
    const { took, often } = this.#takeovers.enter(session.clientId, connection, performance.now());
    if (took) this.count('takeover');
    if (often)
      this.#log('warn', 'a client takes its own place again and again', {
        clientId: session.clientId,
        address: session.address,
      });
  }

  /** A connection that was let in is closed. */
  left(session: Session<Who>, connection: Connection<Who>): void {
    this.#takeovers.leave(session.clientId, connection);
  }

  mayPublish(session: Session<Who>, topic: string): boolean {
    try {
      return this.hooks.mayPublish(session, topic);
    } catch (error) {
      this.hookFailed('mayPublish', session, error);
      return false;
    }
  }

  maySubscribe(session: Session<Who>, filter: string): boolean {
    try {
      return this.hooks.maySubscribe(session, filter);
    } catch (error) {
      this.hookFailed('maySubscribe', session, error);
      return false;
    }
  }

  told(hook: 'connected' | 'disconnected', session: Session<Who>): void {
    try {
      this.hooks[hook]?.(session);
    } catch (error) {
      this.hookFailed(hook, session, error);
    }
  }

  /** Hands a message over; `finished` is called once, with an error when it must not be acknowledged. */
  publish(message: Publish<Who>, finished: (error?: Error) => void): void {
    this.messages++;
    this.inFlight++;
    let open = true;
    const done = (error?: Error): void => {
      if (!open) return;
      open = false;
      this.inFlight--;
      finished(error);
      this.#planFlush();
    };
    try {
      this.hooks.publish(message, done);
    } catch (error) {
      this.hookFailed('publish', message.session, error);
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Whether no further message may be handed over now. */
  full(): boolean {
    if (this.closing || this.inFlight >= this.limits.inFlightMax) return true;
    try {
      return this.hooks.ready?.() === false;
    } catch (error) {
      this.hookFailed('ready', null, error);
      return true;
    }
  }

  wait(connection: Connection<Who>): void {
    this.#waiting.push(connection);
  }

  /** The connection has acknowledgements to send at the end of this tick. */
  toAcknowledge(connection: Connection<Who>): void {
    this.#toAcknowledge.push(connection);
  }

  /** Lets waiting connections go on, in the order in which they were stopped. */
  goOn(): void {
    if (this.#waiting.length === 0 || this.full()) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.goOn();
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    queueMicrotask(this.#flush);
  }

  #acknowledgeAll(): void {
    this.#flushPlanned = false;
    const connections = this.#toAcknowledge;
    this.#toAcknowledge = [];
    for (const connection of connections) this.acknowledged += connection.sendAcknowledgements();
    if (this.inFlight === 0) this.drained?.();
    this.goOn();
  }
}
