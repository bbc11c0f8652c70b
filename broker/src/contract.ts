/** The contract of a guarded MQTT listener: what it asks of its owner, and what it reports. */
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

/** One connected client, as its owner sees it. `who` is what `authenticate` returned. */
export interface Session<Who> {
  readonly clientId: string;
  readonly address: string;
  readonly who: Who;
}

/** What a client has proved by its TLS certificate, which was signed by one of the listener's authorities. */
export interface ClientCertificate {
  /** The common name of its subject. */
  readonly name: string;
  /** Its public key, written as `certificateKeyOf` of core does. */
  readonly key: string;
  readonly validTo: number;
}

/** Whether clients are asked for a certificate, and whether one without is let in. */
export type ClientRule = 'none' | 'optional' | 'required';

/** The certificate of a listener. */
export interface Certificates {
  readonly clients: ClientRule;
  /** What TLS is spoken with now. */
  readonly context: SecureContextOptions;
  /** Calls `changed` whenever there is another one, until the returned function is called. */
  onChange(changed: (context: SecureContextOptions) => void): () => void;
}

/** A listener that speaks MQTT over WebSocket. */
export interface WebSocketRules {
  readonly path: string;
  /** Of pages whose browsers may connect. */
  readonly origins: readonly string[];
}

/** How a port is listened on; plain TCP when nothing is said. */
export interface Listening {
  readonly tls?: Certificates;
  readonly websocket?: WebSocketRules;
  /** Addresses and networks of proxies that begin each connection with a PROXY header. */
  readonly proxies?: readonly string[];
}

export interface Publish<Who> {
  readonly session: Session<Who>;
  readonly topic: string;
  /** Valid until `done`; copy it to keep it. */
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly dup: boolean;
  readonly retain: boolean;
  /** True when the broker sends it because the client vanished. */
  readonly will: boolean;
}

/** Why a message is acknowledged and not taken, or a will not kept. */
export type IgnoredCause = 'acl-publish' | 'topic-levels' | 'packet-too-large' | 'acl-will';

export interface BrokerHooks<Who> {
  /**
   * Synchronous; null refuses (CONNACK 4 or 5). Any client id is good: sessions of two usernames never meet, whatever
   * both call themselves. A client with a certificate may leave out name and password: `username` is the name that the
   * certificate is for then, and never another one.
   */
  authenticate(request: {
    clientId: string;
    username: string;
    password: string;
    address: string;
    certificate: ClientCertificate | null;
  }): Who | null;
  /**
   * Whether a client that was let in may use this client id, empty when it names none; false refuses it (CONNACK 2, counted as
   * `client-id-bound`). Absent is always true.
   */
  acceptsClientId?(session: Session<Who>, clientId: string): boolean;
  /** Whether messages of this topic are taken; the others are acknowledged, counted and told to `ignored`. */
  mayPublish(session: Session<Who>, topic: string): boolean;
  maySubscribe(session: Session<Who>, filter: string): boolean;
  /**
   * Takes one message. PUBACK (or PUBREC) is sent when `done()` is called, and not before; `done(error)` sends none
   * and closes the connection, so that the client resends. Must not throw; if it does, the connection is closed.
   */
  publish(message: Publish<Who>, done: (error?: Error) => void): void;
  /**
   * Whether `publish` may be called now. While false no socket is read; asked again when a message is done and ten
   * times a second. Absent is always true.
   */
  ready?(): boolean;
  /** A message was acknowledged and not taken: not the client's topic, too deep or too large; or its will is not kept. */
  ignored?(session: Session<Who>, topic: string, cause: IgnoredCause): void;
  connected?(session: Session<Who>): void;
  disconnected?(session: Session<Who>): void;
}

export interface BrokerLimits {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** New connections a second from one address; more are closed. */
  readonly connectsPerAddressPerSecond: number;
  readonly packetBytesBeforeConnect: number;
  readonly packetBytes: number;
  readonly connectTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Of a client that names no keep-alive; one that is named is kept to. */
  readonly keepaliveMaxSeconds: number;
  /** Messages of deeper topics are acknowledged and not taken. */
  readonly topicLevels: number;
  /** Open sessions of one username; of more, the one that was silent for longest is closed. */
  readonly sessionsPerUserMax: number;
  /** Messages a second and client, as a token bucket of two seconds; above it the socket is paused, nothing is lost. */
  readonly messagesPerSecond: number;
  /** Messages handed to `publish` and not done, over all clients; above it sockets are not read. */
  readonly inFlightMax: number;
  /** Bytes of unfinished packets kept over all clients; the connection that exceeds them is closed. */
  readonly partialBytesMax: number;
  /** Bytes waiting to be read by one client; a client that leaves more unread is closed. */
  readonly unreadBytesMax: number;
}

export interface BrokerCounters {
  readonly connections: number;
  readonly connects: number;
  readonly messages: number;
  readonly acknowledged: number;
  readonly inFlight: number;
  /**
   * Refused, closed or not taken, by cause: `authentication`, `packet-too-large`, `connect-rate`, `acl-publish`, `takeover`, …;
   * `held-lost` counts messages that were read, not acknowledged, and given up when their connection was closed.
   */
  readonly refused: Readonly<Record<string, number>>;
}

/** A port that is listened on. */
export interface ListenedPort {
  readonly port: number;
  readonly tls: boolean;
  /** Null without WebSocket. */
  readonly path: string | null;
}

export interface Broker {
  /** May be called for several ports; limits count over all of them. */
  listen(port: number, host: string, how?: Listening): Promise<AddressInfo>;
  /** Ports that are listened on, in the order of `listen`. */
  ports(): readonly ListenedPort[];
  /** To subscribed clients (commands to gateways). */
  send(
    topic: string,
    payload: string | Buffer,
    options: { qos: 0 | 1; retain?: boolean },
  ): Promise<void>;
  /**
   * Ends every open session of a username at once, also while a message is in flight: it is handed on and not acknowledged,
   * and the client's will is dropped. Counted in `refused` under the reason. Returns how many sessions there were.
   */
  disconnect(username: string, reason: string): number;
  counters(): BrokerCounters;
  /** Stops accepting, waits for what is in flight (bounded by the time-out), closes every connection. */
  close(timeoutMs: number): Promise<void>;
}
