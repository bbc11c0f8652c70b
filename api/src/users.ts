/** Accounts of people, for admins, each within their own area. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { AreaRef, Code, exactly, Id, Nothing, page, pageQuery, RoleWord, Text } from './shapes.ts';

export const User = Type.Object({
  name: Type.String(),
  displayName: Type.String(),
  role: RoleWord,
  area: AreaRef,
});
export type User = Static<typeof User>;

export const list = endpoint({
  method: 'GET',
  path: '/users',
  right: 'users.manage',
  summary: 'Accounts by name',
  tags: ['people'],
  query: pageQuery({}),
  answers: { 200: page(User) },
});

export const save = endpoint({
  method: 'PUT',
  path: '/users/{name}',
  right: 'users.manage',
  summary: 'Makes or changes an account',
  notes: 'A new one needs a password; a new password ends the sessions of the account',
  tags: ['people'],
  params: exactly({ name: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }) }),
  body: exactly({
    displayName: Text,
    role: RoleWord,
    area: Code,
    password: Type.Optional(Type.String()),
  }),
  answers: { 200: Type.Object({ user: User }) },
});

export const remove = endpoint({
  method: 'DELETE',
  path: '/users/{name}',
  right: 'users.manage',
  summary: 'Removes an account',
  notes: 'Nobody removes themselves',
  tags: ['people'],
  params: exactly({ name: Id }),
  answers: { 204: Nothing },
});
