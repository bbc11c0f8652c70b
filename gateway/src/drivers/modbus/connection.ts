/**
 * One Modbus TCP connection. It works round what modbus-serial 8.0.25 leaves to its user: requests without a time-out never
 * settle; a lost connection is neither restored nor reported to requests under way; transaction numbers repeat after 256.
 * Time-outs and pauses count on the machine's clock, as the wire is real even where time is simulated.
 */
import { connect, type Socket } from 'node:net';
import { OperationalError } from '@village/core';
import type { ModbusRead } from '@village/device-profiles/modbus';
import { backoffMs, rest } from '../../run/backoff.ts';
import type { DriverDeps } from '../driver.ts';
import { ask, faultOf, forgetSettled, isTimeout, type ModbusClient, openClient } from './client.ts';
import { type Answer, type Request, RequestQueue } from './request-queue.ts';

export interface ModbusConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly inFlight: number;
  readonly pauseMs: number;
  /** Whether several devices share it: slow ones are then held to their share. */
  readonly shared: boolean;
}

export interface ModbusConnectionCounters {
  readonly connects: number;
  readonly requests: number;
  readonly timeouts: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/**
 * On a shared connection nothing is asked for as long again as an answer was waited for in vain, but no longer than this:
 * converters to RS-485 give a late answer to whoever asks then, and each answer after it to the wrong request.
 */
const DRAIN_MAX_MS = 1_000;
/** So many time-outs in a row with no answer from any unit: the connection itself is taken for dead. */
const SILENT_MAX = 4;
/** An unanswered transaction number must not come round (256) while its late answer may still arrive. */
const REQUESTS_AFTER_TIMEOUT_MAX = 200;
const BACKOFF = { baseMs: 500, maxMs: 30_000 };

export class ModbusConnection {
  readonly name: string;
  readonly #options: ModbusConnectionOptions;
  readonly #deps: DriverDeps;
  readonly #queue: RequestQueue;
  readonly #underWay = new Set<Request>();
  #client: ModbusClient | null = null;
  #socket: Socket | null = null;
  #wake: NodeJS.Timeout | undefined;
  /** By performance.now(): no request before. */
  #pauseUntil = 0;
  readonly #opened = new Set<() => void>();
  #silent = 0;
  /** Requests made on this connection since the first one that was not answered; 0 when all were. */
  #sinceUnanswered = 0;
  /** The connection is about to be made anew on purpose: requests may wait for it. */
  #renewing = false;
  #answered = false;
  #connects = 0;
  #requests = 0;
  #timeouts = 0;

  constructor(options: ModbusConnectionOptions, deps: DriverDeps) {
    this.name = `${options.host}:${options.port}`;
    this.#options = options;
    this.#queue = new RequestQueue(options.shared);
    this.#deps = deps;
  }

  get open(): boolean {
    return this.#client !== null;
  }

