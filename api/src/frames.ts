/** Frames: what devices said, as it was received, and which bytes gave which value. */
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import { exactly, Id, Instant, orNull, Time } from './shapes.ts';

/** The bytes of a payload that gave a value; a value that is put together has a field for each run of bytes. */
export const FrameField = Type.Object({
  metric: Type.String(),
  value: Type.Number(),
  from: Type.Integer(),
  to: Type.Integer(),
});
export type FrameField = Static<typeof FrameField>;

/** The bytes of a payload that say a detail of an event. */
export const FrameDetail = Type.Object({
  event: Type.String(),
  detail: Type.String(),
  from: Type.Integer(),
  to: Type.Integer(),
});
export type FrameDetail = Static<typeof FrameDetail>;

/** A metric that a payload says another value of than was stored. */
export const FrameDifference = Type.Object({ metric: Type.String(), stored: Type.Number() });
export type FrameDifference = Static<typeof FrameDifference>;

export const Frame = Type.Object({
  at: Time,
  receivedAt: Time,
  source: Type.String(),
  way: Type.String(),
  sequence: orNull(Type.Integer()),
  payload: Type.String(),
  fields: Type.Array(FrameField),
  details: Type.Array(FrameDetail),
  differs: orNull(Type.Array(FrameDifference)),
});
export type Frame = Static<typeof Frame>;

export const list = endpoint({
  method: 'GET',
  path: '/frames',
  right: 'readings.read',
  summary: 'What a device said at a time, as it was received',
  notes:
    'Of devices whose profile says `evidence`, for 90 days or longer where something quotes them. `at` is the time of a reading or ' +
    'event; usually there is one frame. `payload` is base64; `fields` say which bytes (`from` ≤ byte < `to`) gave which value, decoded ' +
    "by the profile of then. `source` is who sent it, `way` the topic or `http`, `sequence` the number of the gateway's batch. `details` say " +
    'which bytes gave which detail of an event. `differs` names the metrics that the frame says another value of than was stored at that ' +
    'time: another message of the same time came later, or the sender put a frame beside a reading that is not its own; null when it ' +
    'could not be compared. `more` says that there are more frames than are listed. `missing` and the header `village-incomplete` tell ' +
    'spans of receive time whose frames are missing',
  tags: ['readings'],
  query: exactly({ device: Id, at: Instant }),
  answers: {
    200: Type.Object({
      items: Type.Array(Frame),
      more: Type.Boolean(),
      missing: Type.Array(Type.Object({ from: Time, to: Time })),
    }),
  },
});
