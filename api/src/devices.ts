/** Installed devices and the types they are of. */
import { CLOCK_USES, MINUTE } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  AsReceived,
  Code,
  Counts,
  DESCRIBE_NOTES,
  EncodingWord,
  End,
  exactly,
  Id,
  Imported,
  Instant,
  Label,
  orNull,
  Problem,
  Properties,
  PropertiesChange,
  page,
  pageQuery,
  pair,
  QualityWord,
  SHEET_TYPES,
  Sheet,
  StateWord,
  Text,
  Time,
  words,
} from './shapes.ts';

export const Metric = Type.Object({
  key: Type.String(),
  quantity: Type.String(),
  name: Label,
  unit: Type.String(),
  range: pair(Type.Number()),
  states: Type.Optional(Type.Record(Type.String(), Type.Number())),
  stateNames: Type.Optional(Type.Record(Type.String(), Label)),
  /** What a reading covers and what it is of that, where it is no plain instant. */
  span: Type.Optional(Type.String()),
  statistic: Type.Optional(Type.String()),
  total: Type.Optional(Type.Boolean()),
  state: Type.Optional(Type.Boolean()),
  /** Of one of several sources in the device; `base` is the same for all of them. */
  channel: Type.Optional(
    Type.Object({ kind: Type.String(), key: Type.String(), name: Label, base: Type.String() }),
  ),
});
export type Metric = Static<typeof Metric>;

/** A type of device. */
export const Profile = Type.Object({
  id: Type.String(),
  revision: Type.Integer(),
  name: Label,
  kind: Type.String(),
  protocol: Type.String(),
  /** What people call the protocol. */
  protocolName: Type.String(),
  evidence: Type.Optional(words(['all', 'events'])),
  reportEvery: Type.Number(),
  silentAfter: Type.Number(),
  metrics: Type.Array(Metric),
  /** `channels` where the detail of such an event tells its `channel`. */
  events: Type.Array(
    Type.Object({
      type: Type.String(),
      name: Label,
      channels: Type.Optional(Type.Array(Type.Object({ key: Type.String(), name: Label }))),
    }),
  ),
});
export type Profile = Static<typeof Profile>;

export const Value = Type.Object({
  value: Type.Number(),
  at: Time,
  receivedAt: Time,
  quality: QualityWord,
  /** There only when corrections speak of it. */
  received: Type.Optional(AsReceived),
});
export type Value = Static<typeof Value>;

const standing = {
  state: StateWord,
  lastSeenAt: orNull(Time),
  values: Type.Record(Type.String(), Value),
};

/**
 * What was not taken of what a client or device said, acknowledged and counted: messages on a topic that it may not use
 * (`acl-publish`, `acl-will`), on one that is too deep (`topic-levels`) or too large (`packet-too-large`), since the server's start; or parts of its frames, since the start of the
 * server or of the gateway that met them. `further` stands for further kinds together.
 */
export const Refusal = Type.Object({
  /** At most 256 characters; null for further topics together, and for parts of frames. */
  topic: orNull(Type.String()),
  /** Why, as in quarantine. */
  cause: Type.String(),
  /** Of a part: the metric that it would have been, and where the newest stood. */
  metric: Type.Optional(Type.String()),
  place: Type.Optional(Type.String()),
  count: Type.Integer(),
  firstAt: Time,
  lastAt: Time,
});
export type Refusal = Static<typeof Refusal>;

/** The client id of MQTT that a credential is bound to, and since when; empty for one that names none. */
export const BoundClientId = Type.Object({ clientId: Type.String(), boundAt: Time });

/**
 * How far the device's own clock is off, measured from the times that it tells since the server's start: seconds, negative
 * when it is behind; what it gains in a day, null until it was watched for six hours; and since when it stands so. Of a device
 * behind a gateway, what is in it of the way to here (up to 90 s) counts along.
 */
export const DeviceClock = Type.Object({
  offset: Type.Number(),
  drift: orNull(Type.Number()),
  since: Time,
});
export type DeviceClock = Static<typeof DeviceClock>;

