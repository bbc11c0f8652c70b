/**
 * Messages of a WeCom app: tokens, members, what is dropped without a word, cards with buttons and their events
 * (developer.work.weixin.qq.com/document/path/90236, 91039, 94888, 90240).
 */
import { BoundedMap, DAY, HOUR, MINUTE, SECOND } from '@village/core';
import type { FastifyInstance } from 'fastify';
import { bodyObject, type Provider } from '../provider.ts';
import { Rolling } from '../rolling.ts';
import type { Reaction, Shown, World } from '../world.ts';
import { type CallbackAccount, seal } from './seal.ts';
import { type TokenState, Tokens } from './tokens.ts';
import { type CheckedCard, checkCard } from './wecom-cards.ts';

export interface WecomAccount {
  readonly corpId: string;
  readonly secret: string;
  readonly agentId: number;
  /** By user id, with what people call them. Who is not in it is no member, or does not see the app. */
  readonly members: Map<string, string>;
  /** Members without a licence for the interface. */
  readonly unlicensed: Set<string>;
  /** Where presses are posted; without it buttons are refused. Mutable, as all that the app's page sets. */
  callback: CallbackAccount | null;
  /** Refuses every address: none is on the list of 企业可信IP. */
  deniedAddress: boolean;
  /** Messages to persons in a day: 200 times the members that the corporation may have. */
  dayLimit: number;
}

export const wecomAccount = (
  given: Pick<WecomAccount, 'corpId' | 'secret' | 'agentId'> & Partial<WecomAccount>,
): WecomAccount => ({
  members: new Map(),
  unlicensed: new Set(),
  callback: null,
  deniedAddress: false,
  dayLimit: 200_000,
  ...given,
});

const NAME = 'wecom-app';
const TEXT_BYTES_MAX = 2048;
const CODE_LASTS_MS = 72 * HOUR;
/** A press is posted again after five seconds without an answer, three times in all. */
const PRESS_RETRIES_MS = [5 * SECOND, 5 * SECOND];
const TOKENS_PER_MINUTE = 60;
/** What was sent longest ago is forgotten. */
const REMEMBERED_MAX = 20_000;
const CHECK_TIMEOUT_MS = 1000;

type Answer = Record<string, unknown>;
const answer = (errcode: number, errmsg: string): Answer => ({ errcode, errmsg });

const TOKEN_ANSWERS: Readonly<Record<TokenState, Answer | undefined>> = {
  good: undefined,
  missing: answer(41001, 'access_token missing'),
  unknown: answer(40014, 'invalid access_token'),
  revoked: answer(40014, 'invalid access_token'),
  expired: answer(42001, 'access_token expired'),
};

/** What is shown of a message, with the card that it is. */
interface Content {
  readonly form: Shown['form'];
  readonly shown: Pick<Shown, 'text' | 'link' | 'buttons'>;
  readonly card: CheckedCard | null;
}

/** A code that changes the card of some members, once. */
interface ResponseCode {
  readonly at: number;
  used: boolean;
  /** What each member's phone shows. */
  readonly shown: ReadonlyMap<string, string>;
}

/** The start of a text that has at most so many bytes, whatever character that ends in. */
const cutBytes = (text: string, most: number): string =>
  Buffer.from(text, 'utf8').subarray(0, most).toString('utf8');

/** What a message says, or what is wrong with it. */
function contentOf(body: Answer): { readonly content: Content } | { readonly refused: Answer } {
  const type = body['msgtype'];
  if (type === 'text') {
    const part = body['text'];
    const content =
      typeof part === 'object' && part !== null && 'content' in part ? part.content : '';
    if (typeof content !== 'string' || content === '')
      return { refused: answer(44004, 'empty content') };
    const shown = cutBytes(content, TEXT_BYTES_MAX);
    const link = /<a href="([^"]+)">/.exec(shown)?.[1] ?? null;
    const text = shown.replaceAll(/<a href="[^"]*">|<\/a>/g, '');
    return { content: { form: 'chat', shown: { text, link, buttons: [] }, card: null } };
  }
  if (type !== 'template_card') return { refused: answer(40008, 'invalid message type') };
  const card = checkCard(body['template_card']);
  return typeof card === 'string'
    ? { refused: answer(40058, `${card}. invalid Request Parameter`) }
    : { content: { form: 'card', shown: card.shown, card } };
}

