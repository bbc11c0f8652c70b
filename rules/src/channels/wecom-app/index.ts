/**
 * Messages of a WeCom app 企业微信应用消息 to one member each, with a card and a button that takes the alert. The provider drops what
 * is beyond 30 a minute and 1,000 an hour for a member without a word (developer.work.weixin.qq.com/document/path/90236).
 */
import { HOUR, MINUTE, OperationalError, SECOND, type Timer } from '@village/core';
import { z } from 'zod';
import type { Channel, ChannelKind, Heard, Inbound, Outcome, Outgoing } from '../contract.ts';
import { Health } from '../health.ts';
import type { CodeTable } from '../http/codes.ts';
import { baseUrl, checkedOptions, secret, timeoutMs } from '../options.ts';
import { callbackSchema, openCallback, proveCallback, xmlTexts } from '../wechat/callback.ts';
import { type Called, type CallWays, callWeixin } from '../wechat/calls.ts';
import { TokenKeeper } from '../wechat/token.ts';
import { messageOf, takenText } from './card.ts';

const schema = z.strictObject({
  corpId: z.string().regex(/^[\w-]{1,64}$/, 'must be the id of the corporation'),
  agentId: z.int().min(1),
  /** Of the app, not of the corporation. */
  secret,
  /** Of the app's page 接收消息: without it cards have no button, since nobody would hear what is pressed. */
  callback: callbackSchema.optional(),
  /** What stands above a card. */
  source: z.string().min(1).max(40).default('数字乡村'),
  baseUrl: baseUrl('https://qyapi.weixin.qq.com'),
  timeoutMs,
});
type Options = z.infer<typeof schema>;

const codes: CodeTable = {
  // Secret, corporation, app, rights, address; tokens are refreshed before they get here.
  fault: [40001, 40013, 40014, 42001, 40056, 41001, 48002, 60011, 60020, 301002],
  retry: [-1],
  limited: { 45009: { of: 'channel', ms: MINUTE }, 45033: { of: 'channel', ms: 10 * SECOND } },
};
/** What means that the token is not, or no longer, good. */
const STALE = [40014, 42001];

/** A member by their id; `@all` and lists would be everybody. */
const MEMBER = /^(?!@all$)[\w.@-]{1,64}$/i;

/** Who did not get it, or what came of it else. */
function outcomeOfSent(json: Readonly<Record<string, unknown>>, to: string): Outcome {
  for (const name of ['invaliduser', 'unlicenseduser'] as const) {
    const users = json[name];
    if (typeof users === 'string' && users !== '')
      return { kind: 'rejected', code: name, text: 'the provider knows no such member' };
  }
  const { msgid, response_code: code } = json;
  return {
    kind: 'sent',
    id: typeof msgid === 'string' && msgid !== '' ? msgid : null,
    ...(typeof code === 'string' && code !== '' ? { card: `${to}|${code}` } : {}),
  };
}

class WecomApp implements Channel {
  readonly id: string;
  readonly #options: Options;
  readonly #ways: CallWays;
  readonly #tokens: TokenKeeper;
  readonly #health: Health;

