/** What an answer over HTTP means for a message where it has nothing to say that the provider's own words would. */
import { MINUTE, SECOND } from '@village/core';
import type { Outcome } from '../contract.ts';
import type { Exchange } from './exchange.ts';

/** The JSON object that a whole answer below status 500 is; undefined for anything else. */
export function objectOf(exchange: Exchange): Readonly<Record<string, unknown>> | undefined {
  if (exchange.kind !== 'answered' || !exchange.whole || exchange.status >= 500) return undefined;
  try {
    const value: unknown = JSON.parse(exchange.text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Longer than an hour no server is believed to be busy. */
const RETRY_AFTER_MAX_MS = 60 * MINUTE;

/** When a server that says 429 may be asked again, by its Retry-After in seconds; a minute where it says none. */
function retryAfter(header: string | string[] | undefined): number {
  const seconds = typeof header === 'string' && /^\d{1,6}$/.test(header) ? Number(header) : 60;
  return Math.min(Math.max(seconds, 1) * SECOND, RETRY_AFTER_MAX_MS);
}

/** The outcome of a message whose request had no answer, or one in no words of the provider's. */
export function outcomeOf(exchange: Exchange, now: number): Outcome {
  if (exchange.kind === 'lost') return { kind: 'unknown', id: null, text: exchange.text };
  if (exchange.kind === 'unsent') {
    const { code, text, lasting } = exchange;
    return lasting ? { kind: 'fault', code, text } : { kind: 'retry', code, text };
  }
  const { status, headers, whole } = exchange;
  const code = `http-${status}`;
  if (status === 429)
    return {
      kind: 'limited',
      until: now + retryAfter(headers['retry-after']),
      of: 'channel',
      code,
    };
  // A gateway that says so handed the request over and waited: it may have been taken (RFC 9110, 15.6.5).
  if (status === 504) return { kind: 'unknown', id: null, text: code };
  if (status === 408 || status === 425 || status >= 500)
    return { kind: 'retry', code, text: `the answer has status ${status}` };
  if (status >= 300)
    return { kind: 'fault', code, text: `the answer has status ${status} and no known words` };
  return {
    kind: 'unknown',
    id: null,
    text: whole ? 'the answer is in no known words' : 'the answer did not end',
  };
}

const TEXT_MAX = 200;

/** What a provider said, for people: on one line, at most 200 characters, and without any of the secrets. */
export function said(text: unknown, secrets: readonly string[]): string {
  if (typeof text !== 'string') return '';
  let plain = text;
  for (const secret of secrets) if (secret !== '') plain = plain.replaceAll(secret, '***');
  return plain
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, TEXT_MAX);
}
