/** The process's side of a SQLite thread: bounds what waits, gives each statement an end, and starts a new thread after a death. */
import { Worker } from 'node:worker_threads';
import { faultOf, unavailable } from '../faults.ts';
import type { Answer, Ask, Result, ThreadOptions } from './sqlite-messages.ts';

/** Statements under way; more are refused. */
const PENDING_MAX = 1_000;
/** A statement that takes longer ends its thread, since SQLite can't be interrupted from outside. */
export const STATEMENT_MS = 15_000;
/** A copy of the whole database may take long. */
const COPY_MS = 3_600_000;

/** Threads in the middle of a statement that does not end, beside which another reader is started. */
const STUCK_READERS_MAX = 2;
/** The longest wait for a thread to end before the next is started, ms. */
const LEAVING_MS = 5_000;

interface Pending {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** One life of the thread. What a transaction began in one life can't go on in the next. */
export interface Life {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  over: Error | null;
}

const engineError = (fault: { message: string; errcode?: number }): Error =>
  Object.assign(new Error(fault.message), fault);

export class SqliteClient {
  readonly #options: ThreadOptions;
  readonly #statementMs: number;
  #starting: Promise<Life> | null = null;
  #life: Life | null = null;
  #nextId = 1;
  #closed = false;
  /** The ends of threads before; a statement that SQLite is in the middle of holds them up. */
  readonly #leaving = new Set<Promise<unknown>>();
  #starts = 0;
  #refused = 0;

  constructor(options: ThreadOptions, statementMs = STATEMENT_MS) {
    this.#options = options;
    this.#statementMs = statementMs;
  }

  /** Threads started after the first, and statements refused because too many waited. */
  get counters(): { restarts: number; refused: number } {
    return { restarts: Math.max(0, this.#starts - 1), refused: this.#refused };
  }

  /** The thread that runs now; a new one when there is none. @throws relational-unavailable */
  life(): Promise<Life> {
    if (this.#closed) return Promise.reject(unavailable('the store is closed'));
    if (this.#life !== null) return Promise.resolve(this.#life);
    this.#starting ??= this.#start().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  /** Runs a statement in that life. @throws relational-unavailable, or what the tables refused */
  run(life: Life, ask: Ask): Promise<Result> {
    if (life.over !== null) return Promise.reject(unavailable(life.over));
    if (life.pending.size >= PENDING_MAX) {
      this.#refused++;
      return Promise.reject(unavailable(`${PENDING_MAX} statements wait already`));
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const limit = 'sql' in ask ? this.#statementMs : COPY_MS;
      const timer = setTimeout(() => {
        // An answer that came while this process was busy is still to be read.
        setImmediate(() => {
          if (life.pending.has(id)) this.#end(life, new Error(`no answer in ${limit / 1000} s`));
        });
      }, limit);
      life.pending.set(id, { resolve, reject, timer });
      life.worker.postMessage({ ...ask, id });
    });
  }

  /** Ends the thread after what it was asked before. */
  async close(): Promise<void> {
    this.#closed = true;
    const life = this.#life ?? (await this.#starting?.catch(() => null)) ?? null;
    if (life === null || life.over !== null) return;
    const ended = new Promise((resolve) => life.worker.once('exit', resolve));
    life.worker.postMessage('close');
    const late = setTimeout(() => void life.worker.terminate(), STATEMENT_MS);
    await ended;
    clearTimeout(late);
  }

  async #start(): Promise<Life> {
    await this.#left();
    const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
      workerData: this.#options,
    });
    this.#starts++;
    const life: Life = { worker, pending: new Map(), over: null };
    worker.on('error', (error) =>
      this.#end(life, error instanceof Error ? error : new Error(String(error))),
    );
    worker.on('exit', (code) => this.#end(life, new Error(`the thread ended with ${code}`)));
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (answer: Answer) => {
        if (answer.kind === 'ready') resolve();
        else if (answer.kind === 'fault' && answer.id === null)
          reject(unavailable(engineError(answer.fault)));
        else this.#settle(life, answer);
      });
      worker.once('exit', () => reject(unavailable(life.over ?? 'the thread ended')));
    });
    // Its beginning and its end may have come together.
    if (life.over !== null) throw unavailable(life.over);
    this.#life = life;
    return life;
  }

  /**
   * Two writers would wait for each other's locks: the old thread goes first. Readers wait for nobody, so a new one need not
   * wait for a few that are stuck. @throws relational-unavailable
   */
  async #left(): Promise<void> {
    if (this.#leaving.size <= (this.#options.reads ? STUCK_READERS_MAX : 0)) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(unavailable('a statement does not end')), LEAVING_MS);
    });
    await Promise.race([...this.#leaving, late]).finally(() => clearTimeout(timer));
  }

  #settle(life: Life, answer: Exclude<Answer, { kind: 'ready' }>): void {
    const { id } = answer;
    const pending = id === null ? undefined : life.pending.get(id);
    if (id === null || pending === undefined) return;
    life.pending.delete(id);
    clearTimeout(pending.timer);
    if (answer.kind === 'result') pending.resolve(answer.result);
    else pending.reject(faultOf(engineError(answer.fault)));
  }

  /** Everything under way is refused; what was committed is on disk, what was not is rolled back with the connection. */
  #end(life: Life, cause: Error): void {
    if (life.over !== null) return;
    life.over = cause;
    if (this.#life === life) this.#life = null;
    for (const { reject, timer } of life.pending.values()) {
      clearTimeout(timer);
      reject(unavailable(cause));
    }
    life.pending.clear();
    const left = life.worker.terminate().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }
}
