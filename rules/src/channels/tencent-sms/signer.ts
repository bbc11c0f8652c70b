/** How a call to Tencent Cloud is signed: TC3-HMAC-SHA256 (cloud.tencent.com, document 382/52072). */
import { createHash, createHmac } from 'node:crypto';
import { SECOND } from '@village/core';

export interface Tc3Call {
  readonly service: string;
  readonly host: string;
  /** As it is sent; part of the signature. */
  readonly contentType: string;
  /** More headers that are signed, in lower case. */
  readonly more?: Readonly<Record<string, string>>;
  readonly body: string;
  /** Unix time, ms; at most five minutes off. */
  readonly at: number;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

/** The value of the header Authorization. */
export function signTc3(
  call: Tc3Call,
  key: { readonly secretId: string; readonly secretKey: string },
): string {
  const { service, host, contentType, more, body, at } = call;
  const headers: Record<string, string> = { 'content-type': contentType, host, ...more };
  const names = Object.keys(headers).sort();
  const canonical = [
    'POST',
    '/',
    '',
    names.map((name) => `${name}:${(headers[name] ?? '').toLowerCase()}\n`).join(''),
    names.join(';'),
    sha256(body),
  ].join('\n');
  const date = new Date(at).toISOString().slice(0, 10);
  const scope = `${date}/${service}/tc3_request`;
  const text = ['TC3-HMAC-SHA256', String(Math.floor(at / SECOND)), scope, sha256(canonical)].join(
    '\n',
  );
  const signing = hmac(hmac(hmac(`TC3${key.secretKey}`, date), service), 'tc3_request');
  const signature = hmac(signing, text).toString('hex');
  return `TC3-HMAC-SHA256 Credential=${key.secretId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
}
