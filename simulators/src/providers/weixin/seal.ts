/** How WeCom and WeChat seal what they post (developer.work.weixin.qq.com/document/path/90968). */
import { createCipheriv, createHash } from 'node:crypto';
import type { Random } from '@village/core';

export interface CallbackAccount {
  /** Where events are posted. */
  readonly url: string;
  readonly token: string;
  /** 43 characters. */
  readonly encodingAesKey: string;
}

export interface Sealed {
  /** With `msg_signature`, `timestamp` and `nonce`. */
  readonly url: URL;
  readonly encrypted: string;
}

const sha1 = (texts: readonly string[]): string =>
  createHash('sha1')
    .update([...texts].sort().join(''), 'utf8')
    .digest('hex');

function encrypt(key: Buffer, message: string, receiver: string, random: Random): string {
  const noise = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  const text = Buffer.from(message, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const body = Buffer.concat([noise, length, text, Buffer.from(receiver, 'utf8')]);
  const padding = 32 - (body.length % 32);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  return Buffer.concat([
    cipher.update(Buffer.concat([body, Buffer.alloc(padding, padding)])),
    cipher.final(),
  ]).toString('base64');
}

/** The message sealed for the receiver, with the address that proves it. */
export function seal(
  account: CallbackAccount,
  message: string,
  receiver: string,
  at: { readonly now: number; readonly random: Random },
): Sealed {
  const key = Buffer.from(`${account.encodingAesKey}=`, 'base64');
  const encrypted = encrypt(key, message, receiver, at.random);
  const timestamp = String(Math.floor(at.now / 1000));
  const nonce = String(Math.floor(at.random() * 1e9));
  const url = new URL(account.url);
  url.searchParams.set('msg_signature', sha1([account.token, timestamp, nonce, encrypted]));
  url.searchParams.set('timestamp', timestamp);
  url.searchParams.set('nonce', nonce);
  return { url, encrypted };
}
