/** Accounts, tokens of machines, and the audit log: for admins, each within their own area. */
import * as api from '@village/api';
import { formatTime, OperationalError, parseTime } from '@village/core';
import type { Token as StoredToken } from '@village/store/relational';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { callerOf } from '../http/access.ts';
import type { Context } from '../http/context.ts';
import { notFound } from '../http/problem.ts';
import { cursorOf, openCursor, pageByKey } from '../http/query.ts';
import { route } from '../http/route.ts';
import { viewUser } from '../http/views.ts';
import { passwordFault } from '../passwords.ts';

const viewToken = (token: StoredToken): api.tokens.Token => ({
  id: token.id,
  name: token.name,
  role: token.role,
  area: token.area,
  createdAt: formatTime(token.createdAt),
  createdBy: token.createdBy,
  expiresAt: token.expiresAt === null ? null : formatTime(token.expiresAt),
});

/** Writes what an admin did into the audit log. */
export function note(
  context: Context,
  request: FastifyRequest,
  action: string,
  target: string,
  detail: Record<string, unknown> = {},
): Promise<void> {
  return context.relational.audit.append({
    actor: callerOf(request).actor,
    address: request.ip,
    action,
    target,
    outcome: 'done',
    detail,
  });
}

function userRoutes(app: FastifyInstance, context: Context): void {
  const { relational, directory, passwords } = context;
  const _config = { access: 'admin' } as const;
  route(app, api.users.list, async (request) => {
    const accounts = await relational.people.accounts(callerOf(request).area);
    const { items, next } = pageByKey(accounts, ({ name }) => name, request.query);
    return { items: items.map((account) => viewUser(directory, account)), next };
  });

  route(app, api.users.save, async (request) => {
    const { area: scope } = callerOf(request);
    const { name } = request.params;
    const { password, ...fields } = request.body;
    if (directory.area(scope, fields.area) === undefined) notFound('area');
    const before = await relational.people.account(name);
    // Taking over an account of another area would show that it exists; names are unique over all areas.
    if (before !== null && directory.area(scope, before.area) === undefined) notFound('user');
    const fault = password === undefined ? null : passwordFault(password);
    if (fault !== null) throw new OperationalError('weak-password', `the password ${fault}`);
    const hash = password === undefined ? undefined : await passwords.hash(password);
    await relational.people.saveAccount({ name, ...fields }, hash);
    if (hash !== undefined) await relational.people.closeSessionsOf(name);
    await note(context, request, 'save-user', name, { role: fields.role, area: fields.area });
    return { user: viewUser(directory, { name, ...fields }) };
  });

  route(app, api.users.remove, async (request, reply) => {
    const { area: scope, actor } = callerOf(request);
    const { name } = request.params;
    const account = await relational.people.account(name);
    if (account === null || directory.area(scope, account.area) === undefined) notFound('user');
    if (name === actor) throw new OperationalError('forbidden', 'nobody removes themselves');
    await relational.people.removeAccount(name);
    await note(context, request, 'remove-user', name);
    return reply.code(204).send(null);
  });
}

function tokenRoutes(app: FastifyInstance, context: Context): void {
  const { relational, directory } = context;
  const _config = { access: 'admin' } as const;
  route(app, api.tokens.list, async (request) => {
    const tokens = await relational.people.tokens(callerOf(request).area);
    const { items, next } = pageByKey(tokens, ({ id }) => id, request.query);
    return { items: items.map(viewToken), next };
  });

  route(app, api.tokens.create, async (request, reply) => {
    const caller = callerOf(request);
    const { name, role, area = caller.area } = request.body;
    if (directory.area(caller.area, area) === undefined) notFound('area');
    const { expiresAt: until } = request.body;
    const expiresAt = until === undefined ? null : parseTime(until);
    if (Number.isNaN(expiresAt)) throw new OperationalError('bad-time', 'expiresAt: no time');
    const createdBy = caller.actor;
    const made = await relational.people.createToken({ name, role, area, createdBy, expiresAt });
    await note(context, request, 'create-token', made.token.id, { name, role, area });
    return reply.code(201).send({ ...viewToken(made.token), token: made.secret });
  });

  route(app, api.tokens.remove, async (request, reply) => {
    const { id } = request.params;
    if (!(await relational.people.removeToken(callerOf(request).area, id))) notFound('token');
    await note(context, request, 'remove-token', id);
    return reply.code(204).send(null);
  });
}

/** Adds `/users`, `/tokens` and `/audit`. */
export function peopleRoutes(app: FastifyInstance, context: Context): void {
  userRoutes(app, context);
  tokenRoutes(app, context);
  route(app, api.audit.list, async (request) => {
    const { limit = 100, cursor } = request.query;
    const before = openCursor(cursor, ['number'])?.[0] as number | undefined;
    const entries = await context.relational.audit.list({
      limit,
      ...(before === undefined ? {} : { before }),
    });
    const last = entries.at(-1);
    return {
      items: entries.map((entry) => ({ ...entry, at: formatTime(entry.at) })),
      next: last === undefined || entries.length < limit ? null : cursorOf(last.id),
    };
  });
}
