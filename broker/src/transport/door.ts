/**
 * What happens to a socket before a listener's own protocol begins: who the client is behind a proxy, whether it may come in,
 * its TLS handshake, and the certificate that it shows. Works with the servers of Node's net, tls, http and https alike.
 */
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ClientCertificate, ClientRule } from '../contract.ts';
import { Addresses, plainAddress } from './addresses.ts';
import { shownBy } from './client-certificate.ts';
import { PROXY_HEADER_MAX, readProxyHeader } from './proxy-header.ts';

export interface DoorOptions {
  /** Addresses and networks of proxies that tell who a client is (PROXY protocol); all they connect must begin with it. */
  readonly proxies?: readonly string[];
  /** How long a proxy's header may take to come. */
  readonly timeoutMs: number;
  /** Connections of proxies at once that have not said whose they are. */
  readonly pendingMax: number;
  /** Present when the server speaks TLS. */
  readonly tls?: { readonly clients: ClientRule; readonly now: () => number };
  /** Counts the client in and returns null, or says why it is refused. */
  enter(address: string): string | null;
  leave(address: string): void;
  /** A connection was closed here. */
  refused(cause: string, address: string, detail?: object): void;
  /** Takes a socket whose client begins without TLS where TLS is spoken; without it the handshake fails. */
  plain?(socket: Socket): void;
}

/** TLS handshakes begin with this byte. */
const TLS_BYTE = 22;
const NOTHING: Buffer = Buffer.alloc(0);

/** What has gone wrong with a handshake, in words that tell whom to ask. */
function handshakeCause(code: string | undefined): string {
  switch (code) {
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_HTTP_REQUEST':
    case 'ERR_SSL_HTTPS_PROXY_REQUEST':
      return 'plain-on-tls-port';
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
      return 'tls-version';
    case 'ERR_SSL_NO_SHARED_CIPHER':
      return 'tls-cipher';
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'tls-timeout';
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED':
      return 'tls-untrusted-by-client';
    default:
      return 'tls-handshake';
  }
}

/**
 * Who the client of a failed handshake is. Its socket may be closed by then and not know any more; the one below it was asked when it
 * was accepted, and remembers. Where that is not to be had the address is unknown.
 */
function addressOf(socket: TLSSocket): string {
  const below = Reflect.get(socket, '_parent') as Socket | null | undefined;
  return plainAddress(socket.remoteAddress ?? below?.remoteAddress);
}

