/** Who a request comes from and whether it may: cookies of people, tokens of machines, and where a request was made. */
import { createHash } from 'node:crypto';
import { BoundedMap, MINUTE, OperationalError, SECOND } from '@village/core';
import type { Caller, RightsTable } from '@village/platform';
import type { Relational, RelationalAccess } from '@village/store/relational';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isSameOrigin } from './origin.ts';
import { sendProblem } from './problem.ts';

export const COOKIE = 'village_session';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
  }
}

/** What the guard works with. */
export interface AccessOptions {
  readonly relational: Relational;
  readonly rights: RightsTable;
  /** Whether no area lies above that one. */
  readonly isTop: (area: string) => boolean;
  readonly shares: Shares;
}

/** How much may be asked in a minute. */
export interface Shares {
  /** Of one caller, wherever it asks from: a township's office has one address. */
  readonly ofCaller: Limiter;
  /** Of those at one address who prove to be nobody. */
  readonly ofStrangers: Limiter;
}

type Limiter = ReturnType<FastifyInstance['createRateLimit']>;

/** Shares of so many requests a minute; needs the plugin of limits by address. */
export function requestShares(app: FastifyInstance, perMinute: number): Shares {
  const max = { max: perMinute, timeWindow: MINUTE };
  return {
    ofCaller: app.createRateLimit({ ...max, keyGenerator: (one) => callerOf(one).actor }),
    ofStrangers: app.createRateLimit(max),
  };
}

/** A request whose body took longer to come is checked once more. */
const BODY_MS = SECOND;

/** Proofs that are remembered as having held. */
const KNOWN_MAX = 10_000;

/** A cookie that is given to somebody; one that is taken away is empty. */
const NEW_SESSION = new RegExp(`^${COOKIE}=([^;]+);`);

/** Methods that change nothing. */
export const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** What a request proves its caller with. */
interface Proof {
  readonly kind: 'token' | 'session';
  readonly secret: string;
}

function proofOf(request: FastifyRequest): Proof | null {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const secret = /^Bearer +([A-Za-z0-9_-]{16,200})$/i.exec(header)?.[1];
    return secret === undefined ? null : { kind: 'token', secret };
  }
  const secret = request.cookies[COOKIE];
  return secret === undefined || secret.length > 200 ? null : { kind: 'session', secret };
}

const digestOf = ({ kind, secret }: Proof): string =>
  createHash('sha256').update(`${kind} ${secret}`).digest('base64');

/** Whom the proof stands for now; `peek` does not count as use of a session. */
async function findCaller(
  relational: Pick<RelationalAccess, 'people'>,
  { kind, secret }: Proof,
  options: { peek: boolean },
): Promise<Caller | null> {
  if (kind === 'token') {
    const token = await relational.people.token(secret, options);
    if (token === null) return null;
    const { id, role, area, name } = token;
    return { actor: `token:${id}`, role, area, session: null, displayName: name };
  }
  const account = await relational.people.session(secret, options);
  if (account === null) return null;
  const { name, role, area, displayName, passwordToChange } = account;
  return { actor: name, role, area, session: secret, displayName, passwordToChange };
}

/**
 * For an answer that lasts: tells, whenever it is asked, whether its caller is still signed in with the role and the
 * area that it began with. Watching is no use of a session, so its idle limit ends what it watches too.
 */
export function recheckOf(relational: Relational, request: FastifyRequest): () => Promise<boolean> {
  const proof = proofOf(request);
  const began = callerOf(request);
  return async () => {
    const now = proof === null ? null : await findCaller(relational, proof, { peek: true });
    return (
      now !== null &&
      now.actor === began.actor &&
      now.role === began.role &&
      now.area === began.area
    );
  };
}

/**
 * Looks again, in the transaction that does what was asked, whether the caller still has the role and the area that it was asked
 * with: bodies, passwords that are hashed and files that wait for others take their time.
 * @throws not-signed-in, forbidden
 */
