/** The HTTP server: limits, headers, the interface below /api/v1, health, metrics and the console. */
import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import { system } from '@village/api';
import { MINUTE, SECOND } from '@village/core';
import {
  answer,
  type MetricGroup,
  type ModuleParts,
  metricGroup,
  problem,
  route,
} from '@village/platform';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  LogController,
} from 'fastify';
import type { Config } from '../config/config.ts';
import { type AccessOptions, guard } from './access.ts';
import { description } from './description.ts';
import { Methods } from './methods.ts';
import { byCause, metricsOf } from './metrics.ts';
import { mount } from './mount.ts';
import { handleError, sendProblem } from './problem.ts';
import { answerNoRequest, guardSockets } from './sockets.ts';

const API = '/api/v1';
/** How often Node looks for requests that take too long, at most; its own 30 s would triple the time-out. */
const CHECK_MS = 5 * SECOND;

export interface HttpOptions {
  readonly config: Config;
  readonly access: AccessOptions;
  /** What the modules add. */
  readonly parts: readonly ModuleParts[];
  readonly log: FastifyBaseLogger;
  /** Folder of the built console; without it pages are 404. */
  readonly console: string;
}

/** A server that is not listening yet. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const { config, log } = options;
  const { trustProxy, requestTimeout, answerTimeout, idleTimeout } = config.http;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 64 * 1024,
    requestTimeout,
    connectionTimeout: idleTimeout,
    keepAliveTimeout: 70 * SECOND,
    maxRequestsPerSocket: 10_000,
    forceCloseConnections: 'idle',
    handlerTimeout: answerTimeout,
    http: { connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeout) },
    clientErrorHandler: answerNoRequest,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(
        reply,
        error.statusCode ?? 400,
        'bad-address',
        'this is no address that can be read',
      );
    },
    routerOptions: { maxParamLength: 200 },
    ...(trustProxy.length === 0 ? {} : { trustProxy: [...trustProxy] }),
  });
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  app.setErrorHandler(handleError);
  // Measured on Node 24: while the time-out of heads is the longer one, that of whole requests never cuts a slow body.
  app.server.headersTimeout = requestTimeout;
  const { limits, http } = config;
  /** Since the start: connections refused by cause, answers by status. */
  const refused: Record<string, number> = {};
  const answers: Record<string, number> = {};
  const closeUnused = guardSockets(
    app.server,
    {
      connections: limits.httpConnections,
      connectionsPerAddress: limits.httpConnectionsPerAddress,
      behindProxy: http.trustProxy.length > 0,
    },
    (cause) => {
      refused[cause] = (refused[cause] ?? 0) + 1;
    },
  );
  app.addHook('preClose', async () => closeUnused());
  // While an answer is made nothing moves: its own time-out counts then, and that of the connection again when it is sent.
  app.addHook('onRequest', async (request) => {
    const { handlerTimeout = answerTimeout } = request.routeOptions;
    letIdle(request.raw, handlerTimeout + idleTimeout);
  });
  app.addHook('onSend', async (request) => {
    letIdle(request.raw, idleTimeout);
  });
  app.addHook('onResponse', async (_request, { statusCode }) => {
    answers[statusCode] = (answers[statusCode] ?? 0) + 1;
  });
  const methods = new Methods(app);
  await app.register(helmet, securityHeaders(config.http.secureCookies));
  await app.register(cookie);
  await app.register(rateLimit, {
    max: config.limits.requestsPerMinute,
    timeWindow: MINUTE,
    cache: 10_000,
  });
  await app.register(swagger, description);
  await app.register(
    (scope, _prefix, done) => {
      apiRoutes(scope, options);
      done();
    },
    { prefix: API },
  );
  openRoutes(app, options, httpMetrics(refused, answers));
  await consoleRoutes(app, options.console, methods);
  return app;
}

/** Sets how long nothing may move on a request's connection; what is asked in process has none. */
function letIdle({ socket }: IncomingMessage, ms: number): void {
  if (socket instanceof Socket) socket.setTimeout(ms);
}

/** Only our own files and connections; styles that scripts set go through the CSSOM and need no exception. */
function securityHeaders(https: boolean): Parameters<typeof helmet>[1] {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: https,
    crossOriginOpenerPolicy: https,
    originAgentCluster: https,
  };
}

function apiRoutes(api: FastifyInstance, { access, parts }: HttpOptions): void {
  guard(api, access);
  // What somebody may see is for them alone, and old a second later.
  api.addHook('onRequest', async (_request, reply) => {
    void reply.header('cache-control', 'no-store');
  });
  const routes = parts.flatMap((part) => part.routes ?? []);
  for (const one of [...routes, route(system.describe, () => api.swagger())])
    mount(api, one, access.relational);
}

function httpMetrics(
  refused: Readonly<Record<string, number>>,
  answers: Readonly<Record<string, number>>,
): MetricGroup {
  return metricGroup(
    () => ({ refused, answers }),
    [
      {
        kind: 'counter',
        name: 'http_refused_total',
        help: 'HTTP connections refused',
        labels: ['cause'],
        value: (now) => byCause(now.refused, 'cause'),
      },
      {
        kind: 'counter',
        name: 'http_answers_total',
        help: 'HTTP answers by status',
        labels: ['status'],
        value: (now) => byCause(now.answers, 'status'),
      },
    ],
  );
}

/** What monitoring asks without signing in. */
function openRoutes(app: FastifyInstance, { access, parts }: HttpOptions, own: MetricGroup): void {
  const metrics = metricsOf([...parts.flatMap((part) => part.metrics ?? []), own]);
  const open = [
    route(system.health, async () => {
      const faults = await Promise.all(parts.map((part) => part.health?.() ?? []));
      if (faults.flat().length === 0) return { status: 'ok' };
      return problem(503, 'unhealthy', faults.flat().join('; '));
    }),
    route(system.metrics, async () =>
      answer(200, await metrics.text(), { 'content-type': metrics.contentType }),
    ),
  ];
  for (const one of open) mount(app, one, access.relational);
}

/** The console's files; every other page address gives its index, which finds its way itself. */
async function consoleRoutes(
  app: FastifyInstance,
  folder: string,
  methods: Methods,
): Promise<void> {
  const built = existsSync(join(folder, 'index.html'));
  if (built)
    await app.register(fastifyStatic, {
      root: folder,
      index: 'index.html',
      // Names in assets/ carry a hash of the content, so a browser may keep them for ever.
      setHeaders: (reply, path) => {
        const assets = path.includes('/assets/');
        reply.header('cache-control', assets ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    });
  app.setNotFoundHandler((request, reply): FastifyReply => {
    const page =
      (request.method === 'GET' || request.method === 'HEAD') &&
      !request.url.startsWith('/api/') &&
      (request.headers.accept ?? '').includes('text/html');
    const allowed = methods.at(request.url);
    if (allowed.length > 0) {
      void reply.header('allow', allowed.join(', '));
      return sendProblem(reply, 405, 'method-not-allowed', `use ${allowed.join(', ')} here`);
    }
    if (built && page) return reply.header('cache-control', 'no-cache').sendFile('index.html');
    return sendProblem(reply, 404, 'not-found', 'there is nothing at this address');
  });
}
