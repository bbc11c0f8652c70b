/**
 * Aliyun's RPC gateway: who signed a call, by the present algorithm (ACS3-HMAC-SHA256, in headers) or the old one (HMAC-SHA1, in
 * parameters), recomputed from what was received; what it answers when that is wrong.
 */
import { createHash, createHmac } from 'node:crypto';
import { BoundedMap, MINUTE } from '@village/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bodyText, type RequestHead } from '../provider.ts';
import type { World } from '../world.ts';

/** What a call may say; lists that the vendor writes as `X.1` are left so. */
export type Parameters = Readonly<Record<string, string>>;
/** The business answer, with status 200. */
export type Action = (parameters: Parameters) => Record<string, unknown>;

export interface AliyunKeys {
  readonly accessKeyId: string;
  /** Mutable: keys are changed and revoked. */
  accessKeySecret: string;
  /** Switches: the account asks too often; the key may not do this. */
  throttled: boolean;
}

export interface AliyunApi {
  readonly name: string;
  readonly keys: AliyunKeys;
  readonly version: string;
  readonly actions: Readonly<Record<string, Action>>;
}

/** A signed time may be off by so much (x-acs-date and Timestamp). */
const SKEW_MAX_MS = 15 * MINUTE;
const NONCES_MAX = 100_000;

class GatewayError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** Percent-encoding of RFC 3986, as both algorithms have it. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const sortedQuery = (parameters: Parameters): string =>
  Object.keys(parameters)
    .sort()
    .map((key) => `${encoded(key)}=${encoded(parameters[key] ?? '')}`)
    .join('&');

/** Which action a call asks for, as far as that is known before its body is. */
export function actionOf({ headers, url }: RequestHead): string | undefined {
  const named = headers['x-acs-action'];
  if (typeof named === 'string') return named;
  const at = url.indexOf('?');
  return at < 0 ? undefined : (new URLSearchParams(url.slice(at)).get('Action') ?? undefined);
}

/** Whether a call to `/` is made as Aliyun's clients make them. */
export const isAliyun = (head: RequestHead): boolean =>
  actionOf(head) !== undefined ||
  (head.method === 'POST' &&
    (head.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded'));

function parametersOf(request: FastifyRequest): Record<string, string> {
  const url = request.raw.url ?? '';
  const at = url.indexOf('?');
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at));
  const form = (request.headers['content-type'] ?? '').startsWith(
    'application/x-www-form-urlencoded',
  )
    ? new URLSearchParams(bodyText(request.body))
    : [];
  return Object.fromEntries([...query, ...form]);
}

export class AliyunGateway {
  readonly #world: World;
  readonly #api: AliyunApi;
  readonly #nonces = new BoundedMap<string, true>(NONCES_MAX);

  constructor(world: World, api: AliyunApi) {
    this.#world = world;
    this.#api = api;
  }

