/**
 * What WeCom and WeChat post to us, proved and opened (developer.work.weixin.qq.com/document/path/90968): a signature by SHA-1 over
 * the token and what came, and AES-256-CBC around the message and whom it is for.
 */
import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { OperationalError } from '@village/core';
import { SaxesParser } from 'saxes';
import { z } from 'zod';
import { secret } from '../options.ts';

export const callbackSchema = z.strictObject({
  /** As the app's page has it. */
  token: secret,
  /** 43 characters: Base64 of 32 bytes without the sign at its end. */
  encodingAesKey: z.string().regex(/^[A-Za-z0-9+/]{43}$/, 'must be 43 characters of Base64'),
});
export type CallbackKeys = z.infer<typeof callbackSchema>;

const notOurs = (text: string): OperationalError => new OperationalError('not-ours', text);

/** SHA-1 in hexadecimal digits of the texts, sorted and joined. */
export const callbackSignature = (...texts: readonly string[]): string =>
  createHash('sha1')
    .update([...texts].sort().join(''))
    .digest('hex');

/** @throws OperationalError `not-ours` when the signature is another one */
export function proveCallback(given: string | undefined, ...texts: readonly string[]): void {
  const expected = Buffer.from(callbackSignature(...texts));
  const came = Buffer.from(given ?? '');
  if (came.length !== expected.length || !timingSafeEqual(came, expected))
    throw notOurs('the signature is not that of the token');
}

/** PKCS#7 in blocks of 32 bytes, which is more than the cipher's own. */
const PADDING_MAX = 32;
/** Random bytes before the length of the message. */
const NOISE = 16;

/**
 * The message within an `Encrypt`, for the receiver named: a corporation or an app. To be proved first, since AES-CBC alone proves
 * nothing. @throws OperationalError `not-ours`
 */
export function openCallback(encodingAesKey: string, receiver: string, encrypted: string): string {
  const key = Buffer.from(`${encodingAesKey}=`, 'base64');
  const cipher = Buffer.from(encrypted, 'base64');
  if (cipher.length === 0 || cipher.length % 16 !== 0) throw notOurs('it is not whole blocks');
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16));
  decipher.setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(cipher), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const plain = padded.subarray(0, padded.length - padding);
  if (padding < 1 || padding > PADDING_MAX || plain.length < NOISE + 4)
    throw notOurs('it does not open with the key');
  const length = plain.readUInt32BE(NOISE);
  const end = NOISE + 4 + length;
  if (end > plain.length) throw notOurs('it does not open with the key');
  if (plain.subarray(end).toString('utf8') !== receiver)
    throw notOurs('it is for another receiver');
  return plain.subarray(NOISE + 4, end).toString('utf8');
}

/** No event is longer than a few hundred bytes. */
const XML_MAX = 64 * 1024;

/** The texts of the elements right below the root, by name; of a name that comes twice the last. @throws OperationalError `not-ours` */
export function xmlTexts(xml: string): ReadonlyMap<string, string> {
  if (xml.length > XML_MAX) throw notOurs('it is longer than any event');
  const texts = new Map<string, string>();
  const parser = new SaxesParser();
  let depth = 0;
  let text = '';
  parser.on('error', () => {
    throw notOurs('it is no XML');
  });
  parser.on('opentag', () => {
    depth++;
    if (depth === 2) text = '';
  });
  parser.on('text', (part) => {
    if (depth === 2) text += part;
  });
  parser.on('cdata', (part) => {
    if (depth === 2) text += part;
  });
  parser.on('closetag', ({ name }) => {
    if (depth === 2) texts.set(name, text.trim());
    depth--;
  });
  parser.write(xml).close();
  return texts;
}
