/** The HTTP server: limits, headers, the interface below /api/v1, health, metrics and the console. */
import { existsSync } from 'node:fs';
import { type IncomingMessage, METHODS } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import { system } from '@village/api';
import { type Certificates, SparingLog } from '@village/broker';
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
import { type AccessOptions, guard, requestShares } from './access.ts';
import { description } from './description.ts';
import { Methods } from './methods.ts';
import { byCause, metricsOf } from './metrics.ts';
import { type Means, mount, readJson } from './mount.ts';
import { handleError, sendProblem } from './problem.ts';
import { answerNoRequest, guardSockets, isTlsHello, tlsOptions } from './sockets.ts';
import { validatorCompiler } from './validator.ts';
import { WhileAllowed } from './while-allowed.ts';

const API = '/api/v1';
/** How long a browser that asked over HTTPS once asks no other way: a year. */
const HSTS_SECONDS = 31_536_000;
/** How often Node looks for requests that take too long, at most; its own 30 s would triple the time-out. */
const CHECK_MS = 5 * SECOND;
/** A large body has a second more for each of these, a megabit; what comes more slowly has not come in time. */
const BODY_BYTES_PER_SECOND_MIN = 128 * 1024;
/** More than any route's body may take beyond the time of a request; where Node itself ends what nobody else does. */
const BODY_MS_MAX = 10 * MINUTE;

export interface HttpOptions {
  readonly config: Config;
  readonly access: Omit<AccessOptions, 'shares'>;
  /** What the modules add. */
  readonly parts: readonly ModuleParts[];
  readonly log: FastifyBaseLogger;
  /** With which HTTPS is spoken; null speaks HTTP. */
  readonly certificates: Certificates | null;
  /** Folder of the built console; without it pages are 404. */
  readonly console: string;
}

/** A server that is not listening yet. */
export async function createHttp(options: HttpOptions): Promise<FastifyInstance> {
  const { config, log, certificates } = options;
  const { trustProxy, requestTimeout, answerTimeout, idleTimeout } = config.http;
  /** Since the start: connections refused by cause, answers by status. */
  const refused: Record<string, number> = {};
  const answers: Record<string, number> = {};
  const sparing = new SparingLog(
    (level, message, detail) => log[level](detail, message),
    () => performance.now(),
  );
  const refuse = (cause: string, address: string, detail: object = {}): void => {
    refused[cause] = (refused[cause] ?? 0) + 1;
    sparing.say('info', `connection refused: ${cause}`, { ...detail, subject: address });
  };
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 64 * 1024,
    requestTimeout: requestTimeout + BODY_MS_MAX,
    connectionTimeout: idleTimeout,
    keepAliveTimeout: 70 * SECOND,
    maxRequestsPerSocket: 10_000,
    forceCloseConnections: 'idle',
    handlerTimeout: answerTimeout,
    ...serverOptions(certificates, requestTimeout),
    clientErrorHandler: (error, socket) => {
      if (isTlsHello(error)) refuse('tls-on-plain-port', socket.remoteAddress ?? 'unknown');
      answerNoRequest(error, socket);
    },
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
  }) as unknown as FastifyInstance;
  app.setValidatorCompiler(validatorCompiler).setErrorHandler(handleError);
  // Measured on Node 24: while the time-out of heads is the longer one, that of whole requests never cuts a slow body.
  app.server.headersTimeout = requestTimeout;
  const closeUnused = guardSockets(
    app.server,
    {
      connections: config.limits.httpConnections,
      connectionsPerAddress: config.limits.httpConnectionsPerAddress,
      behindProxy: trustProxy.length > 0,
      proxies: config.http.proxyProtocol,
      timeoutMs: requestTimeout,
    },
    certificates,
    refuse,
  );
  app.addHook('preClose', async () => closeUnused());
  limitTimes(app, config.http);
  app.addHook('onResponse', async (_request, { statusCode }) => {
    answers[statusCode] = (answers[statusCode] ?? 0) + 1;
  });
  refuseMistaken(app);
  const methods = tellMethods(app);
  const https = config.http.secureCookies || certificates !== null;
  await app.register(helmet, securityHeaders(https));
  if (!https) tellHttps(app);
  await app.register(cookie);
  await app.register(rateLimit, {
    max: config.limits.requestsPerMinute,
    timeWindow: MINUTE,
    cache: 10_000,
  });
  await app.register(swagger, description);
  const means = { relational: options.access.relational, whileAllowed: new WhileAllowed() };
  await app.register(
    (scope, _prefix, done) => {
      apiRoutes(scope, options, means);
      done();
    },
    { prefix: API },
  );
  openRoutes(app, options, means, httpMetrics(refused, answers, means.whileAllowed));
  await consoleRoutes(app, options.console, methods);
  return app;
}

