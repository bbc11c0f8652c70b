/** Statements that put readings right, beside what was received. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  Code,
  exactly,
  Id,
  Instant,
  Label,
  orNull,
  page,
  pageQuery,
  QualityWord,
  Text,
  Time,
  words,
} from './shapes.ts';

export const KINDS = ['invalid', 'offset', 'factor', 'reassign', 'shift-clock', 'accept'] as const;
export const STATES = ['waiting', 'active', 'undone', 'withdrawn'] as const;

const Deed = Type.Object({ by: Type.String(), at: Time });

export const Correction = Type.Object({
  id: Type.Integer(),
  kind: words(KINDS),
  device: Type.String(),
  /** Its name and profile at present; null when it is out of the asker's sight by now. */
  deviceName: orNull(Type.String()),
  profile: orNull(Type.String()),
  metric: orNull(Type.String()),
  from: Time,
  to: Time,
  value: orNull(Type.Number()),
  target: orNull(Type.String()),
  targetName: orNull(Type.String()),
  reason: Type.String(),
  by: Type.String(),
  at: Time,
  /** Whether a second person has to approve it, or had to. */
  secondPerson: Type.Boolean(),
  state: words(STATES),
  activated: orNull(Deed),
  undone: orNull(Type.Object({ by: Type.String(), at: Time, why: orNull(Type.String()) })),
});
export type Correction = Static<typeof Correction>;

const said = {
  kind: words(KINDS),
  device: Id,
  metric: Type.Optional(orNull(Id)),
  from: Instant,
  to: Instant,
  value: Type.Optional(orNull(Type.Number())),
  target: Type.Optional(orNull(Id)),
};

/** What somebody states of readings as they were received. */
export const ProposedCorrection = exactly({
  ...said,
  reason: Type.String({ minLength: 1, maxLength: 500 }),
});

/** A statement to try. */
export const TriedCorrection = exactly({
  ...said,
  reason: Type.Optional(Type.String({ maxLength: 500 })),
});

const Values = orNull(Type.Record(Type.String(), orNull(Type.Number())));
const Bucket = Type.Object({
  device: Type.String(),
  metric: Type.String(),
  at: Time,
  before: Values,
  after: Values,
});
/** Of an area: how many of the values of its devices that it is made of are there, and of how many. */
const AreaValue = Type.Object({
  value: orNull(Type.Number()),
  /** 0 to 1. */
  completeness: Type.Number(),
  valid: Type.Integer(),
  expected: Type.Integer(),
});
const Cell = orNull(Type.Object({ value: Type.Number(), quality: QualityWord }));

export const CorrectionPreview = Type.Object({
  secondPerson: Type.Boolean(),
  /** The correction that it contradicts. */
  contradicts: orNull(Type.Integer()),
  readings: Type.Integer(),
  changed: Type.Integer(),
  complete: Type.Boolean(),
  samples: Type.Array(
    Type.Object({
      device: Type.String(),
      metric: Type.String(),
      at: Time,
      before: Cell,
      after: Cell,
    }),
  ),
  hours: Type.Array(Bucket),
  days: Type.Array(Bucket),
  figures: Type.Array(
    Type.Object({
      figure: Type.String(),
      device: Type.String(),
      at: Time,
      before: orNull(Type.Number()),
      after: orNull(Type.Number()),
      completeness: Type.Object({ before: Type.Number(), after: Type.Number() }),
    }),
  ),
  areas: Type.Array(
    Type.Object({
      figure: Type.String(),
      area: AreaRef,
      at: Time,
      before: AreaValue,
      after: AreaValue,
    }),
  ),
  /** Of the figures named. */
  definitions: Type.Array(
    Type.Object({
      figure: Type.String(),
      title: Label,
      span: words(['hour', 'day']),
      keep: words(['computed', 'stored']),
      unit: Type.String(),
    }),
  ),
  /** How many more would change than are listed. */
  more: Type.Object({
    hours: Type.Integer(),
    days: Type.Integer(),
    figures: Type.Integer(),
    areas: Type.Integer(),
  }),
  /** What was not looked at: days of the devices’ figures, and values of areas’ figures on days that were. */
  unseen: Type.Object({ days: Type.Integer(), areas: Type.Integer() }),
  reports: Type.Array(Type.Object({ report: Type.String(), at: Time })),
});
export type CorrectionPreview = Static<typeof CorrectionPreview>;

const tags = ['corrections'] as const;
const params = exactly({ id: Type.String({ pattern: '^\\d{1,15}$' }) });

export const list = endpoint({
  method: 'GET',
  path: '/corrections',
  right: 'corrections.read',
  summary: 'Corrections of devices in the caller’s area, newest first',
  notes: '`device` also finds what was reassigned to it; `by` is who proposed',
  tags,
  query: pageQuery({
    device: Type.Optional(Id),
    area: Type.Optional(Code),
    by: Type.Optional(Text),
    state: Type.Optional(words(STATES)),
  }),
  answers: { 200: page(Correction) },
});

export const propose = endpoint({
  method: 'POST',
  path: '/corrections',
  right: 'corrections.propose',
  summary: 'States something of readings as they were received',
  notes:
    'Half open (`from` ≤ at < `to`), by times as received; `metric` null or absent is all; `value` with `offset`, `factor` ' +
    'and `shift-clock` (ms, all metrics); `target` with `reassign`. Active at once, or `waiting` for a second person where ' +
    'evidence older than the configured time is met, also by what is moved there. 409 `contradicts` (with the number of the other), 422 `bad-statement`, ' +
    '`unknown-metric`, `unequal-metrics`, `too-many-statements`',
  tags,
  body: ProposedCorrection,
  answers: { 201: Correction },
});

export const preview = endpoint({
  method: 'POST',
  path: '/corrections/preview',
  right: 'corrections.propose',
  summary: 'What a correction would change: readings, hours, days, figures, reports',
  notes:
    'Of at most 100,000 rows, `complete` says whether that was all; the first 50 readings and 200 hours and days that ' +
    'would change; figures of at most 31 days, of devices and of areas 400 each and 31 of one figure, stored ones first. ' +
    'Areas that the caller sees, as far as two million readings and eight seconds go, small ones first. `more` and `unseen` ' +
    'count the rest',
  tags,
  body: TriedCorrection,
  answers: { 200: CorrectionPreview },
});

export const approve = endpoint({
  method: 'POST',
  path: '/corrections/{id}/approve',
  right: 'corrections.approve',
  summary: 'Lets a waiting correction hold',
  notes:
    'By another person than who proposed it (403 `second-person`), who sees both devices of a reassignment (403); 409 ' +
    '`not-waiting`',
  tags,
  params,
  answers: { 200: Correction },
});

export const undo = endpoint({
  method: 'POST',
  path: '/corrections/{id}/undo',
  right: 'corrections.propose',
  summary: 'Takes a correction back, or withdraws one that waits',
  notes:
    'What needed a second person, or would by now, is undone by a holder of `corrections.approve` who did not propose it (403 ' +
    '`second-person`); 409 `already-undone`; 403 where it moved readings to a device outside the caller’s area',
  tags,
  params,
  body: exactly({ why: Type.Optional(Type.String({ maxLength: 500 })) }),
  answers: { 200: Correction },
});