export const Device = Type.Object({
  id: Type.String(),
  name: Type.String(),
  profile: Type.String(),
  kind: Type.String(),
  area: AreaRef,
  path: Type.Array(AreaRef),
  gateway: orNull(Type.String()),
  address: Type.String(),
  longitude: orNull(Type.Number()),
  latitude: orNull(Type.Number()),
  /** What is made of its clock; `keep` when absent. */
  clockUse: Type.Optional(words(CLOCK_USES)),
  ...End.properties,
  /** There only where one device is asked for, and only when there are any; newest first. */
  refusals: Type.Optional(Type.Array(Refusal)),
  /** There only where one device is asked for, and only where its credential is bound to a client id, which is empty when it names none. */
  clientId: Type.Optional(BoundClientId),
  /** There only where one device is asked for, and only once it has told a time. */
  clock: Type.Optional(DeviceClock),
  ...standing,
});
export type Device = Static<typeof Device>;

/** A device's state and newest values. */
export const Latest = Type.Object({ device: Type.String(), ...standing });
export type Latest = Static<typeof Latest>;

export const DevicePage = Type.Object({
  ...page(Device).properties,
  total: Type.Integer(),
  counts: Counts,
});
export type DevicePage = Static<typeof DevicePage>;

/** One piece of equipment behind a device's id. */
export const Installation = Type.Object({
  serial: orNull(Type.String()),
  profile: Type.String(),
  address: Type.String(),
  /** Null from before anybody wrote it down. */
  since: orNull(Time),
  until: orNull(Time),
  by: Type.String(),
  reason: orNull(Type.String()),
});
export type Installation = Static<typeof Installation>;

/** What stood behind a device's id, and where; oldest first. */
export const History = Type.Object({
  installations: Type.Array(Installation),
  areas: Type.Array(Type.Object({ area: Type.String(), since: orNull(Time), by: Type.String() })),
});
export type History = Static<typeof History>;

const SORTS = ['name', '-name', 'lastSeenAt', '-lastSeenAt', 'state', '-state'] as const;
const params = exactly({ id: Id });

export const list = endpoint({
  method: 'GET',
  path: '/devices',
  right: 'devices.read',
  summary: 'Devices of an area, with counts by state',
  notes: 'A `-` before the word of `sort` turns the order round',
  tags: ['devices'],
  query: pageQuery({
    area: Type.Optional(Code),
    profile: Type.Optional(Text),
    kind: Type.Optional(Text),
    state: Type.Optional(StateWord),
    q: Type.Optional(Type.String({ maxLength: 100 })),
    sort: Type.Optional(Type.Enum([...SORTS])),
  }),
  answers: { 200: DevicePage },
});

export const get = endpoint({
  method: 'GET',
  path: '/devices/{id}',
  right: 'devices.read',
  summary: 'One device',
  notes:
    "`clock`, once it has told times that can be judged, is how far its own clock is off, since the server's start: `offset` in " +
    'seconds, negative when it is behind, `drift` in seconds a day (null until it was watched for six hours), `since` when it stands so. ' +
    'Whether it is online is a matter of when it was heard, whatever its clock says',
  tags: ['devices'],
  params,
  answers: { 200: Device, 404: Problem },
});

export const latest = endpoint({
  method: 'GET',
  path: '/devices/{id}/latest',
  right: 'devices.read',
  summary: 'State and newest values of a device',
  tags: ['devices'],
  params,
  answers: { 200: Latest, 404: Problem },
});

export const history = endpoint({
  method: 'GET',
  path: '/devices/{id}/history',
  right: 'devices.read',
  summary: 'Installations of a device and the areas it has stood in',
  notes:
    'Oldest first; `since` is null for what holds from the beginning. Areas count from the begin of an hour; who sees the ' +
    'device follows the present one',
  tags: ['devices'],
  params,
  answers: { 200: History, 404: Problem },
});

export const replace = endpoint({
  method: 'POST',
  path: '/devices/{id}/replace',
  right: 'devices.import',
  summary: 'New equipment for a device, which keeps its id and its history',
  notes:
    'What is absent stays: `profile` the present one, `secret` the old one; an empty `secret` has one made, which is shown ' +
    'once. `at` is the present or earlier. `version` as at `PUT /devices/{id}`, where it is given. A new secret ends the session that was opened with the old one. 409 ' +
    '`not-installed` when the device is retired, `replaced-later`, `address-taken`; 422 `unknown-profile`, `unfit-options`, ' +
    '`bad-secret`, `bad-text`',
  tags: ['devices'],
  params,
  body: exactly({
    serial: Type.Optional(Text),
    profile: Type.Optional(Text),
    secret: Type.Optional(Type.String({ maxLength: 200 })),
    at: Type.Optional(Instant),
    reason: Type.Optional(Text),
    version: Type.Optional(Text),
  }),
  answers: {
    200: Type.Object({ installation: Installation, secret: orNull(Type.String()) }),
    404: Problem,
    409: Problem,
    422: Problem,
  },
});

