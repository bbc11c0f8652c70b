/** Aliyun's SMS service (dysmsapi, version 2017-05-25): SendSms and QuerySendDetails with receipts (SmsReport) and replies (SmsUp). */
import type { Provider } from '../provider.ts';
import { mainlandNumber, segmentsOf, vendorDay, vendorTime } from '../sms.ts';
import type { World } from '../world.ts';
import { type AliyunKeys, actionOf, isAliyun, type Parameters, serveAliyun } from './gateway.ts';
import { SmsLimits } from './limits.ts';

export interface AliyunSmsTemplate {
  readonly code: string;
  readonly type: 'notice' | 'code' | 'promotion';
  /** With its variables as `${name}`. */
  readonly text: string;
  /** Mutable: templates expire and are taken back. */
  state: 'approved' | 'in-review' | 'refused';
  /** Longest value of each variable, UTF-16 units; those that are not named are refused. */
  readonly variables: Readonly<Record<string, number>>;
}

export interface AliyunSmsAccount extends AliyunKeys {
  readonly signatures: Map<string, 'approved' | 'in-review' | 'unregistered'>;
  readonly templates: Map<string, AliyunSmsTemplate>;
  /** Messages that are paid for; null where that does not end. */
  balance: number | null;
  /** What the account's owner allows itself in a day and in a month of Beijing's clock, in messages; null without a cap. */
  caps: { day: number | null; month: number | null };
  /** Numbers without limits at this vendor. */
  readonly exempt: Set<string>;
  readonly sensitiveWords: string[];
  /** Switches of the account: addresses that may not ask, a key without the right, the vendor's own trouble. */
  deniedAddress: boolean;
  deniedRight: boolean;
  trouble: boolean;
  receiptUrl: string | null;
  replyUrl: string | null;
}

/** An account with a signature and no template, for tests and the demonstration. */
export const aliyunSmsAccount = (
  given: Pick<AliyunSmsAccount, 'accessKeyId' | 'accessKeySecret'> & Partial<AliyunSmsAccount>,
): AliyunSmsAccount => ({
  throttled: false,
  signatures: new Map(),
  templates: new Map(),
  balance: null,
  caps: { day: null, month: null },
  exempt: new Set(),
  sensitiveWords: [],
  deniedAddress: false,
  deniedRight: false,
  trouble: false,
  receiptUrl: null,
  replyUrl: null,
  ...given,
});

/** One number of one call. */
interface Sent {
  readonly bizId: string;
  readonly outId: string;
  readonly number: string;
  readonly content: string;
  readonly template: string;
  readonly at: number;
  /** When the carrier tells what became of it, and what. */
  readonly done: { readonly at: number; readonly code: string };
}

/** SmsReport is posted again after 1, 5 and 10 minutes, and then no more (help.aliyun.com, document 101867). */
const RECEIPT_RETRIES_MS = [60_000, 300_000, 600_000];
const SENT_MAX = 20_000;

const refusal = (code: string, message: string): Record<string, unknown> => ({
  Code: code,
  Message: message,
});

/** What carriers report of a phone in that state. */
const REPORTS = {
  on: 'DELIVERED',
  off: 'EXPIRED',
  vacant: 'MOBILE_NOT_ON_SERVICE',
  refusing: 'REJECT',
} as const;

class AliyunSms {
  readonly #world: World;
  readonly #account: AliyunSmsAccount;
  readonly #limits = new SmsLimits();
  readonly #sent: Sent[] = [];

  constructor(world: World, account: AliyunSmsAccount) {
    this.#world = world;
    this.#account = account;
  }