/** What Node's server is made with; TLS when there is a certificate. */
function serverOptions(certificates: Certificates | null, requestTimeout: number): object {
  // A request without a host is refused below, with a problem document.
  const http = {
    connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeout),
    requireHostHeader: false,
  };
  return certificates === null ? { http } : { https: { ...http, ...tlsOptions(certificates) } };
}

/** Refuses what would be read as something that it is not: coded bodies, and requests of no host or of two. */
function refuseMistaken(app: FastifyInstance): void {
  const refuse = async (reply: FastifyReply, detail: string): Promise<void> => {
    await sendProblem(reply, 400, 'bad-request', detail);
  };
  app.addHook('onRequest', async ({ headers, raw }, reply) => {
    const { rawHeaders } = raw;
    const hosts = rawHeaders.filter((name, n) => n % 2 === 0 && /^host$/i.test(name)).length;
    if (hosts > 1 || (hosts === 0 && raw.httpVersion === '1.1'))
      return refuse(reply, 'the head must name one Host');
    if (!/^(?:chunked)?$/i.test(headers['transfer-encoding']?.trim() ?? ''))
      return refuse(reply, 'no transfer-encoding but chunked is read');
    const coding = headers['content-encoding']?.trim() ?? '';
    if (/^(?:identity)?$/i.test(coding)) return;
    const detail = `a body of content-encoding ${coding.slice(0, 40)} is not read: send it as it is`;
    await sendProblem(
      reply.header('accept-encoding', 'identity'),
      415,
      'unsupported-content-encoding',
      detail,
    );
  });
}

/** A proxy that is believed knows of each request how its browser asked. */
function tellHttps(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.protocol === 'https')
      void reply.header('strict-transport-security', `max-age=${HSTS_SECONDS}`);
  });
}

function limitTimes(app: FastifyInstance, times: Config['http']): void {
  limitArrival(app, times.requestTimeout);
  limitIdling(app, times.answerTimeout, times.idleTimeout);
}

/** Ends requests whose bodies do not arrive in time. Who was let in has longer for a large one, strangers have not. */
function limitArrival(app: FastifyInstance, requestTimeout: number): void {
  const limits = new WeakMap<IncomingMessage, (ms: number) => void>();
  app.addHook('onRequest', async ({ raw, headers }, reply) => {
    const { socket } = raw;
    const hasBody =
      headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    if (!hasBody || !(socket instanceof Socket)) return;
    const end = (): void => {
      if (reply.raw.headersSent) socket.destroy();
      else answerNoRequest({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }, socket);
    };
    let late = setTimeout(end, requestTimeout);
    limits.set(raw, (ms) => {
      clearTimeout(late);
      late = setTimeout(end, ms);
    });
    raw.once('close', () => clearTimeout(late));
  });
  // Comes after all that refuse a request by its head.
  app.addHook('preParsing', async ({ raw, headers, routeOptions }) => {
    const declared = Number(headers['content-length'] ?? Number.POSITIVE_INFINITY);
    const bytes = Math.min(declared, routeOptions.bodyLimit);
    limits.get(raw)?.(requestTimeout + (bytes / BODY_BYTES_PER_SECOND_MIN) * SECOND);
  });
}

