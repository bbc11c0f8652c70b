/** The module of people and machines: accounts, tokens and the audit log, each admin within their own area. */
import * as api from '@village/api';
import { formatTime, OperationalError, parseTime } from '@village/core';
import {
  type AnyRoute,
  answer,
  cursorOf,
  defineModule,
  type Logger,
  metricGroup,
  nightly,
  notFound,
  openCursor,
  pageByKey,
  route,
} from '@village/platform';
import type { Relational, StoredAuditEntry, Token as StoredToken } from '@village/store/relational';
import { streamed } from '../../http/streamed.ts';
import { viewUser } from '../../http/views.ts';
import type { Needs, Tools } from '../needs.ts';
import { passwordFault } from '../session/passwords.ts';
import { resetPassword } from './reset-password.ts';

/** Entries deleted in one transaction, so that years of them hold up nobody. */
const TRIMMED_AT_ONCE = 20_000;

const viewToken = (token: StoredToken): api.tokens.Token => ({
  id: token.id,
  name: token.name,
  role: token.role,
  area: token.area,
  createdAt: formatTime(token.createdAt),
  createdBy: token.createdBy,
  expiresAt: token.expiresAt === null ? null : formatTime(token.expiresAt),
});

function userRoutes({ relational, directory, passwords }: Needs): AnyRoute[] {
  return [
    route(api.users.list, async ({ caller, query }) => {
      const accounts = await relational.people.accounts(caller.area);
      const { items, next } = pageByKey(accounts, ({ name }) => name, query);
      return { items: items.map((account) => viewUser(directory, account)), next };
    }),

    route(api.users.save, async ({ caller, params, body, audited }) => {
      const { area: scope } = caller;
      const { name } = params;
      const { password, ...fields } = body;
      if (directory.area(scope, fields.area) === undefined) notFound('area');
      const fault = password === undefined ? null : passwordFault(password);
      if (fault !== null) throw new OperationalError('weak-password', `the password ${fault}`);
      const hash = password === undefined ? undefined : await passwords.hash(password);
      await relational.transaction(
        async (tx) => {
          // Taking over an account of another area would show that it exists; names are unique over all areas.
          const before = await tx.people.account(name);
          if (before !== null && directory.area(scope, before.area) === undefined) notFound('user');
          if (before === null) {
            // Names that differ in capitals only would be taken for each other.
            if ((await tx.people.accountName(name)) !== null)
              throw new OperationalError(
                'already-exists',
                'there is an account of this name in other letters',
              );
            if (hash === undefined)
              throw new OperationalError('password-needed', 'a new account needs a password');
            await tx.people.addAccount({ name, ...fields }, hash);
          } else if (!(await tx.people.changeAccount(before, { name, ...fields }, hash)))
            notFound('user');
          if (hash !== undefined) await tx.people.closeSessionsOf(name);
        },
        { audit: audited('save-user', name, { role: fields.role, area: fields.area }) },
      );
      return { user: viewUser(directory, { name, ...fields }) };
    }),

    route(api.users.remove, async ({ caller, params, audited }) => {
      const { name } = params;
      await relational.transaction(
        async (tx) => {
          const account = await tx.people.account(name);
          if (account === null || directory.area(caller.area, account.area) === undefined)
            notFound('user');
          if (name === caller.actor)
            throw new OperationalError('forbidden', 'nobody removes themselves');
          await tx.people.removeAccount(name);
        },
        { audit: audited('remove-user', name) },
      );
      return answer(204, null);
    }),
  ];
}

function tokenRoutes({ relational, directory }: Needs): AnyRoute[] {
  return [
    route(api.tokens.list, async ({ caller, query }) => {
      const tokens = await relational.people.tokens(caller.area);
      const { items, next } = pageByKey(tokens, ({ id }) => id, query);
      return { items: items.map(viewToken), next };
    }),

    route(api.tokens.create, async ({ caller, body, audited }) => {
      const { name, role, area = caller.area, expiresAt: until } = body;
      if (directory.area(caller.area, area) === undefined) notFound('area');
      const expiresAt = until === undefined ? null : parseTime(until);
      if (Number.isNaN(expiresAt)) throw new OperationalError('bad-time', 'expiresAt: no time');
      const made = await relational.transaction(
        (tx) => tx.people.createToken({ name, role, area, createdBy: caller.actor, expiresAt }),
        { audit: ({ token }) => audited('create-token', token.id, { name, role, area }) },
      );
      return answer(201, { ...viewToken(made.token), token: made.secret });
    }),

    route(api.tokens.remove, async ({ caller, params, audited }) => {
      const { id } = params;
      await relational.transaction(
        async (tx) => {
          if (!(await tx.people.removeToken(caller.area, id))) notFound('token');
        },
        { audit: audited('remove-token', id) },
      );
      return answer(204, null);
    }),
  ];
}

function auditRoute({ relational, sending }: Needs): AnyRoute {
  return route(api.audit.list, async (call) => {
    const { limit = 100, cursor } = call.query;
    const before = openCursor(cursor, ['number'])?.[0] as number | undefined;
    const entries = await relational.audit.list({
      limit,
      ...(before === undefined ? {} : { before }),
    });
    const last = entries.at(-1);
    const next = last === undefined || entries.length < limit ? null : cursorOf(last.id);
    const view = (entry: StoredAuditEntry) => ({ ...entry, at: formatTime(entry.at) });
    return streamed(call, sending, { fields: { next }, items: entries, view });
  });
}

/** Deletes entries from before that time; the log says itself that it was cut. Returns how many there were. */
export async function trimAudit(
  relational: Relational,
  before: number,
  log: Pick<Logger, 'info'>,
): Promise<number> {
  let deleted = 0;
  for (;;) {
    const now = await relational.transaction((tx) => tx.audit.trim(before, TRIMMED_AT_ONCE), {
      audit: (count) =>
        count === 0
          ? null
          : {
              actor: 'server',
              address: '',
              action: 'trim-audit',
              target: '',
              outcome: 'done',
              detail: { deleted: count, before: formatTime(before) },
            },
    });
    deleted += now;
    if (now < TRIMMED_AT_ONCE) break;
  }
  if (deleted > 0) log.info({ deleted }, 'old audit entries deleted');
  return deleted;
}

export const peopleModule = defineModule<Needs, Tools>({
  name: 'people',
  title: { zh: '用户与审计', en: 'People and audit' },
  rights: {
    'users.manage': { title: { zh: '管理用户', en: 'Manage users' }, roles: ['admin'] },
    'tokens.manage': { title: { zh: '管理令牌', en: 'Manage tokens' }, roles: ['admin'] },
    'audit.read': { title: { zh: '查看审计日志', en: 'See the audit log' }, roles: ['admin'] },
  },
  commands: [resetPassword],
  start: (needs) => {
    let trimmed = 0;
    return {
      routes: [...userRoutes(needs), ...tokenRoutes(needs), auditRoute(needs)],
      jobs: [
        {
          kind: 'audit',
          title: { zh: '清理旧审计记录', en: 'Delete old audit entries' },
          schedule: nightly(),
          run: async () => {
            const before = needs.ages.before(needs.config.audit.retention);
            trimmed += await trimAudit(needs.relational, before, needs.log);
          },
        },
      ],
      metrics: [
        metricGroup(
          () => trimmed,
          [
            {
              kind: 'counter',
              name: 'audit_trimmed_total',
              help: 'Old audit entries deleted',
              value: (count) => count,
            },
          ],
        ),
      ],
    };
  },
});