export async function mayStillChange(
  tx: Pick<RelationalAccess, 'people'>,
  request: FastifyRequest,
): Promise<void> {
  const proof = proofOf(request);
  const began = callerOf(request);
  const now = proof === null ? null : await findCaller(tx, proof, { peek: true });
  if (now === null || now.actor !== began.actor)
    throw new OperationalError('not-signed-in', 'the caller was signed out meanwhile');
  // One's own password is of no area and needs no role.
  if (request.routeOptions.config.endpoint?.path.startsWith('/session') === true) return;
  if (now.role !== began.role || now.area !== began.area)
    throw new OperationalError('forbidden', 'the rights of the caller were changed meanwhile');
}

/**
 * A browser says where a changing request was made; other pages may not ride on somebody's cookie. Requests without
 * either header come from programs, which have no cookie of somebody else.
 */
function checkOrigin(request: FastifyRequest): void {
  if (SAFE.has(request.method)) return;
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const own =
    origin === undefined || isSameOrigin(origin, request.host, request.protocol === 'https');
  const near = site === undefined || site === 'same-origin' || site === 'none';
  if (!near) throw new OperationalError('foreign-origin', 'the request was made by another site');
  if (!own)
    throw new OperationalError(
      'foreign-origin',
      `the request was made by a page of ${origin.slice(0, 200)}, and ${request.host.slice(0, 200)} was asked: ` +
        'a proxy must pass on the host and port that the browser asks for',
    );
}

const tooMany = (reply: FastifyReply, seconds: number): FastifyReply =>
  sendProblem(
    reply.header('retry-after', Math.max(1, seconds)),
    429,
    'too-many-requests',
    `too many requests; wait ${Math.max(1, seconds)} s`,
  );

/** Sets `request.caller` before each route of this scope and refuses who does not hold the right of its endpoint. */
export function guard(app: FastifyInstance, options: AccessOptions): void {
  const { relational, rights, isTop, shares } = options;
  /** Digests of proofs that held when they were asked about last: guesses from their address do not keep them out. */
  const known = new BoundedMap<string, true>(KNOWN_MAX);
  app.decorateRequest('caller', null);
  app.addHook('onRoute', ({ url, config }) => {
    if (config?.endpoint === undefined)
      throw new Error(`BUG: ${url} is no endpoint of the interface`);
    rights.serve(config.endpoint);
  });
  app.addHook('onRequest', async (request, reply) => {
    const { endpoint } = request.routeOptions.config;
    if (endpoint === undefined) throw new Error('BUG: a route without an endpoint');
    if (request.headers.authorization === undefined) checkOrigin(request);
    if (endpoint.right === 'public') return;
    const proof = proofOf(request);
    const digest = proof === null ? '' : digestOf(proof);
    if (known.get(digest) === undefined) {
      // Before the store is asked: whoever guesses at secrets costs it nothing more.
      const guessed = await shares.ofStrangers(request, { increment: false });
      if (!guessed.isAllowed && guessed.remaining === 0)
        return tooMany(reply, guessed.ttlInSeconds);
    }
    const caller = proof === null ? null : await findCaller(relational, proof, { peek: false });
    if (caller === null) {
      known.delete(digest);
      await shares.ofStrangers(request);
      throw new OperationalError('not-signed-in', 'sign in first');
    }
    known.set(digest, true);
    request.caller = caller;
    const asked = await shares.ofCaller(request);
    if (!asked.isAllowed && asked.isExceeded) return tooMany(reply, asked.ttlInSeconds);
    if (caller.passwordToChange === true && !endpoint.path.startsWith('/session'))
      throw new OperationalError('password-to-change', 'choose another password first');
    if (!rights.allows(endpoint, caller.role, isTop(caller.area)))
      throw new OperationalError('forbidden', 'this needs other rights');
  });
  app.addHook('onSend', async (_request, reply) => {
    // Who has just signed in is known, whoever guesses at the same address.
    const [, secret] = NEW_SESSION.exec(String(reply.getHeader('set-cookie') ?? '')) ?? [];
    if (secret !== undefined) known.set(digestOf({ kind: 'session', secret }), true);
  });
  app.addHook('preHandler', async (request, reply) => {
    if (request.caller === null || reply.elapsedTime < BODY_MS) return;
    // What it was let in for at its head may have been taken away before its body was here.
    if (!(await recheckOf(relational, request)()))
      throw new OperationalError('not-signed-in', 'sign in first');
  });
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('BUG: the route is public');
  return request.caller;
}
