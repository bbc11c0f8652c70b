/** SMS through a carrier's or provider's gateway by SMPP 3.4, with a session that stays bound and is opened again when it ends. */
import { HOUR, SECOND } from '@village/core';
import type { Pdu } from 'smpp';
import { z } from 'zod';
import type { Channel, ChannelKind, ChannelTools, Outcome, Outgoing, Told } from '../contract.ts';
import { Health } from '../health.ts';
import { field } from '../hook.ts';
import { mainlandMobile } from '../numbers.ts';
import { checkedOptions } from '../options.ts';
import { smsParts, smsText } from '../text/sms.ts';
import { toldBy } from './delivered.ts';
import { type Answer, COME_AGAIN, SmppSession } from './session.ts';

const ascii = (most: number) => z.string().regex(new RegExp(`^[\\x20-\\x7e]{0,${most}}$`));

const schema = z.strictObject({
  host: z.string().min(1).max(255),
  port: z.int().min(1).max(65_535).default(2775),
  tls: z.boolean().default(false),
  /** The protocol has room for 15 and 8 characters; some gateways take longer passwords. */
  systemId: ascii(15),
  password: ascii(64),
  systemType: ascii(12).default(''),
  /** What phones show it is from, with its type of number and numbering plan (5.2.5, 5.2.6). */
  sourceAddress: ascii(20).default(''),
  sourceTon: z.int().min(0).max(6).default(0),
  sourceNpi: z.int().min(0).max(18).default(0),
  destinationTon: z.int().min(0).max(6).default(1),
  destinationNpi: z.int().min(0).max(18).default(1),
  /** Stands before the eleven digits of a number. */
  prefix: z
    .string()
    .regex(/^\+?\d{0,4}$/)
    .default('86'),
  /** Stands in 【】 before the text, unless the gateway sets it. */
  sign: z.string().min(2).max(12).optional(),
  /** Whether the text says how to answer. */
  replies: z.boolean().default(false),
  /** Some gateways give ids in hexadecimal when they take a message, and in decimal in its receipt. */
  ids: z.enum(['same', 'hex-then-decimal']).default('same'),
  timeoutMs: z.int().min(100).max(60_000).default(10_000),
  enquireMs: z.int().min(100).max(600_000).default(30_000),
});
export type SmppOptions = z.infer<typeof schema>;

/** command_status of SMPP 3.4, table 5-2. */
const STATUS = {
  messageLength: 0x01,
  alreadyBound: 0x05,
  systemError: 0x08,
  destination: 0x0b,
  bindFailed: 0x0d,
  password: 0x0e,
  systemId: 0x0f,
  queueFull: 0x14,
  submitFailed: 0x45,
  systemType: 0x53,
  throttled: 0x58,
  temporary: 0x64,
} as const;
/** Of the addresses, types and classes that the configuration sets. */
const CONFIGURED = new Set([
  0x03, 0x04, 0x06, 0x07, 0x0a, 0x15, 0x43, 0x48, 0x49, 0x50, 0x51, 0x54,
]);
const THROTTLED_MS = 5 * SECOND;
const FULL_MS = 30 * SECOND;

const statusCode = (status: number): string => `smpp-0x${status.toString(16).padStart(2, '0')}`;

/** A status that says the gateway did not take it. */
function refusal(status: number, now: number): Outcome {
  const code = statusCode(status);
  const text = `the gateway answered ${code}`;
  if (status === STATUS.throttled)
    return { kind: 'limited', until: now + THROTTLED_MS, of: 'channel', code };
  if (status === STATUS.queueFull)
    return { kind: 'limited', until: now + FULL_MS, of: 'channel', code };
  if ([STATUS.systemError, STATUS.submitFailed, STATUS.temporary].some((one) => one === status))
    return { kind: 'retry', code, text };
  if (CONFIGURED.has(status)) return { kind: 'fault', code, text };
  return { kind: 'rejected', code, text };
}

/** A bind that was refused, or no connection. */
function unbound(answer: Answer, now: number): Outcome {
  if (answer.kind !== 'answered') return { kind: 'retry', code: 'no-session', text: answer.text };
  const status = answer.pdu.command_status;
  const { password, systemId, systemType, bindFailed } = STATUS;
  const code = statusCode(status);
  if ([password, systemId, systemType, bindFailed].some((one) => one === status))
    return { kind: 'fault', code, text: 'the gateway does not let us in' };
  if (status === STATUS.throttled) return refusal(status, now);
  // An old session of ours that the gateway still holds ends by itself.
  return { kind: 'retry', code, text: 'the gateway took no session' };
}

/** Messages that wait for an answer at once; gateways give windows of ten and more. */
const WINDOW = 10;
const WINDOW_MS = SECOND;
/** UCS-2. */
const DATA_CODING = 8;
const UDH_INDICATOR = 0x40;
const BACK_OFF_MS = [1, 2, 5, 10, 30, 60].map((seconds) => seconds * SECOND);

const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

class Smpp implements Channel {
  readonly id: string;
  readonly #options: SmppOptions;
  readonly #tools: ChannelTools;
  readonly #health: Health;
  readonly #closed = new AbortController();
  #opening: Promise<SmppSession | Answer> | undefined;
  #session: SmppSession | undefined;
  #onDeliver: SmppSession['onDeliver'] = null;
  #underWay = 0;

  constructor(id: string, options: SmppOptions, tools: ChannelTools) {
    this.id = id;
    this.#options = options;
    this.#tools = tools;
    this.#health = new Health(tools.timer.now);
  }

