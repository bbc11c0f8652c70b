/** Types of devices: checking the file of one before it is put where the server reads it. */
import { type Static, Type } from 'typebox';
import { Profile } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { exactly, orNull } from './shapes.ts';

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
