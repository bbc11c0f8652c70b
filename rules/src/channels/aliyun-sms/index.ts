/** SMS through Aliyun (dysmsapi, version 2017-05-25) by templates that it has approved. It is not idempotent: a message is sent once. */
import { BEIJING_OFFSET_MS, DAY, formatCountyTime, HOUR, MINUTE, SECOND } from '@village/core';
import { z } from 'zod';
import { AliyunClient, aliyunOptions, limitedUntil } from '../aliyun/call.ts';
import type {
  Channel,
  ChannelKind,
  ChannelTools,
  Heard,
  Inbound,
  Outcome,
  Outgoing,
  Receipt,
  Reply,
} from '../contract.ts';
import { Health } from '../health.ts';
import { bodyItems, field, hookSecret, provePath, refused, vendorTime } from '../hook.ts';
import { mainlandMobile } from '../numbers.ts';
import { checkedOptions } from '../options.ts';
import { approvedTemplates, approvedValues, templateFor } from '../text/approved.ts';

const schema = z.strictObject({
  ...aliyunOptions('https://dysmsapi.aliyuncs.com/'),
  /** As it was approved, without 【】. */
  signName: z.string().min(2).max(24),
  templates: approvedTemplates,
  /** Lets people answer, where the account has 上行短信. */
  extendCode: z
    .string()
    .regex(/^\d{1,10}$/)
    .optional(),
  /** Part of the address that receipts (SmsReport) and replies (SmsUp) are posted to; without it none are taken. */
  hookSecret: hookSecret.optional(),
});
export type AliyunSmsOptions = z.infer<typeof schema>;

/** What the vendor says of this person or text. */
const REJECTED = new Set([
  'isv.MOBILE_NUMBER_ILLEGAL',
  'isv.MOBILE_COUNT_OVER_LIMIT',
  'isv.TEMPLATE_MISSING_PARAMETERS',
  'isv.TEMPLATE_PARAMS_ILLEGAL',
  'isv.INVALID_PARAMETERS',
  'isv.INVALID_JSON_PARAM',
  'isv.BLACK_KEY_CONTROL_LIMIT',
  'isv.PARAM_NOT_SUPPORT_URL',
  'isv.PARAM_LENGTH_LIMIT',
  'isv.SMS_CONTENT_ILLEGAL',
]);
/** What nobody gets a message with, until the account or its settings are mended. */
const FAULTS = new Set([
  'isv.OUT_OF_SERVICE',
  'isv.AMOUNT_NOT_ENOUGH',
  'isv.PRODUCT_UN_SUBSCRIPT',
  'isv.PRODUCT_UNSUBSCRIBE',
  'isv.ACCOUNT_NOT_EXISTS',
  'isv.ACCOUNT_ABNORMAL',
  'isv.SMS_SIGNATURE_ILLEGAL',
  'isv.SMS_SIGN_ILLEGAL',
  'isv.SIGN_STATE_ILLEGAL',
  'isv.SIGN_NAME_ILLEGAL',
  'isv.SMS_TEMPLATE_ILLEGAL',
  'isv.SMS_SIGNATURE_SCENE_ILLEGAL',
  'isv.DENY_IP_RANGE',
  'isp.RAM_PERMISSION_DENY',
]);

/** Begin of the next day or month on Beijing's clock. */
function nextBegin(now: number, of: 'day' | 'month'): number {
  const local = new Date(now + BEIJING_OFFSET_MS);
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  const next = of === 'day' ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1);
  return next - BEIJING_OFFSET_MS;
}

/** What a code of SendSms other than OK means (help.aliyun.com, "API错误码"; classes: notifications C10). */
function refusal(code: string, text: string, now: number): Outcome {
  if (code === 'isv.BUSINESS_LIMIT_CONTROL')
    return { kind: 'limited', until: limitedUntil(text, now, false), of: 'person', code };
  if (code === 'isv.DAY_LIMIT_CONTROL')
    return { kind: 'limited', until: nextBegin(now, 'day'), of: 'channel', code };
  if (code === 'isv.MONTH_LIMIT_CONTROL')
    return { kind: 'limited', until: nextBegin(now, 'month'), of: 'channel', code };
  if (REJECTED.has(code)) return { kind: 'rejected', code, text };
  if (FAULTS.has(code)) return { kind: 'fault', code, text };
  if (code.startsWith('isp.')) return { kind: 'retry', code, text };
  // A word that we do not know: the vendor did not take it, and another channel may do.
  return { kind: 'rejected', code, text };
}

/** QuerySendDetails gives at most 50 in a page; nobody gets more than 50 notices in a day. */
const PAGE = 50;
const PAGES_MAX = 4;
/** The vendor's clock and ours agree to this much, where a day ends between them. */
const MIDNIGHT_MS = 10 * MINUTE;

const dayText = (at: number): string => formatCountyTime(at).slice(0, 10).replaceAll('-', '');

class AliyunSms implements Channel {
  readonly id: string;
  readonly #options: AliyunSmsOptions;
  readonly #tools: ChannelTools;
  readonly #client: AliyunClient;
  readonly #health: Health;

  constructor(id: string, options: AliyunSmsOptions, tools: ChannelTools) {
    this.id = id;
    this.#options = options;
    this.#tools = tools;
    this.#client = new AliyunClient(options, tools);
    this.#health = new Health(tools.timer.now);
  }

