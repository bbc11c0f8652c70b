/** SMS through Tencent Cloud (SendSms, version 2021-01-11) by templates that it has approved. */
import { BEIJING_OFFSET_MS, DAY, HOUR, MINUTE, SECOND } from '@village/core';
import { z } from 'zod';
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
import { objectOf, outcomeOf, said } from '../http/answers.ts';
import { exchange } from '../http/exchange.ts';
import { mainlandMobile } from '../numbers.ts';
import { baseUrl, checkedOptions, secret, timeoutMs } from '../options.ts';
import { approvedTemplates, approvedValues, templateFor } from '../text/approved.ts';
import { variablesOf } from '../text/template.ts';
import { signTc3 } from './signer.ts';

const schema = z.strictObject({
  baseUrl: baseUrl('https://sms.tencentcloudapi.com/'),
  secretId: secret,
  secretKey: secret,
  region: z
    .string()
    .regex(/^[a-z]+-[a-z]+(-\d)?$/)
    .default('ap-guangzhou'),
  sdkAppId: z.string().regex(/^\d{5,20}$/),
  /** As it was approved, without 【】. */
  signName: z.string().min(2).max(24),
  /** `{1}`, `{2}` … of the approved text are our variables in the order in which they stand first. */
  templates: approvedTemplates,
  /** Lets people answer, where the account has 短信回复. */
  extendCode: z
    .string()
    .regex(/^\d{1,6}$/)
    .optional(),
  hookSecret: hookSecret.optional(),
  timeoutMs,
});
export type TencentSmsOptions = z.infer<typeof schema>;

const VERSION = '2021-01-11';
const CONTENT_TYPE = 'application/json; charset=utf-8';
/** Above the vendor's 3,000 a second; it says no time. */
const BUSY_MS = 5 * SECOND;

const nextDay = (now: number): number =>
  (Math.floor((now + BEIJING_OFFSET_MS) / DAY) + 1) * DAY - BEIJING_OFFSET_MS;

/** How long a number has to be left alone. Days are Beijing's; of what we do not know it is looked at again in an hour. */
function limitedUntil(code: string, now: number): number {
  if (code.endsWith('ThirtySecondLimit')) return now + 30 * SECOND;
  if (code.endsWith('OneHourLimit')) return now + HOUR;
  if (/Daily|SameContentDaily/.test(code)) return nextDay(now);
  return now + (code.endsWith('DeliveryFrequencyLimit') ? MINUTE : HOUR);
}

/** Of this person or text (document 382/59177; classes: notifications C10). */
const REJECTED =
  /^(FailedOperation\.(ContainSensitiveWord|PhoneNumberInBlacklist|TemplateParamSetNotMatchApprovedTemplate|ForbidAddMarketingTemplates|JsonParseFail)|InvalidParameterValue\.(IncorrectPhoneNumber|ContentLengthLimit|TemplateParameterLengthLimit|TemplateParameterFormatError|ProhibitedUseUrlInTemplateParameter|InvalidSmsTextLength)|UnsupportedOperation\..*)$/;
/** Of the account, its keys or what it has approved. */
const FAULTS =
  /^(AuthFailure|UnauthorizedOperation|InvalidAction|NoSuchVersion|InvalidParameter$|MissingParameter|UnknownParameter|FailedOperation\.(TemplateIncorrectOrUnapproved|SignatureIncorrectOrUnapproved|InsufficientBalanceInSmsPackage|FailResolvePacket|MarketingSendTimeConstraint)|InvalidParameterValue\.(SdkAppIdNotExist|TemplateWithDirtyWords|ImageInvalid))/;

function refusal(code: string, text: string, now: number): Outcome {
  if (code === 'RequestLimitExceeded' || code.startsWith('RequestLimitExceeded.'))
    return { kind: 'limited', until: now + BUSY_MS, of: 'channel', code };
  if (code.startsWith('LimitExceeded.AppDaily') || code.startsWith('LimitExceeded.Daily'))
    return { kind: 'limited', until: nextDay(now), of: 'channel', code };
  if (code.startsWith('LimitExceeded.'))
    return { kind: 'limited', until: limitedUntil(code, now), of: 'person', code };
  // The vendor's own time-out on the way to the carrier: it may have been handed over.
  if (code === 'InternalError.Timeout') return { kind: 'unknown', id: null, text: code };
  if (code.startsWith('InternalError')) return { kind: 'retry', code, text };
  if (REJECTED.test(code)) return { kind: 'rejected', code, text };
  if (FAULTS.test(code)) return { kind: 'fault', code, text };
  return { kind: 'rejected', code, text };
}

type Answer =
  | { readonly response: Readonly<Record<string, unknown>> }
  | { readonly outcome: Outcome };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

class TencentSms implements Channel {
  readonly id: string;
  readonly #options: TencentSmsOptions;
  readonly #tools: ChannelTools;
  readonly #health: Health;

  constructor(id: string, options: TencentSmsOptions, tools: ChannelTools) {
    this.id = id;
    this.#options = options;
    this.#tools = tools;
    this.#health = new Health(tools.timer.now);
  }

