/**
 * The InfluxDB 1.x server as this archive speaks to it: batches of points in, series of rows out, every wait with an end,
 * every fault an `OperationalError`. The library's own retries are off: the journal's reader tries again in order.
 */
import { OperationalError } from '@village/core';
import { escape as escaped, InfluxDB } from 'influx';
import { z } from 'zod/mini';

/** How the server is reached. */
export interface InfluxOptions {
  /** `http://host:8086`. */
  readonly url: string;
  readonly database: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** A point as the library takes it; `timestamp` in ms, and `part` says which nanosecond of it (0 when absent). */
export interface Point {
  readonly measurement: string;
  readonly tags: Record<string, string>;
  readonly fields: Record<string, number | string>;
  readonly timestamp: number;
  readonly part?: number;
}

/** Rows of one series; a cell that the row lacks is null. Times are ms, in the first column. */
export interface Series {
  readonly tags: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | number | null)[])[];
}

const NANOSECONDS = 1_000_000n;
/** The server calls each full chunk of a series partial and joins them; a shorter one was cut by its own limit. */
const CHUNK_ROWS = 10_000;
/** How much of a refusal is told. */
const REASON_MAX = 500;
const WRITE_TIMEOUT_MS = 60_000;
export const QUERY_TIMEOUT_MS = 30_000;

const Answer = z.object({
  error: z.optional(z.string()),
  results: z.optional(
    z.array(
      z.object({
        error: z.optional(z.string()),
        series: z.optional(
          z.array(
            z.object({
              tags: z.optional(z.record(z.string(), z.string())),
              columns: z.array(z.string()),
              partial: z.optional(z.boolean()),
              values: z.array(z.array(z.union([z.string(), z.number(), z.null(), z.boolean()]))),
            }),
          ),
        ),
      }),
    ),
  ),
});

/** A pool that never takes its one server out: the caller has a pause of its own after each fault. */
const noBackoff = {
  getDelay: () => 0,
  next: () => noBackoff,
  reset: () => noBackoff,
};

function unavailable(cause: unknown): OperationalError {
  return new OperationalError(
    'archive-unavailable',
    `InfluxDB is not available: ${(cause as Error).message}`,
    { retry: true, cause },
  );
}

/** Resolves as `work` does, or rejects when it has not ended in time or was given up. */
async function within<T>(work: Promise<T>, ms: number, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(ms);
  const ended = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  return new Promise<T>((resolve, reject) => {
    const stop = (): void =>
      reject(
        timeout.aborted
          ? new OperationalError('query-timeout', `InfluxDB took longer than ${ms / 1000} s.`, {
              retry: true,
            })
          : new OperationalError('query-aborted', 'The query was given up.'),
      );
    if (ended.aborted) stop();
    ended.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => ended.removeEventListener('abort', stop));
  });
}

