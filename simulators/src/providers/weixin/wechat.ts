/**
 * WeChat's interface for service accounts and mini programs: stable tokens and plain ones, template messages with what became of
 * them, and subscribe messages with their counters (developers.weixin.qq.com).
 */
import { BoundedMap, MINUTE, SECOND } from '@village/core';
import { bodyObject, type Provider } from '../provider.ts';
import { Rolling } from '../rolling.ts';
import type { World } from '../world.ts';
import { wrongField } from './fields.ts';
import { type CallbackAccount, seal } from './seal.ts';
import { type TokenState, Tokens } from './tokens.ts';

export interface WechatFields {
  readonly title: string;
  /** Labels of its fields by their names: `thing1`: 地点. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface WechatPerson {
  readonly name: string;
  /** Of a service account: whether they follow it. */
  follows: boolean;
  /** Of a mini program: how many messages of a template are still allowed. */
  readonly left: Map<string, number>;
}

export interface WechatAccount {
  readonly kind: 'service' | 'mini-program';
  readonly appId: string;
  readonly secret: string;
  readonly templates: Map<string, WechatFields>;
  /** By openid. */
  readonly people: Map<string, WechatPerson>;
  /** Published pages of a mini program. */
  readonly pages: Set<string>;
  /** Where what became of messages is posted. Mutable, as all that the account's page sets. */
  callback: CallbackAccount | null;
  deniedAddress: boolean;
  /** Calls that are left of the day. */
  calls: number;
  /** Openids to whom too much was sent lately. */
  readonly pestered: Set<string>;
}

export const wechatAccount = (
  given: Pick<WechatAccount, 'kind' | 'appId' | 'secret'> & Partial<WechatAccount>,
): WechatAccount => ({
  templates: new Map(),
  people: new Map(),
  pages: new Set(),
  callback: null,
  deniedAddress: false,
  calls: 100_000,
  pestered: new Set(),
  ...given,
});

export const WECHAT = 'wechat';
/** A stable token is renewed so long before its end, and the old one holds until then. */
const RENEW_MS = 5 * MINUTE;
const FORCED_A_DAY = 20;
const FORCE_PAUSE_MS = 30 * SECOND;
/** Within that the same `client_msg_id` to the same person is one message. */
const SAME_MS = 10 * MINUTE;
/** What was sent longest ago is forgotten. */
const REMEMBERED_MAX = 20_000;
const EVENT_RETRIES_MS = [5 * SECOND, 5 * SECOND, 5 * SECOND];

type Answer = Record<string, unknown>;
const answer = (errcode: number, errmsg: string): Answer => ({ errcode, errmsg });
const OK = answer(0, 'ok');

const INVALID = 'invalid credential, access_token is invalid or not latest';
const TOKEN_ANSWERS: Readonly<Record<TokenState, Answer | undefined>> = {
  good: undefined,
  missing: answer(41001, 'access_token missing'),
  unknown: answer(40001, INVALID),
  revoked: answer(40001, INVALID),
  expired: answer(42001, 'access_token expired'),
};

const fieldsOf = (value: unknown): Answer =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer) : {};

