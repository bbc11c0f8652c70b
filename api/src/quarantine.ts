/** What could not be used as it came, and its second run. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { exactly, orNull, Problem, page, pageQuery, refusal, Time, words } from './shapes.ts';

/** The most entries that one request runs again. */
export const RERUN_MAX = 10_000;
export const QUARANTINE_STATES = ['open', 'rerun', 'discarded'] as const;

/** Characters of a payload's beginning that lists tell. */
export const TEXT_IN_LISTS = 500;

const row = {
  id: Type.Integer(),
  receivedAt: Time,
  source: Type.String(),
  /** Where it came through a gateway, which one. */
  gateway: orNull(Type.String()),
  device: orNull(Type.String()),
  topic: Type.String(),
  reason: Type.String(),
  message: Type.String(),
  /** Of a frame of which the rest was taken: the part that was not. */
  part: orNull(
    Type.Object({
      /** Under which the rest is stored. */
      at: Time,
      /** Its registers, its place in the JSON, its byte in a binary payload; empty for all of the frame. */
      place: Type.String(),
      metric: orNull(Type.String()),
      /** Metrics of the same frame that were stored. */
      taken: Type.Array(Type.String()),
    }),
  ),
  /** Of the payload as it is kept. */
  bytes: Type.Integer(),
  state: words(QUARANTINE_STATES),
};

export const QuarantineRow = Type.Object({ ...row, text: Type.Optional(Type.String()) });
export type QuarantineRow = Static<typeof QuarantineRow>;

/** One entry with its payload, base64; `text` is the same where it is text. */
export const QuarantineEntry = Type.Object({
  ...row,
  payload: Type.String(),
  text: Type.Optional(Type.String()),
});
export type QuarantineEntry = Static<typeof QuarantineEntry>;

export const list = endpoint({
  method: 'GET',
  path: '/quarantine',
  right: 'quarantine.read',
  summary: 'What could not be used, with the reason',
  notes:
    'Messages, and parts of messages of which the rest was taken (`part`), also those that a gateway met. Entries of devices ' +
    `in scope, and at the top also those of no known device. \`text\` is the beginning of the payload, ${TEXT_IN_LISTS} characters at ` +
    'most, where it is text; `GET /quarantine/{id}` has all of it',
  tags: ['quarantine'],
  query: pageQuery({ state: Type.Optional(Type.Enum([...QUARANTINE_STATES])) }),
  answers: { 200: page(QuarantineRow) },
});

export const get = endpoint({
  method: 'GET',
  path: '/quarantine/{id}',
  right: 'quarantine.read',
  summary: 'One entry with its payload',
  notes: '`payload` is base64, `text` the same where it is text',
  tags: ['quarantine'],
  params: exactly({ id: Type.String({ pattern: '^\\d{1,15}$' }) }),
  answers: { 200: QuarantineEntry, 404: Problem },
});

export const rerun = endpoint({
  method: 'POST',
  path: '/quarantine/rerun',
  right: 'quarantine.rerun',
  summary: 'Runs entries again, all open ones when none is named',
  tags: ['quarantine'],
  body: exactly({ ids: Type.Optional(Type.Array(Type.Integer(), { maxItems: RERUN_MAX })) }),
  answers: {
    200: Type.Object({
      accepted: Type.Integer(),
      refused: Type.Array(Type.Object({ id: Type.Integer(), ...refusal })),
    }),
  },
});