/** Ends connections on which nothing moves. */
function limitIdling(app: FastifyInstance, answerTimeout: number, idleTimeout: number): void {
  // While an answer is made nothing moves: its own time-out counts then, and that of the connection again when it is sent.
  app.addHook('onRequest', async (request) => {
    const { handlerTimeout = answerTimeout } = request.routeOptions;
    letIdle(request.raw, handlerTimeout + idleTimeout);
  });
  app.addHook('onSend', async (request) => {
    letIdle(request.raw, idleTimeout);
  });
}

/** Answers methods that an address lacks with those that it has. */
function tellMethods(app: FastifyInstance): Methods {
  // What Node can read is told that it is not answered, rather than that it can't be read.
  for (const method of METHODS)
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method))
      app.addHttpMethod(method, { hasBody: true });
  const methods = new Methods(app);
  // A route of parameters stands in for addresses that they can't be: those have other methods, or do not exist.
  app.addHook('onRequest', async (request, reply) => {
    const allowed = methods.at(request.url);
    if (allowed.length > 0 && !allowed.includes(request.method)) await refuseMethod(reply, allowed);
  });
  return methods;
}

function refuseMethod(reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  void reply.header('allow', allowed.join(', '));
  return sendProblem(reply, 405, 'method-not-allowed', `use ${allowed.join(', ')} here`);
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
    // What else there is below our name is not ours to decide about.
    strictTransportSecurity: https ? { maxAge: HSTS_SECONDS, includeSubDomains: false } : false,
    crossOriginOpenerPolicy: https,
    originAgentCluster: https,
  };
}

function apiRoutes(
  api: FastifyInstance,
  { access, parts, config }: HttpOptions,
  means: Means,
): void {
  guard(api, { ...access, shares: requestShares(api, config.limits.requestsPerMinute) });
  readJson(api, { keep: false });
  // What somebody may see is for them alone, and old a second later.
  api.addHook('onRequest', async (_request, reply) => {
    void reply.header('cache-control', 'no-store');
  });
  const routes = parts.flatMap((part) => part.routes ?? []);
  for (const one of [...routes, route(system.describe, () => api.swagger())])
    mount(api, one, means);
}

function httpMetrics(
  refused: Readonly<Record<string, number>>,
  answers: Readonly<Record<string, number>>,
  whileAllowed: WhileAllowed,
): MetricGroup {
  return metricGroup(
    () => ({ refused, answers, brokenOff: whileAllowed.brokenOff }),
    [
      {
        kind: 'counter',
        name: 'answers_broken_off_total',
        help: 'Long answers that ended with the rights of their caller',
        value: (now) => now.brokenOff,
      },
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

/** What monitoring asks without signing in: counted by itself, so that who asks much from its address makes nobody look ill. */
function openRoutes(
  app: FastifyInstance,
  { parts, config }: HttpOptions,
  means: Means,
  own: MetricGroup,
): void {
  const metrics = metricsOf([...parts.flatMap((part) => part.metrics ?? []), own]);
  const open = [
    route(system.health, async () => {
      const faults = await Promise.all(parts.map((part) => part.health?.() ?? []));
      const warnings = parts.flatMap((part) => part.warnings?.() ?? []);
      if (faults.flat().length === 0)
        return { status: 'ok', ...(warnings.length === 0 ? {} : { warnings }) };
      return problem(503, 'unhealthy', faults.flat().join('; '));
    }),
    route(system.metrics, async () =>
      answer(200, await metrics.text(), { 'content-type': metrics.contentType }),
    ),
  ];
  const perMinute = config.limits.requestsPerMinute;
  for (const one of open) mount(app, { ...one, perMinute }, means);
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
    if (allowed.length > 0) return refuseMethod(reply, allowed);
    if (built && page) return reply.header('cache-control', 'no-cache').sendFile('index.html');
    return sendProblem(reply, 404, 'not-found', 'there is nothing at this address');
  });
}
