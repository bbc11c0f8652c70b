/** What all connections of one broker share: its hooks, limits, counters, and the list of those that wait. */
import type { BrokerHooks, BrokerLimits, Publish, Session } from './contract.ts';
import { Takeovers } from './takeovers.ts';

export type Log = (level: 'info' | 'warn' | 'error', message: string, detail: object) => void;

/** What the state asks of a connection. */
export interface SharedConnection {
  readonly username: string;
  /** Reads on after it had to wait. */
  resume(): void;
  /** Sends what is ready to be acknowledged, and returns how many that are. */
  sendAcknowledgements(): number;
  /** Ends it since its owner's rights have changed. */
  revoke(reason: string): void;
  closeNow(): void;
  check(now: number): void;
  refill(now: number): boolean;
}

/** Calls the owner's hooks so that nothing they throw gets further, and holds everybody back when too much is open. */
export class BrokerState<Who> {
  readonly hooks: BrokerHooks<Who>;
  readonly limits: BrokerLimits;
  readonly connections = new Set<SharedConnection>();
  /** Clients out of tokens, looked at ten times a second. */
  readonly throttled = new Set<SharedConnection>();
  /** Connections that were let in, by the username they were let in with. */
  readonly #connectionsOf = new Map<string, Set<SharedConnection>>();
  readonly #takeovers = new Takeovers<SharedConnection>();
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
  #waiting: SharedConnection[] = [];
  #toAcknowledge: SharedConnection[] = [];
  #acknowledgingPlanned = false;
  readonly #acknowledge = (): void => this.#acknowledgeAll();

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

  /** A client was let in; aedes closes its old connection, if there is one. */
  admitted(session: Session<Who>, connection: SharedConnection): void {
    this.#openOf(connection.username).add(connection);
    const { took, often } = this.#takeovers.enter(session.clientId, connection, performance.now());
    if (took) this.count('takeover');
    if (often)
      this.#log('warn', 'a client takes over its own session again and again', {
        clientId: session.clientId,
        address: session.address,
      });
  }

  /** A connection that was let in is closed. */
  left(session: Session<Who>, connection: SharedConnection): void {
    this.#takeovers.leave(session.clientId, connection);
    const open = this.#connectionsOf.get(connection.username);
    open?.delete(connection);
    if (open?.size === 0) this.#connectionsOf.delete(connection.username);
  }

  /** Open connections of a username; a copy, since closing changes the set. */
  connectionsOf(username: string): SharedConnection[] {
    return [...(this.#connectionsOf.get(username) ?? [])];
  }

  #openOf(username: string): Set<SharedConnection> {
    let open = this.#connectionsOf.get(username);
    if (open === undefined) {
      open = new Set();
      this.#connectionsOf.set(username, open);
    }
    return open;
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

  notify(hook: 'connected' | 'disconnected', session: Session<Who>): void {
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
      this.#planAcknowledging();
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

  wait(connection: SharedConnection): void {
    this.#waiting.push(connection);
  }

  /** The connection has acknowledgements to send at the end of this tick. */
  toAcknowledge(connection: SharedConnection): void {
    this.#toAcknowledge.push(connection);
  }

  /** Lets waiting connections read on, in the order in which they were stopped. */
  resumeWaiting(): void {
    if (this.#waiting.length === 0 || this.full()) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.resume();
  }

  #planAcknowledging(): void {
    if (this.#acknowledgingPlanned) return;
    this.#acknowledgingPlanned = true;
    queueMicrotask(this.#acknowledge);
  }

  #acknowledgeAll(): void {
    this.#acknowledgingPlanned = false;
    const connections = this.#toAcknowledge;
    this.#toAcknowledge = [];
    for (const connection of connections) this.acknowledged += connection.sendAcknowledgements();
    if (this.inFlight === 0) this.drained?.();
    this.resumeWaiting();
  }
}