class WecomApp {
  readonly tokens: Tokens;
  /** Messages that nobody will see, by why. */
  readonly dropped = { rate: 0, taskId: 0, duplicate: 0 };
  readonly #world: World;
  readonly #account: WecomAccount;
  readonly #tokenRate = new Rolling(TOKENS_PER_MINUTE, MINUTE);
  readonly #byMinute = new Rolling(30, MINUTE);
  readonly #byHour = new Rolling(1000, HOUR);
  readonly #byDay: Rolling;
  readonly #taskIds = new BoundedMap<string, true>(REMEMBERED_MAX);
  readonly #codes = new BoundedMap<string, ResponseCode>(REMEMBERED_MAX);
  /** When the same was said to the same member. */
  readonly #said = new BoundedMap<string, number>(REMEMBERED_MAX);

  constructor(world: World, account: WecomAccount) {
    this.#world = world;
    this.#account = account;
    this.tokens = new Tokens(world, 'wecom');
    this.#byDay = new Rolling(account.dayLimit, DAY);
  }

  grant({ corpid, corpsecret }: Readonly<Record<string, string>>): Answer {
    const { corpId, secret, deniedAddress } = this.#account;
    if (corpid !== corpId) return answer(40013, 'invalid corpid');
    if (corpsecret !== secret) return answer(40001, 'invalid credential');
    if (deniedAddress) return answer(60020, 'not allow to access from your ip');
    if (!this.#tokenRate.take('', this.#world.now)) return answer(45009, 'api freq out of limit');
    const { token, until } = this.tokens.grant();
    const seconds = Math.floor((until - this.#world.now) / SECOND);
    return { ...answer(0, 'ok'), access_token: token, expires_in: seconds };
  }

  /** What is wrong with a call before its body is read; undefined when nothing is. */
  refused(token: string | undefined, body: Answer | undefined): Answer | undefined {
    const wrong = TOKEN_ANSWERS[this.tokens.check(token)];
    if (wrong !== undefined) return wrong;
    if (this.#account.deniedAddress) return answer(60020, 'not allow to access from your ip');
    if (body === undefined) return answer(47001, 'data format error');
    if (body['agentid'] !== this.#account.agentId)
      return answer(301002, 'not allow operate another agent with this accesstoken');
    return undefined;
  }

  send(body: Answer): Answer {
    const named = typeof body['touser'] === 'string' ? body['touser'].split('|') : [];
    const { members, unlicensed, callback } = this.#account;
    const known = named.filter((user) => members.has(user));
    const unknown = named.filter((user) => !members.has(user));
    const invaliduser = unknown.join('|');
    if (known.length === 0)
      return { ...answer(81013, 'user & party & tag all invalid'), invaliduser };
    const read = contentOf(body);
    if ('refused' in read) return read.refused;
    const { content } = read;
    const hasButton = content.card !== null && content.card.taskId !== null;
    if (hasButton && callback === null)
      return answer(40058, 'the app has no callback url. invalid Request Parameter');
    const { now } = this.#world;
    const licensed = known.filter((user) => !unlicensed.has(user));
    for (const user of licensed)
      if (!this.#byDay.take('', now))
        return answer(45009, `reach max api daily quota limit ${user}`);
    const code = `c${this.#world.newId('')}_${Math.floor(this.#world.random() * 1e9).toString(36)}`;
    const shown = this.#deliver(licensed, content, body);
    if (hasButton) this.#codes.set(code, { at: now, used: false, shown });
    return {
      ...answer(0, 'ok'),
      invaliduser,
      unlicenseduser: known.filter((user) => unlicensed.has(user)).join('|'),
      msgid: this.#world.newId('msg'),
      ...(hasButton ? { response_code: code } : {}),
    };
  }

  update(body: Answer): Answer {
    const code = this.#codes.get(String(body['response_code']));
    const button = body['button'];
    const name =
      typeof button === 'object' && button !== null && 'replace_name' in button
        ? button.replace_name
        : undefined;
    if (typeof name !== 'string' || name === '') return answer(40058, 'replace_name missing');
    // The documents say that it is of no more use then, and not by which number.
    if (code === undefined || code.used || this.#world.now - code.at > CODE_LASTS_MS)
      return answer(40058, 'invalid response_code');
    code.used = true;
    const users: unknown[] = Array.isArray(body['userids']) ? body['userids'] : [];
    const unknown = users.filter((user) => !code.shown.has(String(user)));
    for (const user of users) {
      const id = code.shown.get(String(user));
      const old = this.#world.phone(String(user)).messages.find((message) => message.id === id);
      if (id !== undefined && old !== undefined)
        this.#world.change(id, { buttons: [], text: `${old.text}\n［${name}］` });
    }
    return { ...answer(0, 'ok'), invaliduser: unknown };
  }

  /** Asks the callback whether it is ours, as saving its address does. */
  async checkCallback(): Promise<boolean> {
    const { callback, corpId } = this.#account;
    if (callback === null) return false;
    const { now, random } = this.#world;
    const text = String(Math.floor(random() * 1e15));
    const { url, encrypted } = seal(callback, text, corpId, { now, random });
    url.searchParams.set('echostr', encrypted);
    try {
      const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
      const got = await fetch(url, { signal, redirect: 'manual' });
      return got.status === 200 && (await got.text()) === text;
    } catch {
      return false;
    }
  }

  /** Shows it to each, but for whom it is dropped. By member what the phone shows. */
  #deliver(users: readonly string[], content: Content, body: Answer): Map<string, string> {
    const { now } = this.#world;
    const ids = new Map<string, string>();
    const taskId = content.card?.taskId ?? null;
    const again = taskId !== null && this.#taskIds.get(taskId) === true;
    if (taskId !== null) this.#taskIds.set(taskId, true);
    for (const user of users) {
      const said = `${user}|${JSON.stringify({ ...body, touser: '' })}`;
      const since = now - (this.#said.get(said) ?? Number.NEGATIVE_INFINITY);
      const interval = Number(body['duplicate_check_interval'] ?? 1800) * SECOND;
      if (again) this.dropped.taskId++;
      else if (body['enable_duplicate_check'] === 1 && since < interval) this.dropped.duplicate++;
      else if (!this.#byMinute.take(user, now) || !this.#byHour.take(user, now))
        this.dropped.rate++;
      else {
        this.#said.set(said, now);
        ids.set(user, this.#show(user, content));
      }
    }
    return ids;
  }

  #show(user: string, { form, shown, card }: Content): string {
    const phone = this.#world.phone(user);
    phone.name = this.#account.members.get(user) ?? user;
    const message = this.#world.show(
      user,
      { provider: NAME, form, from: '企业微信', segments: null, ...shown },
      (reaction) => this.#react(user, card, reaction, message),
    );
    return message.id;
  }

  /** Posts the press of a button, with a code of its own that changes the card. */
  #react(user: string, card: CheckedCard | null, reaction: Reaction, message: Shown): void {
    const { callback, corpId, agentId } = this.#account;
    if (reaction.kind !== 'press' || card === null || card.taskId === null) return;
    if (callback === null || !card.shown.buttons.some(({ key }) => key === reaction.key)) return;
    // A card that was changed has no button any more.
    const shown = this.#world.phone(user).messages.find(({ id }) => id === message.id);
    if (shown === undefined || shown.buttons.length === 0) return;
    const { now, random } = this.#world;
    const code = `p${this.#world.newId('')}_${Math.floor(random() * 1e9).toString(36)}`;
    this.#codes.set(code, { at: now, used: false, shown: new Map([[user, message.id]]) });
    const values = {
      ToUserName: corpId,
      FromUserName: user,
      MsgType: 'event',
      Event: 'template_card_event',
      EventKey: reaction.key,
      TaskId: card.taskId,
      CardType: card.type,
      ResponseCode: code,
    };
    const tags = Object.entries(values).map(
      ([name, value]) => `<${name}><![CDATA[${value}]]></${name}>`,
    );
    const event = `<xml>${tags.join('')}<CreateTime>${Math.floor(now / SECOND)}</CreateTime><AgentID>${agentId}</AgentID></xml>`;
    const { url, encrypted } = seal(callback, event, corpId, { now, random });
    const body = `<xml><ToUserName><![CDATA[${corpId}]]></ToUserName><Encrypt><![CDATA[${encrypted}]]></Encrypt><AgentID><![CDATA[${agentId}]]></AgentID></xml>`;
    this.#world.postman.send({
      provider: NAME,
      url: url.href,
      make: () => ({ headers: { 'content-type': 'text/xml' }, body }),
      accepted: (status) => status === 200,
      retryAfter: PRESS_RETRIES_MS,
    });
  }
}

interface Query {
  readonly [name: string]: string;
}

function switches(app: FastifyInstance, wecom: WecomApp): void {
  app.post(`/__fake/${NAME}/revoke`, () => {
    wecom.tokens.revoke();
    return { revoked: true };
  });
  app.post(`/__fake/${NAME}/check-callback`, async () => ({ ok: await wecom.checkCallback() }));
  app.get(`/__fake/${NAME}/dropped`, () => wecom.dropped);
}

export const wecomApps = (account: WecomAccount): Provider => ({
  name: NAME,
  register(app, world) {
    const wecom = new WecomApp(world, account);
    switches(app, wecom);
    app.get<{ Querystring: Query }>('/cgi-bin/gettoken', ({ query }) => wecom.grant(query));
    const calls = { send: wecom.send, update_template_card: wecom.update } as const;
    for (const [name, call] of Object.entries(calls))
      app.post<{ Querystring: Query }>(`/cgi-bin/message/${name}`, ({ query, body }) => {
        const given = bodyObject(body);
        return wecom.refused(query['access_token'], given) ?? call.call(wecom, given ?? {});
      });
  },
});
