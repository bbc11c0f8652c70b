/** Types of devices: checking the file of one before it is put where the server reads it. */
import { type Static, Type } from 'typebox';
import { Profile } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { exactly, orNull, Problem, QualityWord, Time } from './shapes.ts';

/** The text of a profile file. */
const ProfileText = Type.Unsafe<Uint8Array>({
  type: 'string',
  contentMediaType: 'application/yaml',
});

const ProfileFault = exactly({
  /** From 1; null when the whole file is at fault. */
  line: orNull(Type.Integer()),
  column: orNull(Type.Integer()),
  /** Where in the document, such as `metrics[3].from.type`; empty for all of it. */
  path: Type.String(),
  message: Type.String(),
});

export const CheckedProfile = exactly({
  faults: Type.Array(ProfileFault),
  profile: orNull(Profile),
  /** The type of that name that runs here: how many devices have it, and which of its metrics they would lose. */
  known: orNull(
    exactly({
      revision: Type.Integer(),
      devices: Type.Integer(),
      lost: Type.Array(Type.String()),
    }),
  ),
});
export type CheckedProfile = Static<typeof CheckedProfile>;

export const check = endpoint({
  method: 'POST',
  path: '/profiles/check',
  right: 'profiles.check',
  summary: 'Checks the file of a device type, with its examples, and changes nothing',
  notes:
    'The body is the text of the file (YAML, UTF-8, up to 256 Ki characters). `profile` is null when there are faults, of which the first two hundred are told. `known` compares it with the type of ' +
    'that name that runs here: how many devices have it, and which of its metrics they would lose. One file is checked at a time: 503 `busy` when four wait',
  tags: ['devices'],
  consumes: ['application/yaml', 'text/yaml', 'text/plain', 'application/octet-stream'],
  bodyBytesMax: 1024 * 1024,
  body: ProfileText,
  answers: {
    200: CheckedProfile,
  },
});

const why = { reason: Type.String(), message: Type.String() };

const TriedMessage = exactly({
  /** Of the entry in quarantine. */
  id: Type.Integer(),
  receivedAt: Time,
  device: Type.String(),
  name: Type.String(),
  topic: Type.String(),
  /** Why it was kept aside; `place` is that of a part, null where it was the whole message. */
  was: exactly({ ...why, place: orNull(Type.String()) }),
  /** What it would give: the first of them, and how many there are. */
  readings: Type.Array(
    exactly({ at: Time, metric: Type.String(), value: Type.Number(), quality: QualityWord }),
  ),
  readingsCount: Type.Integer(),
  events: Type.Array(exactly({ at: Time, type: Type.String() })),
  /** Why it would still be refused; null when it would be taken. */
  refused: orNull(exactly(why)),
  /** Parts that would be kept aside in turn. */
  parts: Type.Array(exactly({ ...why, place: Type.String() })),
});
export type TriedMessage = Static<typeof TriedMessage>;

export const TriedProfile = exactly({
  faults: Type.Array(ProfileFault),
  profile: orNull(Profile),
  /** Open entries of devices of this type in scope. */
  open: Type.Integer(),
  /** The newest of them, newest first. */
  tried: Type.Array(TriedMessage),
});
export type TriedProfile = Static<typeof TriedProfile>;

export const tryOut = endpoint({
  method: 'POST',
  path: '/profiles/try',
  right: 'profiles.check',
  summary: 'Runs what is kept aside by the file of a device type, and stores nothing',
  notes:
    'The body is that of `POST /profiles/check`. The newest open entries of devices in scope that have the type of that name are run by the file as ' +
    '`POST /quarantine/rerun` would do if it were in force: 50 entries, 2 MiB and four seconds at most; where `tried` is shorter than `open` the rest was not tried. ' +
    'Times are as the device tells them. Needs `quarantine.read` too. 503 `busy` as with the check',
  tags: ['devices'],
  consumes: ['application/yaml', 'text/yaml', 'text/plain', 'application/octet-stream'],
  bodyBytesMax: 1024 * 1024,
  body: ProfileText,
  answers: { 200: TriedProfile, 403: Problem },
});