  counters(): ModbusConnectionCounters {
    return { connects: this.#connects, requests: this.#requests, timeouts: this.#timeouts };
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
      const ended = await this.#session(signal, () => say('connected', {}));
      if (signal.aborted) break;
      if (this.#renewing) continue;
      failures = this.#answered ? 1 : failures + 1;
      say('not connected', { reason: ended });
      await rest(this.#deps.timer, backoffMs(failures, this.#deps.random, BACKOFF), signal);
    }
    // What waits for a connection that is being made anew would wait without end.
    this.#renewing = false;
    this.#end();
  }

  /** Calls back once, at the next time the connection is made; returns how to take that back. */
  whenOpened(call: () => void): () => void {
    this.#opened.add(call);
    return () => this.#opened.delete(call);
  }

  /**
   * Asks one block of registers or bits. Units that are slow to answer wait behind the others and get a bounded share
   * of the time.
   * @throws not-connected, connection-lost, device-silent, device-refused, answer-malformed, queue-full
   */
  read(unit: number, read: ModbusRead, timeoutMs: number): Promise<Answer> {
    if (this.#client === null && !this.#renewing)
      return Promise.reject(
        new OperationalError('not-connected', `${this.name} is not connected`, { retry: true }),
      );
    if (this.#queue.full)
      return Promise.reject(
        new OperationalError('queue-full', `${this.name} has too many requests`, { retry: true }),
      );
    return new Promise((resolve, reject) => {
      this.#queue.add({ unit, timeoutMs, read, resolve, reject }, performance.now());
      this.#pump();
    });
  }

  /** One connection from its making to its end; why it ended. */
  async #session(signal: AbortSignal, connected: () => void): Promise<string> {
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
    if (!socket.destroyed && (await this.#begin(socket))) {
      if (!renewed) connected();
      const waiting = [...this.#opened];
      this.#opened.clear();
      for (const call of waiting) call();
      this.#pump();
    }
    await closed;
    signal.removeEventListener('abort', stop);
    this.#end();
    return reason;
  }

  /** Puts the library's client on a connected socket; false when the socket has ended meanwhile. */
  async #begin(socket: Socket): Promise<boolean> {
    const client = await openClient(socket, this.#options.port);
    if (socket.destroyed) return false;
    this.#connects++;
    this.#silent = 0;
    this.#sinceUnanswered = 0;
    this.#pauseUntil = 0;
    this.#queue.reset();
    this.#socket = socket;
    this.#client = client;
    return true;
  }

  /** The library would leave requests under way to their time-outs: they are rejected at once. */
  #end(): void {
    this.#client?.destroy(() => undefined);
    this.#client = null;
    this.#socket = null;
    clearTimeout(this.#wake);
    const lost = new OperationalError('connection-lost', `${this.name}: the connection is lost`, {
      retry: true,
    });
    const ended = [...this.#underWay];
    if (!this.#renewing) ended.push(...this.#queue.takeAll());
    this.#underWay.clear();
    for (const request of ended) request.reject(lost);
  }

  #pump(): void {
    clearTimeout(this.#wake);
    while (
      this.#client !== null &&
      !this.#renewing &&
      this.#underWay.size < this.#options.inFlight
    ) {
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
      this.#underWay.add(request);
      void this.#send(this.#client, request);
      if (this.#options.pauseMs > 0) this.#pauseUntil = Number.POSITIVE_INFINITY;
    }
  }

  #wakeIn(ms: number): void {
    // With a request under way and a pause to keep, its answer wakes the queue.
    if (Number.isFinite(ms))
      this.#wake = setTimeout(() => this.#pump(), Math.max(1, Math.ceil(ms)));
  }

  async #send(client: ModbusClient, request: Request): Promise<void> {
    this.#requests++;
    if (this.#sinceUnanswered > 0) this.#sinceUnanswered++;
    const start = performance.now();
    let settle: () => void;
    let drainMs = 0;
    try {
      const answer = await ask(client, request);
      this.#silent = 0;
      this.#answered = true;
      settle = () => request.resolve(answer);
    } catch (error) {
      const fault = faultOf(error, request);
      const timedOut = isTimeout(error);
      if (timedOut) this.#timedOut();
      else this.#silent = 0;
      if (fault.code === 'device-refused') this.#answered = true;
      if (this.#options.shared && (timedOut || fault.code === 'answer-malformed'))
        drainMs = Math.min(request.timeoutMs, DRAIN_MAX_MS);
      settle = () => request.reject(fault);
    }
    // Gone from the set: the connection has ended, and the request was rejected.
    if (!this.#underWay.delete(request)) return;
    if (this.#underWay.size === 0) forgetSettled(client);
    const now = performance.now();
    this.#queue.ended(request, now, now - start, drainMs);
    this.#pauseFrom(now, Math.max(this.#options.pauseMs, drainMs));
    settle();
    this.#renewIfDoubtful();
    this.#pump();
  }

  /** Keeps the connection quiet for a time; another answer that comes meanwhile does not shorten it. */
  #pauseFrom(now: number, ms: number): void {
    const until = Number.isFinite(this.#pauseUntil) ? this.#pauseUntil : 0;
    this.#pauseUntil = Math.max(until, now + ms);
  }

  #timedOut(): void {
    this.#timeouts++;
    this.#silent++;
    if (this.#sinceUnanswered === 0) this.#sinceUnanswered = 1;
  }

  /**
   * Ends the connection when nothing answers any more; and makes it anew, once no request is under way, before a
   * transaction number that was not answered comes round.
   */
  #renewIfDoubtful(): void {
    if (this.#silent >= SILENT_MAX) this.#socket?.destroy(new Error('nothing answers'));
    if (this.#sinceUnanswered < REQUESTS_AFTER_TIMEOUT_MAX) return;
    this.#renewing = true;
    if (this.#underWay.size === 0) this.#socket?.destroy();
  }
}
