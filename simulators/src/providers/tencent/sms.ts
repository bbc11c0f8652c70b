/** Tencent Cloud's SMS service (version 2021-01-11): SendSms and PullSmsSendStatusByPhoneNumber, with receipts and replies. */
import { BoundedMap, SECOND } from '@village/core';
import type { Provider } from '../provider.ts';
import { mainlandNumber, segmentsOf, vendorDay, vendorTime } from '../sms.ts';
import type { World } from '../world.ts';
import { serveTencent, TencentError, type TencentKeys } from './gateway.ts';

export interface TencentSmsTemplate {
  readonly id: string;
  /** With its variables as `{1}`. */
  readonly text: string;
  state: 'approved' | 'in-review' | 'refused';
  /** Longest value of a variable, UTF-16 units. */
  readonly longest: number;
}

export interface TencentSmsAccount extends TencentKeys {
  readonly sdkAppId: string;
  readonly signatures: Set<string>;
  readonly templates: Map<string, TencentSmsTemplate>;
  /** Messages that are paid for; null where that does not end. */
  balance: number | null;
  readonly sensitiveWords: string[];
  readonly blacklist: Set<string>;
  /** By number: in 30 seconds of the same text, in an hour (null: no limit), in a day of Beijing's clock. */
  limits: { thirtySeconds: number; hour: number | null; day: number };
  /** Switch: the vendor's own trouble, by its word. */
  trouble: 'InternalError.Timeout' | 'InternalError.OtherError' | null;
  callbackUrl: string | null;
  /** Waits before the two further attempts; the vendor says how many, not when. */
  callbackRetriesMs: readonly number[];
}

export const tencentSmsAccount = (
  given: Pick<TencentSmsAccount, 'secretId' | 'secretKey' | 'sdkAppId'> &
    Partial<TencentSmsAccount>,
): TencentSmsAccount => ({
  throttled: false,
  signatures: new Set(),
  templates: new Map(),
  balance: null,
  sensitiveWords: [],
  blacklist: new Set(),
  limits: { thirtySeconds: 1, hour: null, day: 10 },
  trouble: null,
  callbackUrl: null,
  callbackRetriesMs: [60_000, 60_000],
  ...given,
});

interface Sent {
  readonly serial: string;
  readonly context: string;
  readonly number: string;
  readonly sign: string;
  readonly text: string;
  readonly done: { readonly at: number; readonly code: string };
}

const SENT_MAX = 20_000;
const COUNTS_MAX = 200_000;
const HOUR_MS = 3600 * SECOND;

const REPORTS = { on: 'DELIVRD', off: 'EXPIRED', vacant: 'UNDELIV', refusing: 'REJECTD' } as const;

interface Refusal {
  readonly code: string;
  readonly message: string;
}

class TencentSms {
  readonly #world: World;
  readonly #account: TencentSmsAccount;
  readonly #sent: Sent[] = [];
  /** Times of the last messages, by number and by number with text. */
  readonly #times = new BoundedMap<string, number[]>(COUNTS_MAX);

  constructor(world: World, account: TencentSmsAccount) {
    this.#world = world;
    this.#account = account;
  }

  send(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const account = this.#account;
    const numbers = body['PhoneNumberSet'];
    const values = body['TemplateParamSet'] ?? [];
    const list = (value: unknown): value is string[] =>
      Array.isArray(value) && value.every((one) => typeof one === 'string');
    if (!list(numbers) || !list(values) || numbers.length === 0)
      throw new TencentError('InvalidParameter', '参数错误。');
    if (numbers.length > 200)
      throw new TencentError(
        'LimitExceeded.PhoneNumberCountLimit',
        '单次提交的手机号个数超过限制。',
      );
    if (body['SmsSdkAppId'] !== account.sdkAppId)
      throw new TencentError('InvalidParameterValue.SdkAppIdNotExist', 'SdkAppId 不存在。');
    if (account.trouble !== null) throw new TencentError(account.trouble, '请求下发短信超时。');
    const context = String(body['SessionContext'] ?? '');
    if (Buffer.byteLength(context) >= 512)
      throw new TencentError(
        'InvalidParameterValue.SessionContextLengthLimit',
        'SessionContext 太长。',
      );
    const sign = String(body['SignName'] ?? '');
    const filled = this.#fill(sign, String(body['TemplateId'] ?? ''), values);
    return {
      SendStatusSet: numbers.map((given) => {
        const number = mainlandNumber(given);
        const refused = typeof filled === 'string' ? this.#refusal(number, filled) : filled;
        if (refused !== undefined || number === undefined || typeof filled !== 'string')
          return this.#status(given, '', context, refused);
        const serial = `2645:${this.#world.newId('')}`;
        this.#accept({ serial, context, number, sign, text: `【${sign}】${filled}` });
        return this.#status(given, serial, context, undefined);
      }),
    };
  }

