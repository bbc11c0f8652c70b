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
  /** The same in Chinese. */
  zh: Type.String(),
});

/** What devices of a type would notice of another file of it. */
const ProfileChange = exactly({
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
  /** The detail in Chinese where it is a sentence. */
  zh: orNull(Type.String()),
  /** Whether it can be confirmed with `losses`; devices could not go on with the others. */
  mayBeWanted: Type.Boolean(),
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
      changes: Type.Array(ProfileChange),
      /** Through which such devices speak, as far as the caller sees them: they have catalogues of their own. */
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

export const WaitingProfile = exactly({
  profile: Type.String(),
  /** A type that is not here yet, another file of one that is, or the removal of one that was taken in. */
  what: words(['add', 'replace', 'remove']),
  actor: Type.String(),
  at: Time,
  /** Why the last start did not do it; null when none has tried. */
  fault: orNull(Type.String()),
  /** The same in Chinese. */
  zh: orNull(Type.String()),
});
export type WaitingProfile = Static<typeof WaitingProfile>;

export const waiting = endpoint({
  method: 'GET',
  path: '/profiles/waiting',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'Changes of device types that hold from the next start',
  tags: ['devices'],
  answers: { 200: exactly({ items: Type.Array(WaitingProfile) }) },
});

const Part = Type.String({ pattern: '^[\\w.-]{1,64}$' });

export const takeBack = endpoint({
  method: 'DELETE',
  path: '/profiles/waiting/{vendor}/{model}',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'Takes a change back before it holds',
  tags: ['devices'],
  params: exactly({ vendor: Part, model: Part }),
  answers: { 204: Type.Null(), 404: Problem },
});

/** Where the file of a type in force comes from: the product, a folder of `catalogs`, or the page. */
const folders = ['product', 'folder'] as const;

const Beneath = exactly({ from: words(folders), revision: Type.Integer() });

export const ProfileSource = exactly({
  profile: Type.String(),
  from: words([...folders, 'page']),
  /** Who took it in, and when; null where it was not the page. */
  actor: orNull(Type.String()),
  at: orNull(Time),
  /** What it stands in the place of, and what comes back when it is removed. */
  beneath: orNull(Beneath),
  /** Why a file that was taken in is not used, such as a shape that this version no longer reads; null when it is. */
  unused: orNull(exactly({ message: Type.String(), zh: Type.String() })),
});
export type ProfileSource = Static<typeof ProfileSource>;

export const sources = endpoint({
  method: 'GET',
  path: '/profiles/sources',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'Where the files of device types come from',
  tags: ['devices'],
  answers: { 200: exactly({ items: Type.Array(ProfileSource) }) },
});

const ofType = exactly({ vendor: Part, model: Part });

export const file = endpoint({
  method: 'GET',
  path: '/profiles/files/{vendor}/{model}',
  right: 'profiles.check',
  summary: 'The file of a device type as it was written',
  notes:
    'The one in force, or with `of=waiting` the one that holds from the next start. It is what a gateway of such devices needs in a folder of its `catalogs`, as `<vendor>/<model>.yaml`',
  tags: ['devices'],
  params: ofType,
  query: exactly({ of: Type.Optional(words(['waiting'])) }),
  produces: ['application/yaml'],
  answers: { 200: Type.String(), 404: Problem },
});

export const ProfileRemoval = exactly({
  profile: Type.String(),
  /** To be named by who removes it. */
  state: Type.String(),
  /** Another change of the type waits, in the place of which the removal comes. */
  waits: Type.Boolean(),
  /** What a folder has of the type, and holds then; null when the type is gone then. */
  beneath: orNull(Beneath),
  /** Devices that have the type: in service, and retired. */
  devices: Type.Integer(),
  retired: Type.Integer(),
  /** What those in service would notice. */
  changes: Type.Array(ProfileChange),
  gateways: Type.Array(Type.String()),
  /** Why it can't be removed at all: devices in service would have no type, or another type has the topic by now. */
  refused: orNull(exactly({ message: Type.String(), zh: Type.String() })),
});
export type ProfileRemoval = Static<typeof ProfileRemoval>;

export const removal = endpoint({
  method: 'GET',
  path: '/profiles/own/{vendor}/{model}',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'What removing a type that was taken in would mean',
  tags: ['devices'],
  params: ofType,
  answers: { 200: ProfileRemoval, 404: Problem },
});

export const remove = endpoint({
  method: 'DELETE',
  path: '/profiles/own/{vendor}/{model}',
  right: 'profiles.adopt',
  at: 'top',
  summary: 'Removes a type that was taken in; it goes at the next start of the server',
  notes:
    'What a folder has of that name holds again then. Without one the type is gone: 409 `in-use` while devices in service have it; ' +
    'where only retired ones do, whose history is not shown without the type, it wants `losses=wanted`. ' +
    '409 `would-break` as with `POST /profiles` where devices would lose something, or could not go on. ' +
    '`seen` is the `state` of `GET`: 409 `changed-meanwhile` when it is another by now. Until the start it is taken back with `DELETE /profiles/waiting/{vendor}/{model}`',
  tags: ['devices'],
  params: ofType,
  query: exactly({
    seen: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    losses: Type.Optional(words(['wanted'])),
  }),
  answers: {
    202: exactly({
      profile: Type.String(),
      holds: Type.Literal('after-restart'),
      gateways: Type.Array(Type.String()),
    }),
    404: Problem,
    409: Problem,
  },
});
