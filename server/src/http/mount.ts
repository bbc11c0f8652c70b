/** Puts a module's route on the server: Fastify gets its schemas, limits and right, the handler a call that knows no server. */
import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import type { Endpoint } from '@village/api';
import { MINUTE, OperationalError, turn } from '@village/core';
import { type AnyRoute, type Call, Problem, Reply, TakeOver, workFor } from '@village/platform';
import { onCondition, type Relational } from '@village/store/relational';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, mayStillChange, recheckOf, SAFE } from './access.ts';
import { sendProblem, tooSlow } from './problem.ts';
import { LONG_MS, type WhileAllowed } from './while-allowed.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    endpoint?: Endpoint;
  }
  interface FastifyRequest {
    /** A JSON body as it came, on routes that want it. */
    bodyBytes: Buffer | null;
  }
}

/** What routes are served with. */
export interface Means {
  readonly relational: Relational;
  readonly whileAllowed: WhileAllowed;
}

/** Where neither the route nor the server names a time. */
const ANSWER_MS = 30_000;

/** A signal that fires when the asker has gone or the time for an answer is over, and says which: whoever gives up throws that. */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const { body, routeOptions, signal } = reply.request;
  // The framework takes the end of a body for the end of its asker, and then forgets its own timer too.
  const late =
    body === undefined
      ? undefined
      : setTimeout(() => controller.abort(tooSlow()), routeOptions.handlerTimeout || ANSWER_MS);
  late?.unref();
  reply.raw.once('close', () => {
    clearTimeout(late);
    if (!reply.raw.writableFinished)
      controller.abort(new OperationalError('query-aborted', 'The asker has gone.'));
  });
  return body === undefined ? AbortSignal.any([controller.signal, signal]) : controller.signal;
}

function callOf(relational: Relational, request: FastifyRequest, reply: FastifyReply): Call {
  let signal: AbortSignal | null = null;
  return {
    params: request.params,
    query: request.query,
    body: request.body,
    bytes: request.bodyBytes ?? null,
    contentType: request.headers['content-type'] ?? '',
    conditions: {
      range: request.headers.range,
      ifRange: request.headers['if-range'] as string | undefined,
      ifNoneMatch: request.headers['if-none-match'],
    },
    address: request.ip,
    secure: request.protocol === 'https',
    get caller() {
      return callerOf(request);
    },
    get signal() {
      signal ??= gone(reply);
      return signal;
    },
    audited: (action, target, detail = {}) => ({
      actor: callerOf(request).actor,
      address: request.ip,
      action,
      target,
      outcome: 'done',
      detail,
    }),
    mayStill: () => recheckOf(relational, request)(),
    warn: (error, message) => request.log.warn({ err: error }, message),
    whenOver: (work) => {
      if (reply.raw.closed) work();
      else reply.raw.once('close', work);
    },
  };
}

/** An answer that takes long to make or to send is for those alone who may still have it. */
async function stillAllowed(
  call: Call,
  reply: FastifyReply,
  returned: unknown,
  whileAllowed: WhileAllowed,
): Promise<unknown> {
  const { method } = reply.request;
  const tells = method === 'GET' || method === 'HEAD';
  const body = returned instanceof Reply ? returned.body : null;
  if (tells && reply.elapsedTime > LONG_MS && !(await call.mayStill())) {
    if (body instanceof Readable) body.destroy();
    throw new OperationalError('not-signed-in', 'sign in first');
  }
  if (body instanceof Readable)
    whileAllowed.watch(body, {
      allowed: () => call.mayStill(),
      failed: (error) => call.warn(error, 'the caller of an answer can not be checked'),
    });
  return returned;
}

function send(reply: FastifyReply, returned: unknown): FastifyReply {
  if (returned instanceof TakeOver) {
    // Headers that hooks have set, for a response that is written without the framework.
    const headers = Object.entries(reply.getHeaders()).map(([name, value]) => [
      name,
      String(value),
    ]);
    reply.hijack();
    returned.write(reply.raw, Object.fromEntries(headers));
    return reply;
  }
  if (returned instanceof Problem) {
    void reply.headers(returned.headers);
    return sendProblem(reply, returned.status, returned.code, returned.detail);
  }
  if (returned instanceof Reply)
    // Null would be said to be JSON.
    return reply
      .headers(returned.headers)
      .code(returned.status)
      .send(returned.status === 304 ? undefined : returned.body);
  return reply.send(returned);
}

