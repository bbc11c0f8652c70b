/** What runs by itself, and how it stands. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { Label, orNull, page, pageQuery, Time } from './shapes.ts';

export const Job = Type.Object({
  kind: Type.String(),
  title: Label,
  /** When it runs next. */
  nextAt: Time,
  running: Type.Boolean(),
  /** When the present or the last run began. */
  startedAt: orNull(Time),
  endedAt: orNull(Time),
  progress: orNull(Type.Object({ done: Type.Number(), total: Type.Number() })),
  /** Why the last run failed; null when it did not. */
  lastError: orNull(Type.String()),
  failures: Type.Integer(),
});
export type Job = Static<typeof Job>;

export const list = endpoint({
  method: 'GET',
  path: '/jobs',
  right: 'jobs.read',
  at: 'top',
  summary: 'What runs by itself: when next, since when, how far, the last error',
  tags: ['system'],
  query: pageQuery({}),
  answers: { 200: page(Job) },
});
