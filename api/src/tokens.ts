/** Tokens of machines that call the interface. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  Code,
  exactly,
  Id,
  Instant,
  Label,
  Name,
  Nothing,
  orNull,
  page,
  pageQuery,
  RoleWord,
  Time,
} from './shapes.ts';

export const Token = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: RoleWord,
  area: Type.String(),
  areaName: Label,
  createdAt: Time,
  createdBy: Type.String(),
  expiresAt: orNull(Time),
  /** To the minute. */
  lastUsedAt: orNull(Time),
  /** One of role `admin` is refused while its maker is locked, or is no administrator over its area any more. */
  suspended: Type.Boolean(),
});
export type Token = Static<typeof Token>;

export const list = endpoint({
  method: 'GET',
  path: '/tokens',
  right: 'tokens.manage',
  summary: 'Tokens of machines, the newest first, without their secrets',
  tags: ['people'],
  query: pageQuery({
    q: Type.Optional(
      Type.String({ maxLength: 200, description: 'Part of the name, the id or of who made it' }),
    ),
  }),
  answers: { 200: page(Token) },
});

export const create = endpoint({
  method: 'POST',
  path: '/tokens',
  right: 'tokens.manage',
  summary: 'Makes a token; its secret is shown this once',
  notes:
    'For people: a token makes none. One of role `admin` holds only while its maker is an administrator over its area and not locked, and is ' +
    'removed with its maker’s account; others go on',
  tags: ['people'],
  body: exactly({
    name: Name,
    role: RoleWord,
    area: Type.Optional(Code),
    expiresAt: Type.Optional(Instant),
  }),
  answers: { 201: Type.Object({ ...Token.properties, token: Type.String() }) },
});

export const remove = endpoint({
  method: 'DELETE',
  path: '/tokens/{id}',
  right: 'tokens.manage',
  summary: 'Removes a token',
  tags: ['people'],
  params: exactly({ id: Id }),
  answers: { 204: Nothing },
});
