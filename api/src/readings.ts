/** Readings in and out: posting, ranges, aggregates and completeness. */
import { LANES, WIRE_ROWS_MAX } from '@village/core';
import { type Static, type TSchema, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AsReceived,
  Code,
  exactly,
  Id,
  Instant,
  MetricList,
  orNull,
  page,
  pageQuery,
  QualityWord,
  refusal,
  SequenceStates,
  Text,
  Time,
  ViewWord,
  words,
} from './shapes.ts';

/** All values of a device at one time. */
export const RangeRow = Type.Object({
  at: Time,
  receivedAt: Time,
  lane: words(LANES),
  clockReplaced: Type.Boolean(),
  values: Type.Record(Type.String(), Type.Number()),
  quality: Type.Optional(Type.Record(Type.String(), QualityWord)),
  /** What was received, by metric, for those of which corrections speak. */
  received: Type.Optional(Type.Record(Type.String(), AsReceived)),
});
export type RangeRow = Static<typeof RangeRow>;

export const Aggregates = Type.Object({
  unit: Type.String(),
  items: Type.Array(
    Type.Object({
      at: Time,
      group: orNull(Type.String()),
      values: Type.Record(Type.String(), orNull(Type.Number())),
    }),
  ),
});
export type Aggregates = Static<typeof Aggregates>;

export const Completeness = Type.Object({
  device: Type.String(),
  reportEvery: Type.Number(),
  expected: Type.Integer(),
  received: Type.Integer(),
  valid: Type.Integer(),
  hours: Type.Array(
    Type.Object({
      at: Time,
      expected: Type.Integer(),
      received: Type.Integer(),
      /** Of those received, how many hold a reading that nobody stated to be invalid. */
      valid: Type.Integer(),
      rows: Type.Integer(),
      backfilled: Type.Integer(),
    }),
  ),
  since: orNull(Time),
  gaps: Type.Array(Type.Object({ from: Time, to: Time })),
  gapCount: Type.Integer(),
  gateway: orNull(Type.Object({ id: Type.String(), sequences: SequenceStates })),
});
export type Completeness = Static<typeof Completeness>;

const posted = <R extends TSchema, E extends TSchema, L extends TSchema>(
  reading: R,
  event: E,
  lane: L,
) =>
  exactly({
    readings: Type.Optional(Type.Array(reading, { maxItems: WIRE_ROWS_MAX })),
    events: Type.Optional(Type.Array(event, { maxItems: WIRE_ROWS_MAX })),
    lane: Type.Optional(lane),
  });

/** Readings and events as machines post them. */
export const PostedReadings = posted(
  Type.Object({
    device: Type.String(),
    at: Time,
    values: Type.Record(Type.String(), Type.Number()),
    quality: Type.Optional(Type.Record(Type.String(), QualityWord)),
  }),
  Type.Object({
    device: Type.String(),
    at: Time,
    type: Type.String({ maxLength: 64 }),
    detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  words(LANES),
);

export const post = endpoint({
  method: 'POST',
  path: '/readings',
  right: 'readings.write',
  summary: 'Stores readings and events; answers when they are durable',
  notes:
    'A time can be true from 2001 (or the `earliestYear` of the profile) up to five minutes ahead. With `lane: backfill` a row of another time is ' +
    'quarantined (`time-too-early`, `time-ahead`): history is never re-dated. Otherwise it is stored under the receive time, which `redated` tells. ' +
    'At most 2,000 rows, 1 MiB; 503 `store-unavailable` when they are not on disk within 10 s: send them again',
  tags: ['readings'],
  bodyBytesMax: 1024 * 1024,
  keepsBytes: true,
  body: PostedReadings,
  // What is inside is checked row by row by the pipeline, so that one bad row does not cost the others.
  envelope: posted(Type.Unknown(), Type.Unknown(), Type.Unknown()),
  answers: {
    202: Type.Object({
      accepted: Type.Integer(),
      quarantined: Type.Array(Type.Object({ index: Type.Integer(), ...refusal })),
      /** Rows stored under another time than they said; absent when there are none. */
      redated: Type.Optional(Type.Array(Type.Object({ index: Type.Integer(), at: Time }))),
    }),
  },
});

export const range = endpoint({
  method: 'GET',
  path: '/readings',
  right: 'readings.read',
  summary: 'Readings of a device by time',
  notes:
    '`metric` is one key, several with commas, or absent for all. `view` is `corrected` (the default) or `received`; corrected ' +
    'rows tell in `received` what was received. A value of −0 is written `0`; exports keep its sign',
  tags: ['readings'],
  query: pageQuery(
    {
      device: Id,
      metric: Type.Optional(MetricList),
      from: Instant,
      to: Instant,
      view: Type.Optional(ViewWord),
    },
    10_000,
  ),
  answers: { 200: page(RangeRow) },
});

export const aggregates = endpoint({
  method: 'GET',
  path: '/aggregates',
  right: 'readings.read',
  summary: 'Aggregates of a metric or quantity over an area or device by time',
  notes:
    'Either `area` or `device`; without both, the area of the caller. `metric` is a metric key or a quantity (422 ' +
    '`ambiguous-metric` when a key means several quantities there); `every` is `10m`, `1h`, `1d`; `agg` one or several ' +
    'of `count avg min max sum first last`; `offset` shifts bucket borders, default `8h`. Without `top`, buckets times groups ' +
    'are 200,000 at most (400 `too-many-buckets`), and an answer has 50,000 rows at most (422 `answer-too-large`)',
  tags: ['readings'],
  query: exactly({
    metric: Text,
    area: Type.Optional(Code),
    device: Type.Optional(Id),
    from: Instant,
    to: Instant,
    every: Type.Optional(Type.String({ maxLength: 12 })),
    offset: Type.Optional(Type.String({ maxLength: 12 })),
    agg: Type.Optional(Type.String({ maxLength: 60 })),
    groupBy: Type.Optional(Type.Enum(['none', 'township', 'village', 'device'])),
    top: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    view: Type.Optional(ViewWord),
  }),
  answers: { 200: Aggregates },
});

export const completeness = endpoint({
  method: 'GET',
  path: '/completeness',
  right: 'readings.read',
  summary: 'What was expected of a device and what came',
  notes:
    '`reportEvery` is seconds. Report intervals are expected from the one on in which the first reading of the device ' +
    'lies (`since`, by event time; null when never heard): what is not connected yet is not missing, nor is what ' +
    'retention has deleted. `gaps` are silences longer than 2.2 report intervals by the times of the readings around ' +
    'them, cut to the span and to the present, the newest 1,000 of `gapCount`; a single missing report is counted and ' +
    'is no gap. `received` counts what came, `valid` those intervals of it that corrections leave a reading',
  tags: ['readings'],
  query: exactly({ device: Id, from: Instant, to: Instant, view: Type.Optional(ViewWord) }),
  answers: { 200: Completeness },
});
