/** How the platform itself stands, its backup, and what monitoring asks without signing in. */
import { CLOCK_FAULTS } from '@village/core';
import { type Static, Type } from 'typebox';
import { BoundClientId, DeviceClock, Refusal } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { orNull, Problem, SequenceStates, Time, words } from './shapes.ts';

const Counters = Type.Record(Type.String(), Type.Unknown());

export const System = Type.Object({
  store: Counters,
  broker: Counters,
  pipeline: Counters,
  gateways: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      /** As it said last, or its will; of one that has never told its status, whether it handed something over within half an hour. */
      online: Type.Boolean(),
      /** Of its newest status; null when it has never told one. */
      at: orNull(Time),
      /** When it handed anything over last, by the server's clock; null when it has not since the server's start. */
      heardAt: orNull(Time),
      version: orNull(Type.String()),
      waiting: orNull(Type.Object({ live: Type.Integer(), backfill: Type.Integer() })),
      dropped: Type.Record(Type.String(), Type.Integer()),
      sequences: SequenceStates,
      /**
       * How far the gateway's own clock is off, as of a device's; absent before it has told. Times that it stamped itself are
       * corrected when that is more than two minutes.
       */
      clock: Type.Optional(DeviceClock),
      /**
       * Frames refused in part that wait at the gateway, and those that it gave up, by cause; null when it does not tell, since
       * it is older.
       */
      refusedLane: orNull(
        Type.Object({
          waiting: Type.Integer(),
          dropped: Type.Record(Type.String(), Type.Integer()),
        }),
      ),
      /** The client id of MQTT that its credential is bound to; absent when it is bound to none, and where any will do. */
      clientId: Type.Optional(BoundClientId),
      /** What was not taken of what it said itself, and parts of its devices' frames that it refused; newest first. */
      refusals: Type.Optional(
        Type.Array(Type.Object({ ...Refusal.properties, device: Type.Optional(Type.String()) })),
      ),
    }),
  ),
  /** Of the listeners that speak TLS. */
  certificates: Type.Array(
    Type.Object({
      setting: Type.String(),
      subject: Type.String(),
      validTo: Time,
      daysLeft: Type.Integer(),
      fault: orNull(Type.String()),
    }),
  ),
  /** Why the clock of the server can't be right: nothing is taken in and nothing is deleted for its age then. */
  clockFault: orNull(words(CLOCK_FAULTS)),
  backup: orNull(
    Type.Object({
      folder: Type.String(),
      startedAt: Time,
      state: words(['running', 'done', 'failed']),
    }),
  ),
});
export type System = Static<typeof System>;

export const get = endpoint({
  method: 'GET',
  path: '/system',
  right: 'system.read',
  at: 'top',
  summary: 'Counters of the parts, gateways and the last backup',
  tags: ['system'],
  answers: { 200: System },
});

export const backup = endpoint({
  method: 'POST',
  path: '/system/backup',
  right: 'backup.make',
  at: 'top',
  summary: 'Begins a backup',
  notes:
    '409 `backup-running`. With InfluxDB what is in it is not copied, but all the rest is. While it is made the name of the ' +
    'folder ends in `.part`; `npm run serve -- restore FOLDER` brings it back',
  tags: ['system'],
  answers: { 202: Type.Object({ folder: Type.String() }), 409: Problem },
});

export const describe = endpoint({
  method: 'GET',
  path: '/openapi.json',
  right: 'public',
  summary: 'The OpenAPI document of this interface',
  tags: ['system'],
  hidden: true,
  answers: { 200: Type.Unknown() },
});

export const health = endpoint({
  method: 'GET',
  path: '/healthz',
  outside: true,
  right: 'public',
  summary: 'Whether the platform works; 503 says what fails',
  tags: ['system'],
  notes: '`warnings` tell what somebody should see to soon: a certificate that ends within 30 days',
  answers: {
    200: Type.Object({ status: Type.String(), warnings: Type.Optional(Type.Array(Type.String())) }),
    503: Problem,
  },
});

export const metrics = endpoint({
  method: 'GET',
  path: '/metrics',
  outside: true,
  right: 'public',
  summary: 'Counters for Prometheus',
  notes:
    'Text 0.0.4, names `village_…`: what came in, was late, refused and kept aside by cause, commits and seals, queues, ' +
    'connections, the outboxes of gateways as they tell them',
  tags: ['system'],
  produces: ['text/plain'],
  answers: { 200: Type.String() },
});
