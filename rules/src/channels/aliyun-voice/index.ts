/** Calls through Aliyun that say an approved text (dyvmsapi, SingleCallByTts). A call that was taken counts, whether anybody answers. */
import { createHash } from 'node:crypto';
import { BEIJING_OFFSET_MS, DAY, HOUR, MINUTE } from '@village/core';
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
} from '../contract.ts';
import { Health } from '../health.ts';
import { bodyItems, field, hookSecret, provePath, refused, vendorTime } from '../hook.ts';
import { mainlandMobile } from '../numbers.ts';
import { checkedOptions } from '../options.ts';
import { approvedTemplates, approvedValues, templateFor } from '../text/approved.ts';
import { fillTemplate } from '../text/template.ts';

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time such as 21:00');

const schema = z.strictObject({
  ...aliyunOptions('https://dyvmsapi.aliyuncs.com/'),
  templates: approvedTemplates,
  /** A number of one's own (专属模式); without it the vendor's pool calls. */
  calledShowNumber: z
    .string()
    .regex(/^[\d-]{3,20}$/)
    .optional(),
  /** How often the text is said. */
  playTimes: z.int().min(1).max(3).default(2),
  volume: z.int().min(0).max(100).default(100),
  /** -500 to 500: half to double the usual speed. */
  speed: z.int().min(-500).max(500).default(0),
  /** When the vendor calls nobody, on Beijing's clock; accounts differ, and the vendor's console itself has 12:00-14:00 and 21:00-09:00. */
  quiet: z
    .array(z.strictObject({ from: clockTime, to: clockTime }))
    .max(8)
    .default([]),
  /** Part of the address that receipts (VoiceReport) are posted to; without it none are taken. */
  hookSecret: hookSecret.optional(),
});
export type AliyunVoiceOptions = z.infer<typeof schema>;

const REJECTED = new Set([
  'isv.MOBILE_NUMBER_ILLEGAL',
  'isv.TEMPLATE_MISSING_PARAMETERS',
  'isv.INVALID_PARAMETERS',
  'isv.INVALID_JSON_PARAM',
  'isv.PARAM_LENGTH_LIMIT',
  'isv.PARAM_NOT_SUPPORT_URL',
  'isv.BLACK_KEY_CONTROL_LIMIT',
]);
const FAULTS = new Set([
  'isv.OUT_OF_SERVICE',
  'isv.AMOUNT_NOT_ENOUGH',
  'isv.PRODUCT_UN_SUBSCRIPT',
  'isv.ACCOUNT_NOT_EXISTS',
  'isv.ACCOUNT_ABNORMAL',
  'isv.TTS_TEMPLATE_ILLEGAL',
  'isv.VOICE_FILE_ILLEGAL',
  'isv.DISPLAY_NUMBER_ILLEGAL',
  'isv.DENY_IP_RANGE',
  'isp.RAM_PERMISSION_DENY',
]);

function refusal(code: string, text: string, now: number): Outcome {
  if (code === 'isv.BUSINESS_LIMIT_CONTROL')
    return { kind: 'limited', until: limitedUntil(text, now, true), of: 'person', code };
  if (REJECTED.has(code)) return { kind: 'rejected', code, text };
  if (FAULTS.has(code)) return { kind: 'fault', code, text };
  if (code.startsWith('isp.')) return { kind: 'retry', code, text };
  return { kind: 'rejected', code, text };
}

const minutesOf = (time: string): number =>
  Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** When the quiet time that holds now ends, ms; undefined outside of all. */
