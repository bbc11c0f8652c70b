/** Which role may do what. */
import { ROLES } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { Label, RoleWord } from './shapes.ts';

export { ROLES };

/** The rights that one module of the server asks for. */
export const ModuleRights = Type.Object({
  module: Type.String(),
  title: Label,
  rights: Type.Array(
    Type.Object({
      right: Type.String(),
      title: Label,
      roles: Type.Array(RoleWord),
      /** Held at the top of the areas alone: an administrator of a township does not hold it. */
      top: Type.Boolean(),
    }),
  ),
});
export type ModuleRights = Static<typeof ModuleRights>;

export const list = endpoint({
  method: 'GET',
  path: '/rights',
  right: 'users.manage',
  summary: 'Which role holds which right, by module',
  notes: 'Roles are part of the server and can not be changed',
  tags: ['people'],
  answers: { 200: Type.Object({ items: Type.Array(ModuleRights) }) },
});
