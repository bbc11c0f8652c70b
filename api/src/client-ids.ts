/** Client ids of MQTT that credentials of devices and gateways are bound to, where `mqtt.clientIds` says `bound`. */
import { type Static, Type } from 'typebox';
import { Refusal } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { AreaRef, exactly, Id, Nothing, orNull, page, pageQuery, Time, words } from './shapes.ts';

/** With `isBound` false the next sign-in binds; an empty `clientId` is that of a client that names none. */
export const ClientId = Type.Object({
  isBound: Type.Boolean(),
  clientId: orNull(Type.String()),
  boundAt: orNull(Time),
  /** Who signed in with the same secret under another client id and was refused, since the server's start; newest first. There only when there are any. */
  refusals: Type.Optional(Type.Array(Refusal)),
});
export type ClientId = Static<typeof ClientId>;

/** A credential that is bound; an empty `clientId` is that of a client that names none. */
export const Binding = Type.Object({
  id: Type.String(),
  kind: words(['device', 'gateway']),
  name: Type.String(),
  area: AreaRef,
  clientId: Type.String(),
  boundAt: Time,
  /** Sign-ins with another client id since the server's start. */
  refused: Type.Integer(),
});
export type Binding = Static<typeof Binding>;

/** `binds` is false where the site takes any client id (`mqtt.clientIds: any`). */
export const BindingPage = Type.Object({
  ...page(Binding).properties,
  total: Type.Integer(),
  binds: Type.Boolean(),
});
export type BindingPage = Static<typeof BindingPage>;

const params = exactly({ id: Id });

export const list = endpoint({
  method: 'GET',
  path: '/client-ids',
  right: 'devices.read',
  summary: 'Credentials that are bound to a client id, by id',
  notes:
    'Of devices and gateways in service. `q` is a part of the id, the name or the client id, whatever the case. `binds` is false where any client id will do',
  tags: ['devices'],
  query: pageQuery({ q: Type.Optional(Type.String({ maxLength: 100 })) }),
  answers: { 200: BindingPage },
});

export const get = endpoint({
  method: 'GET',
  path: '/client-ids/{id}',
  right: 'devices.read',
  summary: 'The client id that the credential of a device or gateway is bound to',
  tags: ['devices'],
  params,
  answers: { 200: ClientId },
});

export const release = endpoint({
  method: 'DELETE',
  path: '/client-ids/{id}',
  right: 'client-ids.release',
  summary: 'Release it: the next sign-in binds another',
  notes: '404 also when none is bound. A session that is open goes on until it ends',
  tags: ['devices'],
  params,
  answers: { 204: Nothing },
});
