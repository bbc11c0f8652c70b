/** Calls of WeCom's and WeChat's interfaces: JSON there and back, with `errcode` and `errmsg` in every answer that is no success. */
import type { Timer } from '@village/core';
import type { Outcome } from '../contract.ts';
import { objectOf, outcomeOf, said } from '../http/answers.ts';
import { type CodeTable, outcomeOfCode } from '../http/codes.ts';
import { exchange } from '../http/exchange.ts';

/** The answer without an `errcode` other than 0, or what it means. */
export type Called =
  | { readonly json: Readonly<Record<string, unknown>> }
  | { readonly outcome: Outcome; readonly errcode: number | null };

export interface CallWays {
  readonly timer: Timer;
  /** With or without a path, which is kept. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
  readonly codes: CodeTable;
  readonly secrets: readonly string[];
}

/** @throws nothing */
export async function callWeixin(
  ways: CallWays,
  path: string,
  given: {
    readonly query?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    /** Besides those of the channel: the token. */
    readonly secrets?: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<Called> {
  const { query = {}, body, secrets = [], signal } = given;
  const url = new URL(`${ways.baseUrl.replace(/\/$/, '')}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const answer = await exchange({
    url,
    method: body === undefined ? 'GET' : 'POST',
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json; charset=utf-8' },
          body: JSON.stringify(body),
        }),
    timeoutMs: ways.timeoutMs,
    signal,
  });
  const now = ways.timer.now();
  const json = objectOf(answer);
  // A token comes without an errcode from WeChat; nothing else is a success without one.
  const errcode = json?.['errcode'] ?? (typeof json?.['access_token'] === 'string' ? 0 : undefined);
  if (json === undefined || typeof errcode !== 'number')
    return { outcome: outcomeOf(answer, now), errcode: null };
  if (errcode === 0) return { json };
  const text = said(json['errmsg'], [...ways.secrets, ...secrets]);
  return { outcome: outcomeOfCode(ways.codes, errcode, text, now), errcode };
}