  /** The session, which is opened when there is none; those who ask meanwhile get the same. */
  async #bound(): Promise<SmppSession | Answer> {
    if (this.#closed.signal.aborted) return { kind: 'unsent', text: 'closed' };
    if (this.#session !== undefined && !this.#session.ended.aborted) return this.#session;
    this.#opening ??= SmppSession.open(
      this.#options,
      this.#tools.timer,
      this.#closed.signal,
    ).finally(() => {
      this.#opening = undefined;
    });
    const opened = await this.#opening;
    if (!(opened instanceof SmppSession)) return opened;
    opened.onDeliver = this.#onDeliver;
    this.#session = opened;
    return opened;
  }

  async send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    return this.#health.note(await this.#send(message, signal));
  }

  async #send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const { prefix, sign, replies } = this.#options;
    const now = this.#tools.timer.now();
    const number = mainlandMobile(message.to);
    if (number === undefined)
      return { kind: 'rejected', code: 'bad-number', text: 'no mobile number of the mainland' };
    if (this.#underWay >= WINDOW)
      return { kind: 'limited', until: now + WINDOW_MS, of: 'channel', code: 'window-full' };
    const { language, code, parts } = message;
    const text = smsText(parts, { language, now, code, replies, sign: sign ?? null });
    this.#underWay++;
    try {
      const session = await this.#bound();
      if (!(session instanceof SmppSession)) return unbound(session, now);
      return await this.#submit(session, `${prefix}${number}`, smsParts(text), signal);
    } finally {
      this.#underWay--;
    }
  }

  async #submit(
    session: SmppSession,
    number: string,
    parts: readonly string[],
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { sourceAddress, sourceTon, sourceNpi, destinationTon, destinationNpi } = this.#options;
    const reference = this.#tools.random(1)[0] ?? 0;
    let id = '';
    for (const [at, part] of parts.entries()) {
      const header = Buffer.from([5, 0, 3, reference, parts.length, at + 1]);
      const answer = await session.request(
        'submit_sm',
        {
          source_addr_ton: sourceTon,
          source_addr_npi: sourceNpi,
          source_addr: sourceAddress,
          dest_addr_ton: destinationTon,
          dest_addr_npi: destinationNpi,
          destination_addr: number,
          esm_class: parts.length === 1 ? 0 : UDH_INDICATOR,
          data_coding: DATA_CODING,
          // One receipt for the whole: for the last part, whose id is the message's.
          registered_delivery: at === parts.length - 1 ? 1 : 0,
          short_message: parts.length === 1 ? ucs2(part) : Buffer.concat([header, ucs2(part)]),
        },
        signal,
      );
      const refused = refusedPart(answer, this.#tools.timer.now());
      if (refused !== undefined)
        return at === 0 ? refused : { kind: 'unknown', id: null, text: 'a part went out alone' };
      if (answer.kind === 'answered') id = field(answer.pdu, 'message_id');
    }
    return { kind: 'sent', id: this.#idOf(id) };
  }

  /** As receipts will have it. */
  #idOf(id: string): string | null {
    if (this.#options.ids === 'hex-then-decimal' && /^[0-9a-f]{1,32}$/i.test(id))
      return BigInt(`0x${id}`).toString();
    return id === '' ? null : id;
  }

  async listen(keep: (told: Told) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { timer } = this.#tools;
    const { promise: failed, reject } = Promise.withResolvers<never>();
    // Where nobody waits just then, the failure is seen by the next one who does.
    failed.catch(() => undefined);
    this.#deliverTo(async (pdu: Pdu) => {
      const told = toldBy(pdu, timer.now());
      if (told.receipts.length + told.replies.length === 0) return 0;
      try {
        await keep(told);
        return 0;
      } catch (error) {
        reject(error);
        return COME_AGAIN;
      }
    });
    const over = AbortSignal.any([signal, this.#closed.signal]);
    try {
      let failures = 0;
      while (!over.aborted) {
        const session = await Promise.race([this.#bound(), failed]);
        if (session instanceof SmppSession) {
          failures = 0;
          await Promise.race([fired(AbortSignal.any([session.ended, over])), failed]);
          continue;
        }
        this.#health.note(unbound(session, timer.now()));
        const wait = BACK_OFF_MS[Math.min(failures++, BACK_OFF_MS.length - 1)] ?? SECOND;
        await Promise.race([timer.sleep(wait, over).catch(() => undefined), failed]);
      }
    } finally {
      this.#deliverTo(null);
    }
  }

  #deliverTo(onDeliver: SmppSession['onDeliver']): void {
    this.#onDeliver = onDeliver;
    if (this.#session !== undefined) this.#session.onDeliver = onDeliver;
  }

  health() {
    return this.#health.told();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#opening?.catch(() => undefined);
    await this.#session?.close();
  }
}

function refusedPart(answer: Answer, now: number): Outcome | undefined {
  if (answer.kind === 'unsent') return { kind: 'retry', code: 'no-session', text: answer.text };
  if (answer.kind === 'lost') return { kind: 'unknown', id: null, text: answer.text };
  const status = answer.pdu.command_status;
  return status === 0 ? undefined : refusal(status, now);
}

function fired(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}

export const smppGateway: ChannelKind<SmppOptions> = {
  kind: 'smpp',
  title: { zh: 'SMPP 短信网关', en: 'SMS gateway by SMPP' },
  reaches: 'phone',
  secrets: ['password'],
  limits: [
    { of: 'channel', most: 10, inMs: SECOND },
    { of: 'person', most: 6, inMs: HOUR },
  ],
  options: (given) => checkedOptions(schema, given),
  make: (id, options, tools) => new Smpp(id, options, tools),
};