  async #call(action: string, content: object, signal: AbortSignal): Promise<Answer> {
    const { region, timeoutMs: most, secretKey } = this.#options;
    const url = new URL(this.#options.baseUrl);
    const body = JSON.stringify(content);
    const at = this.#tools.timer.now();
    const call = { service: 'sms', host: url.host, contentType: CONTENT_TYPE, body, at };
    const answer = await exchange({
      url,
      method: 'POST',
      headers: {
        host: url.host,
        'content-type': CONTENT_TYPE,
        'x-tc-action': action,
        'x-tc-version': VERSION,
        'x-tc-region': region,
        'x-tc-timestamp': String(Math.floor(at / SECOND)),
        authorization: signTc3(call, this.#options),
      },
      body,
      timeoutMs: most,
      signal,
    });
    const now = this.#tools.timer.now();
    const response = objectOf(answer)?.['Response'];
    if (!isObject(response)) return { outcome: outcomeOf(answer, now) };
    const error = response['Error'];
    if (!isObject(error)) return { response };
    const text = said(error['Message'], [secretKey]);
    return { outcome: refusal(field(error, 'Code'), text, now) };
  }

  async send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    return this.#health.note(await this.#send(message, signal));
  }

  async #send(message: Outgoing, signal: AbortSignal): Promise<Outcome> {
    const { signName, templates, sdkAppId, extendCode, secretKey } = this.#options;
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
    const answer = await this.#call(
      'SendSms',
      {
        PhoneNumberSet: [`+86${number}`],
        SmsSdkAppId: sdkAppId,
        SignName: signName,
        TemplateId: template.id,
        TemplateParamSet: variablesOf(template.text).map((name) => values[name] ?? ''),
        SessionContext: message.key,
        ...(extendCode === undefined ? {} : { ExtendCode: extendCode }),
      },
      signal,
    );
    if ('outcome' in answer) return answer.outcome;
    // The answer is of one number: what became of it stands beside that, not in an error of the call.
    const set = answer.response['SendStatusSet'];
    const status: unknown = Array.isArray(set) ? set[0] : undefined;
    if (!isObject(status) || field(status, 'Code') === '')
      return { kind: 'unknown', id: null, text: 'the answer says nothing of the number' };
    const code = field(status, 'Code');
    if (code !== 'Ok')
      return refusal(code, said(status['Message'], [secretKey]), this.#tools.timer.now());
    return { kind: 'sent', id: field(status, 'SerialNo') || null };
  }

  /** Receipts come as an array, an answer of a person as an object (documents 382/59178, 382/52071): nothing is signed. */
  hear(request: Inbound): Heard {
    provePath(request, this.#options.hookSecret);
    const items = bodyItems(request);
    if (items === undefined) return refused;
    const receipts: Receipt[] = [];
    const replies: Reply[] = [];
    const now = this.#tools.timer.now();
    for (const item of items) {
      if (field(item, 'sid') !== '')
        receipts.push({
          id: field(item, 'sid'),
          ours: field(item, 'ext') || null,
          state: item['report_status'] === 'SUCCESS' ? 'delivered' : 'failed',
          at: vendorTime(item['user_receive_time'], now),
          code: field(item, 'errmsg'),
        });
      else if (typeof item['text'] === 'string' && field(item, 'mobile') !== '')
        replies.push(replyOf(item, item['text'], now));
      else return refused;
    }
    const body = '{"result":0,"errmsg":"OK"}';
    return { receipts, replies, answer: { status: 200, type: 'application/json', body } };
  }

  /** By number: the vendor's other question (PullSmsSendStatus) gives each answer once, and what is lost on the way is lost. */
  async ask(sent: Parameters<NonNullable<Channel['ask']>>[0], signal: AbortSignal) {
    const receipts: Receipt[] = [];
    for (const { id, key, to, at } of sent) {
      const number = mainlandMobile(to);
      if (number === undefined) continue;
      const answer = await this.#call(
        'PullSmsSendStatusByPhoneNumber',
        {
          PhoneNumber: `+86${number}`,
          SmsSdkAppId: this.#options.sdkAppId,
          BeginTime: Math.floor((at - MINUTE) / SECOND),
          Offset: 0,
          Limit: 100,
        },
        signal,
      );
      if ('outcome' in answer) continue;
      const set = answer.response['PullSmsSendStatusSet'];
      const found = (Array.isArray(set) ? set : [])
        .filter(isObject)
        .find((one) =>
          id === null ? field(one, 'SessionContext') === key : field(one, 'SerialNo') === id,
        );
      if (found === undefined) continue;
      receipts.push({
        id: id ?? key,
        ours: key,
        state: found['ReportStatus'] === 'SUCCESS' ? 'delivered' : 'failed',
        at: Number(field(found, 'UserReceiveTime')) * SECOND,
        code: field(found, 'Description'),
      });
    }
    return receipts;
  }

  health() {
    return this.#health.told();
  }
}

/** The vendor gives answers no id: who, when and what is one. */
function replyOf(item: Readonly<Record<string, unknown>>, text: string, now: number): Reply {
  const from = field(item, 'mobile');
  const time = Number(field(item, 'time'));
  return {
    id: `${from}:${field(item, 'time')}:${text.slice(0, 40)}`,
    from,
    at: Number.isFinite(time) && time > 0 ? time * SECOND : now,
    text,
    key: null,
    card: null,
  };
}

export const tencentSms: ChannelKind<TencentSmsOptions> = {
  kind: 'tencent-sms',
  title: { zh: '腾讯云短信', en: 'SMS through Tencent Cloud' },
  reaches: 'phone',
  secrets: ['secretKey', 'hookSecret'],
  // Below the vendor's ten a day to one number, so that a critical one still goes out.
  limits: [
    { of: 'person', most: 4, inMs: HOUR },
    { of: 'person', most: 8, inMs: DAY },
    { of: 'channel', most: 100, inMs: SECOND },
  ],
  options: (given) => checkedOptions(schema, given),
  make: (id, options, tools) => new TencentSms(id, options, tools),
};
