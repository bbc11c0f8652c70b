/** A guarded MQTT 3.1.1 listener over aedes: sessions and deliveries are aedes', readings never pass through it. */
import type { EventEmitter } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { OperationalError } from '@village/core';
import type { Client } from 'aedes';
import { Admission } from './admission.ts';
import { BrokerState } from './broker-state.ts';
import type { Channel } from './channel.ts';
import { Connection } from './connection.ts';
import type { Broker, BrokerCounters, BrokerHooks, BrokerLimits } from './contract.ts';
import { levelsOf, topicName } from './frame.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { connectionOf, Router } from './router.ts';
import type { Log } from './sparing-log.ts';

export interface BrokerOptions {
  readonly limits?: Partial<BrokerLimits>;
  readonly log?: Log;
  /** Listens with TLS when given. */
  readonly tls?: TlsOptions;
}

const TICK_MS = 100;
const TICKS_PER_CHECK = 10;
/** SYNs the kernel keeps while we accept: a county's devices all come back at once after a power cut. */
const BACKLOG = 4096;

/** The broker of one listener. */
class AedesBroker<Who> implements Broker {
  readonly #state: BrokerState<Who>;
  readonly #admission: Admission;
  readonly #router: Router<Who>;
  readonly #server: Server;
  readonly #secure: boolean;
  readonly #sockets = new Set<Socket>();
  #ticker: NodeJS.Timeout | null = null;
  #ticks = 0;

  constructor(hooks: BrokerHooks<Who>, options: BrokerOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#state = new BrokerState(hooks, limits, options.log ?? (() => undefined));
    this.#admission = new Admission(limits);
    this.#router = new Router(this.#state);
    this.#secure = options.tls !== undefined;
    const server = options.tls
      ? createTlsServer({ handshakeTimeout: limits.connectTimeoutMs, ...options.tls })
      : createServer();
    this.#server = server;
    server.on('connection', (socket: Socket) => this.#accept(socket));
    server.on('secureConnection', (socket: Socket) => this.#begin(socket));
    server.on('tlsClientError', (_error: Error, socket: Socket) => {
      this.#state.count('tls-handshake');
      socket.destroy();
    });
    const events: EventEmitter = this.#router;
    events.on('error', (error: Error) => this.#fault('router', error));
    this.#router.on('clientReady', (client: Client) => connectionOf(client).opened());
    const closed = (client: Client, error: Error): void =>
      connectionOf(client).close('protocol', error);
    this.#router.on('clientError', closed);
    this.#router.on('connectionError', closed);
  }

  async listen(port: number, host: string): Promise<AddressInfo> {
    await this.#router.listen();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen({ port, host, backlog: BACKLOG }, resolve);
      });
    } catch (cause) {
      // What aedes has begun would keep the process alive.
      await this.#closeRouter();
      const { message } = cause as Error;
      throw new OperationalError('listen-failed', `MQTT on ${host}:${port}: ${message}`, { cause });
    }
    this.#server.removeAllListeners('error');
    this.#server.on('error', (error) => this.#fault('listener', error));
    // Limits on sockets count in the machine's own time, whatever clock the readings are judged by.
    this.#ticker = setInterval(() => this.#tick(performance.now()), TICK_MS);
    return this.#server.address() as AddressInfo;
  }

  send(
    topic: string,
    payload: string | Buffer,
    options: { qos: 0 | 1; retain?: boolean },
  ): Promise<void> {
    if (topicName(Buffer.from(topic)) === null || levelsOf(topic) > this.#state.limits.topicLevels)
      throw new Error(`BUG: ${topic} is no topic to send to`);
    return new Promise((resolve, reject) => {
      this.#router.route(
        {
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload),
          qos: options.qos,
          retain: options.retain ?? false,
          dup: false,
        },
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  disconnect(username: string, reason: string): number {
    const connections = this.#state.connectionsOf(username);
    for (const connection of connections) connection.revoke(reason);
    return connections.length;
  }

  counters(): BrokerCounters {
    const { connects, messages, acknowledged, inFlight, refused } = this.#state;
    const connections = this.#admission.open;
    return { connections, connects, messages, acknowledged, inFlight, refused: { ...refused } };
  }

  async close(timeoutMs: number): Promise<void> {
    const state = this.#state;
    if (state.closing) return;
    state.closing = true;
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const until = performance.now() + timeoutMs;
    if (state.inFlight > 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        state.drained = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    for (const connection of [...state.connections]) connection.closeNow();
    const left = Math.max(50, until - performance.now());
    const stuck = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, left);
    await stopped;
    clearTimeout(stuck);
    if (this.#ticker !== null) clearInterval(this.#ticker);
    await this.#closeRouter();
  }

  #closeRouter(): Promise<void> {
    return new Promise((resolve) => this.#router.close(resolve));
  }

  #fault(part: string, error: Error): void {
    this.#state.count(`${part}-error`);
    this.#state.log('error', `${part} of the broker failed`, { cause: error });
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    const refused = this.#state.closing
      ? 'closing'
      : this.#admission.enter(address, performance.now());
    if (refused !== null) {
      this.#state.count(refused);
      this.#state.sparing.say('info', `connection refused: ${refused}`, { subject: address });
      // It is refused already; what happens to its socket is nobody's matter.
      socket.on('error', () => this.#state.count('refused-socket-error'));
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#admission.leave(address);
    });
    if (!this.#secure) this.#begin(socket);
  }

  #begin(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    const connect = (channel: Channel): void => {
      this.#router.handle(channel);
    };
    this.#state.connections.add(
      new Connection(this.#state, socket, address, { connect }, performance.now()),
    );
  }

  #tick(now: number): void {
    const state = this.#state;
    const throttled = [...state.throttled];
    state.throttled.clear();
    for (const connection of throttled)
      if (!connection.refill(now)) state.throttled.add(connection);
    state.resumeWaiting();
    if (++this.#ticks % TICKS_PER_CHECK !== 0) return;
    for (const connection of state.connections) connection.check(now);
    this.#admission.forget(now);
  }
}

function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:/, '') ?? 'unknown';
}

/**
 * A broker that is not listening yet.
 * @throws listen-failed from `listen` when the port can't be had
 */
export function createBroker<Who>(hooks: BrokerHooks<Who>, options: BrokerOptions = {}): Broker {
  return new AedesBroker(hooks, options);
}
