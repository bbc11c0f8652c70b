/** Shapes that several resources use, and the parts that schemas are made of. */
import { AREA_LEVELS, DEVICE_STATES, QUALITIES, ROLES } from '@village/core';
import { type Static, type TProperties, type TSchema, type TString, Type } from 'typebox';

/** One of a closed list of words. */
export const words = <const T extends readonly string[]>(list: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...list] });

/** A body or query that holds these fields and no others. */
export const exactly = <T extends TProperties>(fields: T) =>
  Type.Object(fields, { additionalProperties: false });

export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Two numbers that belong together, such as the borders of a range. */
export const pair = (of: TSchema) =>
  Type.Unsafe<[number, number]>(Type.Array(of, { minItems: 2, maxItems: 2 }));

/** One page of a list. */
export const page = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next: orNull(Type.String()) });

/** Query of a paged list, with its own filters. */
export const pageQuery = <T extends TProperties>(filters: T, limitMax = 1000) =>
  exactly({
    ...filters,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limitMax })),
    cursor: Type.Optional(Type.String({ maxLength: 600 })),
  });

/** The schema of an instant in answers; its own type, so that readers can turn it into a number. */
export type TTime = TString & { format: 'date-time' };
/** RFC 3339 in UTC. */
export const Time = Type.String({ format: 'date-time' }) as TTime;

/** When and why the service of something ended; nothing of it is there while it is in service. */
export const End = Type.Object({
  retiredAt: Type.Optional(Time),
  retiredReason: Type.Optional(Type.String()),
});
/** Readings as they were received, or with what was stated of them (the default). */
export const ViewWord = words(['received', 'corrected']);
/** An instant as callers give it, with any zone. */
export const Instant = Type.String({ format: 'date-time', minLength: 20, maxLength: 40 });

export const Id = Type.String({ minLength: 1, maxLength: 64 });
export const Code = Type.String({ pattern: '^\\d{12}$' });
export const Text = Type.String({ minLength: 1, maxLength: 200 });
/** What people call something: something to be seen, on one line, and nothing that turns or hides what stands beside it. */
export const Name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^(?=.*[^\\p{Z}])[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]*$',
});
/** A table as the body of a request. */
export const Sheet = Type.Unsafe<Uint8Array>({
  type: 'string',
  format: 'binary',
  description: 'An Excel file (.xlsx), or text with separators, with a row of headings',
});
/** What a table may be sent as. What it is, its first bytes tell. */
export const SHEET_TYPES = [
  'text/csv',
  'text/tab-separated-values',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.ms-excel',
  'application/octet-stream',
] as const;
export const EncodingWord = words(['utf-8', 'gb18030', 'big5', 'euc-kr', 'utf-16le', 'utf-16be']);
/** Keys of metrics with commas between. */
export const MetricList = Type.String({ minLength: 1, maxLength: 2_000 });
/** An answer without a body. */
export const Nothing = Type.Null();

export const RoleWord = words(ROLES);
export const StateWord = words(DEVICE_STATES);
export const LevelWord = words(AREA_LEVELS);
export const QualityWord = words(QUALITIES);

/** What was received of a reading that corrections speak of. */
export const AsReceived = Type.Object({
  device: Type.String(),
  at: Time,
  value: Type.Number(),
  quality: QualityWord,
  corrections: Type.Array(Type.Integer()),
});

export const Label = Type.Object({ zh: Type.String(), en: Type.String() });

/** An area as other things name it. */
export const AreaRef = Type.Object({ code: Type.String(), name: Label });
export type AreaRef = Static<typeof AreaRef>;

/** Devices by state. */
export const Counts = Type.Object({
  online: Type.Integer(),
  late: Type.Integer(),
  offline: Type.Integer(),
  never: Type.Integer(),
});
export type Counts = Static<typeof Counts>;

/** Labels and attributes of a device or area, by kind, key and time. */
export const Properties = Type.Object({
  /** The word of all that was ever said of it: who says something names what they saw. */
  version: Type.String(),
  items: Type.Array(
    Type.Object({
      kind: words(['label', 'attribute']),
      key: Type.String(),
      value: Type.Union([Type.String(), Type.Number()]),
      since: Time,
      until: orNull(Time),
      by: Type.String(),
    }),
  ),
});
export type Properties = Static<typeof Properties>;

/** What is said of some of them; null ends one. */
export const PropertiesChange = exactly({
  labels: Type.Optional(Type.Record(Type.String(), orNull(Type.String()))),
  attributes: Type.Optional(
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Null()])),
  ),
  since: Type.Optional(Instant),
  version: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});

export const DESCRIBE_NOTES =
  'Holds from the begin of the hour of `since`, the present when absent; null ends it; what was said of later times stays. ' +
  'Labels are free texts under keys of `a-z 0-9 -`; attributes are of a closed list with types and units. ' +
  '`version` is that of the answer that the caller saw: 409 `changed-meanwhile` when somebody else has said something since; not asked for when absent. ' +
  '422 `bad-label`, `bad-attribute`';

/** Every refusal (RFC 9457). */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
});
export type Problem = Static<typeof Problem>;

/** What an import did, or why it did nothing. */
export const Imported = Type.Object({
  created: Type.Integer(),
  updated: Type.Integer(),
  credentials: Type.Array(
    Type.Object({ id: Type.String(), username: Type.String(), secret: Type.String() }),
  ),
  faults: Type.Array(
    Type.Object({
      /** As a spreadsheet counts rows. */
      line: Type.Integer(),
      column: Type.String(),
      /** As a spreadsheet names it, such as `D7`. */
      cell: Type.Optional(Type.String()),
      message: Type.String(),
      zh: Type.String(),
    }),
  ),
  /** Rows that have faults, as they were read, the first ones; without secrets. */
  rows: Type.Optional(
    Type.Array(
      Type.Object({
        line: Type.Integer(),
        cells: Type.Record(Type.String(), Type.String()),
      }),
    ),
  ),
  /** There only when somebody must say the encoding: lines that are in doubt, as each that fits reads them. */
  readings: Type.Optional(
    Type.Array(
      Type.Object({
        encoding: EncodingWord,
        lines: Type.Array(Type.Object({ line: Type.Integer(), text: Type.String() })),
      }),
    ),
  ),
});
export type Imported = Static<typeof Imported>;

/** How far a gateway's numbered batches have come, by the epoch of their numbers. */
export const SequenceStates = Type.Array(
  Type.Object({
    epoch: Type.String(),
    highest: Type.Integer(),
    gaps: Type.Array(pair(Type.Integer())),
  }),
);
export type SequenceStates = Static<typeof SequenceStates>;

/** Why one of several matters was refused. */
export const refusal = { reason: Type.String(), message: Type.String() };
