/** The shapes of the HTTP interface (docs/http-api.md): they check what comes in, write what goes out, and document. */
import { AREA_LEVELS, DEVICE_STATES, LANES, QUALITIES, ROLES, WIRE_ROWS_MAX } from '@village/core';
import { Type } from 'typebox';

const words = <const T extends readonly string[]>(list: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...list] });
const closed = { additionalProperties: false } as const;

/** RFC 3339 in UTC. */
export const Time = Type.String({ format: 'date-time' });
const TimeOrNull = Type.Union([Time, Type.Null()]);
const NumberOrNull = Type.Union([Type.Number(), Type.Null()]);
const TextOrNull = Type.Union([Type.String(), Type.Null()]);

export const Label = Type.Object({ zh: Type.String(), en: Type.String() });
export const PlaceRef = Type.Object({ code: Type.String(), name: Label });
export const Counts = Type.Object({
  online: Type.Integer(),
  late: Type.Integer(),
  offline: Type.Integer(),
  never: Type.Integer(),
});
export const RoleWord = words(ROLES);
export const StateWord = words(DEVICE_STATES);
export const LevelWord = words(AREA_LEVELS);
const QualityWord = words(QUALITIES);

export const User = Type.Object({
  name: Type.String(),
  displayName: Type.String(),
  role: RoleWord,
  area: PlaceRef,
});

export const Area = Type.Object({
  code: Type.String(),
  level: LevelWord,
  name: Label,
  parent: TextOrNull,
  path: Type.Array(PlaceRef),
  counts: Counts,
});

export const Metric = Type.Object({
  key: Type.String(),
  quantity: Type.String(),
  name: Label,
  unit: Type.String(),
  range: Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }),
  states: Type.Optional(Type.Record(Type.String(), Type.Number())),
  stateNames: Type.Optional(Type.Record(Type.String(), Label)),
  total: Type.Optional(Type.Boolean()),
  state: Type.Optional(Type.Boolean()),
});

export const Profile = Type.Object({
  id: Type.String(),
  revision: Type.Integer(),
  name: Label,
  kind: Type.String(),
  protocol: Type.String(),
  reportEvery: Type.Number(),
  silentAfter: Type.Number(),
  metrics: Type.Array(Metric),
  events: Type.Array(Type.Object({ type: Type.String(), name: Label })),
});

export const Value = Type.Object({
  value: Type.Number(),
  at: Time,
  receivedAt: Time,
  quality: QualityWord,
});
const Values = Type.Record(Type.String(), Value);

export const Device = Type.Object({
  id: Type.String(),
  name: Type.String(),
  profile: Type.String(),
  kind: Type.String(),
  area: PlaceRef,
  path: Type.Array(PlaceRef),
  gateway: TextOrNull,
  address: Type.String(),
  longitude: NumberOrNull,
  latitude: NumberOrNull,
  state: StateWord,
  lastSeenAt: TimeOrNull,
  values: Values,
});

export const Latest = Type.Object({
  device: Type.String(),
  state: StateWord,
  lastSeenAt: TimeOrNull,
  values: Values,
});

/** One page of a list. */
export const page = <T extends Type.TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next: TextOrNull });

export const DevicePage = Type.Object({
  items: Type.Array(Device),
  next: TextOrNull,
  total: Type.Integer(),
  counts: Counts,
});

export const RangeRow = Type.Object({
  at: Time,
  receivedAt: Time,
  lane: words(['live', 'backfill']),
  clockReplaced: Type.Boolean(),
  values: Type.Record(Type.String(), Type.Number()),
  quality: Type.Optional(Type.Record(Type.String(), QualityWord)),
});

export const Aggregates = Type.Object({
  unit: Type.String(),
  items: Type.Array(
    Type.Object({
      at: Time,
      group: TextOrNull,
      values: Type.Record(Type.String(), NumberOrNull),
    }),
  ),
});

const SequenceStates = Type.Array(
  Type.Object({
    epoch: Type.String(),
    highest: Type.Integer(),
    gaps: Type.Array(Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 })),
  }),
);

export const Completeness = Type.Object({
  device: Type.String(),
  reportEvery: Type.Number(),
  expected: Type.Integer(),
  received: Type.Integer(),
  hours: Type.Array(
    Type.Object({
      at: Time,
      expected: Type.Integer(),
      received: Type.Integer(),
      rows: Type.Integer(),
      backfilled: Type.Integer(),
    }),
  ),
  since: TimeOrNull,
  gaps: Type.Array(Type.Object({ from: Time, to: Time })),
  gapCount: Type.Integer(),
  gateway: Type.Union([Type.Object({ id: Type.String(), sequences: SequenceStates }), Type.Null()]),
});

