/** Signing in and out, and one's own password. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { exactly, Nothing, Problem } from './shapes.ts';
import { User } from './users.ts';

const Password = Type.String({ minLength: 1, maxLength: 128 });

/** Who is signed in. */
export const Session = Type.Object({
  user: User,
  modules: Type.Optional(
    Type.Array(Type.String(), { description: 'Modules that are on somewhere in the area' }),
  ),
  /** Until another password is chosen, all calls but those of the session answer 403 `password-to-change`. */
  passwordToChange: Type.Optional(Type.Literal(true)),
  rights: Type.Optional(
    Type.Array(Type.String(), { description: 'Rights held; those of the role where it is absent' }),
  ),
});
export type Session = Static<typeof Session>;

export const signIn = endpoint({
  method: 'POST',
  path: '/session',
  right: 'public',
  summary: 'Signs in and gives the cookie',
  notes:
    '401 `wrong-credentials`; 423 `account-locked` when an administrator has locked it; 423 `locked` with `Retry-After`: after 5 wrong passwords of an account or 20 from an ' +
    'address, for ten minutes. A session ends after 30 minutes idle or 12 hours',
  tags: ['session'],
  body: exactly({ user: Type.String({ minLength: 1, maxLength: 64 }), password: Password }),
  answers: { 200: Session, 401: Problem, 423: Problem },
});

export const get = endpoint({
  method: 'GET',
  path: '/session',
  right: 'signed-in',
  summary: 'Who is signed in',
  notes: '401 when nobody is',
  tags: ['session'],
  answers: { 200: Session },
});

export const signOut = endpoint({
  method: 'DELETE',
  path: '/session',
  right: 'signed-in',
  summary: 'Signs out',
  tags: ['session'],
  answers: { 204: Nothing },
});

export const changePassword = endpoint({
  method: 'PUT',
  path: '/session/password',
  right: 'signed-in',
  summary: 'Changes the own password and ends the other sessions of the account',
  notes: '422 `weak-password`, also for the old one where another had to be chosen',
  tags: ['session'],
  body: exactly({ old: Password, password: Type.String() }),
  answers: { 200: Session },
});
