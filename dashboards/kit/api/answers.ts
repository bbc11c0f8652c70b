/** The shapes of docs/http-api.md as checks, and the types that follow from them. */
import type { AreaLevel, DeviceState, Label } from '@village/core';
import {
  anything,
  bool,
  type Check,
  list,
  mapOf,
  nullable,
  number,
  type Of,
  object,
  oneOf,
  otherwise,
  pair,
  text,
  time,
} from './check.ts';

export const STATES = ['online', 'late', 'offline', 'never'] as const satisfies DeviceState[];
const LEVELS = ['county', 'township', 'village'] as const satisfies AreaLevel[];

/** A label, or a plain name that is the same in both languages. */
const label: Check<Label> = (value, path) =>
  typeof value === 'string'
    ? { zh: value, en: value }
    : object({ zh: text, en: text })(value, path);

const areaRef = object({ code: text, name: label });
const state = oneOf(STATES);
const counts = object({ online: number, late: number, offline: number, never: number });

export const user = object({
  name: text,
  displayName: text,
  role: oneOf(['admin', 'officer', 'clerk']),
  area: areaRef,
});
export const session = object({
  user,
  modules: nullable(list(text)),
  rights: nullable(list(text)),
});

export const area = object({
  code: text,
  level: oneOf(LEVELS),
  name: label,
  parent: nullable(text),
  path: otherwise(list(areaRef), []),
});

const metric = object({
  key: text,
  quantity: text,
  name: label,
  unit: text,
  range: nullable(pair(number, number)),
  states: nullable(mapOf(number)),
  stateNames: nullable(mapOf(label)),
  total: otherwise(bool, false),
  state: otherwise(bool, false),
});
const profile = object({
  id: text,
  name: label,
  kind: text,
  protocol: text,
  reportEvery: number,
  silentAfter: number,
  metrics: list(metric),
  events: otherwise(list(object({ type: text, name: label })), []),
});

const value = object({ value: number, at: time, receivedAt: time, quality: text });
export const device = object({
  id: text,
  name: text,
  profile: text,
  kind: text,
  area: areaRef,
  path: otherwise(list(areaRef), []),
  gateway: nullable(text),
  address: nullable(text),
  longitude: nullable(number),
  latitude: nullable(number),
  state,
  lastSeenAt: nullable(time),
  values: otherwise(mapOf(value), new Map()),
});

/** One page of a list. */
export const page = <T>(item: Check<T>): Check<{ items: T[]; next: string | null }> =>
  object({ items: list(item), next: nullable(text) });

export const profiles = object({ items: list(profile) });
export const areas = page(area);
export const devices = object({ items: list(device), next: nullable(text), total: number, counts });

export const overview = object({
  counts,
  areas: list(object({ code: text, name: label, counts })),
  quantities: list(
    object({
      kind: text,
      quantity: text,
      name: label,
      unit: text,
      avg: number,
      min: number,
      max: number,
      devices: number,
    }),
  ),
  readingsPerMinute: number,
});

export const readings = page(
  object({
    at: time,
    receivedAt: time,
    lane: oneOf(['live', 'backfill']),
    clockReplaced: otherwise(bool, false),
    values: mapOf(number),
    quality: otherwise(mapOf(text), new Map()),
  }),
);

export const aggregates = object({
  items: list(object({ at: time, values: mapOf(nullable(number)) })),
});

export const completeness = object({
  reportEvery: number,
  expected: number,
  received: number,
  hours: list(
    object({ at: time, expected: number, received: number, rows: number, backfilled: number }),
  ),
  since: nullable(time),
  gaps: list(object({ from: time, to: time })),
  gapCount: number,
  gateway: nullable(
    object({ id: text, sequences: list(object({ gaps: list(pair(number, number)) })) }),
  ),
});

export const events = page(object({ at: time, type: text, detail: anything }));

export const QUARANTINE_STATES = ['open', 'rerun', 'discarded'] as const;
export const quarantine = page(
  object({
    id: number,
    receivedAt: time,
    source: text,
    device: nullable(text),
    topic: text,
    reason: text,
    message: text,
    payload: text,
    text: nullable(text),
    state: oneOf(QUARANTINE_STATES),
  }),
);
export const rerun = object({
  accepted: number,
  refused: list(object({ id: number, reason: text, message: text })),
});

export const system = object({
  store: mapOf(anything),
  broker: otherwise(mapOf(anything), new Map()),
  gateways: list(
    object({
      id: text,
      online: bool,
      at: nullable(time),
      waiting: nullable(object({ live: number, backfill: number })),
      dropped: nullable(mapOf(number)),
      sequences: otherwise(list(object({ gaps: list(pair(number, number)) })), []),
    }),
  ),
});
export const backup = object({ folder: text });

/** What the stream of live events carries. */
export const liveCounts = counts;
export const liveLatest = object({
  items: list(
    object({
      device: text,
      state,
      lastSeenAt: nullable(time),
      values: otherwise(mapOf(value), new Map()),
    }),
  ),
});

export type User = Of<typeof user>;
export type Area = Of<typeof area>;
export type AreaRef = Of<typeof areaRef>;
export type Counts = Of<typeof counts>;
export type Metric = Of<typeof metric>;
export type Profile = Of<typeof profile>;
export type Value = Of<typeof value>;
export type Device = Of<typeof device>;
export type DevicePage = Of<typeof devices>;
export type Overview = Of<typeof overview>;
export type ReadingRow = Of<typeof readings>['items'][number];
export type AggregateRow = Of<typeof aggregates>['items'][number];
export type Completeness = Of<typeof completeness>;
export type QuarantineEntry = Of<typeof quarantine>['items'][number];
export type System = Of<typeof system>;
export type LatestChange = Of<typeof liveLatest>['items'][number];
