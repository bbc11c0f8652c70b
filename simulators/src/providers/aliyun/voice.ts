/** Aliyun's calls (dyvmsapi, version 2017-05-25): SingleCallByTts and QueryCallDetailByCallId, with receipts (VoiceReport). */
import { BoundedMap, DAY, HOUR, MINUTE } from '@village/core';
import type { Provider } from '../provider.ts';
import { mainlandNumber, vendorTime } from '../sms.ts';
import type { World } from '../world.ts';
import { type AliyunKeys, actionOf, isAliyun, type Parameters, serveAliyun } from './gateway.ts';

export interface AliyunVoiceTemplate {
  readonly code: string;
  readonly text: string;
  state: 'approved' | 'in-review' | 'refused';
  readonly variables: readonly string[];
}

export interface AliyunVoiceAccount extends AliyunKeys {
  readonly templates: Map<string, AliyunVoiceTemplate>;
  /** Numbers of our own that may be shown (专属模式); the public pool is used for calls that name none. */
  readonly shownNumbers: Set<string>;
  balance: number | null;
  trouble: boolean;
  /** Switches: the account may not call; the vendor calls nobody at this time. */
  deniedRight: boolean;
  receiptUrl: string | null;
}

export const aliyunVoiceAccount = (
  given: Pick<AliyunVoiceAccount, 'accessKeyId' | 'accessKeySecret'> & Partial<AliyunVoiceAccount>,
): AliyunVoiceAccount => ({
  throttled: false,
  templates: new Map(),
  shownNumbers: new Set(),
  balance: null,
  trouble: false,
  deniedRight: false,
  receiptUrl: null,
  ...given,
});

interface Call {
  readonly id: string;
  readonly number: string;
  readonly at: number;
  readonly endsAt: number;
  readonly code: string;
  readonly seconds: number;
}

/** What the vendor reports of a phone in that state (help.aliyun.com, VoiceReport). */
const REPORTS = {
  on: ['200000', '用户接听'],
  off: ['200005', '用户无法接通'],
  vacant: ['200004', '空号'],
  refusing: ['200002', '用户拒接'],
} as const;

/** By called number, from the first call of each window on (document 114035): whatever becomes of the call, it counts. */
const WINDOWS = [
  { name: '分钟', ms: MINUTE, permits: 1 },
  { name: '小时', ms: HOUR, permits: 5 },
  { name: '天', ms: DAY, permits: 20 },
] as const;

/** All variables together are shorter, in UTF-16 units. */
const VALUES_MAX = 250;
const CALLS_MAX = 20_000;
const RECEIPT_RETRIES_MS = [60_000, 300_000, 600_000];

const refusal = (code: string, message: string): Record<string, unknown> => ({
  Code: code,
  Message: message,
});

class AliyunVoice {
  readonly #world: World;
  readonly #account: AliyunVoiceAccount;
  readonly #calls = new BoundedMap<string, Call>(CALLS_MAX);
  readonly #windows = new BoundedMap<string, { begin: number; count: number }>(CALLS_MAX);

  constructor(world: World, account: AliyunVoiceAccount) {
    this.#world = world;
    this.#account = account;
  }

  call(parameters: Parameters): Record<string, unknown> {
    const account = this.#account;
    if (account.trouble) return refusal('isp.SYSTEM_ERROR', '系统错误');
    if (account.deniedRight) return refusal('isp.RAM_PERMISSION_DENY', 'RAM权限不足');
    const number = mainlandNumber(parameters['CalledNumber'] ?? '');
    if (number === undefined) return refusal('isv.MOBILE_NUMBER_ILLEGAL', '号码格式非法');
    const shown = parameters['CalledShowNumber'];
    if (shown !== undefined && !account.shownNumbers.has(shown))
      return refusal('isv.DISPLAY_NUMBER_ILLEGAL', '号显不合法');
    const times = Number(parameters['PlayTimes'] ?? '1');
    if (!(times >= 1 && times <= 3)) return refusal('isv.INVALID_PARAMETERS', '参数异常');
    const outId = parameters['OutId'] ?? '';
    if (Buffer.byteLength(outId) > 15) return refusal('isv.PARAM_LENGTH_LIMIT', '参数长度限制');
    const text = this.#fill(parameters);
    if (typeof text !== 'string') return text;
    if (account.balance !== null && account.balance < 1)
      return refusal('isv.AMOUNT_NOT_ENOUGH', '余额不足');
    const limited = this.#count(number);
    if (limited !== undefined)
      return refusal(
        'isv.BUSINESS_LIMIT_CONTROL',
        `触发${limited.name}级流控Permits:${limited.permits}`,
      );
    if (account.balance !== null) account.balance--;
    const id = `${this.#world.newId('1160')}^fake`;
    this.#ring(id, number, text, outId, shown ?? '公共号码');
    return { Code: 'OK', Message: 'OK', CallId: id };
  }

