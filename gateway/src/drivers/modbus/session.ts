/**
 * One connected socket: requests on their way, each with its transaction number and its time-out, and the reader that finds
 * their answers. Time-outs count on the machine's clock, as the wire is real even where time is simulated.
 */
import type { Socket } from 'node:net';
import type { OperationalError } from '@village/core';
import {
  type Framing,
  type ModbusValues,
  requestPdu,
  rtuFrame,
  tcpFrame,
} from '@village/device-profiles/modbus';
import type { AnswerReader, Asked, Findings, Lie, Oddity } from './answers.ts';
import { exceptionFault, lostFault, oddityFault, silentFault } from './faults.ts';
import type { Request } from './request-queue.ts';
import { RtuReader } from './rtu-answers.ts';
import { TcpReader } from './tcp-answers.ts';
import type { Transactions } from './transactions.ts';

export type Outcome =
  | { readonly values: ModbusValues }
  | { readonly fault: OperationalError; readonly timedOut: boolean };

/** Counted over all sessions of a connection. */
export interface WireCounters {
  /** Bytes that belonged to no answer. */
  strayBytes: number;
  /** What was wrong with answers that were accepted. */
  readonly accepted: Partial<Record<Lie, number>>;
}

interface Pending extends Asked {
  readonly request: Request;
  readonly startedAt: number;
  timer?: NodeJS.Timeout;
  hint?: Oddity;
}

/** An unanswered number must not come round while its late answer may still arrive. */
const REQUESTS_AFTER_TIMEOUT_MAX = 3_000;
/** Bytes that belong to no answer, since the last that did: who sends more is left, as reading them costs others their time. */
const STRAY_MAX = 64 * 1024;

export class Session {
  readonly #socket: Socket;
  readonly #framing: Framing;
  readonly #settled: (request: Request, outcome: Outcome, tookMs: number) => void;
  readonly #reader: AnswerReader;
  readonly #pending = new Map<number, Pending>();
  readonly #transactions: Transactions;
  /** Requests made since the first one that was not answered; 0 when all were. */
  #sinceUnanswered = 0;
  #strayed = 0;
  /** Answers that came, refusals among them. */
  answers = 0;
  /** By performance.now(). */
  lastAnswerAt = Number.NEGATIVE_INFINITY;

  constructor(
    socket: Socket,
    framing: Framing,
    transactions: Transactions,
    counters: WireCounters,
    settled: (request: Request, outcome: Outcome, tookMs: number) => void,
  ) {
    this.#socket = socket;
    this.#framing = framing;
    this.#transactions = transactions;
    transactions.renew();
    this.#settled = settled;
    const found: (() => void)[] = [];
    const findings = this.#findings(counters, found);
    const pending = this.#pending;
    this.#reader =
      framing === 'rtu'
        ? new RtuReader(pending, findings)
        : new TcpReader({ pending, past: (number) => transactions.past(number) }, findings);
    socket.on('data', (bytes: Buffer) => {
      this.#reader.take(bytes);
      // Only now, as an answer lets the next request go: what came before it can't be its answer.
      for (const settle of found.splice(0)) settle();
    });
  }

  get underWay(): number {
    return this.#pending.size;
  }

  /** Whether a number that was not answered is about to come round. */
  get usedUp(): boolean {
    return this.#sinceUnanswered >= REQUESTS_AFTER_TIMEOUT_MAX;
  }

  /** Whether it was ended here since it sends without end what nobody asked for. */
  get flooded(): boolean {
    return this.#strayed > STRAY_MAX;
  }

  send(request: Request): void {
    const { unit, read, accept } = request;
    const transaction = this.#transactions.next();
    if (this.#sinceUnanswered > 0) this.#sinceUnanswered++;
    const startedAt = performance.now();
    const one: Pending = { transaction, unit, read, accept, request, startedAt };
    this.#pending.set(transaction, one);
    one.timer = setTimeout(() => this.#expire(one), request.timeoutMs);
    const pdu = requestPdu(read);
    if (this.#framing === 'rtu') {
      this.#reader.clear();
      this.#socket.write(rtuFrame(unit, pdu));
    } else this.#socket.write(tcpFrame(transaction, unit, pdu));
  }

  /** Ends with the socket: the requests that were under way, with what is known of their answers. */
  end(): { request: Request; fault: OperationalError; begun: boolean }[] {
    const rest = this.#reader.remains();
    const ended = [...this.#pending.values()].map(({ request, transaction, timer, hint }, i) => {
      clearTimeout(timer);
      // What the slave had of it may be answered on the next connection.
      this.#transactions.timedOut(transaction, true);
      const known = hint ?? (i === 0 ? rest : undefined);
      return { request, fault: lostFault(request, known), begun: known !== undefined };
    });
    this.#pending.clear();
    return ended;
  }

  #findings(counters: WireCounters, found: (() => void)[]): Findings<Pending> {
    const settle = (one: Pending, outcome: Outcome): void => {
      if (!this.flooded) this.#strayed = 0;
      clearTimeout(one.timer);
      this.#pending.delete(one.transaction);
      this.answers++;
      this.lastAnswerAt = performance.now();
      const tookMs = this.lastAnswerAt - one.startedAt;
      found.push(() => this.#settled(one.request, outcome, tookMs));
    };
    const failed = (fault: OperationalError): Outcome => ({ fault, timedOut: false });
    return {
      values: (one, values) => settle(one, { values }),
      exception: (one, exception) => settle(one, failed(exceptionFault(one.request, exception))),
      fault: (one, oddity) => settle(one, failed(oddityFault(one.request, oddity))),
      hint(one, oddity) {
        if (one.hint === undefined || one.hint.code === 'device-silent') one.hint = oddity;
      },
      accepted(lie) {
        counters.accepted[lie] = (counters.accepted[lie] ?? 0) + 1;
      },
      stray: (bytes) => {
        counters.strayBytes += bytes;
        this.#strayed += bytes;
        if (this.flooded) this.#socket.destroy(new Error('it sends what nobody asked for'));
      },
    };
  }

  #expire(one: Pending): void {
    const known = one.hint ?? (this.#pending.size === 1 ? this.#reader.remains() : undefined);
    this.#pending.delete(one.transaction);
    if (this.#sinceUnanswered === 0) this.#sinceUnanswered = 1;
    const mayCome = known === undefined || known.code === 'device-silent';
    this.#transactions.timedOut(one.transaction, mayCome);
    const { request } = one;
    const fault = known === undefined ? silentFault(request) : oddityFault(request, known);
    this.#settled(request, { fault, timedOut: true }, performance.now() - one.startedAt);
  }
}
