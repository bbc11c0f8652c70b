/** Client ids of MQTT that credentials of devices and gateways are bound to, where `mqtt.clientIds` says `bound`. */
import { Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { exactly, Id, Nothing, orNull, Time } from './shapes.ts';

/** With `isBound` false the next sign-in binds; an empty `clientId` is that of a client that names none. */
export const ClientId = Type.Object({
  isBound: Type.Boolean(),
  clientId: orNull(Type.String()),
  boundAt: orNull(Time),
});

const params = exactly({ id: Id });

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
