/**
 * The connection to one host and port: made, kept up and made anew, with the requests of all its devices in one queue.
 * Time-outs and pauses count on the machine's clock, as the wire is real even where time is simulated.
 */
import { connect, type Socket } from 'node:net';
import { OperationalError } from '@village/core';
import type { Framing, ModbusValues, ReadPdu } from '@village/device-profiles/modbus';
import { backoffMs, rest } from '../../run/backoff.ts';
import type { DriverDeps } from '../driver.ts';
import type { Lie } from './answers.ts';
import { otherFramingFault } from './faults.ts';
import { OtherFraming } from './other-framing.ts';
import { type Request, RequestQueue } from './request-queue.ts';
import { type Outcome, Session, type WireCounters } from './session.ts';
import { Transactions } from './transactions.ts';

export interface ModbusConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly framing: Framing;
  readonly inFlight: number;
  readonly pauseMs: number;
  /** Whether several devices share it: slow ones are then held to their share. */
  readonly shared: boolean;
}

export interface ModbusConnectionCounters extends WireCounters {
  readonly connects: number;
  readonly requests: number;
  readonly timeouts: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** The other side gets this long to end what was ended here; slaves that take one connection refuse the next before. */
const GOODBYE_MS = 250;
/**
 * Where several devices share the connection, or answers have no number, nothing is asked for as long again as an answer
 * was waited for in vain, but no longer than this: converters to RS-485 give a late answer to whoever asks then, and each
 * answer after it to the wrong request.
 */
const DRAIN_MAX_MS = 1_000;
/** So many time-outs in a row with no answer from any unit: the connection itself is taken for dead. */
const SILENT_MAX = 4;
/** A slave that ends the connection so soon after its one answer, twice in a row, does so on purpose. */
const CLOSES_WITHIN_MS = 500;
const CLOSES_TWICE = 2;
const NOTHING: ReadonlySet<Lie> = new Set();
const BACKOFF = { baseMs: 500, maxMs: 30_000 };

export class ModbusConnection {
  readonly name: string;
  readonly #options: ModbusConnectionOptions;
  readonly #deps: DriverDeps;
  readonly #queue: RequestQueue;
  #session: Session | null = null;
  #socket: Socket | null = null;
  #wake: NodeJS.Timeout | undefined;
  /** By performance.now(): no request before. */
  #pauseUntil = 0;
  readonly #opened = new Set<() => void>();
  #silent = 0;
  /** It was ended here, since nothing answers. */
  #gaveUp = false;
  /** The connection is about to be made anew on purpose: requests may wait for it. */
  #renewing = false;
  /** How often in a row the other side ended the connection after one answer. */
  #closed = 0;
  /** Wakes a connection that is made only when something is asked. */
  #wanted: (() => void) | null = null;
  /** Requests that an ended connection took along, asked once more. */
  readonly #again = new WeakSet<Request>();
  #answered = false;
  #connects = 0;
  #requests = 0;
  #timeouts = 0;
  readonly #wire: WireCounters = { strayBytes: 0, accepted: {} };
  readonly #transactions: Transactions;
  readonly #other = new OtherFraming();

  constructor(options: ModbusConnectionOptions, deps: DriverDeps) {
    this.name = `${options.host}:${options.port}`;
    this.#options = options;
    this.#queue = new RequestQueue(options.shared);
    this.#deps = deps;
    this.#transactions = new Transactions(deps.random);
  }

  get open(): boolean {
    return this.#session !== null;
  }

  counters(): ModbusConnectionCounters {
    return {
      connects: this.#connects,
      requests: this.#requests,
      timeouts: this.#timeouts,
      strayBytes: this.#wire.strayBytes,
      accepted: { ...this.#wire.accepted },
    };
  }

  /** The slave ends the connection after each answer: each request gets one of its own. */
  get #onePerRequest(): boolean {
    return this.#closed >= CLOSES_TWICE;
  }