  #fill(parameters: Parameters): string | Record<string, unknown> {
    const template = this.#account.templates.get(parameters['TtsCode'] ?? '');
    if (template?.state !== 'approved')
      return refusal('isv.TTS_TEMPLATE_ILLEGAL', '文本转语音模板不合法');
    let given: unknown;
    try {
      given = JSON.parse(parameters['TtsParam'] || '{}');
    } catch {
      return refusal('isv.INVALID_JSON_PARAM', 'JSON参数不合法');
    }
    const values = new Map(Object.entries(given as Record<string, unknown>));
    if (
      template.variables.some(
        (name) => typeof values.get(name) !== 'string' || values.get(name) === '',
      )
    )
      return refusal('isv.TEMPLATE_MISSING_PARAMETERS', '模板变量缺少');
    const all = [...values.values()].map(String);
    if (all.reduce((sum, value) => sum + value.length, 0) >= VALUES_MAX)
      return refusal('isv.PARAM_LENGTH_LIMIT', '参数长度限制');
    if (all.some((value) => /https?:|www\./i.test(value)))
      return refusal('isv.PARAM_NOT_SUPPORT_URL', '变量不支持URL');
    return template.text.replace(/\$\{([a-z]+)\}/g, (_all, name) => String(values.get(name) ?? ''));
  }

  /** Counts a call in each window; returns the first that is full, and counts nothing then. */
  #count(number: string): (typeof WINDOWS)[number] | undefined {
    const { now } = this.#world;
    const next = WINDOWS.map((window) => {
      const old = this.#windows.get(`${window.name}${number}`);
      return old !== undefined && now < old.begin + window.ms
        ? { window, begin: old.begin, count: old.count + 1 }
        : { window, begin: now, count: 1 };
    });
    const full = next.find(({ window, count }) => count > window.permits);
    if (full !== undefined) return full.window;
    for (const { window, begin, count } of next)
      this.#windows.set(`${window.name}${number}`, { begin, count });
    return undefined;
  }

  #ring(id: string, number: string, text: string, outId: string, from: string): void {
    const { state } = this.#world.phone(number);
    const [code, message] = REPORTS[state];
    const at = this.#world.now;
    const endsAt = at + this.#world.postman.manner.delayMs;
    const seconds = state === 'on' ? 20 : 0;
    this.#calls.set(id, { id, number, at, endsAt, code, seconds });
    if (state === 'on')
      this.#world.show(number, {
        provider: 'aliyun-voice',
        form: 'call',
        from,
        text,
        segments: null,
        link: null,
        buttons: [],
      });
    const report = {
      call_id: id,
      out_id: outId,
      called_show_num: from,
      start_time: vendorTime(at),
      end_time: vendorTime(endsAt),
      duration: String(seconds),
      status_code: code,
      status_msg: message,
      toll_type: 'LOCAL',
      callee: number,
    };
    this.#world.postman.send({
      provider: 'aliyun-voice',
      url: this.#account.receiptUrl,
      make: () => ({
        headers: { 'content-type': 'application/json;charset=UTF-8' },
        body: JSON.stringify([report]),
      }),
      accepted: (status, body) => status === 200 && /"code"\s*:\s*-?\d/.test(body),
      retryAfter: RECEIPT_RETRIES_MS,
    });
  }

  detail(parameters: Parameters): Record<string, unknown> {
    const call = this.#calls.get(parameters['CallId'] ?? '');
    if (!/^\d{13}$/.test(parameters['QueryDate'] ?? '') || parameters['ProdId'] === undefined)
      return refusal('isv.INVALID_PARAMETERS', '参数异常');
    if (call === undefined || call.endsAt > this.#world.now)
      return { Code: 'OK', Message: 'OK', Data: '{}' };
    const data = {
      callId: call.id,
      callee: call.number,
      state: call.code,
      startDate: vendorTime(call.at),
      endDate: vendorTime(call.endsAt),
      duration: call.seconds,
    };
    return { Code: 'OK', Message: 'OK', Data: JSON.stringify(data) };
  }
}

export const aliyunVoice = (account: AliyunVoiceAccount): Provider => ({
  name: 'aliyun-voice',
  atRoot: (head) => isAliyun(head) && (actionOf(head) ?? '').includes('Call'),
  register(app, world) {
    const voice = new AliyunVoice(world, account);
    serveAliyun(app, world, {
      name: 'aliyun-voice',
      keys: account,
      version: '2017-05-25',
      actions: {
        SingleCallByTts: (parameters) => voice.call(parameters),
        QueryCallDetailByCallId: (parameters) => voice.detail(parameters),
      },
    });
  },
});