export const DeviceEventRow = Type.Object({
  device: Type.String(),
  at: Time,
  receivedAt: Time,
  type: Type.String(),
  detail: Type.Record(Type.String(), Type.Unknown()),
});

export const QuarantineRow = Type.Object({
  id: Type.Integer(),
  receivedAt: Time,
  source: Type.String(),
  device: TextOrNull,
  topic: Type.String(),
  reason: Type.String(),
  message: Type.String(),
  payload: Type.String(),
  text: Type.Optional(Type.String()),
  state: words(['open', 'rerun', 'discarded']),
});

export const Overview = Type.Object({
  area: PlaceRef,
  counts: Counts,
  areas: Type.Array(Type.Object({ code: Type.String(), name: Label, counts: Counts })),
  quantities: Type.Array(
    Type.Object({
      kind: Type.String(),
      quantity: Type.String(),
      name: Label,
      unit: Type.String(),
      avg: Type.Number(),
      min: Type.Number(),
      max: Type.Number(),
      devices: Type.Integer(),
    }),
  ),
  readingsPerMinute: Type.Number(),
});

export const System = Type.Object({
  store: Type.Record(Type.String(), Type.Unknown()),
  broker: Type.Record(Type.String(), Type.Unknown()),
  pipeline: Type.Record(Type.String(), Type.Unknown()),
  gateways: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      online: Type.Boolean(),
      at: TimeOrNull,
      version: TextOrNull,
      waiting: Type.Union([
        Type.Object({ live: Type.Integer(), backfill: Type.Integer() }),
        Type.Null(),
      ]),
      dropped: Type.Record(Type.String(), Type.Integer()),
      sequences: SequenceStates,
    }),
  ),
  backup: Type.Union([
    Type.Object({
      folder: Type.String(),
      startedAt: Time,
      state: words(['running', 'done', 'failed']),
    }),
    Type.Null(),
  ]),
});

export const Imported = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  credentials: Type.Array(
    Type.Object({ id: Type.String(), username: Type.String(), secret: Type.String() }),
  ),
  faults: Type.Array(
    Type.Object({ line: Type.Integer(), column: Type.String(), message: Type.String() }),
  ),
});

export const Token = Type.Object({
  id: Type.String(),
  name: Type.String(),
  role: RoleWord,
  area: Type.String(),
  createdAt: Time,
  createdBy: Type.String(),
  expiresAt: TimeOrNull,
});

export const AuditRow = Type.Object({
  id: Type.Integer(),
  at: Time,
  actor: Type.String(),
  address: Type.String(),
  action: Type.String(),
  target: Type.String(),
  outcome: words(['done', 'refused']),
  detail: Type.Record(Type.String(), Type.Unknown()),
});

export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
});

/** Readings and events as machines post them; checked row by row, so that a bad one does not cost the others. */
export const Post = Type.Object(
  {
    readings: Type.Optional(
      Type.Array(
        Type.Object({
          device: Type.String(),
          at: Time,
          values: Type.Record(Type.String(), Type.Number()),
          quality: Type.Optional(Type.Record(Type.String(), QualityWord)),
        }),
        { maxItems: WIRE_ROWS_MAX },
      ),
    ),
    events: Type.Optional(
      Type.Array(
        Type.Object({
          device: Type.String(),
          at: Time,
          type: Type.String({ maxLength: 64 }),
          detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        }),
        { maxItems: WIRE_ROWS_MAX },
      ),
    ),
    lane: Type.Optional(words(LANES)),
  },
  closed,
);

/** A CSV file as the body of a request. */
export const Csv = Type.String({ description: 'CSV with a header, UTF-8 or GB 18030' });

/** Query of a paged list, with its own filters. */
export const pageQuery = <T extends Type.TProperties>(filters: T, limitMax = 1000) =>
  Type.Object(
    {
      ...filters,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax })),
      cursor: Type.Optional(Type.String({ maxLength: 600 })),
    },
    closed,
  );

/** A body or query that holds these fields and no others. */
export const exactly = <T extends Type.TProperties>(fields: T) => Type.Object(fields, closed);

export const Id = Type.String({ minLength: 1, maxLength: 64 });
export const Code = Type.String({ pattern: '^\\d{12}$' });
export const Text = Type.String({ minLength: 1, maxLength: 200 });
/** An instant as callers give it; read by `parseTime`. */
export const Instant = Type.String({ minLength: 20, maxLength: 40 });
