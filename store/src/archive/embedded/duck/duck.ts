/** The archive's side of the DuckDB thread: sends rows and SQL, bounds what waits, and gives every query an end. */
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { OperationalError } from '@village/core';
import type { Answer, Columns, EventRow, Request, WorkerOptions } from './messages.ts';

/**
 * What kind of work a statement is. Maintenance and exports take long and have a class each, so that neither waits for
 * the other nor holds back queries.
 */
export type QueryClass = 'interactive' | 'maintenance' | 'export';

/** Statements that run at once in each class. Each holds a thread of the process's pool, which the server makes large enough. */
const RUNNING_MAX: Readonly<Record<QueryClass, number>> = {
  interactive: 4,
  maintenance: 1,
  export: 1,
};
const QUERY_CLASSES: readonly QueryClass[] = ['interactive', 'maintenance', 'export'];
/** Queries that wait; more are refused. */
const WAITING_MAX = 256;
/**
 * Young objects of the thread, MB. DuckDB's memory of an answer is given back when the collector comes past its small
 * object, so the thread's collections must not wait for megabytes of them.
 */
const YOUNG_OBJECTS_MB = 2;
/** How long a statement that is to stop may take for it before its asker is told, ms. */
const STOPPING_MS = 5_000;
/** The longest wait for a thread that failed and is on its way out, ms. */
const LEAVING_MS = 5_000;
/** A query that runs longer is stopped, ms of the machine's own time. */
export const QUERY_TIMEOUT_MS = 30_000;

interface Job {
  readonly id: number;
  readonly sql: string;
  readonly queryClass: QueryClass;
  readonly resolve: (columns: Columns) => void;
  readonly reject: (error: Error) => void;
  readonly release: () => void;
  stopped: OperationalError | null;
  /** Runs while it is being stopped. */
  late?: NodeJS.Timeout;
  /** Told when the thread has let go of it. */
  ended: (() => void) | null;
}

/** Thrown inside when DuckDB refuses a statement; the archive looks for damaged files then. */
export class QueryFailure extends OperationalError {
  constructor(message: string) {
    super('query-failed', message);
  }
}

function unfit(reason: string): OperationalError {
  return new OperationalError(
    'query-engine-unfit',
    "DuckDB 客户端与本程序不符，未写入任何数据，请运行 npm ci · DuckDB's client is not the one that this program was " +
      `made for, and nothing was written: run npm ci (${reason.split('\n')[0]})`,
  );
}

function closed(): OperationalError {
  return new OperationalError('store-closed', 'The store is being closed.');
}

/** The DuckDB thread. */
export class Duck {
  readonly #worker: Worker;
  /** Called once when the thread ends without being asked to. */
  onDeath: (error: OperationalError) => void = () => undefined;
  readonly #running = new Map<number, Job>();
  #waiting: Job[] = [];
  #nextId = 1;
  #rowsQueued = 0;
  #nextBlock = 1;
  /** What lets go of the blocks that the thread reads, by their numbers. */
  readonly #reading = new Map<number, () => void>();
  #closing = false;
  #dead: OperationalError | null = null;
  /** Resolves when the thread has ended, of itself or not. */
  readonly #gone: Promise<void>;
  #isGone = false;
  readonly #begun = Promise.withResolvers<void>();

