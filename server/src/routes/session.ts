/** Signing in and out, and one's own password. */
import { session as endpoints } from '@village/api';
import { MINUTE, OperationalError } from '@village/core';
import { SESSION_MAX_MS } from '@village/store/relational';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { callerOf } from '../http/access.ts';
import { COOKIE, type Context } from '../http/context.ts';
import { sendProblem } from '../http/problem.ts';
import { route } from '../http/route.ts';
import { viewUser } from '../http/views.ts';
import { passwordFault } from '../passwords.ts';

function setCookie(context: Context, request: FastifyRequest, reply: FastifyReply, secret: string) {
  void reply.setCookie(COOKIE, secret, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: context.config.http.secureCookies || request.protocol === 'https',
    maxAge: SESSION_MAX_MS / 1000,
  });
}

/** Checks name and password, counts failures, and writes each try into the audit log. */
async function signIn(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  { user, password }: { user: string; password: string },
) {
  const { relational, lockOut, passwords } = context;
  const entry = { actor: user, address: request.ip, action: 'sign-in', target: user };
  const wait = lockOut.lockedFor(user, request.ip);
  if (wait > 0) {
    await relational.audit.append({ ...entry, outcome: 'refused', detail: { reason: 'locked' } });
    void reply.header('retry-after', String(Math.ceil(wait / 1000)));
    const minutes = Math.ceil(wait / MINUTE);
    return sendProblem(reply, 423, 'locked', `too many wrong passwords; wait ${minutes} minutes`);
  }
  // Counted before the check, so that many guesses at once are no way around the lock.
  lockOut.failed(user, request.ip);
  const account = await relational.people.account(user);
  const right = await passwords.check(account?.passwordHash ?? null, password);
  if (!right || account === null) {
    await relational.audit.append({ ...entry, outcome: 'refused', detail: { reason: 'password' } });
    throw new OperationalError('wrong-credentials', 'name or password is wrong');
  }
  lockOut.succeeded(user, request.ip);
  setCookie(context, request, reply, await relational.people.openSession(account.name, request.ip));
  await relational.audit.append({ ...entry, outcome: 'done', detail: {} });
  return { user: viewUser(context.directory, account) };
}

/** Adds the routes below `/session`. */
export function sessionRoutes(app: FastifyInstance, context: Context): void {
  const { relational, directory, passwords, config } = context;
  const perMinute = config.limits.signInsPerMinute;
  route(app, endpoints.signIn, (request, reply) => signIn(context, request, reply, request.body), {
    perMinute,
  });

  route(app, endpoints.get, (request) => {
    const { actor, displayName, role, area } = callerOf(request);
    return { user: viewUser(directory, { name: actor, displayName, role, area }) };
  });

  route(app, endpoints.signOut, async (request, reply) => {
    const { session } = callerOf(request);
    if (session !== null) await relational.people.closeSession(session);
    void reply.clearCookie(COOKIE, { path: '/' });
    return reply.code(204).send(null);
  });

  route(
    app,
    endpoints.changePassword,
    async (request, reply) => {
      const caller = callerOf(request);
      const account =
        caller.session === null ? null : await relational.people.account(caller.actor);
      if (account === null) throw new OperationalError('forbidden', 'a token has no password');
      if (lockedOut(context, request, reply, account.name)) return reply;
      context.lockOut.failed(account.name, request.ip);
      if (!(await passwords.check(account.passwordHash, request.body.old)))
        throw new OperationalError('wrong-credentials', 'the old password is wrong');
      context.lockOut.succeeded(account.name, request.ip);
      const fault = passwordFault(request.body.password);
      if (fault !== null) throw new OperationalError('weak-password', `the new password ${fault}`);
      await relational.people.saveAccount(account, await passwords.hash(request.body.password));
      // Whoever else is signed in with the old password is out.
      await relational.people.closeSessionsOf(account.name);
      setCookie(
        context,
        request,
        reply,
        await relational.people.openSession(account.name, request.ip),
      );
      await relational.audit.append({
        actor: account.name,
        address: request.ip,
        action: 'change-password',
        target: account.name,
        outcome: 'done',
        detail: {},
      });
      return { user: viewUser(directory, account) };
    },
    { perMinute },
  );
}

function lockedOut(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
): boolean {
  const wait = context.lockOut.lockedFor(name, request.ip);
  if (wait === 0) return false;
  void reply.header('retry-after', String(Math.ceil(wait / 1000)));
  sendProblem(reply, 423, 'locked', 'too many wrong passwords');
  return true;
}
