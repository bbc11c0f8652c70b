/** A guarded MQTT 3.1.1 listener over aedes: sessions and deliveries are aedes', readings never pass through it. */
import type { EventEmitter } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { OperationalError } from '@village/core';
import type { Client } from 'aedes';
import { Admission } from './admission.ts';
import { BrokerState } from './broker-state.ts';
import type { Channel } from './channel.ts';
import type { ClientSocket } from './client-socket.ts';
import { Connection } from './connection.ts';
import type {
  Broker,
  BrokerCounters,
  BrokerHooks,
  BrokerLimits,
  ClientCertificate,
  ListenedPort,
  Listening,
} from './contract.ts';
import { levelsOf, topicName } from './frame.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { connectionOf, Router } from './router.ts';
import type { Log } from './sparing-log.ts';
import { plainAddress } from './transport/addresses.ts';
import { Door } from './transport/door.ts';
import { createWebSocketServer } from './transport/web-socket.ts';

export interface BrokerOptions {
  readonly limits?: Partial<BrokerLimits>;
  readonly log?: Log;
  /** The time of day, for certificates; the machine's when absent. */
  readonly now?: () => number;
}

/** What is open of one call of `listen`. */
interface Listener {
  readonly server: Server;
  readonly door: Door;
  /** Ends what watches for certificates. */
  readonly forget: () => void;
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
  readonly #now: () => number;
  readonly #listeners: Listener[] = [];
  #routing: Promise<void> | null = null;
  #ticker: NodeJS.Timeout | null = null;
  #ticks = 0;
  readonly #ports: ListenedPort[] = [];

  constructor(hooks: BrokerHooks<Who>, options: BrokerOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#state = new BrokerState(hooks, limits, options.log ?? (() => undefined));
    this.#admission = new Admission(limits);
    this.#router = new Router(this.#state);
    this.#now = options.now ?? Date.now;
    const events: EventEmitter = this.#router;
    events.on('error', (error: Error) => this.#fault('router', error));
    this.#router.on('clientReady', (client: Client) => connectionOf(client).opened());
    const closed = (client: Client, error: Error): void =>
      connectionOf(client).close('protocol', error);
    this.#router.on('clientError', closed);
    this.#router.on('connectionError', closed);
  }

  async listen(port: number, host: string, how: Listening = {}): Promise<AddressInfo> {
    this.#routing ??= Promise.resolve(this.#router.listen());
    await this.#routing;
    const listener = this.#open(how);
    const { server } = listener;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, host, backlog: BACKLOG }, resolve);
      });
    } catch (cause) {
      listener.forget();
      // What aedes has begun would keep the process alive.
      if (this.#listeners.length === 0) await this.#closeRouter();
      const { message } = cause as Error;
      throw new OperationalError('listen-failed', `MQTT on ${host}:${port}: ${message}`, { cause });
    }
    server.removeAllListeners('error');
    server.on('error', (error) => this.#fault('listener', error));
    this.#listeners.push(listener);
    this.#ports.push({
      port: (server.address() as AddressInfo).port,
      tls: how.tls !== undefined,
      path: how.websocket?.path ?? null,
    });
    // Limits on sockets count in the machine's own time, whatever clock the readings are judged by.
    this.#ticker ??= setInterval(() => this.#tick(performance.now()), TICK_MS);
    return server.address() as AddressInfo;
  }

  ports(): readonly ListenedPort[] {
    return this.#ports;
  }

  /** A server for one port, not listening yet. */
  #open({ tls, websocket, proxies }: Listening): Listener {
    const state = this.#state;
    const { limits } = state;
    const asks = tls !== undefined && tls.clients !== 'none';
    const options: TlsOptions | null =
      tls === undefined
        ? null
        : {
            ...tls.context,
            handshakeTimeout: limits.connectTimeoutMs,
            requestCert: asks,
            // Judged by the door, which counts why one is refused.
            rejectUnauthorized: false,
          };
    const refused = (cause: string, address: string, detail: object = {}): void => {
      state.count(cause);
      state.sparing.say('info', `connection refused: ${cause}`, { ...detail, subject: address });
    };
    let server: Server;
    if (websocket !== undefined)
      server = createWebSocketServer(websocket, options, limits, {
        opened: (stream, socket) => this.#begin(stream, socket, door),
        refused: (cause, address) => refused(cause, plainAddress(address)),
      });
    else {
      server = options === null ? createServer() : createTlsServer(options);
      server.on(options === null ? 'connection' : 'secureConnection', (socket: Socket) =>
        this.#begin(socket, socket, door),
      );
    }
    const door: Door = new Door(server, {
      ...(proxies === undefined ? {} : { proxies }),
      timeoutMs: limits.connectTimeoutMs,
      pendingMax: limits.connectionsMax,
      ...(tls === undefined ? {} : { tls: { clients: tls.clients, now: this.#now } }),
      enter: (address) =>
        state.closing ? 'closing' : this.#admission.enter(address, performance.now()),
      leave: (address) => this.#admission.leave(address),
      refused,
    });
    const forget = tls?.onChange((context) =>
      (server as TlsServer).setSecureContext({ ...options, ...context }),
    );
    return { server, door, forget: forget ?? (() => undefined) };
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
    const stopped = Promise.all(
      this.#listeners.map(({ server, forget }) => {
        forget();
        return new Promise<void>((resolve) => server.close(() => resolve()));
      }),
    );
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
      for (const { door } of this.#listeners) for (const socket of door.sockets) socket.destroy();
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

  #begin(stream: ClientSocket, socket: Socket, door: Door): void {
    const address = plainAddress(socket.remoteAddress);
    const connect = (channel: Channel): void => {
      this.#router.handle(channel);
    };
    const shown = door.certificateOf(socket);
    const certificate: (ClientCertificate & { until: number }) | null =
      shown === null ? null : { ...shown, until: performance.now() + shown.validTo - this.#now() };
    this.#state.connections.add(
      new Connection(this.#state, stream, { address, certificate }, { connect }, performance.now()),
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

/**
 * A broker that is not listening yet.
 * @throws listen-failed from `listen` when the port can't be had
 */
export function createBroker<Who>(hooks: BrokerHooks<Who>, options: BrokerOptions = {}): Broker {
  return new AedesBroker(hooks, options);
}