/** A quoted name of a measurement or column. */
export function identifier(name: string): string {
  return `"${name.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** A quoted text. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;
}

/** One server and database. */
export class InfluxClient {
  readonly #influx: InfluxDB;
  readonly #database: string;
  readonly #writeUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, database, username, password }: InfluxOptions) {
    const { protocol, hostname, port, pathname } = new URL(url);
    const base = `${protocol}//${hostname}:${port === '' ? 8086 : port}${pathname.replace(/\/$/, '')}`;
    this.#writeUrl = `${base}/write?db=${encodeURIComponent(database)}&precision=ns`;
    const login = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
    this.#headers = username === undefined ? {} : { authorization: `Basic ${login}` };
    this.#database = database;
    this.#influx = new InfluxDB({
      hosts: [
        {
          protocol: protocol === 'https:' ? 'https' : 'http',
          host: hostname,
          port: port === '' ? 8086 : Number(port),
          path: pathname,
        },
      ],
      database,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      pool: { maxRetries: 0, requestTimeout: WRITE_TIMEOUT_MS, backoff: noBackoff },
    });
  }

  /** Makes the database when it is not there. @throws archive-unavailable */
  async prepare(): Promise<void> {
    try {
      await within(this.#influx.createDatabase(this.#database), QUERY_TIMEOUT_MS);
    } catch (error) {
      throw error instanceof OperationalError ? error : unavailable(error);
    }
  }

  /**
   * Resolves when the server says that the points are written: it syncs its own log before it says so. Only its own word
   * counts (204): what else answers in its place, a proxy's page or a redirect, has stored nothing.
   * @throws archive-unavailable, archive-refused (both worth a retry: nothing is given up)
   */
  async write(points: readonly Point[], signal?: AbortSignal): Promise<void> {
    const own = new AbortController();
    const sent = fetch(this.#writeUrl, {
      method: 'POST',
      headers: this.#headers,
      body: points.map((point) => this.#line(point)).join('\n'),
      redirect: 'manual',
      signal: own.signal,
    });
    try {
      const answer = await within(sent, WRITE_TIMEOUT_MS, signal);
      if (answer.status === 204) return;
      const text = (await within(answer.text(), WRITE_TIMEOUT_MS, signal)).slice(0, REASON_MAX);
      const reason = `${answer.status} ${text.trim() || answer.statusText}`;
      if (answer.status >= 500) throw unavailable(new Error(reason));
      throw new OperationalError('archive-refused', `InfluxDB refuses: ${reason}`, { retry: true });
    } catch (error) {
      throw error instanceof OperationalError ? error : unavailable(error);
    } finally {
      own.abort();
    }
  }

  /** A point in line protocol, in nanoseconds. */
  #line(point: Point): string {
    const { measurement, tags, fieldsPairs } = this.#influx.parsePoint(point);
    const tagged = Object.entries(tags ?? {}).map(
      ([name, value]) => `,${escaped.tag(name)}=${escaped.tag(value)}`,
    );
    const fields = fieldsPairs.map(([name, value]) => `${escaped.tag(name)}=${value}`);
    const time = BigInt(Math.floor(point.timestamp)) * NANOSECONDS + BigInt(point.part ?? 0);
    return `${escaped.measurement(measurement ?? '')}${tagged.join('')} ${fields.join(',')} ${time}`;
  }

  /** @throws archive-unavailable, query-failed, query-timeout, query-aborted */
  async query(text: string, signal?: AbortSignal): Promise<Series[]> {
    return (await this.queryEach([text], signal)).flat();
  }

  /** Several statements in one request: the series of each. @throws as `query` */
  async queryEach(statements: readonly string[], signal?: AbortSignal): Promise<Series[][]> {
    const own = new AbortController();
    try {
      const raw: unknown = await within(
        this.#influx.queryRaw(statements.join(';\n'), {
          precision: 'ms',
          method: 'POST',
          signal: own.signal,
        } as Parameters<InfluxDB['queryRaw']>[1]),
        QUERY_TIMEOUT_MS,
        signal,
      );
      const answers = seriesOf(raw);
      if (answers.length !== statements.length)
        throw new OperationalError('query-failed', 'InfluxDB did not answer all that was asked.');
      return answers;
    } catch (error) {
      if (error instanceof OperationalError) throw error;
      if (error instanceof Error && 'res' in error)
        throw new OperationalError('query-failed', error.message, { cause: error });
      throw unavailable(error);
    } finally {
      // Ends a request that nobody waits for any more; after an answer it does nothing.
      own.abort();
    }
  }
}

function seriesOf(raw: unknown): Series[][] {
  const answer = z.safeParse(Answer, raw);
  const { error, results = [] } = answer.success ? answer.data : {};
  // InfluxDB has a result for each statement, also an empty one: anything else is somebody else's answer.
  if (error === undefined && results.length === 0)
    throw new OperationalError('query-failed', 'InfluxDB answered in an unknown shape.');
  const fault = error ?? results.find((result) => result.error !== undefined)?.error;
  if (fault !== undefined)
    throw new OperationalError('query-failed', fault, {
      retry: /timeout|engine is closed/.test(fault),
    });
  for (const { series = [] } of results)
    if (series.some(({ partial, values }) => partial === true && values.length <= CHUNK_ROWS))
      throw new OperationalError(
        'query-failed',
        'InfluxDB left out a part of the answer: its max-row-limit must be 0.',
      );
  return results.map(({ series = [] }) =>
    series.map(({ tags = {}, columns, values }) => ({
      tags,
      columns,
      values: values as Series['values'],
    })),
  );
}
