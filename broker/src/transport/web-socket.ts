/** MQTT over WebSocket: the upgrade, and a socket that the broker reads and writes like any other. */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import type { BrokerLimits, WebSocketRules } from '../contract.ts';
import { originOf } from './addresses.ts';
import { WebSocketFrames } from './web-socket-frames.ts';

/** MQTT 3.1.1 §6, and what clients of 3.1 name. */
const PROTOCOLS = ['mqtt', 'mqttv3.1'] as const;
const HEAD_BYTES_MAX = 8 * 1024;
/** After our close frame. */
const CLOSE_MS = 2_000;
/** No piece of a message is as large: it is of one read of the socket. */
const PIECE_MAX = 1024 * 1024;
/** WebSocket close codes (RFC 6455 §7.4.1). */
const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;

export interface WebSocketEvents {
  /** A client's bytes come and go through `stream`; `socket` is what its connection is known by. */
  opened(stream: WebSocketStream, socket: Socket): void;
  /** A request was refused. */
  refused(cause: string, address: string): void;
}

/** A server that upgrades requests for the path and answers 426 to all others. */
export function createWebSocketServer(
  rules: WebSocketRules,
  tls: TlsOptions | null,
  limits: BrokerLimits,
  on: WebSocketEvents,
): Server {
  const options = {
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: limits.connectTimeoutMs,
    requestTimeout: limits.connectTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.connectTimeoutMs),
    keepAliveTimeout: 1,
  };
  const server = tls === null ? createServer(options) : createSecureServer({ ...options, ...tls });
  const origins = new Set(rules.origins.map(originOf));
  const settings: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: PIECE_MAX,
    closeTimeout: CLOSE_MS,
    handleProtocols: (offered) => PROTOCOLS.find((one) => offered.has(one)) ?? false,
  };
  const sockets = new WebSocketServer(settings);
  sockets.on('wsClientError', (_error, socket, request) => {
    on.refused('websocket-request', addressOf(request));
    end(socket as Socket, 400);
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as Socket;
    const fault = faultOf(request, rules.path, origins);
    if (fault !== null) {
      on.refused(fault.cause, addressOf(request));
      end(socket, fault.status);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (open) =>
      on.opened(new WebSocketStream(open, socket), socket),
    );
  });
  server.on('request', (request, response) => {
    on.refused('websocket-request', addressOf(request));
    const text = 'MQTT over WebSocket is spoken here (subprotocol mqtt)\n';
    response.writeHead(426, {
      connection: 'close',
      upgrade: 'websocket',
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, stream: Duplex) => {
    const address = (stream as Socket).remoteAddress ?? 'unknown';
    if (error.code !== 'ECONNRESET')
      on.refused(
        error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'connect-timeout' : 'websocket-request',
        address,
      );
    end(stream as Socket, error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400);
  });
  return server;
}

const addressOf = (request: IncomingMessage): string => request.socket.remoteAddress ?? 'unknown';

/**
 * Most programs name no origin, and some (paho) the address that they connect to. A browser names that of the page that connects,
 * and only pages of the origins that are listed may: others would reach a broker that their own server can't.
 */
function faultOf(
  { url = '', headers }: IncomingMessage,
  path: string,
  origins: ReadonlySet<string | null>,
): { cause: string; status: number } | null {
  if (url.split('?', 1)[0] !== path) return { cause: 'websocket-path', status: 404 };
  const { origin } = headers;
  if (origin !== undefined) {
    const named = originOf(origin);
    // Which scheme the client's side has is not known behind a proxy, and paho says https of plain ones too.
    const own = ['http', 'https'].map((scheme) => originOf(`${scheme}://${headers.host}`));
    if (named === null || !(own.includes(named) || origins.has(named)))
      return { cause: 'websocket-origin', status: 403 };
  }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  return PROTOCOLS.some((one) => offered.includes(one))
    ? null
    : { cause: 'websocket-protocol', status: 400 };
}

function end(socket: Socket, status: number): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.on('error', () => undefined);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    () => socket.destroy(),
  );
}

/**
 * The bytes of all binary messages as one stream as they come (MQTT 3.1.1 §6: packets are not aligned with frames): packets
 * are held to their sizes by the connection, and no message is kept here.
 */
export class WebSocketStream extends Duplex {
  readonly #open: WebSocket;
  readonly #socket: Socket;

  constructor(open: WebSocket, socket: Socket) {
    super({ allowHalfOpen: false, decodeStrings: true });
    this.#open = open;
    this.#socket = socket;
    this.#cutMessages();
    open.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) this.#give('websocket-text');
      else if (!this.push(data)) open.pause();
    });
    open.on('ping', () => {
      // The library has ended one whose pongs pile up since it does not read.
      if (open.readyState !== open.OPEN) this.#give('websocket-pings');
    });
    open.on('error', (error) => {
      this.destroy(Object.assign(error, { cause: 'websocket-frame' }));
    });
    open.on('close', () => {
      if (this.destroyed) return;
      this.push(null);
      this.destroy();
    });
  }

  /** Puts what cuts messages between the socket and the library, which listens to it by now and has read nothing. */
  #cutMessages(): void {
    const socket = this.#socket;
    const library = socket.listeners('data') as ((bytes: Buffer) => void)[];
    socket.removeAllListeners('data');
    const frames = new WebSocketFrames(
      (frame) => {
        for (const listener of library) listener.call(socket, frame);
      },
      () => this.#give('websocket-pings'),
    );
    const read = (bytes: Buffer): void => frames.take(bytes);
    socket.on('data', read);
    // At the end the library takes what is left by itself.
    socket.prependListener('close', () => {
      socket.off('data', read);
      const rest = socket.read() as Buffer | null;
      if (rest !== null) frames.take(rest);
    });
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean, ms: number): void {
    this.#socket.setKeepAlive(on, ms);
  }

  /** Lets what was written go out, says goodbye, and closes. */
  destroySoon(): void {
    this.end();
    const stuck = setTimeout(() => this.destroy(), 2 * CLOSE_MS);
    this.once('close', () => clearTimeout(stuck));
  }

  #give(cause: string): void {
    if (this.destroyed) return;
    if (cause === 'websocket-text') this.#open.close(UNSUPPORTED_DATA);
    this.destroy(Object.assign(new Error(cause), { cause }));
  }

  override _read(): void {
    if (this.#open.isPaused) this.#open.resume();
  }

  override _write(
    chunk: Buffer,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    this.#open.send(chunk, { binary: true }, (error) => callback(error ?? null));
  }

  override _final(callback: () => void): void {
    this.#open.close(NORMAL);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#open.terminate();
    callback(error);
  }
}
