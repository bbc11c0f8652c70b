/**
 * What happens below any route: how many sockets there may be in all and from one address, and answers to what is no
 * request at all. These too are problem documents.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TlsOptions, Server as TlsServer } from 'node:tls';
import { Admission, type Certificates } from '@village/broker';
import { Door } from '@village/broker/transport';
import { SECOND } from '@village/core';
import { problemText, TITLES } from './problem.ts';

export interface SocketLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Whether everybody comes through proxies, whose address says nothing about who asks. */
  readonly behindProxy: boolean;
  /** Proxies that begin each connection with a PROXY header, which says who asks. */
  readonly proxies: readonly string[];
  /** For that header, and for a TLS handshake. */
  readonly timeoutMs: number;
}

/** New connections a second from one address. */
const CONNECTS_PER_SECOND = 500;

const CLOSING_CHECK_MS = 50;

const HANDSHAKE_MS = 10 * SECOND;

/** A name or address, and a port. */
const HOST = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/;

/**
 * Closes sockets beyond the limits and counts them by cause. Returns what closes, from its call on, those that are idle or
 * have never said anything: browsers open some in advance, and Node takes them for busy.
 */
export function guardSockets(
  server: Server,
  limits: SocketLimits,
  certificates: Certificates | null,
  refused: (cause: string, address: string, detail?: object) => void,
): () => void {
  const admission = new Admission({
    connectionsMax: limits.connections,
    connectionsPerAddressMax: limits.behindProxy
      ? limits.connections
      : limits.connectionsPerAddress,
    connectsPerAddressPerSecond: limits.behindProxy ? limits.connections : CONNECTS_PER_SECOND,
  });
  const plain = certificates === null ? null : plainServer(limits.timeoutMs);
  const door = new Door(server, {
    proxies: limits.proxies,
    timeoutMs: limits.timeoutMs,
    pendingMax: limits.connections,
    ...(certificates === null ? {} : { tls: { clients: certificates.clients, now: Date.now } }),
    ...(plain === null
      ? {}
      : {
          plain: (socket: Socket) => {
            // Node looks for requests that dawdle at servers that listen, and this one does not.
            const late = setTimeout(() => socket.destroy(), limits.timeoutMs);
            socket.once('close', () => clearTimeout(late));
            plain.emit('connection', socket);
          },
        }),
    enter: (address) => admission.enter(address, performance.now()),
    leave: (address) => admission.leave(address),
    refused,
  });
  const stopWatching = certificates?.onChange((context) =>
    (server as unknown as TlsServer).setSecureContext({ ...tlsOptions(certificates), ...context }),
  );
  const forget = setInterval(() => admission.forget(performance.now()), 10 * SECOND);
  forget.unref();
  server.once('close', () => {
    clearInterval(forget);
    stopWatching?.();
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const text = problemText(417, 'expectation-failed', 'no such expectation is met here');
    response
      .writeHead(417, {
        'content-type': 'application/problem+json; charset=utf-8',
        'content-length': Buffer.byteLength(text),
      })
      .end(text);
  });
  return () => {
    const closeUnused = (): void => {
      server.closeIdleConnections();
      for (const socket of door.sockets) if (socket.bytesRead === 0) socket.destroy();
      plain?.closeAllConnections();
    };
    closeUnused();
    const closing = setInterval(closeUnused, CLOSING_CHECK_MS);
    server.once('close', () => clearInterval(closing));
  };
}

/** What a server that speaks TLS is made with. */
export function tlsOptions({ context, clients }: Certificates): TlsOptions {
  return {
    ...context,
    handshakeTimeout: HANDSHAKE_MS,
    requestCert: clients !== 'none',
    // Judged by the door, which counts why one is refused.
    rejectUnauthorized: false,
  };
}

/** Tells who asks without TLS where it is spoken where to go. */
function plainServer(timeoutMs: number): Server {
  const server = createServer(
    { headersTimeout: timeoutMs, requestTimeout: timeoutMs, keepAliveTimeout: 1 },
    (request, response) => {
      const { method = '', url = '', headers } = request;
      const { host = '' } = headers;
      const reads = method === 'GET' || method === 'HEAD';
      if (reads && url.startsWith('/') && HOST.test(host)) {
        response
          .writeHead(308, {
            location: `https://${host}${url}`,
            connection: 'close',
            'content-length': 0,
          })
          .end();
        return;
      }
      const text = problemText(400, 'https-only', 'this port speaks https');
      response
        .writeHead(400, {
          'content-type': 'application/problem+json; charset=utf-8',
          'content-length': Buffer.byteLength(text),
          connection: 'close',
        })
        .end(text);
    },
  );
  server.on('clientError', answerNoRequest);
  return server;
}

/** Whether what is no HTTP request is the begin of a TLS handshake. */
export function isTlsHello(error: object): boolean {
  // A Buffer, whatever its declared type says.
  const { rawPacket } = error as { rawPacket?: Buffer };
  return rawPacket?.[0] === 22 && rawPacket[1] === 3;
}

const HEAD_FAULTS: Readonly<Record<string, readonly [status: number, code: string, text: string]>> =
  {
    HPE_HEADER_OVERFLOW: [431, 'headers-too-large', 'the head of the request is too large'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'request-timeout', 'the request did not come in time'],
  };

/** Answers bytes that are no HTTP request, or come too slowly, and closes. */
export function answerNoRequest(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, detail] = HEAD_FAULTS[error.code ?? ''] ?? [
    400,
    'bad-request',
    'this is no HTTP request',
  ];
  const body = problemText(status, code, detail);
  socket.end(
    [
      `HTTP/1.1 ${status} ${TITLES[status]}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'cache-control: no-store',
      'connection: close',
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}