  constructor(id: string, options: Options, timer: Timer) {
    const { corpId, secret, baseUrl, timeoutMs, callback } = options;
    this.id = id;
    this.#options = options;
    this.#health = new Health(timer.now);
    const secrets = [secret, ...(callback === undefined ? [] : Object.values(callback))];
    this.#ways = { timer, baseUrl, timeoutMs, codes, secrets };
    this.#tokens = new TokenKeeper(timer, async (_refused, signal) => {
      const query = { corpid: corpId, corpsecret: secret };
      const called = await callWeixin(this.#ways, '/cgi-bin/gettoken', { query, signal });
      if ('outcome' in called) return called;
      const { access_token: token, expires_in: seconds } = called.json;
      return typeof token === 'string' && typeof seconds === 'number' && seconds > 0
        ? { grant: { token, lastsMs: seconds * SECOND } }
        : { outcome: { kind: 'retry', code: 'token', text: 'the answer has no token' } };
    });
  }

  async send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const { to } = message;
    if (!MEMBER.test(to))
      return this.#health.note({ kind: 'rejected', code: 'address', text: 'it is no user id' });
    const { agentId, source, callback } = this.#options;
    const body = {
      touser: to,
      agentid: agentId,
      ...messageOf(message, { source, buttons: callback !== undefined }),
      // The check would take a reminder that says the same for a mistake; what may have been taken is never sent again anyway.
      enable_duplicate_check: 0,
    };
    return this.#call('/cgi-bin/message/send', body, signal, (json) => outcomeOfSent(json, to));
  }

  /** A code that was used or is older than 72 hours is refused, and so rejected. */
  async taken(card: string, by: string, signal: AbortSignal): Promise<Outcome> {
    const at = card.indexOf('|');
    const body = {
      userids: [card.slice(0, at)],
      agentid: this.#options.agentId,
      response_code: card.slice(at + 1),
      button: { replace_name: takenText(by) },
    };
    return this.#call('/cgi-bin/message/update_template_card', body, signal, () => ({
      kind: 'sent',
      id: null,
    }));
  }

  hear({ method, query, body }: Inbound): Heard {
    const { callback, corpId } = this.#options;
    if (callback === undefined) throw new OperationalError('not-ours', 'no callback is configured');
    const { token, encodingAesKey } = callback;
    const { msg_signature: signature, timestamp = '', nonce = '' } = query;
    const answer = (text: string): Heard => ({
      receipts: [],
      replies: [],
      answer: { status: 200, type: 'text/plain', body: text },
    });
    if (method === 'GET') {
      // A plus sign that was not encoded arrives as a space, which Base64 does not have.
      const echo = (query['echostr'] ?? '').replaceAll(' ', '+');
      proveCallback(signature, token, timestamp, nonce, echo);
      return answer(openCallback(encodingAesKey, corpId, echo));
    }
    const encrypted = xmlTexts(Buffer.from(body).toString('utf8')).get('Encrypt') ?? '';
    proveCallback(signature, token, timestamp, nonce, encrypted);
    const event = xmlTexts(openCallback(encodingAesKey, corpId, encrypted));
    const reply = this.#replyOf(event);
    return { ...answer(''), replies: reply === null ? [] : [reply] };
  }

  health() {
    return this.#health.told(this.#tokens.told());
  }

  close(): Promise<void> {
    this.#tokens.close();
    return Promise.resolve();
  }

  /** The press of a button; null for events of other kinds, which the app's page may have switched on. */
  #replyOf(event: ReadonlyMap<string, string>): Heard['replies'][number] | null {
    if (event.get('Event') !== 'template_card_event') return null;
    const from = event.get('FromUserName') ?? '';
    const key = event.get('TaskId') ?? '';
    const text = event.get('EventKey') ?? '';
    const code = event.get('ResponseCode') ?? '';
    const seconds = Number(event.get('CreateTime'));
    if (from === '' || key === '' || !Number.isFinite(seconds))
      throw new OperationalError('not-ours', 'an event without sender, card or time');
    return {
      // Events have no MsgId by the documents; the same press that comes again has the same time.
      id: event.get('MsgId') ?? `${from}|${key}|${text}|${seconds}`,
      from,
      at: seconds * SECOND,
      text,
      key,
      card: code === '' ? null : `${from}|${code}`,
    };
  }

  async #call(
    path: string,
    body: unknown,
    signal: AbortSignal,
    read: (json: Readonly<Record<string, unknown>>) => Outcome,
  ): Promise<Outcome> {
    const outcome = await this.#tokens.call(async (token) => {
      const query = { access_token: token };
      const secrets = [token];
      const called: Called = await callWeixin(this.#ways, path, { query, body, secrets, signal });
      if ('json' in called) return read(called.json);
      return called.errcode !== null && STALE.includes(called.errcode) ? null : called.outcome;
    }, signal);
    return this.#health.note(outcome);
  }
}

export const wecomApp: ChannelKind<Options> = {
  kind: 'wecom-app',
  title: { zh: '企业微信应用消息', en: 'WeCom app message' },
  reaches: 'wecom',
  secrets: ['secret', 'callback'],
  limits: [
    { of: 'person', most: 30, inMs: MINUTE },
    { of: 'person', most: 1000, inMs: HOUR },
  ],
  options: (given) => checkedOptions(schema, given),
  make: (id, options, { timer }) => new WecomApp(id, options, timer),
};
