/** What could not be used as it came, and its second run. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { exactly, orNull, page, pageQuery, refusal, Time, words } from './shapes.ts';

/** The most entries that one request runs again. */
export const RERUN_MAX = 10_000;
export const QUARANTINE_STATES = ['open', 'rerun', 'discarded'] as const;

export const QuarantineRow = Type.Object({
  id: Type.Integer(),
  receivedAt: Time,
  source: Type.String(),
  device: orNull(Type.String()),
  topic: Type.String(),
  reason: Type.String(),
  message: Type.String(),
  payload: Type.String(),
  text: Type.Optional(Type.String()),
  state: words(QUARANTINE_STATES),
});
export type QuarantineRow = Static<typeof QuarantineRow>;

export const list = endpoint({
  method: 'GET',
  path: '/quarantine',
  right: 'quarantine.read',
  summary: 'What could not be used, with the reason',
  notes:
    'Entries of devices in scope, and at the top also those of no known device; `payload` is base64, `text` the same ' +
    'where it is text',
  tags: ['quarantine'],
  query: pageQuery({ state: Type.Optional(Type.Enum([...QUARANTINE_STATES])) }),
  answers: { 200: page(QuarantineRow) },
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
