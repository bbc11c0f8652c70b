/** One call to an API of Aliyun, and what its answer means whatever the API is. */
import { formatTime, MINUTE, SECOND } from '@village/core';
import { z } from 'zod';
import type { ChannelTools, Outcome } from '../contract.ts';
import { objectOf, outcomeOf, said } from '../http/answers.ts';
import { type Exchange, exchange, type HttpRequest } from '../http/exchange.ts';
import { baseUrl, secret, timeoutMs } from '../options.ts';
import { type Parameters, queryText, signAcs3, signRpc } from './signers.ts';

/** What every channel to Aliyun is told. */
export const aliyunOptions = (usualUrl: string) => ({
  baseUrl: baseUrl(usualUrl),
  accessKeyId: secret,
  accessKeySecret: secret,
  /** `rpc-1.0` for private clouds that know no other. */
  signature: z.enum(['acs3', 'rpc-1.0']).default('acs3'),
  timeoutMs,
});

export interface AliyunOptions {
  readonly baseUrl: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly signature: 'acs3' | 'rpc-1.0';
  readonly timeoutMs: number;
}

/** All of the APIs used here are of this version. */
const VERSION = '2017-05-25';

/** An answer in Aliyun's words, or what came of the request instead. */
export type AliyunAnswer =
  | {
      readonly body: Readonly<Record<string, unknown>>;
      readonly code: string;
      readonly text: string;
    }
  | { readonly outcome: Outcome };

export class AliyunClient {
  readonly #options: AliyunOptions;
  readonly #tools: ChannelTools;

  constructor(options: AliyunOptions, tools: ChannelTools) {
    this.#options = options;
    this.#tools = tools;
  }

  /** @throws nothing */
  async call(action: string, parameters: Parameters, signal: AbortSignal): Promise<AliyunAnswer> {
    const answer = await exchange({
      ...this.#request(action, parameters),
      timeoutMs: this.#options.timeoutMs,
      signal,
    });
    const body = objectOf(answer);
    const code = body?.['Code'];
    if (body === undefined || typeof code !== 'string')
      return { outcome: outcomeOf(answer, this.#tools.timer.now()) };
    const text = said(body['Message'], [this.#options.accessKeySecret]);
    const outcome = gatewayOutcome(answer, code, text, this.#tools.timer.now());
    return outcome === undefined ? { body, code, text } : { outcome };
  }

  #request(
    action: string,
    parameters: Parameters,
  ): Pick<HttpRequest, 'url' | 'method' | 'headers' | 'body'> {
    const { signature, accessKeyId, accessKeySecret } = this.#options;
    const url = new URL(this.#options.baseUrl);
    const date = formatTime(Math.floor(this.#tools.timer.now() / SECOND) * SECOND);
    const nonce = Buffer.from(this.#tools.random(16)).toString('hex');
    if (signature === 'acs3') {
      url.search = queryText(parameters);
      const call = { method: 'POST', host: url.host, action, version: VERSION } as const;
      const signed = signAcs3({ ...call, date, nonce, query: parameters }, this.#options);
      return { url, method: 'POST', headers: signed, body: '' };
    }
    const form: Record<string, string> = {
      ...parameters,
      Action: action,
      Version: VERSION,
      Format: 'JSON',
      AccessKeyId: accessKeyId,
      SignatureMethod: 'HMAC-SHA1',
      SignatureVersion: '1.0',
      SignatureNonce: nonce,
      Timestamp: date,
    };
    form['Signature'] = signRpc('POST', form, accessKeySecret);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { url, method: 'POST', headers, body: queryText(form) };
  }
}

/** The account asked too often; the vendor says no time. */
const THROTTLED_MS = 10 * SECOND;

/** What the gateway before all APIs refuses; undefined for what the API itself says. */
function gatewayOutcome(
  answer: Exchange,
  code: string,
  text: string,
  now: number,
): Outcome | undefined {
  if (code.startsWith('Throttling'))
    return { kind: 'limited', until: now + THROTTLED_MS, of: 'channel', code };
  // We never use a nonce twice: something on the way sent the request twice, and the first one was taken.
  if (code === 'SignatureNonceUsed') return { kind: 'unknown', id: null, text: code };
  if (code === 'ServiceUnavailable' || code === 'InternalError')
    return { kind: 'retry', code, text };
  if (answer.kind === 'answered' && answer.status >= 400) return { kind: 'fault', code, text };
  return undefined;
}

const WINDOWS: Readonly<Record<string, number>> = {
  分钟: MINUTE,
  小时: 60 * MINUTE,
};
/** A day is 24 hours from a first message that we don't know, so that it is looked at again now and then. */
const DAY_AGAIN_MS = 60 * MINUTE;

/**
 * When a number may be written to or called again, by the message of `isv.BUSINESS_LIMIT_CONTROL` (触发小时级流控Permits:5). Minutes and hours
 * of messages are those of the clock; those of calls begin with the first call, so that a whole one is waited (`rolling`).
 */
export function limitedUntil(text: string, now: number, rolling: boolean): number {
  const ms = WINDOWS[/触发(分钟|小时|天)级/.exec(text)?.[1] ?? ''];
  if (ms === undefined) return now + DAY_AGAIN_MS;
  return rolling ? now + ms : (Math.floor(now / ms) + 1) * ms;
}
