/** Installed devices and the types they are of. */
import { MINUTE } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  Code,
  Counts,
  Csv,
  exactly,
  Id,
  Imported,
  Label,
  orNull,
  Problem,
  page,
  pageQuery,
  pair,
  QualityWord,
  StateWord,
  Text,
  Time,
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
});
export type Metric = Static<typeof Metric>;

/** A type of device. */
export const Profile = Type.Object({
  id: Type.String(),
  revision: Type.Integer(),
  name: Label,
  kind: Type.String(),
  protocol: Type.String(),
  reportEvery: Type.Number(),
  silentAfter: Type.Number(),
  metrics: Type.Array(Metric),
  events: Type.Array(Type.Object({ type: Type.String(), name: Label })),
});
export type Profile = Static<typeof Profile>;

export const Value = Type.Object({
  value: Type.Number(),
  at: Time,
  receivedAt: Time,
  quality: QualityWord,
});
export type Value = Static<typeof Value>;

const standing = {
  state: StateWord,
  lastSeenAt: orNull(Time),
  values: Type.Record(Type.String(), Value),
};

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

export const importFile = endpoint({
  method: 'POST',
  path: '/devices/import',
  right: 'devices.import',
  summary: 'Adds and changes devices and gateways from a file',
  notes:
    'Columns `id,name,profile,area,gateway,address,longitude,latitude,options,secret`, up to 20 MB, UTF-8 or GB 18030. ' +
    'Profile `gateway` registers a gateway or network server; options are a JSON object. `credentials` are the secrets ' +
    'made because the column was empty, shown once; a device behind a gateway needs none; an existing one stays. ' +
    '`column` is its name, empty for a whole line. Nothing is imported when there is a fault; 422 then',
  tags: ['devices'],
  consumes: 'text/csv',
  bodyBytesMax: 20 * 1024 * 1024,
  answerMs: 10 * MINUTE,
  body: Csv,
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