function quietUntil(quiet: AliyunVoiceOptions['quiet'], now: number): number | undefined {
  const midnight = Math.floor((now + BEIJING_OFFSET_MS) / DAY) * DAY - BEIJING_OFFSET_MS;
  const ends = quiet.flatMap(({ from, to }) => {
    const begin = minutesOf(from) * MINUTE;
    const length = (minutesOf(to) * MINUTE - begin + DAY) % DAY;
    return [midnight - DAY + begin, midnight + begin]
      .filter((at) => now >= at && now < at + length)
      .map((at) => at + length);
  });
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** All variables together have fewer characters than this (document 114035). */
const VALUES_MAX = 249;

/** Our name of a call in receipts, of at most 15 bytes, which a key does not fit into: 64 bits of its hash. */
export const outIdOf = (key: string): string =>
  BigInt(`0x${createHash('sha256').update(key).digest('hex').slice(0, 16)}`).toString(36);

class AliyunVoice implements Channel {
  readonly id: string;
  readonly #options: AliyunVoiceOptions;
  readonly #tools: ChannelTools;
  readonly #client: AliyunClient;
  readonly #health: Health;

  constructor(id: string, options: AliyunVoiceOptions, tools: ChannelTools) {
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
    const { templates, calledShowNumber, playTimes, volume, speed, quiet } = this.#options;
    const now = this.#tools.timer.now();
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
    const until = quietUntil(quiet, now);
    if (until !== undefined) return { kind: 'limited', until, of: 'channel', code: 'quiet-hours' };
    // Its own text is not counted by the vendor, its variables are.
    const own = fillTemplate(template.text, {}).replace(/\$\{[a-z]+\}/g, '').length;
    const values = approvedValues(template, message, {
      now,
      sign: '',
      spoken: true,
      most: own + VALUES_MAX,
    });
    const outId = outIdOf(message.key);
    const parameters: Record<string, string> = {
      CalledNumber: number,
      TtsCode: template.id,
      TtsParam: JSON.stringify(values),
      PlayTimes: String(playTimes),
      Volume: String(volume),
      Speed: String(speed),
      OutId: outId,
      ...(calledShowNumber === undefined ? {} : { CalledShowNumber: calledShowNumber }),
    };
    const answer = await this.#client.call('SingleCallByTts', parameters, signal);
    if ('outcome' in answer)
      return answer.outcome.kind === 'unknown' ? { ...answer.outcome, id: outId } : answer.outcome;
    if (answer.code !== 'OK') return refusal(answer.code, answer.text, this.#tools.timer.now());
    return { kind: 'sent', id: field(answer.body, 'CallId') || null };
  }

  /** VoiceReport, as SmsReport: nothing is signed. `200000` says that somebody took the call. */
  hear(request: Inbound): Heard {
    provePath(request, this.#options.hookSecret);
    const items = bodyItems(request);
    if (items === undefined || items.some((item) => field(item, 'call_id') === '')) return refused;
    const now = this.#tools.timer.now();
    const receipts = items.map(
      (item): Receipt => ({
        id: field(item, 'call_id'),
        ours: field(item, 'out_id') || null,
        state: stateOf(field(item, 'status_code')),
        at: vendorTime(item['end_time'], now),
        code: field(item, 'status_code'),
      }),
    );
    const body = '{"code":0,"msg":"接收成功"}';
    return { receipts, replies: [], answer: { status: 200, type: 'application/json', body } };
  }

  /** Of calls whose id is known; the vendor finds none by our own name. */
  async ask(sent: Parameters<NonNullable<Channel['ask']>>[0], signal: AbortSignal) {
    const receipts: Receipt[] = [];
    for (const { id, key, at } of sent) {
      if (id === null || id === outIdOf(key)) continue;
      const parameters = { CallId: id, ProdId: TTS_PRODUCT, QueryDate: String(at) };
      const answer = await this.#client.call('QueryCallDetailByCallId', parameters, signal);
      if ('outcome' in answer || answer.code !== 'OK') continue;
      const [detail] = bodyItems({ body: Buffer.from(field(answer.body, 'Data')) }) ?? [];
      const code = detail === undefined ? '' : field(detail, 'state');
      if (detail === undefined || code === '') continue;
      const ended = vendorTime(detail['endDate'], this.#tools.timer.now());
      receipts.push({ id, ours: outIdOf(key), state: stateOf(code), at: ended, code });
    }
    return receipts;
  }

  health() {
    return this.#health.told();
  }
}

/** 语音通知 in the vendor's list of products. */
const TTS_PRODUCT = '11000000300006';

const stateOf = (code: string): Receipt['state'] => (code === '200000' ? 'delivered' : 'failed');

export const aliyunVoice: ChannelKind<AliyunVoiceOptions> = {
  kind: 'aliyun-voice',
  title: { zh: '阿里云语音电话', en: 'Calls through Aliyun' },
  reaches: 'phone',
  secrets: ['accessKeySecret', 'hookSecret'],
  // Below the vendor's 1 a minute, 5 an hour and 20 in 24 hours to one number.
  limits: [
    { of: 'person', most: 1, inMs: MINUTE },
    { of: 'person', most: 4, inMs: HOUR },
    { of: 'person', most: 15, inMs: DAY },
  ],
  options: (given) => checkedOptions(schema, given),
  make: (id, options, tools) => new AliyunVoice(id, options, tools),
};