export const retire = endpoint({
  method: 'POST',
  path: '/devices/{id}/retire',
  right: 'devices.import',
  summary: 'Ends the service of a device',
  notes:
    'Nothing is deleted: the device leaves lists, counts and live events, its secret holds no longer, its address is free, ' +
    'and its readings stay. What it sends from then on is quarantined. `…/reinstate`, or importing its id again, is a new installation. `version` as at `PUT /devices/{id}`, where it is given. 409 ' +
    '`not-installed` when it is retired already',
  tags: ['devices'],
  params,
  body: exactly({
    reason: Type.Optional(Text),
    at: Type.Optional(Instant),
    version: Type.Optional(Text),
  }),
  answers: { 200: Device, 404: Problem, 409: Problem, 422: Problem },
});

export const setClock = endpoint({
  method: 'PUT',
  path: '/devices/{id}/clock',
  right: 'devices.import',
  summary: "What is made of a device's clock that is off",
  notes:
    '`keep` stores the times that it tells, `correct` subtracts what its clock is off once that is steady, after three messages, which keep their times (`clockReplaced` tells ' +
    'such rows), `history` takes what is late by its clock as history. Holds for what comes from then on',
  tags: ['devices'],
  params,
  body: exactly({ use: words(CLOCK_USES) }),
  answers: { 200: Device, 404: Problem },
});

export const properties = endpoint({
  method: 'GET',
  path: '/devices/{id}/properties',
  right: 'devices.read',
  summary: 'Labels and attributes of a device',
  notes: 'All that ever held, or with `at` what held then',
  tags: ['devices'],
  params,
  query: exactly({ at: Type.Optional(Instant) }),
  answers: { 200: Properties, 404: Problem },
});

export const describe = endpoint({
  method: 'PUT',
  path: '/devices/{id}/properties',
  right: 'devices.import',
  summary: 'Says labels and attributes of a device from a time on',
  notes: DESCRIBE_NOTES,
  tags: ['devices'],
  params,
  body: PropertiesChange,
  answers: { 200: Properties, 404: Problem, 409: Problem, 422: Problem },
});

export const importFile = endpoint({
  method: 'POST',
  path: '/devices/import',
  right: 'devices.import',
  summary: 'Adds and changes devices and gateways from a file',
  notes:
    'Columns `id,name,profile,area,gateway,address,longitude,latitude,options,secret,clock`, in any order, under these or the usual ' +
    'Chinese headings; up to 20 MB. Excel (.xlsx: of the sheets that are shown the one with the headings; ' +
    'merged cells say the same in each of their rows) or text with `,` `;` or tabs in UTF-8, ' +
    'GB 18030, Big5, EUC-KR or UTF-16; empty rows and columns are passed over. Where the bytes of a text fit two encodings, or GB 18030 alone with ' +
    'characters that hardly anybody writes, and neither a mark, ' +
    '`charset` nor `encoding` says which, nothing is imported: 422, and `readings` show lines as each reads them. 422 ' +
    '`unreadable-text`, `unreadable-workbook`, `workbook-too-large`, `too-many-rows` (100,000). Files are imported one after the other: 503 ' +
    '`busy` when four wait. ' +
    '`clock` is `keep`, `correct` or `history`; empty leaves it as it is. ' +
    'Profile `gateway` registers a gateway or network server; options are a JSON object. `credentials` are the secrets ' +
    'made because the column was empty, shown once; a device behind a gateway needs none; an existing one stays. ' +
    'A fault tells row (`line`) and `cell` as a spreadsheet shows them; `column` is its name, empty for a whole row. `rows` are the first 200 rows that have faults, as they were read, without secrets. Nothing is imported when there is a fault; 422 then',
  tags: ['devices'],
  consumes: SHEET_TYPES,
  bodyBytesMax: 20 * 1024 * 1024,
  answerMs: 10 * MINUTE,
  query: exactly({ encoding: Type.Optional(EncodingWord) }),
  body: Sheet,
  answers: { 200: Imported, 422: Imported },
});

export const profiles = endpoint({
  method: 'GET',
  path: '/profiles',
  right: 'devices.read',
  summary: 'Types of devices',
  notes: '`reportEvery` and `silentAfter` are seconds',
  tags: ['devices'],
  query: pageQuery({}),
  answers: { 200: page(Profile) },
});
