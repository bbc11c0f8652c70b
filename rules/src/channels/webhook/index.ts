/**
 * Webhook: notices as JSON to another program, signed (README.md beside this file tells receivers how to check it). It goes to public
 * hosts with TLS and to those that the configuration names, and to nowhere that a redirect or a second look at a name would lead.
 */
import { formatTime, type Timer } from '@village/core';
import { z } from 'zod';
import type { Channel, ChannelKind, Outcome, Outgoing } from '../contract.ts';
import { Health } from '../health.ts';
import { outcomeOf } from '../http/answers.ts';
import { type Exchange, exchange } from '../http/exchange.ts';
import { checkedOptions, httpUrl, timeoutMs } from '../options.ts';
import { proseOf } from '../prose/prose.ts';
import { locate, type Resolve, systemResolve } from './resolve.ts';
import { signatureHeader } from './signature.ts';

const address = httpUrl(
  1000,
  () => true,
  'must be an address of http or https without name and password',
);

const schema = z
  .strictObject({
    /** Where all of its messages go; without it each goes to the address of the person. */
    url: address.optional(),
    /** Each message is signed with all of them: to change a key, add the new one, tell the receiver, remove the old one. */
    keys: z
      .array(
        z.strictObject({
          id: z
            .string()
            .regex(/^(?!t$)[a-z0-9-]{1,20}$/, 'must be 1 to 20 of a-z 0-9 -, and not t'),
          secret: z
            .string()
            .regex(/^[\x21-\x7e]{16,256}$/, 'must be 16 to 256 printable characters'),
        }),
      )
      .min(1)
      .max(3),
    /** Hosts, by name or address, that may be in the county's own network and need no TLS. */
    internalHosts: z.array(z.string().min(1).max(253)).max(50).default([]),
    timeoutMs,
  })
  .refine(({ keys }) => new Set(keys.map(({ id }) => id)).size === keys.length, {
    message: 'has the id of another key',
    path: ['keys'],
  });
type Options = z.infer<typeof schema>;

const VERSION = 1;

function bodyOf(message: Outgoing): string {
  const { key, parts, to, language, code, url } = message;
  const { since, until, ...rest } = parts;
  return JSON.stringify({
    version: VERSION,
    key,
    to,
    language,
    title: proseOf(message).title,
    ...rest,
    since: formatTime(since),
    until: until === null ? null : formatTime(until),
    code,
    url,
  });
}

/** Any status of success is one, whatever the answer says; what a receiver does not want it refuses with 4xx. */
function outcomeOfAnswer(answer: Exchange, now: number): Outcome {
  if (answer.kind === 'answered') {
    const { status } = answer;
    if (status >= 200 && status < 300) return { kind: 'sent', id: null };
    if ([400, 406, 409, 413, 415, 422].includes(status))
      return { kind: 'rejected', code: `http-${status}`, text: 'the receiver refused it' };
  }
  return outcomeOf(answer, now);
}

/** `resolve` looks up names. */
export function webhookChannel(
  id: string,
  options: Options,
  timer: Timer,
  resolve: Resolve = systemResolve,
): Channel {
  const { keys, internalHosts, timeoutMs } = options;
  const health = new Health(timer.now);
  const send = async (message: Outgoing, signal: AbortSignal): Promise<Outcome> => {
    const given = options.url ?? message.to;
    if (!address.safeParse(given).success)
      return { kind: 'rejected', code: 'address', text: 'it is no address of http or https' };
    const url = new URL(given);
    const located = await locate(url, { internal: internalHosts, resolve, timeoutMs, signal });
    if ('outcome' in located) return located.outcome;
    const body = bodyOf(message);
    const answer = await exchange({
      url,
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'digital-village',
        'village-key': message.key,
        'village-signature': signatureHeader(keys, timer.now(), body),
      },
      body,
      timeoutMs,
      signal,
      lookup: located.lookup,
    });
    return outcomeOfAnswer(answer, timer.now());
  };
  /** What is wrong with the address of one person says nothing of the channel. */
  const ofPerson = (outcome: Outcome): Outcome => {
    if (outcome.kind === 'fault') return { ...outcome, kind: 'rejected' };
    return outcome.kind === 'limited' ? { ...outcome, of: 'person' } : outcome;
  };
  return {
    id,
    async send(message, signal) {
      const outcome = await send(message, signal);
      return health.note(options.url === undefined ? ofPerson(outcome) : outcome);
    },
    health: () => health.told(),
  };
}

export const webhook: ChannelKind<Options> = {
  kind: 'webhook',
  title: { zh: '签名的网络回调', en: 'Signed webhook' },
  reaches: 'url',
  // An address may hold a key of the receiver's.
  secrets: ['url', 'keys'],
  limits: [],
  options: (given) => checkedOptions(schema, given),
  make: (id, options, { timer }) => webhookChannel(id, options, timer),
};
