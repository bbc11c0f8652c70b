/**
 * One bound session with an SMS gateway (SMPP 3.4): requests with an end, links that are looked at, and what comes from the other
 * side. A session that ended is not opened again: whoever needs one opens the next.
 */
import type { Timer } from '@village/core';
import smpp, { type Pdu, type Session } from 'smpp';

// Receipts are ASCII whatever the gateway's alphabet is: the library would read `_` in their ids as `§`.
smpp.encodings.default = 'LATIN1';

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly systemId: string;
  readonly password: string;
  readonly systemType: string;
  /** For connecting, and for each answer. */
  readonly timeoutMs: number;
  /** The link is looked at when so long nothing was asked. */
  readonly enquireMs: number;
}

export type Answer =
  | { readonly kind: 'answered'; readonly pdu: Pdu }
  /** It was not written. */
  | { readonly kind: 'unsent'; readonly text: string }
  /** It was written, and nothing came. */
  | { readonly kind: 'lost'; readonly text: string };

/** The status to acknowledge with; 0 says that it is kept. */
export type OnDeliver = (pdu: Pdu) => Promise<number>;

/** ESME_RX_T_APPN: not now, come again. */
export const COME_AGAIN = 0x64;
/** ESME_RMSGQFUL. */
const QUEUE_FULL = 0x14;
/** What the other side told and is not kept yet. */
const DELIVERING_MAX = 100;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'failed';

export class SmppSession {
  readonly #session: Session;
  readonly #timer: Timer;
  readonly #timeoutMs: number;
  readonly #ended = new AbortController();
  #delivering = 0;
  /** Null while nobody keeps what comes: the gateway is told to come again. */
  onDeliver: OnDeliver | null = null;

  private constructor(session: Session, timer: Timer, timeoutMs: number) {
    this.#session = session;
    this.#timer = timer;
    this.#timeoutMs = timeoutMs;
    session.on('close', () => this.#ended.abort());
    // What can't be read leaves the session where it is: it ends.
    session.on('error', () => session.destroy());
    session.on('enquire_link', (pdu: Pdu) => void session.send(pdu.response()));
    session.on('unbind', (pdu: Pdu) => {
      session.send(pdu.response());
      session.close();
    });
    session.on('deliver_sm', (pdu: Pdu) => void this.#deliver(pdu));
    session.on('unknown', (pdu: Pdu) => void session.send(pdu.response()));
  }

  /** Fires when the session is over. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Connects and binds. @throws nothing: `answered` carries the bind's answer with a status other than 0 */
  static async open(
    options: LinkOptions,
    timer: Timer,
    signal: AbortSignal,
  ): Promise<SmppSession | Answer> {
    const { host, port, tls, timeoutMs, systemId, password, systemType } = options;
    const session = smpp.connect({ host, port, tls, ...(tls ? { servername: host } : {}) });
    const failed = await connected(session, tls, timer, timeoutMs, signal);
    if (failed !== undefined) {
      session.on('error', () => undefined);
      session.destroy();
      return { kind: 'unsent', text: `${host}: ${failed}` };
    }
    const made = new SmppSession(session, timer, timeoutMs);
    const answer = await made.request(
      'bind_transceiver',
      { system_id: systemId, password, system_type: systemType, interface_version: 0x34 },
      signal,
    );
    if (answer.kind === 'answered' && answer.pdu.command_status === 0) {
      void made.#watch(options.enquireMs);
      return made;
    }
    session.destroy();
    // A bind that nobody answered has sent no message.
    return answer.kind === 'answered' ? answer : { kind: 'unsent', text: answer.text };
  }

  /** @throws nothing */
  async request(
    command: string,
    fields: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<Answer> {
    if (this.ended.aborted || signal.aborted) return { kind: 'unsent', text: 'no session' };
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const done = new AbortController();
    const over = AbortSignal.any([this.ended, signal, done.signal]);
    const lost = (text: string): void => resolve({ kind: 'lost', text });
    this.ended.addEventListener('abort', () => lost('the session ended'), { signal: done.signal });
    signal.addEventListener('abort', () => lost('aborted'), { signal: done.signal });
    const written = this.#session.send(new smpp.PDU(command, fields), (pdu) =>
      resolve({ kind: 'answered', pdu }),
    );
    if (!written) resolve({ kind: 'unsent', text: 'no session' });
    this.#timer.sleep(this.#timeoutMs, over).then(
      () => lost('no answer in time'),
      () => undefined,
    );
    const answer = await promise;
    done.abort();
    return answer;
  }

  async #deliver(pdu: Pdu): Promise<void> {
    let status = COME_AGAIN;
    if (this.#delivering >= DELIVERING_MAX) status = QUEUE_FULL;
    else if (this.onDeliver !== null) {
      this.#delivering++;
      status = await this.onDeliver(pdu);
      this.#delivering--;
    }
    if (!this.ended.aborted) this.#session.send(pdu.response({ command_status: status }));
  }

  /** A link on which nothing is answered is over, whatever the network says. */
  async #watch(enquireMs: number): Promise<void> {
    try {
      for (;;) {
        await this.#timer.sleep(enquireMs, this.ended);
        const answer = await this.request('enquire_link', {}, this.ended);
        if (answer.kind !== 'answered') this.#session.destroy();
      }
    } catch (error) {
      if (!this.ended.aborted) throw error;
    }
  }

  /** Takes leave, and ends the connection at the latest when that is not answered. */
  async close(): Promise<void> {
    if (this.ended.aborted) return;
    await this.request('unbind', {}, AbortSignal.timeout(Math.min(this.#timeoutMs, 2000)));
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.ended.aborted) return;
    this.ended.addEventListener('abort', () => resolve());
    this.#session.destroy();
    await promise;
  }
}

/** Undefined once it is connected, else why it is not. */
async function connected(
  session: Session,
  tls: boolean,
  timer: Timer,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const done = new AbortController();
  const onError = (error: unknown): void => resolve(codeOf(error));
  const onClose = (): void => resolve('closed');
  const onConnect = (): void => resolve(undefined);
  session.on('error', onError);
  session.on('close', onClose);
  session.on(tls ? 'secureConnect' : 'connect', onConnect);
  signal.addEventListener('abort', () => resolve('aborted'), { signal: done.signal });
  if (signal.aborted) resolve('aborted');
  timer.sleep(timeoutMs, done.signal).then(
    () => resolve('timeout'),
    () => undefined,
  );
  const failed = await promise;
  done.abort();
  session.off('error', onError);
  session.off('close', onClose);
  session.off(tls ? 'secureConnect' : 'connect', onConnect);
  return failed;
}
