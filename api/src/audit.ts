/** Who did what. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { exactly, Instant, page, pageQuery, Time, words } from './shapes.ts';

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

const filter = {
  actor: Type.Optional(Type.String({ maxLength: 200 })),
  action: Type.Optional(Type.String({ maxLength: 64 })),
  outcome: Type.Optional(words(OUTCOMES)),
  q: Type.Optional(Type.String({ maxLength: 200 })),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
};

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
  query: pageQuery(filter),
  answers: { 200: page(AuditRow) },
});

/** Entries that one file holds at most. */
export const FILE_ENTRIES_MAX = 100_000;

export const save = endpoint({
  method: 'GET',
  path: '/audit/file',
  right: 'audit.read',
  at: 'top',
  summary: 'Entries of the audit log as a CSV file, newest first',
  tags: ['people'],
  notes:
    'The filter is that of the list. Columns `id, at, actor, address, action, target, outcome, detail` (JSON); UTF-8 with the mark that Excel ' +
    "needs, and a `'` before texts that a spreadsheet would take for a formula. At most 100,000 entries: where there are more, a last line says " +
    '`more` and of when the first is that was left out. Taking it is itself an entry, `export-audit`. Each asker has one at a time: 503 `busy`',
  query: exactly(filter),
  produces: ['text/csv'],
  answers: { 200: Type.Unsafe<AsyncIterable<unknown>>({ type: 'string', format: 'binary' }) },
});