  private constructor(worker: Worker) {
    this.#worker = worker;
    // Also a thread that fails on its way out has ended.
    this.#gone = new Promise<void>((resolve) => worker.once('exit', () => resolve())).then(() => {
      this.#isGone = true;
    });
    worker.on('message', (answer: Answer) => this.#hear(answer));
    worker.on('error', (error) =>
      this.#die(error instanceof Error ? error : new Error(String(error))),
    );
    worker.on('exit', (code) => {
      if (!this.#closing) this.#die(new Error(`The DuckDB thread ended with ${code}.`));
    });
  }

  /** Starts the thread. @throws query-engine-unfit, query-engine-down */
  static async start(options: WorkerOptions): Promise<Duck> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: options,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_OBJECTS_MB },
    });
    // It listens from the beginning: what the thread says and its end may come together, while this process is busy.
    const duck = new Duck(worker);
    await duck.#begun.promise;
    if (duck.#dead !== null) throw duck.#dead;
    return duck;
  }

  /** Rows sent and not yet in a table. */
  get rowsQueued(): number {
    return this.#rowsQueued;
  }

  /** Whether nothing of the thread is left. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Set when the thread ended, or is about to, without being asked to. */
  get dead(): OperationalError | null {
    return this.#dead;
  }

  send(request: Request): void {
    this.#worker.postMessage(request);
  }

  /** Appends a block's rows. A block in shared memory must not change until `release` is called, once. */
  append(table: string, rows: Float64Array, count: number, release?: () => void): void {
    this.#rowsQueued += count;
    const number = this.#nextBlock++;
    if (release !== undefined) this.#reading.set(number, release);
    this.send({ kind: 'append', table, rows, count, number });
  }

  /** Sends events; until they are in their table they count as so many rows. */
  addEvents(table: string, rows: readonly EventRow[], count: number): void {
    this.#rowsQueued += count;
    this.send({ kind: 'events', table, rows, count });
  }

  /**
   * Runs SQL whose result columns are doubles or texts. Only queries have a time-out.
   * @throws store-busy, query-timeout, query-aborted, query-failed
   */
  query(
    sql: string,
    options: { signal?: AbortSignal | undefined; queryClass?: QueryClass } = {},
  ): Promise<Columns> {
    const queryClass = options.queryClass ?? 'interactive';
    if (this.#dead !== null) return Promise.reject(this.#dead);
    if (this.#closing) return Promise.reject(closed());
    if (queryClass !== 'maintenance' && this.#waiting.length >= WAITING_MAX)
      return Promise.reject(
        new OperationalError('store-busy', `${WAITING_MAX} queries are waiting already.`, {
          retry: true,
        }),
      );
    const timeout =
      queryClass === 'interactive' ? AbortSignal.timeout(QUERY_TIMEOUT_MS) : undefined;
    const signals = [options.signal, timeout].filter((signal) => signal !== undefined);
    const signal = signals.length === 1 ? signals[0]! : AbortSignal.any(signals);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        const timedOut = timeout?.aborted === true;
        this.#stop(
          job,
          new OperationalError(
            timedOut ? 'query-timeout' : 'query-aborted',
            timedOut
              ? `The query took longer than ${QUERY_TIMEOUT_MS / 1000} s.`
              : 'The query was given up.',
            { retry: timedOut, cause: signal.reason },
          ),
        );
      };
      const release = (): void => signal.removeEventListener('abort', stop);
      const job: Job = {
        id: this.#nextId++,
        sql,
        queryClass,
        resolve,
        reject,
        release,
        stopped: null,
        ended: null,
      };
      signal.addEventListener('abort', stop);
      this.#waiting.push(job);
      if (signal.aborted) stop();
      else this.#next();
    });
  }

  /** Runs a statement for its effect, in the class of maintenance. */
  async run(sql: string): Promise<void> {
    await this.query(sql, { queryClass: 'maintenance' });
  }

  #stop(job: Job, error: OperationalError): void {
    job.stopped = error;
    if (this.#running.has(job.id)) {
      this.send({ kind: 'cancel', id: job.id });
      // Who asked does not wait for a statement that can't be stopped; it keeps its place among those that run.
      job.late = setTimeout(() => job.reject(error), STOPPING_MS);
      return;
    }
    this.#waiting = this.#waiting.filter((one) => one !== job);
    job.release();
    job.reject(error);
  }

  #next(): void {
    for (const queryClass of QUERY_CLASSES) {
      let running = 0;
      for (const job of this.#running.values()) if (job.queryClass === queryClass) running++;
      while (running < RUNNING_MAX[queryClass]) {
        const index = this.#waiting.findIndex((job) => job.queryClass === queryClass);
        if (index < 0) break;
        const job = this.#waiting.splice(index, 1)[0]!;
        this.#running.set(job.id, job);
        this.send({ kind: 'query', id: job.id, sql: job.sql });
        running++;
      }
    }
  }

  #hear(answer: Answer): void {
    if (answer.kind === 'appended') {
      this.#rowsQueued -= answer.count;
      for (const number of answer.blocks) this.#release(number);
      return;
    }
    if (answer.kind === 'ready') this.#begun.resolve();
    if (answer.kind === 'unfit') {
      this.#closing = true;
      void this.#gone.then(() => this.#begun.reject(unfit(answer.reason)));
    }
    if (answer.kind === 'leaving') this.#die(new Error(answer.reason));
    if (answer.kind !== 'result' && answer.kind !== 'failed') return;
    const job = this.#running.get(answer.id);
    if (job === undefined) return;
    this.#running.delete(answer.id);
    clearTimeout(job.late);
    job.release();
    if (job.stopped !== null) job.reject(job.stopped);
    else if (answer.kind === 'result') job.resolve(answer.result);
    else job.reject(new QueryFailure(answer.message));
    job.ended?.();
    this.#next();
  }

  #release(number: number): void {
    this.#reading.get(number)?.();
    this.#reading.delete(number);
  }

  #die(error: Error): void {
    if (this.#dead !== null) return;
    this.#dead = new OperationalError('query-engine-down', error.message, {
      retry: true,
      cause: error,
    });
    for (const job of [...this.#running.values(), ...this.#waiting]) {
      clearTimeout(job.late);
      job.release();
      job.reject(this.#dead);
    }
    this.#running.clear();
    this.#waiting = [];
    for (const number of this.#reading.keys()) this.#release(number);
    this.#begun.reject(this.#dead);
    this.onDeath(this.#dead);
  }

  /** Ends the thread in order: a process must not exit while DuckDB runs in it. */
  async close(): Promise<void> {
    if (this.#dead !== null) {
      await Promise.race([this.#gone, delay(LEAVING_MS, undefined, { ref: false })]);
      return;
    }
    this.#closing = true;
    for (const job of this.#waiting.splice(0)) {
      job.release();
      job.reject(closed());
    }
    const stopped = [...this.#running.values()].map(
      (job) =>
        new Promise<void>((resolve) => {
          job.ended = resolve;
          this.#stop(job, closed());
        }),
    );
    await Promise.race([Promise.all(stopped), this.#gone]);
    this.send({ kind: 'close' });
    await this.#gone;
    for (const job of this.#running.values()) {
      clearTimeout(job.late);
      job.release();
      job.reject(closed());
    }
  }
}
