/** Who a request comes from and whether it may: cookies of people, tokens of machines, and where a request was made. */
import { OperationalError, ROLES, type Role } from '@village/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Access, type Caller, COOKIE, type Context } from './context.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

async function findCaller(context: Context, request: FastifyRequest): Promise<Caller | null> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const secret = /^Bearer ([A-Za-z0-9_-]{16,200})$/i.exec(header)?.[1];
    const token = secret === undefined ? null : await context.relational.token(secret);
    if (token === null) return null;
    const { id, role, area, name } = token;
    return { actor: `token:${id}`, role, area, session: null, displayName: name };
  }
  const session = request.cookies[COOKIE];
  if (session === undefined || session.length > 200) return null;
  const account = await context.relational.session(session);
  if (account === null) return null;
  const { name, role, area, displayName } = account;
  return { actor: name, role, area, session, displayName };
}

/**
 * A browser says where a changing request was made; other pages may not ride on somebody's cookie. Requests without
 * either header come from programs, which have no cookie of somebody else.
 */
function checkOrigin(request: FastifyRequest): void {
  if (SAFE.has(request.method)) return;
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const own = origin === undefined || hostOf(origin) === request.host;
  const near = site === undefined || site === 'same-origin' || site === 'none';
  if (!own || !near)
    throw new OperationalError('foreign-origin', 'the request was made by another site');
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

function allowed(access: Access, caller: Caller, context: Context): boolean {
  if (access === 'county-admin')
    return caller.role === 'admin' && context.directory.isTop(caller.area);
  const rank = (role: Role): number => ROLES.length - ROLES.indexOf(role);
  return access === 'public' || rank(caller.role) >= rank(access);
}

/** Sets `request.caller` before each route of this scope and refuses what the route's `access` does not allow. */
export function guard(app: FastifyInstance, context: Context): void {
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access ?? 'clerk';
    if (request.headers.authorization === undefined) checkOrigin(request);
    if (access === 'public') return;
    const caller = await findCaller(context, request);
    if (caller === null) throw new OperationalError('not-signed-in', 'sign in first');
    if (!allowed(access, caller, context))
      throw new OperationalError('forbidden', 'this needs other rights');
    request.caller = caller;
  });
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error('BUG: the route is public');
  return request.caller;
}
