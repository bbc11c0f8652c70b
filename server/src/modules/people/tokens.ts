/** Tokens of machines: who has one, making and removing them. */
import * as api from '@village/api';
import { formatTime, OperationalError, parseTime } from '@village/core';
import { type AnyRoute, answer, cursorOf, notFound, openCursor, route } from '@village/platform';
import { type Directory, registryStore } from '@village/registry';
import type { Token as StoredToken } from '@village/store/relational';
import type { Needs } from '../needs.ts';

const timeOrNull = (at: number | null): string | null => (at === null ? null : formatTime(at));

const viewToken = (directory: Directory, token: StoredToken): api.tokens.Token => ({
  id: token.id,
  name: token.name,
  role: token.role,
  area: token.area,
  areaName: directory.area(token.area, token.area)?.area.name ?? { zh: token.area, en: token.area },
  createdAt: formatTime(token.createdAt),
  createdBy: token.createdBy,
  expiresAt: timeOrNull(token.expiresAt),
  lastUsedAt: timeOrNull(token.lastUsedAt),
  suspended: token.suspended,
});

/** The routes of tokens. */
export function tokenRoutes({ relational, directory, clock }: Needs): AnyRoute[] {
  return [
    route(api.tokens.list, async ({ caller, query }) => {
      const { q = '', limit = 1000, cursor } = query;
      const opened = openCursor(cursor, ['number', 'string']) as [number, string] | null;
      const tokens = await relational.people.tokens(caller.area, {
        ...(q.trim() === '' ? {} : { text: q.trim() }),
        ...(opened === null ? {} : { after: { createdAt: opened[0], id: opened[1] } }),
        // One more tells whether there are more.
        limit: limit + 1,
      });
      const last = tokens.length > limit ? tokens[limit - 1] : undefined;
      return {
        items: tokens.slice(0, limit).map((token) => viewToken(directory, token)),
        next: last === undefined ? null : cursorOf(last.createdAt, last.id),
      };
    }),

    route(api.tokens.create, async ({ caller, body, audited }) => {
      const { name, role, area = caller.area, expiresAt: until } = body;
      // It would outlive the one that it was made with.
      if (caller.session === null)
        throw new OperationalError('forbidden', 'a token makes no tokens: people do');
      if (directory.area(caller.area, area) === undefined) notFound('area');
      const expiresAt = until === undefined ? null : parseTime(until);
      if (Number.isNaN(expiresAt)) throw new OperationalError('bad-time', 'expiresAt: no time');
      if (expiresAt !== null && expiresAt <= clock())
        throw new OperationalError('bad-time', 'expiresAt: is over already');
      const made = await relational.transaction(
        async (tx) => {
          await registryStore(tx).holdArea(area);
          return tx.people.createToken({ name, role, area, createdBy: caller.actor, expiresAt });
        },
        { audit: ({ token }) => audited('create-token', token.id, { name, role, area }) },
      );
      return answer(201, { ...viewToken(directory, made.token), token: made.secret });
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
