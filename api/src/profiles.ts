/** Types of devices: checking the file of one before it is put where the server reads it. */
import { type Static, Type } from 'typebox';
import { Profile } from './devices.ts';
import { endpoint } from './endpoint.ts';
import { exactly, orNull, Problem, QualityWord, Time, words } from './shapes.ts';

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
  /** The same in Chinese; null for what is rarely met. */
  zh: orNull(Type.String()),
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
      /** What those devices would notice. */
      changes: Type.Array(
        exactly({
          what: words([
            'metric-lost',
            'metric-other',
            'event-lost',
            'kind-other',
            'protocol-other',
            'address-other',
            'options-unfit',
          ]),
          /** The metric, event or device; what is now where it is the whole type. */
          subject: Type.String(),
          detail: Type.String(),
          /** Whether it can be confirmed with `losses`; devices could not go on with the others. */
          mayBeWanted: Type.Boolean(),
        }),
      ),
      /** Through which such devices speak: they have catalogues of their own. */
      gateways: Type.Array(Type.String()),
    }),
  ),
  /** A word for what is in force and what waits of the type, to be named by who takes the file in. */
  state: Type.String(),
  /** Another file of the type waits for the next start. */
  waits: Type.Boolean(),
});
export type CheckedProfile = Static<typeof CheckedProfile>;

export const check = endpoint({
  method: 'POST',
  path: '/profiles/check',
  right: 'profiles.check',
  summary: 'Checks the file of a device type, with its examples, and changes nothing',
  notes:
    'The body is the text of the file (YAML, UTF-8, up to 256 Ki characters). `profile` is null when there are faults, of which the first two hundred are told. `known` compares it with the type of ' +
    'that name that runs here: how many devices have it, and what they would lose or not bear. One file is checked at a time: 503 `busy` when four wait',
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

/** Why a file is not taken in; a problem document. */
export interface Refused {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
}

export const AdoptedProfile = exactly({
  profile: Type.String(),
  revision: Type.Integer(),
  holds: Type.Literal('after-restart'),
  /** Through which devices of the type speak: their catalogues need the file too. */
  gateways: Type.Array(Type.String()),
});
export type AdoptedProfile = Static<typeof AdoptedProfile>;

export const adopt = endpoint({
  method: 'POST',
  path: '/profiles',
  right: 'profiles.adopt',
  at: 'top',
  summary:
    'Takes the file of a new or changed device type in; it holds from the next start of the server',
  notes:
    'The body is that of `POST /profiles/check`, and `seen` the `state` of its answer: 409 `changed-meanwhile` when the type is another by now. ' +
    'Kept in the database, so that backups and restarts keep it; it takes the place of the file of that name in any folder. 422 `profile-faults` with all faults by line and column. ' +
    '409 `would-break` where devices have the type and would lose metrics or events or become another kind, unless `losses=wanted`; always where they could not go on: ' +
    'a metric of another quantity, another protocol or kind of address, options that do not fit. ' +
    'Gateways read catalogues of their own: the file has to be put there too',
  tags: ['devices'],
  consumes: ['application/yaml', 'text/yaml', 'text/plain', 'application/octet-stream'],
  bodyBytesMax: 1024 * 1024,
  query: exactly({
    seen: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    losses: Type.Optional(words(['wanted'])),
  }),
  body: ProfileText,
  answers: { 202: AdoptedProfile, 409: Problem, 422: Problem },
});

const WaitingProfile = exactly({
  profile: Type.String(),
  actor: Type.String(),
  at: Time,
  /** Why the last start did not take it into force; null when none has tried. */
  fault: orNull(Type.String()),
});
export type WaitingProfile = Static<typeof WaitingProfile>;

export const waiting = endpoint({
  method: 'GET',
  path: '/profiles/waiting',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'Files of device types that hold from the next start',
  tags: ['devices'],
  answers: { 200: exactly({ items: Type.Array(WaitingProfile) }) },
});

const Part = Type.String({ pattern: '^[\\w.-]{1,64}$' });

export const takeBack = endpoint({
  method: 'DELETE',
  path: '/profiles/waiting/{vendor}/{model}',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'Takes a file back before it holds',
  tags: ['devices'],
  params: exactly({ vendor: Part, model: Part }),
  answers: { 204: Type.Null(), 404: Problem },
});
