/** Accounts of people, for admins, each within their own area. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  Code,
  exactly,
  Id,
  Name,
  Nothing,
  orNull,
  page,
  pageQuery,
  RoleWord,
  Time,
  words,
} from './shapes.ts';

export const User = Type.Object({
  name: Type.String(),
  displayName: Type.String(),
  role: RoleWord,
  area: AreaRef,
});
export type User = Static<typeof User>;

/** An account as those who manage accounts see it. */
export const Person = Type.Object({
  ...User.properties,
  /** Rises with each change: say it with the next, and a change that somebody else made meanwhile is not lost. */
  revision: Type.Integer(),
  lastSignInAt: orNull(Time),
  /** Since when an administrator lets nobody sign in with it. */
  lockedAt: orNull(Time),
  /** Until when it is locked for wrong passwords. */
  lockedOutUntil: orNull(Time),
  passwordToChange: Type.Boolean(),
});
export type Person = Static<typeof Person>;

/** What an account may be called. */
export const ACCOUNT_NAME = '^[A-Za-z0-9._-]{1,64}$';

export const STATES = ['open', 'locked'] as const;

const Revision = Type.Integer({ minimum: 0, maximum: 2_147_483_647 });

export const list = endpoint({
  method: 'GET',
  path: '/users',
  right: 'users.manage',
  summary: 'Accounts by name',
  tags: ['people'],
  query: pageQuery({
    q: Type.Optional(Type.String({ maxLength: 200, description: 'Part of either name' })),
    role: Type.Optional(RoleWord),
    area: Type.Optional(Code),
    state: Type.Optional(words(STATES)),
  }),
  answers: { 200: page(Person) },
});

export const save = endpoint({
  method: 'PUT',
  path: '/users/{name}',
  right: 'users.manage',
  summary: 'Makes or changes an account',
  notes:
    'A new one needs a password; a new password ends the sessions of the account, and so does `locked`. `false` lets it sign in ' +
    'again at once, also after wrong passwords. What is left out stays. With `passwordToChange` its holder must choose another ' +
    'password before anything else (403 `password-to-change` until then). With `revision` 409 `changed-meanwhile` when the ' +
    'account is another by now; 0 is that of an account that is not there yet. 409 `last-administrator` when nobody would be ' +
    'left who manages the whole server',
  tags: ['people'],
  params: exactly({ name: Type.String({ pattern: ACCOUNT_NAME }) }),
  body: exactly({
    displayName: Name,
    role: RoleWord,
    area: Code,
    password: Type.Optional(Type.String()),
    passwordToChange: Type.Optional(Type.Boolean()),
    locked: Type.Optional(Type.Boolean()),
    revision: Type.Optional(Revision),
  }),
  answers: { 200: Type.Object({ user: Person }) },
});

export const remove = endpoint({
  method: 'DELETE',
  path: '/users/{name}',
  right: 'users.manage',
  summary: 'Removes an account',
  notes: 'Nobody removes themselves. `revision` as at PUT',
  tags: ['people'],
  params: exactly({ name: Id }),
  query: exactly({ revision: Type.Optional(Revision) }),
  answers: { 204: Nothing },
});