  #status(given: string, serial: string, context: string, refused: Refusal | undefined) {
    return {
      SerialNo: serial,
      PhoneNumber: given,
      Fee: refused === undefined ? 1 : 0,
      SessionContext: context,
      Code: refused?.code ?? 'Ok',
      Message: refused?.message ?? 'send success',
      IsoCode: 'CN',
    };
  }

  /** The text, or what is wrong for every number. */
  #fill(sign: string, id: string, values: readonly string[]): string | Refusal {
    const refused = (code: string, message: string): Refusal => ({ code, message });
    if (!this.#account.signatures.has(sign))
      return refused(
        'FailedOperation.SignatureIncorrectOrUnapproved',
        '签名格式错误或签名未审批。',
      );
    const template = this.#account.templates.get(id);
    if (template?.state !== 'approved')
      return refused(
        'FailedOperation.TemplateIncorrectOrUnapproved',
        '模板未审批或请求的内容与审批的模板不匹配。',
      );
    const declared = new Set([...template.text.matchAll(/\{(\d+)\}/g)].map(([, n]) => n));
    if (declared.size !== values.length)
      return refused(
        'FailedOperation.TemplateParamSetNotMatchApprovedTemplate',
        '请求内容与审核通过的模板内容不匹配。',
      );
    if (values.some((value) => value.length > template.longest))
      return refused(
        'InvalidParameterValue.TemplateParameterLengthLimit',
        '单个模板变量字符数超过规定长度。',
      );
    if (values.some((value) => /https?:|www\.|[a-z0-9-]+\.(com|cn|net)/i.test(value)))
      return refused(
        'InvalidParameterValue.ProhibitedUseUrlInTemplateParameter',
        '禁止在模板变量中使用 URL。',
      );
    const text = template.text.replace(/\{(\d+)\}/g, (_all, n) => values[Number(n) - 1] ?? '');
    if (text.length > 500)
      return refused('InvalidParameterValue.ContentLengthLimit', '请求的短信内容太长。');
    if (this.#account.sensitiveWords.some((word) => text.includes(word)))
      return refused('FailedOperation.ContainSensitiveWord', '短信内容中含有敏感词。');
    return text;
  }

  /** What is wrong for this number; counts it when nothing is. */
  #refusal(number: string | undefined, text: string): Refusal | undefined {
    const account = this.#account;
    const refused = (code: string, message: string): Refusal => ({ code, message });
    if (number === undefined)
      return refused('InvalidParameterValue.IncorrectPhoneNumber', '手机号格式错误。');
    if (account.blacklist.has(number))
      return refused('FailedOperation.PhoneNumberInBlacklist', '手机号在免打扰名单库中。');
    if (account.balance !== null && account.balance < 1)
      return refused(
        'FailedOperation.InsufficientBalanceInSmsPackage',
        '套餐包余量不足，请购买套餐包。',
      );
    const { now } = this.#world;
    const { thirtySeconds, hour, day } = account.limits;
    const all = this.#times.get(number) ?? [];
    const same = this.#times.get(`${number}|${text}`) ?? [];
    const within = (times: readonly number[], ms: number): number =>
      times.filter((at) => now - at < ms).length;
    if (within(same, 30 * SECOND) >= thirtySeconds)
      return refused(
        'LimitExceeded.PhoneNumberThirtySecondLimit',
        '单个手机号30秒内下发短信条数超过设定的上限。',
      );
    if (hour !== null && within(all, HOUR_MS) >= hour)
      return refused(
        'LimitExceeded.PhoneNumberOneHourLimit',
        '单个手机号1小时内下发短信条数超过设定的上限。',
      );
    if (all.filter((at) => vendorDay(at) === vendorDay(now)).length >= day)
      return refused(
        'LimitExceeded.PhoneNumberDailyLimit',
        '单个手机号日下发短信条数超过设定的上限。',
      );
    this.#times.set(number, [...all.slice(-1000), now]);
    this.#times.set(`${number}|${text}`, [...same.slice(-1000), now]);
    if (account.balance !== null) account.balance--;
    return undefined;
  }

  #accept(given: Omit<Sent, 'done'>): void {
    const { state } = this.#world.phone(given.number);
    const done = { at: this.#world.now + this.#world.postman.manner.delayMs, code: REPORTS[state] };
    const sent: Sent = { ...given, done };
    this.#sent.push(sent);
    if (this.#sent.length > SENT_MAX) this.#sent.shift();
    const { number, text, sign } = sent;
    if (state === 'on')
      this.#world.show(
        number,
        {
          provider: 'tencent-sms',
          form: 'sms',
          from: sign,
          text,
          segments: segmentsOf(text),
          link: null,
          buttons: [],
        },
        (reaction) => {
          if (reaction.kind === 'reply') this.#replied(number, reaction.text, sign);
        },
      );
    this.#post([
      {
        user_receive_time: vendorTime(done.at),
        nationcode: '86',
        mobile: number,
        report_status: done.code === REPORTS.on ? 'SUCCESS' : 'FAIL',
        errmsg: done.code,
        description: done.code === REPORTS.on ? '用户短信送达成功' : '用户短信送达失败',
        sid: sent.serial,
        ext: sent.context,
      },
    ]);
  }

  #replied(mobile: string, text: string, sign: string): void {
    const time = Math.floor(this.#world.now / SECOND);
    this.#post({ extend: '', mobile, nationcode: '86', sign, text, time });
  }

  #post(content: unknown): void {
    this.#world.postman.send({
      provider: 'tencent-sms',
      url: this.#account.callbackUrl,
      make: () => ({
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(content),
      }),
      accepted: (status, body) => status === 200 && /"result"\s*:\s*0/.test(body),
      retryAfter: this.#account.callbackRetriesMs,
    });
  }

  /** What became of the messages to one number since BeginTime, at most 100 (document 382/52067). */
  statuses(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
    const number = mainlandNumber(String(body['PhoneNumber'] ?? ''));
    const { BeginTime: begin, EndTime: end, Limit: limit, Offset: offset } = body;
    if (body['SmsSdkAppId'] !== this.#account.sdkAppId)
      throw new TencentError('InvalidParameterValue.SdkAppIdNotExist', 'SdkAppId 不存在。');
    if (number === undefined)
      throw new TencentError('InvalidParameterValue.IncorrectPhoneNumber', '手机号格式错误。');
    if (typeof begin !== 'number' || typeof limit !== 'number' || offset !== 0 || limit > 100)
      throw new TencentError('InvalidParameter', '参数错误。');
    const last = typeof end === 'number' ? end : Number.POSITIVE_INFINITY;
    return {
      PullSmsSendStatusSet: this.#sent
        .filter(({ number: own, done }) => {
          const at = Math.floor(done.at / SECOND);
          return own === number && done.at <= this.#world.now && at >= begin && at <= last;
        })
        .slice(0, limit)
        .map(({ serial, context, done }) => ({
          UserReceiveTime: Math.floor(done.at / SECOND),
          CountryCode: '86',
          SubscriberNumber: number,
          PhoneNumber: `+86${number}`,
          SerialNo: serial,
          ReportStatus: done.code === REPORTS.on ? 'SUCCESS' : 'FAIL',
          Description: done.code,
          SessionContext: context,
        })),
    };
  }
}

export const tencentSms = (account: TencentSmsAccount): Provider => ({
  name: 'tencent-sms',
  atRoot: ({ headers }) => headers['x-tc-action'] !== undefined,
  register(app, world) {
    const sms = new TencentSms(world, account);
    serveTencent(app, world, {
      name: 'tencent-sms',
      keys: account,
      version: '2021-01-11',
      actions: {
        SendSms: (body) => sms.send(body),
        PullSmsSendStatusByPhoneNumber: (body) => sms.statuses(body),
      },
    });
  },
});
