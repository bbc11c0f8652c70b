/**
 * Finds out whether the other side speaks the other framing. A slave ignores what is not in its own, so that a wrong
 * `framing` looks like silence: where nothing was ever answered, one request is made in the other one now and then.
 */
import { connect } from 'node:net';
import type { Random } from '@village/core';
import type { Framing } from '@village/device-profiles/modbus';
import type { Request } from './request-queue.ts';
import { Session } from './session.ts';
import { Transactions } from './transactions.ts';

/** Faults that are answers. */
const ANSWERS: ReadonlySet<string> = new Set(['device-refused', 'device-busy']);
/** Requests in vain before the other framing is tried for the first time. */
const FIRST = 4;

/** Counts what was asked in vain while nothing was ever answered. */
export class OtherFraming {
  /** The other side answered in the other framing. */
  spoken = false;
  #vain = 0;
  #answered = false;
  #due: Request | null = null;

  /** Something came that only the framing at hand can be. */
  answered(): void {
    this.#answered = true;
    this.spoken = false;
    this.#due = null;
  }

  /** No answer came to a request. */
  inVain(request: Request): void {
    if (this.#answered) return;
    this.#vain++;
    // After 4, 8, 16 … of them: the device may only be switched off.
    if (this.#vain >= FIRST && (this.#vain & (this.#vain - 1)) === 0) this.#due = request;
  }

  /** Tries it when that is due; call while there is no connection, since some slaves take one only. */
  async tryIfDue(
    framing: Framing,
    at: { readonly host: string; readonly port: number },
    random: Random,
    signal: AbortSignal,
  ): Promise<void> {
    const request = this.#due;
    if (request === null) return;
    this.#due = null;
    this.spoken = await answersIn(framing === 'tcp' ? 'rtu' : 'tcp', at, request, random, signal);
  }
}

/** Makes a connection, asks once, and ends it. */
function answersIn(
  framing: Framing,
  at: { readonly host: string; readonly port: number },
  request: Request,
  random: Random,
  signal: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...at, noDelay: true });
    const late = setTimeout(() => socket.destroy(), 2 * request.timeoutMs);
    const stop = (): void => void socket.destroy();
    let answers = false;
    const wire = { strayBytes: 0, accepted: {} };
    const session = new Session(socket, framing, new Transactions(random), wire, (_, outcome) => {
      answers = 'values' in outcome || ANSWERS.has(outcome.fault.code);
      socket.destroy();
    });
    socket.once('connect', () => session.send(request));
    // Whoever is not there does not answer.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      session.end();
      resolve(answers);
    });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop);
  });
}
