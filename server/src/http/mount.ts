/** Puts a module's route on the server: Fastify gets its schemas, limits and right, the handler a call that knows no server. */
import type { Endpoint } from '@village/api';
import { MINUTE } from '@village/core';
import { type AnyRoute, type Call, Problem, Reply, TakeOver } from '@village/platform';
import type { Relational } from '@village/store/relational';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { callerOf, recheckOf } from './access.ts';
import { sendProblem } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    endpoint?: Endpoint;
  }
  interface FastifyRequest {
    /** A JSON body as it came, on routes that want it. */
    bodyBytes: Buffer | null;
  }
}

/** Where neither the route nor the server names a time. */
const ANSWER_MS = 30_000;

/** A signal that fires when the asker has gone or the time for an answer is over. */
function gone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  // The framework takes the end of a body for the end of its asker, and then forgets its own timer too.
  const { body, routeOptions, signal } = reply.request;
  const late =
    body === undefined ? signal : AbortSignal.timeout(routeOptions.handlerTimeout || ANSWER_MS);
  return AbortSignal.any([controller.signal, late]);
}

function callOf(relational: Relational, request: FastifyRequest, reply: FastifyReply): Call {
  let signal: AbortSignal | null = null;
  return {
    params: request.params,
    query: request.query,
    body: request.body,
    bytes: request.bodyBytes ?? null,
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
    return reply.headers(returned.headers).code(returned.status).send(returned.body);
  return reply.send(returned);
}

/** Adds a route to the scope of its prefix. */
export function mount(app: FastifyInstance, route: AnyRoute, relational: Relational): void {
  const { consumes, bodyBytesMax, keepsBytes } = route.endpoint;
  if (keepsBytes === true) {
    void app.register((scope, _options, done) => {
      keepBytes(scope);
      add(scope, route, relational);
      done();
    });
    return;
  }
  if (consumes === undefined) {
    add(app, route, relational);
    return;
  }
  // What this route reads, the others refuse.
  void app.register((scope, _options, done) => {
    scope.addContentTypeParser(
      consumes,
      { parseAs: 'buffer', ...(bodyBytesMax === undefined ? {} : { bodyLimit: bodyBytesMax }) },
      (_request, body, parsed) => parsed(null, body),
    );
    add(scope, route, relational);
    done();
  });
}

/** Reads JSON bodies as the framework does, and keeps their bytes. */
function keepBytes(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error');
  scope.decorateRequest('bodyBytes', null);
  scope.removeContentTypeParser('application/json');
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    request.bodyBytes = body as Buffer;
    void parse(request, body.toString('utf8'), done);
  });
}

function add(
  app: FastifyInstance,
  { endpoint, handle, perMinute }: AnyRoute,
  relational: Relational,
) {
  const { method, path, params, query, body, envelope, consumes, produces, answers } = endpoint;
  const checked = envelope ?? (consumes === undefined ? body : undefined);
  app.route({
    method,
    url: path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: {
      endpoint,
      ...(perMinute === undefined ? {} : { rateLimit: { max: perMinute, timeWindow: MINUTE } }),
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
      ...(consumes === undefined ? {} : { consumes: [consumes] }),
      ...(produces === undefined ? {} : { produces }),
      response: answers,
    },
    // The schemas above are what the handler's types are made of.
    handler: async (request, reply) =>
      send(reply, await handle(callOf(relational, request, reply) as never)),
  });
}
