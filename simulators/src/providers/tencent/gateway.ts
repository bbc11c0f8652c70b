/**
 * Tencent Cloud's gateway: who signed a call by TC3-HMAC-SHA256, recomputed from what was received (cloud.tencent.com, document
 * 382/52072). All refusals have status 200.
 */
import { createHash, createHmac } from 'node:crypto';
import { MINUTE, SECOND } from '@village/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { bodyObject } from '../provider.ts';
import type { World } from '../world.ts';

/** A call that was refused as a whole. */
export class TencentError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws TencentError */
export type TencentAction = (body: Readonly<Record<string, unknown>>) => Record<string, unknown>;

export interface TencentKeys {
  readonly secretId: string;
  /** Mutable: keys are changed. */
  secretKey: string;
  /** Switch: too many calls a second. */
  throttled: boolean;
}

export interface TencentApi {
  readonly name: string;
  readonly keys: TencentKeys;
  readonly version: string;
  readonly actions: Readonly<Record<string, TencentAction>>;
}

/** X-TC-Timestamp may be off by so much. */
const SKEW_MAX_MS = 5 * MINUTE;

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text).digest();

const header = (request: FastifyRequest, name: string): string =>
  String(request.headers[name] ?? '').trim();

/** The vendor's own client signs the host without its port, ours with it: either is taken. */
function hostsOf(request: FastifyRequest): string[] {
  const host = header(request, 'host');
  return [host, host.replace(/:\d+$/, '')];
}

/** @throws TencentError unless the call is signed by the key, now */
function prove(request: FastifyRequest, keys: TencentKeys, now: number): void {
  const match =
    /^TC3-HMAC-SHA256 Credential=([^/]+)\/(\d{4}-\d\d-\d\d)\/([^/]+)\/tc3_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header(request, 'authorization'),
    );
  if (match === null)
    throw new TencentError(
      'AuthFailure.InvalidAuthorization',
      '请求头部的 Authorization 不符合腾讯云标准。',
    );
  const [, secretId = '', date = '', service = '', names = '', signature = ''] = match;
  if (secretId !== keys.secretId)
    throw new TencentError('AuthFailure.SecretIdNotFound', '密钥不存在。');
  const stamp = header(request, 'x-tc-timestamp');
  const at = Number(stamp) * SECOND;
  if (!(Math.abs(at - now) <= SKEW_MAX_MS) || new Date(at).toISOString().slice(0, 10) !== date)
    throw new TencentError('AuthFailure.SignatureExpire', '签名过期。');
  const list = names.split(';');
  if (!list.includes('content-type') || !list.includes('host'))
    throw new TencentError('AuthFailure.SignatureFailure', '签名错误。');
  const key = hmac(hmac(hmac(`TC3${keys.secretKey}`, date), service), 'tc3_request');
  const good = hostsOf(request).some((host) => {
    const canonical = [
      'POST',
      '/',
      '',
      list
        .map(
          (name) => `${name}:${(name === 'host' ? host : header(request, name)).toLowerCase()}\n`,
        )
        .join(''),
      names,
      sha256(Buffer.isBuffer(request.body) ? request.body : ''),
    ].join('\n');
    const text = ['TC3-HMAC-SHA256', stamp, `${date}/${service}/tc3_request`, sha256(canonical)];
    return hmac(key, text.join('\n')).toString('hex') === signature;
  });
  if (!good)
    throw new TencentError(
      'AuthFailure.SignatureFailure',
      'The provided credentials could not be validated.',
    );
}

/** Serves an API of Tencent Cloud at `/`. */
export function serveTencent(app: FastifyInstance, world: World, api: TencentApi): void {
  app.post('/', { constraints: { vendor: api.name } }, (request, reply) => {
    const requestId = `fake-${world.newId('')}`;
    reply.type('application/json');
    try {
      prove(request, api.keys, world.now);
      const act = api.actions[header(request, 'x-tc-action')];
      if (act === undefined) throw new TencentError('InvalidAction', '接口不存在。');
      if (header(request, 'x-tc-version') !== api.version)
        throw new TencentError('NoSuchVersion', '接口版本不存在。');
      if (api.keys.throttled)
        throw new TencentError('RequestLimitExceeded', '请求的次数超过了频率限制。');
      const body = bodyObject(request.body);
      if (body === undefined) throw new TencentError('InvalidParameter', '参数错误。');
      return { Response: { ...act(body), RequestId: requestId } };
    } catch (error) {
      if (!(error instanceof TencentError)) throw error;
      const { code, message } = error;
      return { Response: { Error: { Code: code, Message: message }, RequestId: requestId } };
    }
  });
}
