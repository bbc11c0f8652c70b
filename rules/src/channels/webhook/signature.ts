/** How a webhook is signed, so that who gets it knows whose it is and when it was made. */
import { createHmac } from 'node:crypto';
import { SECOND } from '@village/core';

export interface WebhookKey {
  /** Names the key to whoever has several. */
  readonly id: string;
  readonly secret: string;
}

/** HMAC-SHA256 in hexadecimal digits over the time in seconds, a point and the body as it is sent. */
export const webhookSignature = (secret: string, seconds: number, body: string): string =>
  createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');

/** The header `village-signature`: the time, and a signature with each of the keys: `t=1772345100,2026a=…,2026b=…`. */
export function signatureHeader(keys: readonly WebhookKey[], now: number, body: string): string {
  const seconds = Math.floor(now / SECOND);
  const signed = keys.map(({ id, secret }) => `${id}=${webhookSignature(secret, seconds, body)}`);
  return [`t=${seconds}`, ...signed].join(',');
}
