/** Who did what. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { page, pageQuery, Time, words } from './shapes.ts';

export const AuditRow = Type.Object({
  id: Type.Integer(),
  at: Time,
  actor: Type.String(),
  address: Type.String(),
  action: Type.String(),
  target: Type.String(),
  outcome: words(['done', 'refused']),
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
  query: pageQuery({}),
  answers: { 200: page(AuditRow) },
});
