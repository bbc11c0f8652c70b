/** What all connections of one broker share: its hooks, limits, counters, and the list of those that wait. */
import type { Will } from './client-socket.ts';
import type { BrokerHooks, BrokerLimits, IgnoredCause, Publish, Session } from './contract.ts';
import { type Log, SparingLog } from './sparing-log.ts';
import { Takeovers } from './takeovers.ts';

/** What the state asks of a connection. */
export interface SharedConnection {
  readonly username: string;
  readonly clientId: string;
  /** When it was last heard, ms of a clock that never goes back. */
  readonly heardAt: number;
  /** Reads on after it had to wait. */
  resume(): void;
  /** Sends what is ready to be acknowledged, and returns how many that are. */
  sendAcknowledgements(): number;
  /** Ends it since its owner's rights have changed. */
  revoke(reason: string): void;
  close(cause: string): void;
  closeNow(): void;
  check(now: number): void;
  refill(now: number): boolean;
}

/** Characters of a topic that the log repeats. */
const TOPIC_SAID_MAX = 200;

/** What tells sessions apart: nobody takes over the session of another username. */
export function sessionKey(username: string, clientId: string): string {
  return `${username}\0${clientId}`;
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
  /** For what clients do: said once in a while. */
  readonly sparing: SparingLog;
  readonly #log: Log;
  #waiting: SharedConnection[] = [];
  #toAcknowledge: SharedConnection[] = [];
  #acknowledgingPlanned = false;
  readonly #acknowledge = (): void => this.#acknowledgeAll();

  constructor(hooks: BrokerHooks<Who>, limits: BrokerLimits, log: Log) {
    this.hooks = hooks;
    this.limits = limits;
    this.#log = log;
    this.sparing = new SparingLog(log, () => performance.now());
  }

  count(cause: string, times = 1): void {
    this.refused[cause] = (this.refused[cause] ?? 0) + times;
  }

  log(level: 'info' | 'warn' | 'error', message: string, detail: object): void {
    this.#log(level, message, detail);
  }

  /** An exception out of a hook is a fault of the owner; it costs one client its connection and nobody else anything. */
  hookFailed(hook: string, session: Session<Who> | null, cause: unknown): void {
    this.count('hook-exception');
    this.#log('error', `hook ${hook} threw`, { clientId: session?.clientId, cause });
  }

  /**
   * A client was let in; aedes closes its old connection, if there is one. Of a username that has too many open, the one
   * that was silent for longest makes room: a device behind a bad line leaves many that are dead.
   */
  admitted(session: Session<Who>, connection: SharedConnection): void {
    const open = this.#openOf(connection.username);
    if (open.size >= this.limits.sessionsPerUserMax) {
      const all = [...open].sort((a, b) => a.heardAt - b.heardAt);
      const old = all.find(({ clientId }) => clientId === connection.clientId) ?? all[0]!;
      if (old.clientId !== connection.clientId) old.close('sessions-per-user');
    }
    this.#openOf(connection.username).add(connection);
    const key = sessionKey(connection.username, connection.clientId);
    const { took, often } = this.#takeovers.enter(key, connection, performance.now());
    if (took) this.count('takeover');
    if (often)
      this.#log('warn', 'a client takes over its own session again and again', {
        clientId: session.clientId,
        address: session.address,
      });
  }

  /** The socket of a connection is closed while what was read of it is still being taken. */
  socketClosed(connection: SharedConnection): void {
    this.#takeovers.leave(sessionKey(connection.username, connection.clientId), connection);
  }

  /** A connection that was let in is closed. */
  left(connection: SharedConnection): void {
    this.socketClosed(connection);
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

  acceptsClientId(session: Session<Who>, clientId: string): boolean {
    try {
      return this.hooks.acceptsClientId?.(session, clientId) ?? true;
    } catch (error) {
      this.hookFailed('acceptsClientId', session, error);
      return false;
    }
  }

  /** Null when the owner could not say. */
  mayPublish(session: Session<Who>, topic: string): boolean | null {
    try {
      return this.hooks.mayPublish(session, topic);
    } catch (error) {
      this.hookFailed('mayPublish', session, error);
      return null;
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

  /** A message that is acknowledged and goes nowhere. */
  ignore(session: Session<Who>, topic: string, cause: IgnoredCause): void {
    this.count(cause);
    const { clientId, address } = session;
    const what = cause === 'acl-will' ? 'will not kept' : 'message acknowledged and not taken';
    this.sparing.say('info', `${what}: ${cause}`, {
      subject: `${clientId} ${topic.slice(0, TOPIC_SAID_MAX)}`,
      address,
    });
    try {
      this.hooks.ignored?.(session, topic, cause);
    } catch (error) {
      this.hookFailed('ignored', session, error);
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
      this.planAcknowledging();
    };
    try {
      this.hooks.publish(message, done);
    } catch (error) {
      this.hookFailed('publish', message.session, error);
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Hands over the will of a client that vanished, if its topic still is the client's. */
  publishWill(session: Session<Who>, will: Will): void {
    if (this.mayPublish(session, will.topic) !== true) {
      this.count('acl-will');
      return;
    }
    this.publish({ session, ...will, dup: false, will: true }, (error) => {
      if (error === undefined) return;
      this.count('will-lost');
      const { clientId } = session;
      this.#log('warn', 'will was not taken', { clientId, reason: error.message });
    });
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

  /** Answers that are due go out at the end of this tick. */
  planAcknowledging(): void {
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
