/**
 * One message over SMTP and what came of it. Until its text is asked for by the server nothing was taken; from then on, without a
 * reply, nobody knows. That is why the connection is used by itself and not through a transport, which does not tell the two apart.
 */
import { Readable } from 'node:stream';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Outcome } from '../contract.ts';
import { said } from '../http/answers.ts';
import { endedBy } from '../signals.ts';

export interface Relay {
  readonly host: string;
  readonly port: number;
  readonly tls: 'implicit' | 'starttls' | 'none';
  /** Certificates to trust besides, PEM. */
  readonly ca?: string | undefined;
  readonly login: { readonly user: string; readonly password: string } | null;
  readonly timeoutMs: number;
}

/** No reply is longer than a few lines. */
const REPLY_MAX = 16 * 1024;

/** What is known of an error of the connection. */
interface Trouble {
  /** The first digits of the server's reply, where it is one. */
  readonly status: number | null;
  readonly command: string;
  readonly code: string;
  readonly reply: string;
}

function troubleOf(error: unknown): Trouble {
  const known: Record<string, unknown> =
    error instanceof Error ? { ...error, name: error.name } : {};
  const { responseCode, command, code, originalCode, response } = known;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    status: typeof responseCode === 'number' ? responseCode : null,
    command: text(command),
    code: text(originalCode) || text(code) || 'failed',
    reply: text(response),
  };
}

/** How Node names what is wrong with a certificate. */
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|UNABLE_TO_VERIFY|ALTNAME/;

function outcomeOf(trouble: Trouble, begun: boolean, relay: Relay): Outcome {
  const { status, command, code, reply } = trouble;
  const text = said(reply, [relay.login?.password ?? '']) || `${relay.host}: ${code}`;
  // The reply to the text itself decides, though the text was written.
  const decided = status !== null && (!begun || command === 'DATA');
  if (!decided && begun) return { kind: 'unknown', id: null, text };
  if (status === null) {
    const lasting = CERTIFICATE.test(code) || code === 'ETLS' || code === 'EAUTH';
    return lasting ? { kind: 'fault', code, text } : { kind: 'retry', code, text };
  }
  const number = `smtp-${status}`;
  // 4yz: not now (RFC 5321, 4.2.1). So greylisting and a full mailbox's first refusals.
  if (status < 500) return { kind: 'retry', code: number, text };
  const ofMessage = command === 'RCPT TO' || command === 'DATA';
  return { kind: ofMessage ? 'rejected' : 'fault', code: number, text };
}

type Step = (done: (error?: unknown) => void) => void;

/** A step that ends by its callback, by an error of the connection, or by the signal. */
function step(connection: SMTPConnection, signal: AbortSignal, act: Step): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(error);
    const giveUp = (): void =>
      reject(Object.assign(new Error('given up'), { code: endedBy(signal) }));
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    connection.once('error', fail);
    act((error) => {
      signal.removeEventListener('abort', giveUp);
      connection.off('error', fail);
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}

/** Hands the message over. @throws nothing */
export async function deliver(
  relay: Relay,
  letter: {
    readonly from: string;
    readonly to: string;
    readonly id: string;
    readonly bytes: Buffer;
  },
  given: AbortSignal,
): Promise<Outcome> {
  const { host, port, tls, ca, login, timeoutMs } = relay;
  const signal = AbortSignal.any([given, AbortSignal.timeout(timeoutMs)]);
  const connection = new SMTPConnection({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(ca === undefined ? {} : { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketCloseTimeout: 1000,
    maxResponseSize: REPLY_MAX,
  });
  // What comes after a step has ended is of no more interest, and must not be an error that nobody hears.
  connection.on('error', () => undefined);
  let begun = false;
  const text = new Readable({
    read() {
      begun = true;
      this.push(letter.bytes);
      this.push(null);
    },
  });
  const { from, to } = letter;
  try {
    await step(connection, signal, (done) => connection.connect(done));
    if (login !== null) {
      const credentials = { user: login.user, pass: login.password };
      await step(connection, signal, (done) => connection.login({ credentials }, done));
    }
    await step(connection, signal, (done) => connection.send({ from, to }, text, done));
    connection.quit();
    return { kind: 'sent', id: letter.id };
  } catch (error) {
    const outcome = outcomeOf(troubleOf(error), begun, relay);
    connection.close();
    return outcome;
  }
}