  /** Keeps the connection up until the signal: connects, waits for its end, backs off, connects again. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    let logged: string | null = null;
    const say = (state: string, fields: object): void => {
      if (logged !== state)
        this.#deps.log.info({ connection: this.name, ...fields }, `modbus: ${state}`);
      logged = state;
    };
    while (!signal.aborted) {
      this.#answered = false;
      if (this.#renewing && this.#onePerRequest) await this.#untilWanted(signal);
      if (signal.aborted) break;
      const ended = await this.#connect(signal, () => say('connected', {}));
      if (signal.aborted) break;
      const { framing, host, port } = this.#options;
      await this.#other.tryIfDue(framing, { host, port }, this.#deps.random, signal);
      if (this.#renewing) {
        if (this.#onePerRequest) say('the other side ends the connection after each answer', {});
        continue;
      }
      failures = this.#answered ? 1 : failures + 1;
      say('not connected', { reason: ended });
      await rest(this.#deps.timer, backoffMs(failures, this.#deps.random, BACKOFF), signal);
    }
    // What waits for a connection that is being made anew would wait without end.
    this.#renewing = false;
    this.#end();
  }

  /** Resolves when something is asked, or the signal comes. */
  async #untilWanted(signal: AbortSignal): Promise<void> {
    if (!this.#queue.empty) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wanted = wake;
      signal.addEventListener('abort', wake);
    });
    this.#wanted = null;
  }

  /** Calls back once, at the next time the connection is made; returns how to take that back. */
  whenOpened(call: () => void): () => void {
    this.#opened.add(call);
    return () => this.#opened.delete(call);
  }

  /**
   * Asks one block of registers or bits. Units that are slow to answer wait behind the others and get a bounded share
   * of the time.
   * @throws not-connected, connection-lost, queue-full, device-silent, device-refused, device-busy, and the faults of answers
   */
  read(
    unit: number,
    read: ReadPdu,
    timeoutMs: number,
    accept: ReadonlySet<Lie> = NOTHING,
  ): Promise<ModbusValues> {
    if (this.#session === null && !this.#renewing)
      return Promise.reject(
        new OperationalError('not-connected', `${this.name} is not connected`, { retry: true }),
      );
    if (this.#queue.full)
      return Promise.reject(
        new OperationalError('queue-full', `${this.name} has too many requests`, { retry: true }),
      );
    return new Promise((resolve, reject) => {
      this.#queue.add({ unit, timeoutMs, read, accept, resolve, reject }, performance.now());
      this.#wanted?.();
      this.#pump();
    });
  }

  /** One connection from its making to its end; why it ended. */
  async #connect(signal: AbortSignal, connected: () => void): Promise<string> {
    const socket = connect({
      host: this.#options.host,
      port: this.#options.port,
      noDelay: true,
      keepAlive: true,
    });
    let reason = 'closed by the other side';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      reason = error.code ?? error.message;
    });
    const stop = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', stop);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const timeout = setTimeout(
      () => socket.destroy(new Error('no connection in time')),
      CONNECT_TIMEOUT_MS,
    );
    const opened = new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    await Promise.race([opened, closed]);
    clearTimeout(timeout);
    const renewed = this.#renewing;
    this.#renewing = false;
    if (!socket.destroyed) {
      this.#begin(socket);
      if (!renewed) connected();
      const waiting = [...this.#opened];
      this.#opened.clear();
      for (const call of waiting) call();
      this.#pump();
    }
    await closed;
    signal.removeEventListener('abort', stop);
    if (!signal.aborted) this.#noteClose();
    this.#end();
    return reason;
  }

  #begin(socket: Socket): void {
    this.#connects++;
    this.#silent = 0;
    this.#gaveUp = false;
    this.#queue.reset();
    // A pause after a time-out holds for the next connection too: converters give late answers to whoever is there.
    this.#pauseFrom(performance.now(), this.#options.pauseMs);
    this.#socket = socket;
    this.#session = new Session(
      socket,
      this.#options.framing,
      this.#transactions,
      this.#wire,
      (request, outcome, tookMs) => this.#settle(request, outcome, tookMs),
    );
  }

  /** The other side may end the connection when it likes: one that gave answers before is made anew at once. */
  #noteClose(): void {
    const session = this.#session;
    if (session === null || session.flooded || this.#gaveUp || this.#renewing) return;
    const soon = performance.now() - session.lastAnswerAt < CLOSES_WITHIN_MS;
    if (session.answers > 1) this.#closed = 0;
    else if (session.answers === 1 && soon) this.#closed++;
    this.#renewing = session.answers > 0;
  }

  /** Requests under way are rejected at once, or asked once more where the connection is made anew. */
  #end(): void {
    const session = this.#session;
    this.#session = null;
    this.#socket = null;
    clearTimeout(this.#wake);
    for (const { request, fault, begun } of session?.end() ?? []) {
      if (this.#renewing && !begun && !this.#again.has(request)) {
        this.#again.add(request);
        this.#queue.putBack(request);
      } else {
        this.#other.inVain(request);
        request.reject(this.#vainFault(request, fault));
      }
    }
    if (this.#renewing) return;
    const lost = new OperationalError('connection-lost', `${this.name}: the connection is lost`, {
      retry: true,
    });
    for (const request of this.#queue.takeAll()) request.reject(lost);
  }

  #pump(): void {
    clearTimeout(this.#wake);
    const most =
      this.#onePerRequest || this.#options.framing === 'rtu' ? 1 : this.#options.inFlight;
    while (this.#session !== null && !this.#renewing && this.#session.underWay < most) {
      const now = performance.now();
      if (now < this.#pauseUntil) {
        this.#wakeIn(this.#pauseUntil - now);
        return;
      }
      const request = this.#queue.take(now);
      if (request === undefined) {
        const { slowAt } = this.#queue;
        if (slowAt !== null) this.#wakeIn(slowAt - now);
        return;
      }
      this.#requests++;
      if (this.#options.pauseMs > 0) this.#pauseUntil = Number.POSITIVE_INFINITY;
      this.#session.send(request);
    }
  }

  #wakeIn(ms: number): void {
    // With a request under way and a pause to keep, its answer wakes the queue.
    if (Number.isFinite(ms))
      this.#wake = setTimeout(() => this.#pump(), Math.max(1, Math.ceil(ms)));
  }

  #settle(request: Request, outcome: Outcome, tookMs: number): void {
    let drainMs = 0;
    const { framing, shared } = this.#options;
    const timedOut = 'fault' in outcome && outcome.timedOut;
    const numberless = framing === 'rtu' || request.accept.has('transaction');
    if (timedOut) {
      this.#timeouts++;
      this.#silent++;
      this.#other.inVain(request);
    } else {
      this.#silent = 0;
      if ('values' in outcome || outcome.fault.code !== 'framing-other') this.#other.answered();
    }
    if ('values' in outcome || outcome.fault.code === 'device-refused') this.#answered = true;
    else {
      const doubtful = timedOut || outcome.fault.code === 'answer-malformed';
      if (doubtful && (shared || numberless)) drainMs = Math.min(request.timeoutMs, DRAIN_MAX_MS);
    }
    const now = performance.now();
    this.#queue.ended(request, now, tookMs, drainMs);
    this.#pauseFrom(now, Math.max(this.#options.pauseMs, drainMs));
    if ('values' in outcome) request.resolve(outcome.values);
    else request.reject(timedOut ? this.#vainFault(request, outcome.fault) : outcome.fault);
    this.#renewIfDoubtful(timedOut && numberless);
    this.#pump();
  }

  /** Why no answer came: the other side is known to speak otherwise, or this. */
  #vainFault(request: Request, fault: OperationalError): OperationalError {
    return this.#other.spoken ? otherFramingFault(request, this.#options.framing) : fault;
  }

  /** Keeps the connection quiet for a time; another answer that comes meanwhile does not shorten it. */
  #pauseFrom(now: number, ms: number): void {
    const until = Number.isFinite(this.#pauseUntil) ? this.#pauseUntil : 0;
    this.#pauseUntil = Math.max(until, now + ms);
  }

  /**
   * Ends the connection when nothing answers any more; and makes it anew, once no request is under way, before a
   * transaction number that was not answered comes round, where a late answer could be taken for another's, and after
   * each answer where the slave would do so.
   */
  #renewIfDoubtful(numberless: boolean): void {
    const session = this.#session;
    if (session === null) return;
    if (this.#silent >= SILENT_MAX) {
      this.#gaveUp = true;
      this.#socket?.destroy(new Error('nothing answers'));
      return;
    }
    if (!(session.usedUp || this.#onePerRequest || numberless)) return;
    this.#renewing = true;
    if (session.underWay === 0) this.#sayGoodbye();
  }

  #sayGoodbye(): void {
    const socket = this.#socket;
    if (socket === null) return;
    socket.end();
    const late = setTimeout(() => socket.destroy(), GOODBYE_MS);
    socket.once('close', () => clearTimeout(late));
  }
}
