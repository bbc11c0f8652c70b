/**
 * SMS through a modem and gammu-smsd on the same machine, by its folders (service `files`). For when the Internet is gone or vendors refuse; a
 * private SIM takes about ten messages a minute.
 */
import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { DAY, formatCountyTime, HOUR, MINUTE, OperationalError } from '@village/core';
import { z } from 'zod';
import type {
  Channel,
  ChannelKind,
  ChannelTools,
  Outcome,
  Outgoing,
  Receipt,
  Reply,
  Told,
} from '../contract.ts';
import { Health } from '../health.ts';
import { vendorTime } from '../hook.ts';
import { mainlandMobile } from '../numbers.ts';
import { checkedOptions } from '../options.ts';
import { smsParts, smsText } from '../text/sms.ts';
import { type BackupMessage, backupFile, parseBackup } from './backup-file.ts';
import { type SentFile, Spool } from './spool.ts';

const folder = z.string().max(200).refine(isAbsolute, { message: 'must be an absolute path' });

const schema = z.strictObject({
  /** As the daemon's configuration has them: OutboxPath, SentSMSPath, ErrorSMSPath and InboxPath. InboxFormat must be `detail`. */
  outbox: folder,
  sent: folder,
  error: folder,
  inbox: folder,
  /** Stands in 【】 before the text. */
  sign: z.string().min(2).max(12).optional(),
  /** Whether the text says how to answer. */
  replies: z.boolean().default(true),
  /** How long a message may wait for the modem; the daemon itself gives the network 30 seconds. */
  timeoutMs: z.int().min(1000).max(600_000).default(90_000),
  pollMs: z.int().min(50).max(60_000).default(500),
});
export type SmsModemOptions = z.infer<typeof schema>;

/** More than this waits: the modem is not keeping up, or gone. */
const WAITING_MAX = 20;
/** Sent files are kept for delivery reports, which come within days. */
const retentionMs = 3 * DAY;

const tokenOf = (key: string): string =>
  createHash('sha256').update(key).digest('hex').slice(0, 20);

/** Numbers as a network takes them: of the mainland without +86, so that what is sent and what comes agree. */
function numberOf(text: string): string | undefined {
  const tight = text.replace(/[\s-]/g, '');
  return mainlandMobile(tight) ?? /^\+?\d{3,15}$/.exec(tight)?.[0];
}

const PRIORITIES = { critical: 'A', major: 'B', minor: 'C', info: 'D' } as const;

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'failed';

class SmsModem implements Channel {
  readonly id: string;
  readonly #options: SmsModemOptions;
  readonly #tools: ChannelTools;
  readonly #spool: Spool;
  readonly #health: Health;
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(id: string, options: SmsModemOptions, tools: ChannelTools) {
    this.id = id;
    this.#options = options;
    this.#tools = tools;
    this.#spool = new Spool(options);
    this.#health = new Health(tools.timer.now);
  }

