/** Events that devices told. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { Code, Id, Instant, page, pageQuery, Time } from './shapes.ts';

export const DeviceEventRow = Type.Object({
  device: Type.String(),
  at: Time,
  receivedAt: Time,
  type: Type.String(),
  detail: Type.Record(Type.String(), Type.Unknown()),
});
export type DeviceEventRow = Static<typeof DeviceEventRow>;

export const list = endpoint({
  method: 'GET',
  path: '/events',
  right: 'events.read',
  summary: 'Events of devices by time',
  tags: ['readings'],
  query: pageQuery({
    device: Type.Optional(Id),
    area: Type.Optional(Code),
    from: Instant,
    to: Instant,
  }),
  answers: { 200: page(DeviceEventRow) },
});