/** What tells a connection from all others of this machine. */
const tupleOf = (socket: Socket): string =>
  `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;

type Listener = (socket: Socket) => void;

function takeOver(server: Server, event: string, handle: Listener): Listener {
  const inner = server.listeners(event) as Listener[];
  server.removeAllListeners(event);
  server.on(event, handle);
  return (socket) => {
    for (const listener of inner) listener.call(server, socket);
  };
}

/** The door of one server, set before it listens. */
export class Door {
  /** All that are in, and those that are about to be. */
  readonly sockets = new Set<Socket>();
  readonly #options: DoorOptions;
  readonly #proxies: Addresses;
  readonly #accepted: Listener;
  readonly #secured: Listener;
  /** Addresses that proxies told, by connection, while it is open. */
  readonly #told = new Map<string, { readonly address: string }>();
  readonly #certificates = new WeakMap<Socket, ClientCertificate>();
  #pending = 0;

  constructor(server: Server, options: DoorOptions) {
    this.#options = options;
    this.#proxies = new Addresses(options.proxies ?? []);
    this.#accepted = takeOver(server, 'connection', (socket) => this.#accept(socket));
    const { tls } = options;
    if (tls === undefined) {
      this.#secured = () => undefined;
      return;
    }
    this.#secured = takeOver(server, 'secureConnection', (socket) =>
      this.#secure(socket as TLSSocket, tls.clients, tls.now()),
    );
    server.removeAllListeners('tlsClientError');
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const address = this.#told.get(tupleOf(socket))?.address ?? addressOf(socket);
      options.refused(handshakeCause(error.code), address, { reason: error.code });
      socket.destroy();
    });
  }

  /** What the client of a TLS connection has shown. */
  certificateOf(socket: Socket): ClientCertificate | null {
    return this.#certificates.get(socket) ?? null;
  }

  #accept(socket: Socket): void {
    const own = plainAddress(socket.remoteAddress);
    const isProxy = this.#proxies.has(own);
    if (isProxy && this.#pending >= this.#options.pendingMax) {
      this.#refuse(socket, 'proxy-pending', own);
      return;
    }
    if (!isProxy && !this.#enter(socket, own)) return;
    this.#keep(socket);
    if (isProxy) this.#readHeader(socket, own);
    else this.#go(socket, own);
  }

  #keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  #refuse(socket: Socket, cause: string, address: string, detail?: object): void {
    this.#options.refused(cause, address, detail);
    // It is refused already; what happens to its socket is nobody's matter.
    socket.on('error', () => undefined);
    socket.destroy();
  }

  #enter(socket: Socket, address: string): boolean {
    const cause = this.#options.enter(address);
    if (cause !== null) {
      this.#refuse(socket, cause, address);
      return false;
    }
    socket.once('close', () => this.#options.leave(address));
    return true;
  }

  /** Hands the socket on, once it is known whether the client speaks TLS where that is asked. */
  #go(socket: Socket, address: string): void {
    const { plain, tls } = this.#options;
    if (tls === undefined || plain === undefined) {
      this.#accepted(socket);
      return;
    }
    this.#firstBytes(socket, address, 'tls-timeout', (bytes) => {
      const goOn = (): void => {
        if (bytes[0] === TLS_BYTE) {
          this.#accepted(socket);
          return;
        }
        this.#options.refused('plain-on-tls-port', address);
        plain(socket);
      };
      return { rest: bytes, goOn };
    });
  }

  #readHeader(socket: Socket, proxy: string): void {
    this.#pending++;
    let pending = true;
    const settled = (): void => {
      if (pending) this.#pending--;
      pending = false;
    };
    socket.once('close', settled);
    this.#firstBytes(socket, proxy, 'proxy-header-timeout', (bytes) => {
      const header = readProxyHeader(bytes);
      if (header.state === 'partial' && bytes.length < PROXY_HEADER_MAX) return null;
      settled();
      if (header.state !== 'whole')
        return { rest: NOTHING, goOn: () => this.#refuse(socket, 'proxy-header', proxy) };
      const goOn = (): void => this.#enterAs(socket, header.address ?? proxy);
      return { rest: bytes.subarray(header.length), goOn };
    });
  }

  /** A proxy has said who the client is. */
  #enterAs(socket: Socket, address: string): void {
    if (!this.#enter(socket, address)) return;
    const tuple = tupleOf(socket);
    const told = { address };
    this.#told.set(tuple, told);
    socket.once('close', () => {
      // A proxy may use the port again before we have heard of the end of what it was used for.
      if (this.#told.get(tuple) === told) this.#told.delete(tuple);
    });
    Object.defineProperty(socket, 'remoteAddress', { value: address });
    this.#go(socket, address);
  }

  /** Reads until `take` has seen enough; what it leaves is put back before the socket goes on. */
  #firstBytes(
    socket: Socket,
    address: string,
    late: string,
    take: (bytes: Buffer) => { rest: Buffer; goOn: () => void } | null,
  ): void {
    let bytes: Buffer = NOTHING;
    const over = (): void => {
      clearTimeout(timer);
      socket.off('data', read);
      socket.off('end', ended);
      socket.off('error', failed);
    };
    const read = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const taken = take(bytes);
      if (taken === null) return;
      over();
      socket.pause();
      if (taken.rest.length > 0) socket.unshift(taken.rest);
      taken.goOn();
      process.nextTick(() => socket.resume());
    };
    const ended = (): void => {
      over();
      socket.destroy();
    };
    const failed = (): void => over();
    const timer = setTimeout(() => {
      over();
      this.#refuse(socket, late, address);
    }, this.#options.timeoutMs);
    socket.on('data', read);
    socket.on('end', ended);
    socket.on('error', failed);
  }

  #secure(socket: TLSSocket, rule: ClientRule, now: number): void {
    const told = this.#told.get(tupleOf(socket))?.address;
    const address = told ?? plainAddress(socket.remoteAddress);
    const shown = shownBy(socket, rule, now);
    if ('refused' in shown) {
      const { refused, ...detail } = shown;
      this.#refuse(socket, refused, address, detail);
      return;
    }
    if (told !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: told });
    if (shown.certificate !== null) this.#certificates.set(socket, shown.certificate);
    this.#secured(socket);
  }
}
