/**
 * An app of WeChat, a service account or a mini program: its stable token (developers.weixin.qq.com, getStableAccessToken) and its
 * calls. A stable token does not end when somebody else asks for one.
 */
import { BEIJING_OFFSET_MS, DAY, MINUTE, SECOND, type Timer } from '@village/core';
import type { ChannelHealth, Outcome } from '../contract.ts';
import type { CodeTable } from '../http/codes.ts';
import { type CallWays, callWeixin } from './calls.ts';
import { type Granted, TokenKeeper } from './token.ts';

/** At least so long between two refreshes that are forced, of which there are twenty a day. */
const FORCE_PAUSE_MS = MINUTE;

const codes: CodeTable = {
  // Secret, app, token, address, rights; a token is refreshed before it gets here. An unknown template (40037) is one of several.
  fault: [40001, 40013, 40014, 40125, 40164, 41002, 41004, 42001, 48001, 50002, 89503],
  retry: [-1],
  limited: {
    // Calls in a minute; messages to one person, of which the community says that they come in bursts.
    45011: { of: 'channel', ms: MINUTE },
    43117: { of: 'person', ms: 10 * MINUTE },
  },
};
/** What means that the token is not, or no longer, good. */
const STALE = [40001, 40014, 42001];
/** The day's calls are used up; days are Beijing's. */
const DAY_USED = 45009;

const nextDay = (now: number): number =>
  (Math.floor((now + BEIJING_OFFSET_MS) / DAY) + 1) * DAY - BEIJING_OFFSET_MS;

export interface WechatAppOptions {
  readonly appId: string;
  readonly appSecret: string;
  readonly baseUrl: string;
  readonly timeoutMs: number;
}

export class WechatApp {
  readonly #options: WechatAppOptions;
  readonly #timer: Timer;
  readonly #ways: CallWays;
  readonly #tokens: TokenKeeper;
  /** Elapsed time of the last refresh that was forced. */
  #forced = Number.NEGATIVE_INFINITY;

  /** `secrets` are told nowhere, besides the app's own. */
  constructor(options: WechatAppOptions, secrets: readonly string[], timer: Timer) {
    const { baseUrl, timeoutMs, appSecret } = options;
    this.#options = options;
    this.#timer = timer;
    this.#ways = { timer, baseUrl, timeoutMs, codes, secrets: [appSecret, ...secrets] };
    this.#tokens = new TokenKeeper(timer, (refused, signal) => this.#ask(refused, signal));
  }

  /** Posts with a token. `read` says what an answer without an error means. @throws nothing */
  call(
    path: string,
    body: unknown,
    signal: AbortSignal,
    read: (json: Readonly<Record<string, unknown>>) => Outcome,
  ): Promise<Outcome> {
    return this.#tokens.call(async (token) => {
      const called = await callWeixin(this.#ways, path, {
        query: { access_token: token },
        body,
        secrets: [token],
        signal,
      });
      if ('json' in called) return read(called.json);
      const { errcode, outcome } = called;
      if (errcode !== null && STALE.includes(errcode)) return null;
      return errcode === DAY_USED ? this.#dayUsed() : outcome;
    }, signal);
  }

  told(): ChannelHealth['token'] {
    return this.#tokens.told();
  }

  close(): void {
    this.#tokens.close();
  }

  #dayUsed(): Outcome {
    const until = nextDay(this.#timer.now());
    return { kind: 'limited', until, of: 'channel', code: String(DAY_USED) };
  }

  /** The one that holds; where that is the one that was refused, a new one. */
  async #ask(refused: string | null, signal: AbortSignal): Promise<Granted> {
    const usual = await this.#askOnce(false, signal);
    if ('outcome' in usual || usual.grant.token !== refused) return usual;
    const now = this.#timer.elapsed();
    if (now - this.#forced < FORCE_PAUSE_MS)
      return {
        outcome: { kind: 'retry', code: 'token', text: 'the token was refused and is still given' },
      };
    this.#forced = now;
    return this.#askOnce(true, signal);
  }

  async #askOnce(force: boolean, signal: AbortSignal): Promise<Granted> {
    const { appId, appSecret } = this.#options;
    const body = {
      grant_type: 'client_credential',
      appid: appId,
      secret: appSecret,
      force_refresh: force,
    };
    const called = await callWeixin(this.#ways, '/cgi-bin/stable_token', { body, signal });
    if ('outcome' in called)
      return called.errcode === DAY_USED ? { outcome: this.#dayUsed() } : called;
    const { access_token: token, expires_in: seconds } = called.json;
    return typeof token === 'string' && typeof seconds === 'number' && seconds > 0
      ? { grant: { token, lastsMs: seconds * SECOND } }
      : { outcome: { kind: 'retry', code: 'token', text: 'the answer has no token' } };
  }
}
