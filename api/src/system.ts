/** How the platform itself stands, its backup, and what monitoring asks without signing in. */
import { CLOCK_FAULTS } from '@village/core';
import { type Static, Type } from 'typebox';
import { BoundClientId, DeviceClock, Refusal } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { Label, orNull, Problem, SequenceStates, Time, words } from './shapes.ts';

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
  /** The time by the server's own clock. */
  now: Time,
  /** The disks that are written to; two folders may be on one. */
  disks: Type.Array(
    Type.Object({
      purpose: words(['data', 'backups', 'exports']),
      folder: Type.String(),
      totalBytes: Type.Number(),
      freeBytes: Type.Number(),
      /** What of it is kept for the log: below it nothing is taken in. 0 where the log does not lie. */
      reserveBytes: Type.Number(),
    }),
  ),
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

export const backups = endpoint({
  method: 'GET',
  path: '/system/backups',
  right: 'backup.make',
  at: 'top',
  summary: 'The backups that there are, newest first',
  notes:
    'The newest 100. `fault` says why one can not be restored; of each the list is read, not its files',
  tags: ['system'],
  answers: {
    200: Type.Object({
      folder: Type.String(),
      nightly: Type.Boolean(),
      keep: Type.Integer(),
      items: Type.Array(
        Type.Object({
          folder: Type.String(),
          startedAt: Time,
          bytes: Type.Number(),
          files: Type.Integer(),
          /** Whether it is of this server; others may share the folder, and old backups do not say. */
          own: orNull(Type.Boolean()),
          fault: orNull(Type.String()),
        }),
      ),
    }),
  },
});

export const Setting = Type.Object({
  /** In `village.yaml`, such as `http.tls.cert`; of what only the environment says, the variable. */
  key: Type.String(),
  /** As it would be written; null when nothing is set, and for secrets. */
  value: orNull(Type.String()),
  source: words(['default', 'file', 'environment']),
  /** What holds when nobody says it; null when that is nothing, or follows from something else. */
  default: orNull(Type.String()),
  /** The variable that says it before the file does. */
  variable: orNull(Type.String()),
  /** Its value is never told; `source` says whether there is one. */
  secret: Type.Boolean(),
  description: Label,
});

export const configuration = endpoint({
  method: 'GET',
  path: '/system/configuration',
  right: 'system.read',
  at: 'top',
  summary: 'The configuration as it holds: each key, its value and where that comes from',
  notes:
    'Passwords, also those in addresses, are left out. What is changed in the file holds from the next start on',
  tags: ['system'],
  answers: {
    200: Type.Object({
      /** The file, whether it is there or not. */
      path: Type.String(),
      items: Type.Array(Setting),
    }),
  },
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