  async send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    return this.#health.note(await this.#send(message, signal));
  }

  async #send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const { signName, templates, extendCode } = this.#options;
    const number = mainlandMobile(message.to);
    if (number === undefined)
      return { kind: 'rejected', code: 'bad-number', text: 'no mobile number of the mainland' };
    const template = templateFor(templates, message);
    if (template === undefined)
      return {
        kind: 'rejected',
        code: 'no-template',
        text: `no template for ${message.parts.kind}`,
      };
    const now = this.#tools.timer.now();
    const values = approvedValues(template, message, { now, sign: signName, spoken: false });
    const parameters: Record<string, string> = {
      PhoneNumbers: number,
      SignName: signName,
      TemplateCode: template.id,
      TemplateParam: JSON.stringify(values),
      OutId: message.key,
      ...(extendCode === undefined ? {} : { SmsUpExtendCode: extendCode }),
    };
    const answer = await this.#client.call('SendSms', parameters, signal);
    if ('outcome' in answer) return answer.outcome;
    if (answer.code !== 'OK') return refusal(answer.code, answer.text, this.#tools.timer.now());
    return { kind: 'sent', id: field(answer.body, 'BizId') || null };
  }

  /** SmsReport and SmsUp (help.aliyun.com, document 101867): nothing is signed, and any `code` that is a number acknowledges. */
  hear(request: Inbound): Heard {
    provePath(request, this.#options.hookSecret);
    const items = bodyItems(request);
    if (items === undefined) return refused;
    const receipts: Receipt[] = [];
    const replies: Reply[] = [];
    const now = this.#tools.timer.now();
    for (const item of items) {
      if (typeof item['content'] === 'string')
        replies.push({
          id: field(item, 'sequence_id'),
          from: field(item, 'phone_number'),
          at: vendorTime(item['send_time'], now),
          text: item['content'],
          key: null,
          card: null,
        });
      else if (field(item, 'biz_id') !== '')
        receipts.push({
          id: field(item, 'biz_id'),
          ours: field(item, 'out_id') || null,
          state: item['success'] === true ? 'delivered' : 'failed',
          at: vendorTime(item['report_time'], now),
          code: field(item, 'err_code'),
        });
      else return refused;
    }
    const body = '{"code":0,"msg":"接收成功"}';
    return { receipts, replies, answer: { status: 200, type: 'application/json', body } };
  }

  async ask(sent: Parameters<NonNullable<Channel['ask']>>[0], signal: AbortSignal) {
    const receipts: Receipt[] = [];
    for (const one of sent) {
      const days = new Set([dayText(one.at), dayText(one.at + MIDNIGHT_MS)]);
      for (const day of days) {
        const receipt = await this.#details(one, day, signal);
        if (receipt === undefined) continue;
        receipts.push(receipt);
        break;
      }
    }
    return receipts;
  }

  /** What became of one message; undefined while nobody knows. Where the vendor's id is not known, ours tells which it is. */
  async #details(
    { id, key, to }: { id: string | null; key: string; to: string },
    day: string,
    signal: AbortSignal,
  ): Promise<Receipt | undefined> {
    const number = mainlandMobile(to);
    if (number === undefined) return undefined;
    for (let page = 1; page <= PAGES_MAX; page++) {
      const answer = await this.#client.call(
        'QuerySendDetails',
        {
          PhoneNumber: number,
          SendDate: day,
          PageSize: String(PAGE),
          CurrentPage: String(page),
          ...(id === null ? {} : { BizId: id }),
        },
        signal,
      );
      if ('outcome' in answer || answer.code !== 'OK') return undefined;
      const details = detailsOf(answer.body);
      const found = details.find((detail) => field(detail, 'OutId') === key);
      if (found !== undefined) return receiptOf(found, id ?? key, key, this.#tools.timer.now());
      if (details.length < PAGE) return undefined;
    }
    return undefined;
  }

  health() {
    return this.#health.told();
  }
}

function detailsOf(body: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  const list = body['SmsSendDetailDTOs'];
  const inner =
    typeof list === 'object' && list !== null && 'SmsSendDetailDTO' in list
      ? list.SmsSendDetailDTO
      : undefined;
  return Array.isArray(inner) ? inner.filter((one) => typeof one === 'object' && one !== null) : [];
}

/** SendStatus: 1 waits for the carrier, 2 failed, 3 arrived. */
function receiptOf(
  detail: Readonly<Record<string, unknown>>,
  id: string,
  ours: string,
  now: number,
): Receipt | undefined {
  const status = field(detail, 'SendStatus');
  if (status !== '2' && status !== '3') return undefined;
  return {
    id,
    ours,
    state: status === '3' ? 'delivered' : 'failed',
    at: vendorTime(detail['ReceiveDate'], now),
    code: field(detail, 'ErrCode'),
  };
}

export const aliyunSms: ChannelKind<AliyunSmsOptions> = {
  kind: 'aliyun-sms',
  title: { zh: '阿里云短信', en: 'SMS through Aliyun' },
  reaches: 'phone',
  secrets: ['accessKeySecret', 'hookSecret'],
  // Below the vendor's 50 notices in 24 hours, so that critical ones still go out of it (notifications C10).
  limits: [
    { of: 'person', most: 6, inMs: HOUR },
    { of: 'person', most: 30, inMs: DAY },
    { of: 'channel', most: 100, inMs: SECOND },
  ],
  options: (given) => checkedOptions(schema, given),
  make: (id, options, tools) => new AliyunSms(id, options, tools),
};