/** Adds a route to the scope of its prefix. */
export function mount(app: FastifyInstance, route: AnyRoute, means: Means): void {
  const { consumes, bodyBytesMax, keepsBytes } = route.endpoint;
  if (keepsBytes === true) {
    void app.register((scope, _options, done) => {
      readJson(scope, { keep: true });
      add(scope, route, means);
      done();
    });
    return;
  }
  if (consumes === undefined) {
    add(app, route, means);
    return;
  }
  // What this route reads, the others refuse.
  void app.register((scope, _options, done) => {
    for (const type of consumes)
      if (scope.hasContentTypeParser(type)) scope.removeContentTypeParser(type);
    scope.addContentTypeParser(
      [...consumes],
      { parseAs: 'buffer', ...(bodyBytesMax === undefined ? {} : { bodyLimit: bodyBytesMax }) },
      (_request, body, parsed) => parsed(null, body),
    );
    add(scope, route, means);
    done();
  });
}

/**
 * Reads JSON bodies as the framework does, but no text of another encoding: decoding would leave marks in the place of what
 * somebody wrote (北村 of GBK as four of them). Keeps the bytes where they are wanted.
 */
export function readJson(scope: FastifyInstance, { keep }: { readonly keep: boolean }): void {
  const parse = scope.getDefaultJsonParser('error', 'error');
  if (keep) scope.decorateRequest('bodyBytes', null);
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer;
    if (!isUtf8(bytes)) {
      done(new OperationalError('bad-request', 'the body is not UTF-8, which JSON is written in'));
      return;
    }
    if (keep) request.bodyBytes = bytes;
    void parse(request, bytes.toString('utf8'), done);
  });
}

/** What is changed for a caller is changed while they may, however long it waits; what goes on after the answer is not theirs any more. */
async function whileMay<R>(request: FastifyRequest, work: () => Promise<R>): Promise<R> {
  let answered = false;
  try {
    return await onCondition(async (tx) => {
      if (!answered) await mayStillChange(tx, request);
    }, work);
  } finally {
    answered = true;
  }
}

function add(
  app: FastifyInstance,
  { endpoint, handle, perMinute }: AnyRoute,
  { relational, whileAllowed }: Means,
) {
  const { method, path, params, query, body, envelope, consumes, produces, answers } = endpoint;
  const checked = envelope ?? (consumes === undefined ? body : undefined);
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: {
      endpoint,
      // Who is signed in has a share of their own, wherever they ask from; see access.ts.
      ...(perMinute === undefined
        ? endpoint.right !== 'public' && { rateLimit: false }
        : { rateLimit: { max: perMinute, timeWindow: MINUTE } }),
    },
    ...(endpoint.bodyBytesMax === undefined ? {} : { bodyLimit: endpoint.bodyBytesMax }),
    ...(endpoint.answerMs === undefined ? {} : { handlerTimeout: endpoint.answerMs }),
    schema: {
      tags: endpoint.tags,
      summary: endpoint.summary,
      ...(endpoint.notes === undefined ? {} : { description: endpoint.notes }),
      ...(endpoint.hidden === true ? { hide: true } : {}),
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(checked === undefined ? {} : { body: checked }),
      ...(consumes === undefined ? {} : { consumes: [...consumes] }),
      ...(produces === undefined ? {} : { produces }),
      response: answers,
    },
    // The schemas above are what the handler's types are made of.
    handler: async (request, reply) => {
      const call = callOf(relational, request, reply);
      const who = endpoint.right === 'public' ? request.ip : callerOf(request).actor;
      const work = () =>
        workFor(who, async () => {
          // Of many who ask at once one begins, then devices are heard, then the next.
          await turn();
          return handle(call as never);
        });
      if (endpoint.right === 'public') return send(reply, await work());
      const returned = SAFE.has(method) ? await work() : await whileMay(request, work);
      return send(reply, await stillAllowed(call, reply, returned, whileAllowed));
    },
  });
}
