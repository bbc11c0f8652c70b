/** The one way to the server: calls, waits with a limit, checks the answer, and names what went wrong. */
import { type Decoder, WrongShape } from './decoder.ts';
import type { Upload } from './upload.ts';

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
  /** Sends files whose sender wants to know how much has gone; `fetch` does when there is none. */
  readonly upload?: Upload;
  /** An answer later than this counts as none. */
  readonly timeoutMs: number;
  /** Called when the server no longer knows who we are. */
  readonly signedOut: () => void;
  /** Called with the server's own time, whole seconds, ms since 1970. */
  readonly serverTime: (at: number) => void;
}

/** A megabit a second, below which the server does not wait for a file either. */
const FILE_BYTES_PER_MS_MIN = (128 * 1024) / 1_000;

/** One call of the interface. */
export interface Call<Given, Answer> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/v1`, parameters in braces. */
  readonly path: string;
  readonly decode: Decoder<Answer>;
  /** The type of what is given with the call; never a value. */
  readonly given?: Given;
}

type Query = Readonly<Record<string, string | number | null | undefined>>;

interface AnyGiven {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Query;
  readonly body?: unknown;
  /** Sent as it is; what it is, the server sees from its bytes. */
  readonly file?: Blob;
  /** Told how many bytes of the file have gone. */
  readonly sent?: (bytes: number) => void;
  /** Where an answer may take longer than others; for its file to arrive there is more. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Client {
  /** Calls and decodes the answer. @throws ApiError, or the signal's reason when aborted. */
  call<Given extends AnyGiven, Answer>(call: Call<Given, Answer>, given: Given): Promise<Answer>;
}

/** `/path?a=1&b=2` without the parameters that are null or empty. */
function address(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return search === '' ? path : `${path}?${search}`;
}

/** Where a call goes. */
export function addressOf<Given extends AnyGiven>(
  { path }: Pick<Call<Given, unknown>, 'path' | 'given'>,
  { params = {}, query = {} }: Given,
): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ''),
  );
  return address(`/api/v1${filled}`, query);
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
  async function send(method: string, url: string, given: AnyGiven): Promise<Response> {
    const { file, sent } = given;
    const arrivesMs = (file?.size ?? 0) / FILE_BYTES_PER_MS_MIN;
    const timeoutMs = Math.ceil((given.timeoutMs ?? options.timeoutMs) + arrivesMs);
    const limit = AbortSignal.timeout(timeoutMs);
    const body = given.body === undefined ? file : JSON.stringify(given.body);
    const type = file === undefined ? 'application/json' : 'application/octet-stream';
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': type }),
    };
    const signal = given.signal === undefined ? limit : AbortSignal.any([given.signal, limit]);
    try {
      if (options.upload !== undefined && file !== undefined && sent !== undefined)
        return await options.upload(url, { method, headers, body: file, signal }, sent);
      return await options.fetch(url, {
        ...{ method, headers, signal },
        ...(body === undefined ? {} : { body }),
      });
    } catch (cause) {
      given.signal?.throwIfAborted();
      if (limit.aborted)
        throw new ApiError('timeout', 0, `no answer in ${timeoutMs} ms`, null, cause);
      throw new ApiError('network', 0, String(cause), null, cause);
    }
  }

  return {
    async call(call, given) {
      const { method, path, decode } = call;
      const response = await send(method, addressOf(call, given), given);
      const date = Date.parse(response.headers.get('date') ?? '');
      if (!Number.isNaN(date)) options.serverTime(date);
      // What was refused with all its faults is an answer, and no problem document.
      const told =
        response.status === 422 &&
        (response.headers.get('content-type') ?? '').startsWith('application/json');
      if (!response.ok && !told) {
        const error = await problem(response);
        if (response.status === 401 && !path.startsWith('/session')) options.signedOut();
        throw error;
      }
      try {
        return decode(response.status === 204 ? null : await response.json(), '');
      } catch (cause) {
        given.signal?.throwIfAborted();
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