  async send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = await this.#send(message, signal);
    } catch (error) {
      // Nothing was put into the outbox: a full disk gets room again, a folder that is not there has to be made.
      const code = codeOf(error);
      const text = `the modem's folder: ${code}`;
      outcome = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE'].includes(code)
        ? { kind: 'retry', code, text }
        : { kind: 'fault', code, text };
    }
    return this.#health.note(outcome);
  }

  /** @throws Error of the file system, before anything is in the outbox */
  async #send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const { sign, replies } = this.#options;
    const number = numberOf(message.to);
    if (number === undefined)
      return { kind: 'rejected', code: 'bad-number', text: 'no phone number' };
    if (signal.aborted) return { kind: 'retry', code: 'aborted', text: 'not begun' };
    const now = this.#tools.timer.now();
    const ahead = await this.#spool.waiting();
    if (ahead.length >= WAITING_MAX)
      return { kind: 'limited', until: now + MINUTE, of: 'channel', code: 'outbox-full' };
    const { language, code, parts } = message;
    const text = smsText(parts, { language, now, code, replies, sign: sign ?? null });
    const token = tokenOf(message.key);
    const stamp = formatCountyTime(now).replace(/[-:]/g, '').replace(' ', '_');
    const name = `OUT${PRIORITIES[parts.severity]}${stamp}_00_${number}_${token}.smsbackup`;
    const reference = this.#tools.random(1)[0] ?? 0;
    await this.#spool.put(name, backupFile(number, text, reference));
    const before = ahead.filter((one) => one < name);
    return this.#result(name, token, smsParts(text).length, before, signal);
  }

  /** Waits until the daemon has moved the file, and takes it back when that lasts too long. */
  async #result(
    name: string,
    token: string,
    parts: number,
    before: readonly string[],
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { timer } = this.#tools;
    const { timeoutMs, pollMs } = this.#options;
    const deadline = timer.elapsed() + timeoutMs;
    while (timer.elapsed() < deadline && !signal.aborted) {
      try {
        await timer.sleep(pollMs, signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      const where = await this.#spool.whereIs(name);
      if (where !== 'outbox') return moved(where, token, parts);
    }
    if (!(await this.#spool.withdraw(name)))
      return moved(await this.#spool.whereIs(name), token, parts);
    // The daemon takes the first file: while one is there that was ahead of ours from the beginning, ours was not begun.
    const still = new Set(await this.#spool.waiting().catch(() => []));
    if (before.some((one) => still.has(one)))
      return { kind: 'retry', code: 'modem-busy', text: 'the modem did not come to it' };
    return { kind: 'unknown', id: token, text: 'the modem said nothing in time' };
  }

  async listen(keep: (told: Told) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { timer } = this.#tools;
    while (!signal.aborted) {
      const told = await this.#look().catch((error: unknown) => {
        const code = codeOf(error);
        this.#health.note({ kind: 'retry', code, text: `the modem's inbox: ${code}` });
        return undefined;
      });
      if (told !== undefined && told.names.length > 0) {
        await keep(told);
        for (const name of told.names) await this.#spool.taken(name).catch(() => undefined);
      }
      await timer.sleep(this.#options.pollMs, signal).catch(() => undefined);
    }
  }

  /** What the inbox says, and the files that say it. @throws Error of the file system */
  async #look(): Promise<Told & { readonly names: readonly string[] }> {
    await this.#forget();
    const receipts: Receipt[] = [];
    const replies: Reply[] = [];
    const names: string[] = [];
    for (const { name, content } of await this.#spool.inbox()) {
      const message = parseBackup(content);
      if (message === undefined) {
        await this.#spool.layAside(name);
        this.#health.note({ kind: 'retry', code: 'bad-inbox-file', text: name });
        continue;
      }
      names.push(name);
      const from = numberOf(message.number) ?? message.number;
      const at = this.#timeOf(message);
      if (message.report) receipts.push(...(await this.#receipt(message, from, at)));
      else replies.push({ id: name, from, at, text: message.text, key: null, card: null });
    }
    return { receipts, replies, names };
  }

  /** The network's word of a message to that number. It names none, so that the last one is meant. @throws Error of the file system */
  async #receipt({ text }: BackupMessage, from: string, at: number): Promise<Receipt[]> {
    const state = /^Delivered/i.test(text) ? 'delivered' : /^Failed/i.test(text) ? 'failed' : null;
    const [last]: SentFile[] = await this.#spool.sentTo(from);
    if (state === null || last === undefined) return [];
    return [{ id: last.token, ours: last.token, state, at, code: text.slice(0, 40) }];
  }

  #timeOf({ time }: BackupMessage): number {
    const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(time);
    const [, year, month, day, hour, minute, second] = match ?? [];
    const text = `${year}-${month}-${day} ${hour}:${minute}:${second}`;
    return vendorTime(text, this.#tools.timer.now());
  }

  /** Once an hour. @throws Error of the file system */
  async #forget(): Promise<void> {
    const { timer } = this.#tools;
    if (timer.elapsed() - this.#forgotAt < HOUR) return;
    this.#forgotAt = timer.elapsed();
    const day = formatCountyTime(timer.now() - retentionMs)
      .slice(0, 10)
      .replaceAll('-', '');
    await this.#spool.forgetBefore(day);
  }

  health() {
    return this.#health.told();
  }
}

function moved(where: 'outbox' | 'sent' | 'error' | 'gone', token: string, parts: number): Outcome {
  if (where === 'sent') return { kind: 'sent', id: token };
  // Of a text in parts the first may have gone out.
  if (where === 'error' && parts === 1)
    return { kind: 'retry', code: 'modem-error', text: 'the modem could not send it' };
  if (where === 'error')
    return { kind: 'unknown', id: token, text: 'the modem could not send all parts' };
  return {
    kind: 'unknown',
    id: token,
    text: 'the file is gone: does the daemon have SentSMSPath?',
  };
}

export const smsModem: ChannelKind<SmsModemOptions> = {
  kind: 'sms-modem',
  title: { zh: '短信猫', en: 'SMS modem' },
  reaches: 'phone',
  secrets: [],
  // Networks throttle or block private SIMs that send more.
  limits: [
    { of: 'channel', most: 10, inMs: MINUTE },
    { of: 'person', most: 6, inMs: HOUR },
  ],
  options(given) {
    const options = checkedOptions(schema, given);
    const folders = [options.outbox, options.sent, options.error, options.inbox];
    if (new Set(folders).size < folders.length)
      throw new OperationalError(
        'bad-channel',
        'outbox, sent, error and inbox must be four folders',
      );
    return options;
  },
  make: (id, options, tools) => new SmsModem(id, options, tools),
};
