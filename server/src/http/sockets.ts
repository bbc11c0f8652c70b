/**
 * What happens below any route: how many sockets there may be in all and from one address, and answers to what is no
 * request at all. These too are problem documents.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Admission } from '@village/broker';
import { SECOND } from '@village/core';
import { problemText, TITLES } from './problem.ts';

export interface SocketLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Whether everybody comes through proxies, whose address says nothing about who asks. */
  readonly behindProxy: boolean;
}

/** New connections a second from one address. */
const CONNECTS_PER_SECOND = 500;

const CLOSING_CHECK_MS = 50;

/**
 * Closes sockets beyond the limits and counts them by cause. Returns what closes, from its call on, those that are idle or
 * have never said anything: browsers open some in advance, and Node takes them for busy.
 */
export function guardSockets(
  server: Server,
  limits: SocketLimits,
  refused: (cause: string) => void,
): () => void {
  const open = new Set<Socket>();
  const admission = new Admission({
    connectionsMax: limits.connections,
    connectionsPerAddressMax: limits.behindProxy
      ? limits.connections
      : limits.connectionsPerAddress,
    connectsPerAddressPerSecond: limits.behindProxy ? limits.connections : CONNECTS_PER_SECOND,
  });
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? 'unknown';
    const cause = admission.enter(address, performance.now());
    if (cause !== null) {
      refused(cause);
      socket.destroy();
      return;
    }
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      admission.leave(address);
    });
  });
  const forget = setInterval(() => admission.forget(performance.now()), 10 * SECOND);
  forget.unref();
  server.once('close', () => clearInterval(forget));
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
      for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
    };
    closeUnused();
    const closing = setInterval(closeUnused, CLOSING_CHECK_MS);
    server.once('close', () => clearInterval(closing));
  };
}

const HEAD_FAULTS: Readonly<Record<string, readonly [status: number, code: string, text: string]>> =
  {
    HPE_HEADER_OVERFLOW: [431, 'headers-too-large', 'the head of the request is too large'],
    ERR_HTTP_REQUEST_TIMEOUT: [408, 'request-timeout', 'the request did not come in time'],
  };

/** Answers bytes that are no HTTP request, or come too slowly, and closes. */
export function answerNoRequest(error: NodeJS.ErrnoException, socket: Socket): void {
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
