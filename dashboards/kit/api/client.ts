/** The one way to the server: asks, waits with a limit, checks the answer, and names what went wrong. */
import { type Decoder, WrongShape } from './decoder.ts';

/** What kept an answer away; `code` is the problem document's, or `network`, `timeout`, `bad-answer`. */
export class ApiError extends Error {
  readonly code: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  readonly retryAfterSeconds: number | null;

  constructor(
    code: string,
    status: number,
    detail: string,
    retryAfterSeconds: number | null = null,
    cause?: unknown,
  ) {
    super(detail, cause === undefined ? undefined : { cause });
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface ClientOptions {
  readonly fetch: typeof globalThis.fetch;
  /** An answer later than this counts as none. */
  readonly timeoutMs: number;
  /** Called when the server no longer knows who we are. */
  readonly signedOut: () => void;
  /** Called with the server's own time, whole seconds, ms since 1970. */
  readonly serverTime: (at: number) => void;
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export interface Client {
  /** Sends and decodes the answer. @throws ApiError, or the signal's reason when aborted. */
  ask<T>(path: string, decode: Decoder<T>, ask?: Ask): Promise<T>;
}

/** `/path?a=1&b=2` without the parameters that are null or empty. */
export function address(
  path: string,
  query: Record<string, string | number | null | undefined> = {},
): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return search === '' ? path : `${path}?${search}`;
}

async function problem(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  let code = `http-${response.status}`;
  let detail = response.statusText;
  if ((response.headers.get('content-type') ?? '').includes('json')) {
    const body: unknown = await response
      .json()
      .catch((cause: unknown) => ({ detail: String(cause) }));
    if (typeof body === 'object' && body !== null) {
      if ('code' in body && typeof body.code === 'string') code = body.code;
      if ('detail' in body && typeof body.detail === 'string') detail = body.detail;
      else if ('title' in body && typeof body.title === 'string') detail = body.title;
    }
  }
  return new ApiError(code, response.status, detail, Number.isNaN(retryAfter) ? null : retryAfter);
}

/** A client whose way out, limits and listeners are given. */
export function createClient(options: ClientOptions): Client {
  async function send(path: string, ask: Ask): Promise<Response> {
    const limit = AbortSignal.timeout(options.timeoutMs);
    try {
      return await options.fetch(`/api/v1${path}`, {
        method: ask.method ?? 'GET',
        headers: {
          accept: 'application/json',
          ...(ask.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
        signal: ask.signal === undefined ? limit : AbortSignal.any([ask.signal, limit]),
      });
    } catch (cause) {
      ask.signal?.throwIfAborted();
      if (limit.aborted)
        throw new ApiError('timeout', 0, `no answer in ${options.timeoutMs} ms`, null, cause);
      throw new ApiError('network', 0, String(cause), null, cause);
    }
  }

  return {
    async ask(path, decode, ask = {}) {
      const response = await send(path, ask);
      const date = Date.parse(response.headers.get('date') ?? '');
      if (!Number.isNaN(date)) options.serverTime(date);
      if (!response.ok) {
        const error = await problem(response);
        if (response.status === 401 && !path.startsWith('/session')) options.signedOut();
        throw error;
      }
      try {
        return decode(response.status === 204 ? null : await response.json(), '');
      } catch (cause) {
        ask.signal?.throwIfAborted();
        if (cause instanceof WrongShape || cause instanceof SyntaxError)
          throw new ApiError(
            'bad-answer',
            response.status,
            `${path}: ${cause.message}`,
            null,
            cause,
          );
        throw new ApiError('network', 0, String(cause), null, cause);
      }
    },
  };
}
