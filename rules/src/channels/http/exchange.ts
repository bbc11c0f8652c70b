/**
 * One request over HTTP and what came of it. Written on node:http, since whether a message may be sent again depends on whether its
 * request was written, and `fetch` does not tell that. Each request has a connection of its own: of one that was kept open nobody
 * knows whether the other side still listens.
 */
import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { endedBy } from '../signals.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For all of it, the answer's end included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Where the host is, when somebody has looked already. */
  readonly lookup?: LookupFunction;
}

/** What came of a request. */
export type Exchange =
  /** An answer came. Not `whole` when it broke off, took too long or was too large: then the text is what came until then. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** In lower case. */
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
      readonly text: string;
      readonly whole: boolean;
    }
  /** No connection: nothing was written. */
  | {
      readonly kind: 'unsent';
      readonly code: string;
      readonly text: string;
      /** True when it stays so until somebody mends it: a certificate that is not trusted. */
      readonly lasting: boolean;
    }
  /** It was written, perhaps in part, and no answer came. */
  | { readonly kind: 'lost'; readonly text: string };

/** No answer of a provider is longer than a few hundred bytes. */
const ANSWER_MAX = 64 * 1024;

/** How Node names what is wrong with a certificate or with the other side's TLS. */
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|UNABLE_TO_VERIFY|ERR_TLS|^ERR_SSL|^EPROTO$/;

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'failed';
}

/** Reads an answer up to the most that is taken. Never rejects. */
function read(answer: IncomingMessage): Promise<{ text: string; whole: boolean }> {
  const parts: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const end = (whole: boolean): void =>
      resolve({ text: Buffer.concat(parts).subarray(0, ANSWER_MAX).toString('utf8'), whole });
    answer.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size <= ANSWER_MAX) return;
      end(false);
      answer.destroy();
    });
    answer.once('end', () => end(true));
    answer.once('error', () => end(false));
    answer.once('close', () => end(false));
  });
}

/**
 * Makes the request. Redirects are answers like others. Texts name the host and what went wrong, never the address or a header,
 * which may hold keys. @throws nothing
 */
export async function exchange(given: HttpRequest): Promise<Exchange> {
  const { url, method, headers, body, timeoutMs, lookup } = given;
  const secure = url.protocol === 'https:';
  const signal = AbortSignal.any([given.signal, AbortSignal.timeout(timeoutMs)]);
  const bytes = body === undefined ? undefined : Buffer.from(body, 'utf8');
  let written = false;
  const failed = (error: unknown): Exchange => {
    const code = signal.aborted ? endedBy(signal) : codeOf(error);
    const text = `${url.hostname}: ${code}`;
    return written
      ? { kind: 'lost', text }
      : { kind: 'unsent', code, text, lasting: CERTIFICATE.test(code) };
  };
  if (signal.aborted) return failed(signal.reason);
  return new Promise((resolve) => {
    let request: ClientRequest;
    try {
      request = (secure ? tlsRequest : plainRequest)(url, {
        method,
        agent: false,
        signal,
        headers: {
          ...headers,
          ...(bytes === undefined ? {} : { 'content-length': String(bytes.length) }),
          connection: 'close',
        },
        ...(lookup === undefined ? {} : { lookup }),
      });
    } catch (error) {
      resolve(failed(error));
      return;
    }
    request.once('socket', (socket) =>
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        written = true;
      }),
    );
    let answering = false;
    request.once('response', (answer) => {
      answering = true;
      void read(answer).then(({ text, whole }) =>
        resolve({
          kind: 'answered',
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          whole,
        }),
      );
    });
    // Of an answer that has begun, reading it says how it ended.
    const end = (error: unknown): void => {
      if (!answering) resolve(failed(error));
    };
    request.on('error', end);
    request.once('close', () => end(new Error('closed')));
    request.end(bytes);
  });
}
