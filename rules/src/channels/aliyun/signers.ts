/**
 * How a call to Aliyun is signed: by the present algorithm ACS3-HMAC-SHA256 (help.aliyun.com, "V3 版本请求体&签名机制"), and by the older
 * RPC signature version 1.0 with HMAC-SHA1 ("RPC 签名机制"), which older private clouds still take alone.
 */
import { createHash, createHmac } from 'node:crypto';

export type Parameters = Readonly<Record<string, string>>;

export interface AliyunKey {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Percent-encoding of RFC 3986. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** Sorted by name, encoded: as it is signed and as it is sent. */
export const queryText = (parameters: Parameters): string =>
  Object.keys(parameters)
    .sort()
    .map((name) => `${encoded(name)}=${encoded(parameters[name] ?? '')}`)
    .join('&');

export interface Acs3Call {
  readonly method: 'GET' | 'POST';
  readonly host: string;
  readonly action: string;
  readonly version: string;
  /** RFC 3339 in UTC without a fraction; at most 15 minutes off. */
  readonly date: string;
  readonly nonce: string;
  readonly query: Parameters;
}

/** The headers of a call with an empty body, `host` included. */
export function signAcs3(call: Acs3Call, key: AliyunKey): Record<string, string> {
  const { method, host, action, version, date, nonce, query } = call;
  const bodyHash = sha256('');
  const headers: Record<string, string> = {
    host,
    'x-acs-action': action,
    'x-acs-content-sha256': bodyHash,
    'x-acs-date': date,
    'x-acs-signature-nonce': nonce,
    'x-acs-version': version,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    method,
    '/',
    queryText(query),
    names.map((name) => `${name}:${headers[name]}\n`).join(''),
    names.join(';'),
    bodyHash,
  ].join('\n');
  const signature = createHmac('sha256', key.accessKeySecret)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex');
  return {
    ...headers,
    authorization: `ACS3-HMAC-SHA256 Credential=${key.accessKeyId},SignedHeaders=${names.join(';')},Signature=${signature}`,
  };
}

/** The signature of all parameters of a call, those that say how it is signed included. */
export function signRpc(method: 'GET' | 'POST', parameters: Parameters, secret: string): string {
  const text = `${method}&${encoded('/')}&${encoded(queryText(parameters))}`;
  return createHmac('sha1', `${secret}&`).update(text).digest('base64');
}