/** One account: its tokens and its messages. */
class Account {
  readonly account: WechatAccount;
  readonly #world: World;
  /** Asked for by POST /cgi-bin/stable_token, and by GET /cgi-bin/token: one does not end the other. */
  readonly #stable: Tokens;
  readonly #plain: Tokens;
  readonly #forced = new Rolling(FORCED_A_DAY, 86_400_000);
  #forcedAt = Number.NEGATIVE_INFINITY;
  readonly #sent = new BoundedMap<string, { readonly at: number; readonly msgid: number }>(
    REMEMBERED_MAX,
  );

  constructor(world: World, account: WechatAccount) {
    this.account = account;
    this.#world = world;
    this.#stable = new Tokens(world, `${account.appId}_s`);
    this.#plain = new Tokens(world, `${account.appId}_p`);
  }

  stableToken(force: boolean): Answer {
    const { now } = this.#world;
    if (!force) return this.#told(this.#stable.grant(RENEW_MS));
    if (now - this.#forcedAt < FORCE_PAUSE_MS)
      return answer(45011, 'api minute-quota reach limit, must slower, retry next minute');
    if (!this.#forced.take('', now)) return answer(45009, 'reach max api daily quota limit');
    this.#forcedAt = now;
    return this.#told(this.#stable.renew());
  }

  plainToken(): Answer {
    return this.#told(this.#plain.renew(RENEW_MS));
  }

  revoke(): void {
    this.#stable.revoke();
    this.#plain.revoke();
  }

  has(token: string | undefined): TokenState {
    const stable = this.#stable.check(token);
    return stable === 'unknown' ? this.#plain.check(token) : stable;
  }

  /** What is wrong with a message to somebody; undefined when nothing is. */
  #wrong(body: Answer): Answer | undefined {
    const { account } = this;
    const person = account.people.get(String(body['touser']));
    if (account.calls <= 0) return answer(45009, 'reach max api daily quota limit');
    account.calls--;
    if (person === undefined) return answer(40003, 'invalid openid');
    const template = account.templates.get(String(body['template_id']));
    if (template === undefined) return answer(40037, 'invalid template_id');
    for (const name of Object.keys(template.fields)) {
      const wrong = wrongField(name, fieldsOf(fieldsOf(body['data'])[name])['value']);
      if (wrong !== undefined) return answer(47003, wrong);
    }
    return account.pestered.has(String(body['touser']))
      ? answer(43117, 'sending to this openid too frequently')
      : undefined;
  }

  template(body: Answer): Answer {
    const wrong = this.#wrong(body);
    if (wrong !== undefined) return wrong;
    const openid = String(body['touser']);
    if (this.account.people.get(openid)?.follows !== true)
      return answer(43004, 'require subscribe');
    const { now } = this.#world;
    const same = `${openid}|${String(body['client_msg_id'])}`;
    const before = body['client_msg_id'] === undefined ? undefined : this.#sent.get(same);
    if (before !== undefined && now - before.at < SAME_MS) return { ...OK, msgid: before.msgid };
    const msgid = Number(this.#world.newId(''));
    this.#sent.set(same, { at: now, msgid });
    const link = fieldsOf(body['miniprogram'])['pagepath'] ?? body['url'];
    this.#show(openid, body, typeof link === 'string' ? link : null);
    this.#tell(openid, msgid);
    return { ...OK, msgid };
  }

  subscribe(body: Answer): Answer {
    const wrong = this.#wrong(body);
    if (wrong !== undefined) return wrong;
    const openid = String(body['touser']);
    const template = String(body['template_id']);
    const page = typeof body['page'] === 'string' ? body['page'] : null;
    const { people, pages } = this.account;
    if (page !== null && !pages.has(page.replace(/\?.*$/, '')))
      return answer(41030, 'invalid page');
    const left = people.get(openid)?.left.get(template) ?? 0;
    if (left <= 0) return answer(43101, 'user refuse to accept the msg');
    people.get(openid)?.left.set(template, left - 1);
    this.#show(openid, body, page);
    return { ...OK, msgid: Number(this.#world.newId('')) };
  }

  #told({ token, until }: { token: string; until: number }): Answer {
    const seconds = Math.floor((until - this.#world.now) / SECOND);
    return { access_token: token, expires_in: seconds };
  }

  #show(openid: string, body: Answer, link: string | null): void {
    const { people, templates, kind } = this.account;
    const template = templates.get(String(body['template_id']));
    const data = fieldsOf(body['data']);
    const lines = Object.entries(template?.fields ?? {}).map(
      ([name, label]) => `${label}：${String(fieldsOf(data[name])['value'])}`,
    );
    this.#world.phone(openid).name = people.get(openid)?.name ?? openid;
    this.#world.show(openid, {
      provider: WECHAT,
      form: 'card',
      from: kind === 'service' ? '公众号' : '服务通知',
      text: [template?.title ?? '', ...lines].join('\n'),
      segments: null,
      link,
      buttons: [],
    });
  }

  /** Posts what became of a template message. */
  #tell(openid: string, msgid: number): void {
    const { callback, appId } = this.account;
    if (callback === null) return;
    const { now, random } = this.#world;
    const status = {
      on: 'success',
      off: 'success',
      vacant: 'failed: system failed',
      refusing: 'failed:user block',
    };
    const state = this.#world.phone(openid).state;
    const event = `<xml><ToUserName><![CDATA[gh_fake]]></ToUserName><FromUserName><![CDATA[${openid}]]></FromUserName><CreateTime>${Math.floor(now / SECOND)}</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>${msgid}</MsgID><Status><![CDATA[${status[state]}]]></Status></xml>`;
    const { url, encrypted } = seal(callback, event, appId, { now, random });
    this.#world.postman.send({
      provider: WECHAT,
      url: url.href,
      make: () => ({
        headers: { 'content-type': 'text/xml' },
        body: `<xml><ToUserName><![CDATA[gh_fake]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`,
      }),
      accepted: (code) => code === 200,
      retryAfter: EVENT_RETRIES_MS,
    });
  }
}

interface Query {
  readonly [name: string]: string;
}

export const wechatApps = (accounts: readonly WechatAccount[]): Provider => ({
  name: WECHAT,
  register(app, world) {
    const all = accounts.map((account) => new Account(world, account));
    /** The account that asks for a token, or what is wrong with that. */
    const asking = (given: Answer): Account | Answer => {
      if (given['grant_type'] !== 'client_credential') return answer(40002, 'invalid grant_type');
      const found = all.find(({ account }) => account.appId === given['appid']);
      if (found === undefined) return answer(40013, 'invalid appid');
      if (found.account.secret !== given['secret']) return answer(40125, 'invalid appsecret');
      return found.account.deniedAddress
        ? answer(40164, 'invalid ip 127.0.0.1, not in whitelist')
        : found;
    };
    app.get<{ Querystring: Query }>('/cgi-bin/token', ({ query }) => {
      const found = asking(query);
      return found instanceof Account ? found.plainToken() : found;
    });
    app.post('/cgi-bin/stable_token', ({ body }) => {
      const given = bodyObject(body) ?? {};
      const found = asking(given);
      return found instanceof Account ? found.stableToken(given['force_refresh'] === true) : found;
    });
    const kinds = { template: 'service', subscribe: 'mini-program' } as const;
    for (const name of ['template', 'subscribe'] as const)
      app.post<{ Querystring: Query }>(`/cgi-bin/message/${name}/send`, ({ query, body }) => {
        const token = query['access_token'];
        const holder = all.find((one) => !['unknown', 'missing'].includes(one.has(token)));
        const wrong =
          TOKEN_ANSWERS[holder?.has(token) ?? (token === undefined ? 'missing' : 'unknown')];
        if (wrong !== undefined || holder === undefined) return wrong ?? answer(40001, INVALID);
        if (holder.account.deniedAddress)
          return answer(40164, 'invalid ip 127.0.0.1, not in whitelist');
        if (holder.account.kind !== kinds[name]) return answer(48001, 'api unauthorized');
        const given = bodyObject(body);
        return given === undefined ? answer(47001, 'data format error') : holder[name](given);
      });
    app.post(`/__fake/${WECHAT}/revoke`, () => {
      for (const one of all) one.revoke();
      return { revoked: true };
    });
  },
});