  handle(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const requestId = `FAKE-${this.#world.newId('')}`;
    const parameters = parametersOf(request);
    try {
      // The older client sends headers of the present algorithm, too, and signs its parameters alone.
      const { action, version } =
        parameters['Signature'] === undefined
          ? this.#acs3(request, parameters)
          : this.#rpc(request.method, parameters);
      const act = this.#api.actions[action];
      if (act === undefined || version !== this.#api.version)
        throw new GatewayError(
          404,
          act === undefined ? 'InvalidAction.NotFound' : 'InvalidVersion',
          'Specified api is not found, please check your url and method.',
        );
      if (this.#api.keys.throttled)
        throw new GatewayError(
          400,
          'Throttling.User',
          'Request was denied due to user flow control.',
        );
      return this.#answer(reply, 200, parameters, `${action}Response`, {
        RequestId: requestId,
        ...act(parameters),
      });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const { status, code, message } = error;
      return this.#answer(reply, status, parameters, 'Error', {
        RequestId: requestId,
        HostId: String(request.headers.host),
        Code: code,
        Message: message,
        Recommend: `https://api.aliyun.com/troubleshoot?q=${code}`,
      });
    }
  }

  /** XML where the old algorithm asks for it or says nothing, JSON otherwise. */
  #answer(
    reply: FastifyReply,
    status: number,
    parameters: Parameters,
    root: string,
    body: Record<string, unknown>,
  ): FastifyReply {
    const old = parameters['SignatureMethod'] !== undefined;
    if (!old || parameters['Format'] === 'JSON')
      return reply.code(status).type('application/json;charset=utf-8').send(JSON.stringify(body));
    const fields = Object.entries(body)
      .map(
        ([key, value]) =>
          `<${key}>${String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${key}>`,
      )
      .join('');
    return reply
      .code(status)
      .type('text/xml;charset=utf-8')
      .send(`<?xml version='1.0' encoding='UTF-8'?><${root}>${fields}</${root}>`);
  }

  #secretOf(accessKeyId: string | undefined): string {
    const { keys } = this.#api;
    if (accessKeyId !== keys.accessKeyId)
      throw new GatewayError(
        404,
        'InvalidAccessKeyId.NotFound',
        'Specified access key is not found.',
      );
    return keys.accessKeySecret;
  }

  #fresh(at: string | undefined, nonce: string | undefined): void {
    const time = Date.parse(at ?? '');
    const off = Math.abs(time - this.#world.now);
    if (!(off <= SKEW_MAX_MS))
      throw new GatewayError(
        400,
        Number.isNaN(time) ? 'InvalidTimeStamp.Format' : 'InvalidTimeStamp.Expired',
        'Specified time stamp or date value is expired.',
      );
    if (nonce === undefined || nonce === '' || this.#nonces.get(nonce) === true)
      throw new GatewayError(
        400,
        'SignatureNonceUsed',
        'Specified signature nonce was used already.',
      );
    this.#nonces.set(nonce, true);
  }

  /** help.aliyun.com, "V3 版本请求体&签名机制". @throws GatewayError when it is not signed so */
  #acs3(request: FastifyRequest, query: Parameters): { action: string; version: string } {
    const header = (name: string): string => String(request.headers[name] ?? '').trim();
    const authorization =
      /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(
        header('authorization'),
      );
    if (authorization === null)
      throw new GatewayError(
        400,
        'MissingAuthorization',
        'Authorization is mandatory for this action.',
      );
    const [, accessKeyId, signedNames = '', signature] = authorization;
    const secret = this.#secretOf(accessKeyId);
    const names = signedNames.split(';');
    const mustSign = Object.keys(request.headers).filter(
      (name) => name === 'host' || name === 'content-type' || name.startsWith('x-acs-'),
    );
    const hash = sha256(Buffer.isBuffer(request.body) ? request.body : '');
    // The query is signed as it is sent, not with a form's fields.
    const sent = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
      ? Object.fromEntries(new URLSearchParams((request.raw.url ?? '').split('?')[1] ?? ''))
      : query;
    const canonical = [
      request.method,
      '/',
      sortedQuery(sent),
      names.map((name) => `${name}:${header(name)}\n`).join(''),
      signedNames,
      hash,
    ].join('\n');
    const computed = createHmac('sha256', secret)
      .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
      .digest('hex');
    if (
      computed !== signature ||
      header('x-acs-content-sha256') !== hash ||
      mustSign.some((name) => !names.includes(name))
    )
      throw new GatewayError(
        400,
        'SignatureDoesNotMatch',
        `Specified signature does not match our calculation. server string to sign is: ACS3-HMAC-SHA256\n${sha256(canonical)}`,
      );
    this.#fresh(header('x-acs-date'), header('x-acs-signature-nonce'));
    return { action: header('x-acs-action'), version: header('x-acs-version') };
  }

  /** help.aliyun.com, "RPC 签名机制", signature version 1.0. @throws GatewayError when it is not signed so */
  #rpc(method: string, parameters: Parameters): { action: string; version: string } {
    const { Signature: signature, ...signed } = parameters;
    if (signed['SignatureMethod'] !== 'HMAC-SHA1' || signed['SignatureVersion'] !== '1.0')
      throw new GatewayError(
        400,
        'InvalidSignatureMethod',
        'SignatureMethod or SignatureVersion is not supported.',
      );
    const secret = this.#secretOf(signed['AccessKeyId']);
    const text = `${method}&${encoded('/')}&${encoded(sortedQuery(signed))}`;
    const computed = createHmac('sha1', `${secret}&`).update(text).digest('base64');
    if (computed !== signature)
      throw new GatewayError(
        400,
        'SignatureDoesNotMatch',
        `Specified signature does not match our calculation. server string to sign is:${text}`,
      );
    this.#fresh(signed['Timestamp'], signed['SignatureNonce']);
    return { action: signed['Action'] ?? '', version: signed['Version'] ?? '' };
  }
}

/** Serves an API of Aliyun at `/`. */
export function serveAliyun(app: FastifyInstance, world: World, api: AliyunApi): void {
  const gateway = new AliyunGateway(world, api);
  app.route({
    method: ['GET', 'POST'],
    url: '/',
    constraints: { vendor: api.name },
    handler: (request, reply) => gateway.handle(request, reply),
  });
}