  send(parameters: Parameters): Record<string, unknown> {
    const { now } = this.#world;
    const account = this.#account;
    if (account.trouble) return refusal('isp.SYSTEM_ERROR', '系统错误');
    if (account.deniedRight) return refusal('isp.RAM_PERMISSION_DENY', 'RAM权限不足');
    if (account.deniedAddress) return refusal('isv.DENY_IP_RANGE', '源IP地址所在的地区被禁用');
    const numbers = (parameters['PhoneNumbers'] ?? '').split(',');
    if (numbers.length > 1000)
      return refusal('isv.MOBILE_COUNT_OVER_LIMIT', '手机号码数量超过限制');
    const called = numbers.map(mainlandNumber).filter((number) => number !== undefined);
    if (called.length < numbers.length)
      return refusal(
        'isv.MOBILE_NUMBER_ILLEGAL',
        `${parameters['PhoneNumbers'] ?? ''}invalid mobile number`,
      );
    const sign = parameters['SignName'] ?? '';
    const signed = account.signatures.get(sign);
    if (signed === undefined) return refusal('isv.SMS_SIGNATURE_ILLEGAL', '该账号下找不到对应签名');
    if (signed !== 'approved') return refusal('isv.SIGN_STATE_ILLEGAL', '签名状态不可用');
    const filled = this.#fill(parameters);
    if ('Code' in filled) return filled;
    const { template, text } = filled;
    const wanting = account.balance !== null && account.balance < called.length;
    if (wanting) return refusal('isv.AMOUNT_NOT_ENOUGH', '账户余额不足');
    const capped = this.#capped(now);
    if (capped !== undefined) return capped;
    for (const number of called) {
      if (account.exempt.has(number)) continue;
      const limited = this.#limits.count(template.type, sign, template.code, number, now);
      if (limited !== undefined)
        return refusal(
          'isv.BUSINESS_LIMIT_CONTROL',
          `触发${limited.window}级流控Permits:${limited.permits}`,
        );
    }
    const bizId = `${this.#world.newId('')}^${Math.floor(this.#world.random() * 1e6)}`;
    for (const number of called)
      this.#accept({
        bizId,
        outId: parameters['OutId'] ?? '',
        number,
        content: `【${sign}】${text}`,
        template: template.code,
        at: now,
        done: {
          at: now + this.#world.postman.manner.delayMs,
          code: REPORTS[this.#world.phone(number).state],
        },
      });
    return { Code: 'OK', Message: 'OK', BizId: bizId };
  }

  /** What the account's own caps say, by what was sent in this day and month. */
  #capped(now: number): Record<string, unknown> | undefined {
    const { day, month } = this.#account.caps;
    const sentIn = (digits: number): number => {
      const span = vendorDay(now).slice(0, digits);
      return this.#sent.filter(({ at }) => vendorDay(at).slice(0, digits) === span).length;
    };
    if (day !== null && sentIn(8) >= day) return refusal('isv.DAY_LIMIT_CONTROL', '触发日发送限额');
    if (month !== null && sentIn(6) >= month)
      return refusal('isv.MONTH_LIMIT_CONTROL', '触发月发送限额');
    return undefined;
  }

  /** The template with its variables, or what is wrong with them. */
  #fill(
    parameters: Parameters,
  ): { template: AliyunSmsTemplate; text: string } | Record<'Code' | 'Message', unknown> {
    const illegal = (code: string, message: string) => ({ Code: code, Message: message });
    const template = this.#account.templates.get(parameters['TemplateCode'] ?? '');
    if (template === undefined || template.state !== 'approved')
      return illegal('isv.SMS_TEMPLATE_ILLEGAL', '模板不合法');
    let values: unknown;
    try {
      values = JSON.parse(parameters['TemplateParam'] || '{}');
    } catch {
      return illegal('isv.INVALID_JSON_PARAM', 'JSON参数不合法');
    }
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      return illegal('isv.INVALID_JSON_PARAM', 'JSON参数不合法');
    const given = values as Record<string, unknown>;
    let { text } = template;
    for (const [name, longest] of Object.entries(template.variables)) {
      const value = given[name];
      if (value === undefined || value === '')
        return illegal('isv.TEMPLATE_MISSING_PARAMETERS', '模版缺少变量');
      if (typeof value !== 'string') return illegal('isv.INVALID_PARAMETERS', '参数格式不正确');
      if (value.length > longest)
        return illegal('isv.PARAM_LENGTH_LIMIT', `参数超过长度限制：${name}`);
      if (/https?:|www\.|[a-z0-9-]+\.(com|cn|net)/i.test(value))
        return illegal('isv.PARAM_NOT_SUPPORT_URL', '变量不支持传入URL');
      if (/[【】]/.test(value))
        return illegal('isv.SMS_CONTENT_ILLEGAL', '短信内容包含禁止发送内容');
      if (this.#account.sensitiveWords.some((word) => value.includes(word)))
        return illegal('isv.BLACK_KEY_CONTROL_LIMIT', '黑名单管控');
      text = text.replaceAll(`\${${name}}`, value);
    }
    return { template, text };
  }

  #accept(sent: Sent): void {
    const account = this.#account;
    if (account.balance !== null) account.balance--;
    this.#sent.push(sent);
    if (this.#sent.length > SENT_MAX) this.#sent.shift();
    const { content, number } = sent;
    const end = content.indexOf('】');
    if (sent.done.code === REPORTS.on)
      this.#world.show(
        number,
        {
          provider: 'aliyun-sms',
          form: 'sms',
          from: content.slice(1, end),
          text: content,
          segments: segmentsOf(content),
          link: null,
          buttons: [],
        },
        (reaction) => {
          if (reaction.kind === 'reply')
            this.#replied(number, reaction.text, content.slice(1, end));
        },
      );
    this.#report(sent);
  }

  #report({ bizId, outId, number, at, content, done }: Sent): void {
    const { code } = done;
    const report = {
      phone_number: number,
      send_time: vendorTime(at),
      report_time: vendorTime(done.at),
      success: code === 'DELIVERED',
      err_code: code,
      err_msg: code === 'DELIVERED' ? '用户接收成功' : '用户接收失败',
      sms_size: String(segmentsOf(content)),
      biz_id: bizId,
      out_id: outId,
    };
    this.#post(this.#account.receiptUrl, report);
  }

  #replied(number: string, text: string, sign: string): void {
    this.#post(this.#account.replyUrl, {
      phone_number: number,
      send_time: vendorTime(this.#world.now),
      content: text,
      sign_name: sign,
      dest_code: '1069',
      sequence_id: Number(this.#world.newId('')),
    });
  }

  #post(url: string | null, item: Record<string, unknown>): void {
    this.#world.postman.send({
      provider: 'aliyun-sms',
      url,
      make: () => ({
        headers: { 'content-type': 'application/json;charset=UTF-8' },
        body: JSON.stringify([item]),
      }),
      accepted: (status, body) => status === 200 && /"code"\s*:\s*-?\d/.test(body),
      retryAfter: RECEIPT_RETRIES_MS,
    });
  }

  /** The details of one number's day, newest first, in pages of 50 at most (help.aliyun.com, QuerySendDetails). */
  details(parameters: Parameters): Record<string, unknown> {
    const number = mainlandNumber(parameters['PhoneNumber'] ?? '');
    const size = Number(parameters['PageSize']);
    const page = Number(parameters['CurrentPage']);
    if (number === undefined) return refusal('isv.MOBILE_NUMBER_ILLEGAL', '手机号码格式错误');
    if (!(size >= 1 && size <= 50 && page >= 1) || !/^\d{8}$/.test(parameters['SendDate'] ?? ''))
      return refusal('isv.INVALID_PARAMETERS', '参数格式不正确');
    const found = this.#sent
      .filter(
        (sent) =>
          sent.number === number &&
          vendorDay(sent.at) === parameters['SendDate'] &&
          (parameters['BizId'] === undefined || sent.bizId === parameters['BizId']),
      )
      .reverse();
    const shown = found.slice((page - 1) * size, page * size).map(({ done, ...sent }) => {
      const told = done.at <= this.#world.now;
      return {
        PhoneNum: sent.number,
        SendDate: vendorTime(sent.at),
        ReceiveDate: told ? vendorTime(done.at) : '',
        SendStatus: !told ? 1 : done.code === REPORTS.on ? 3 : 2,
        ErrCode: told ? done.code : '',
        TemplateCode: sent.template,
        Content: sent.content,
        OutId: sent.outId,
      };
    });
    return {
      Code: 'OK',
      Message: 'OK',
      TotalCount: found.length,
      SmsSendDetailDTOs: { SmsSendDetailDTO: shown },
    };
  }
}

export const aliyunSms = (account: AliyunSmsAccount): Provider => ({
  name: 'aliyun-sms',
  // What names no action of another API of Aliyun.
  atRoot: (head) => isAliyun(head) && !(actionOf(head) ?? '').includes('Call'),
  register(app, world) {
    const sms = new AliyunSms(world, account);
    serveAliyun(app, world, {
      name: 'aliyun-sms',
      keys: account,
      version: '2017-05-25',
      actions: {
        SendSms: (parameters) => sms.send(parameters),
        QuerySendDetails: (parameters) => sms.details(parameters),
      },
    });
  },
});
