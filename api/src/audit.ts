/** Who did what. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { Instant, page, pageQuery, Time, words } from './shapes.ts';

export const OUTCOMES = ['done', 'refused'] as const;

export const AuditRow = Type.Object({
  id: Type.Integer(),
  at: Time,
  actor: Type.String(),
  address: Type.String(),
  action: Type.String(),
  target: Type.String(),
  outcome: words(OUTCOMES),
  detail: Type.Record(Type.String(), Type.Unknown()),
});
export type AuditRow = Static<typeof AuditRow>;

export const list = endpoint({
  method: 'GET',
  path: '/audit',
  right: 'audit.read',
  at: 'top',
  summary: 'What people and machines did, newest first',
  tags: ['people'],
  notes:
    '`q` is part of the actor, target, address or detail. A search looks at 50,000 entries at a time: a page may hold fewer ' +
    'than `limit`, or none, and have a `next` all the same',
  query: pageQuery({
    actor: Type.Optional(Type.String({ maxLength: 200 })),
    action: Type.Optional(Type.String({ maxLength: 64 })),
    outcome: Type.Optional(words(OUTCOMES)),
    q: Type.Optional(Type.String({ maxLength: 200 })),
    from: Type.Optional(Instant),
    to: Type.Optional(Instant),
  }),
  answers: { 200: page(AuditRow) },
});
