/**
 * The answers that pages read, by the schemas of api/. The build puts the decoders' own source in place of this module
 * (`dashboards/answers-plugin.ts`), so that no schema and nothing of TypeBox reaches the browser.
 */
import {
  areas as areasApi,
  devices as devicesApi,
  events as eventsApi,
  live,
  quarantine as quarantineApi,
  readings as readingsApi,
  session as sessionApi,
  shapes,
  system as systemApi,
} from '@village/api';
import { DEVICE_STATES } from '@village/core';
import type { Of } from './decoder.ts';
import { decoderOf } from './schema.ts';

export const STATES = DEVICE_STATES;
export const QUARANTINE_STATES = quarantineApi.QUARANTINE_STATES;

export const nothing = decoderOf(shapes.Nothing);
export const session = decoderOf(sessionApi.Session);
export const area = decoderOf(areasApi.Area);
export const areas = decoderOf(areasApi.list.answers[200]);
export const profiles = decoderOf(devicesApi.profiles.answers[200]);
export const device = decoderOf(devicesApi.Device);
export const devices = decoderOf(devicesApi.DevicePage);
export const overview = decoderOf(live.Overview);
export const readings = decoderOf(readingsApi.range.answers[200]);
export const aggregates = decoderOf(readingsApi.Aggregates);
export const completeness = decoderOf(readingsApi.Completeness);
export const events = decoderOf(eventsApi.list.answers[200]);
export const quarantine = decoderOf(quarantineApi.list.answers[200]);
export const rerun = decoderOf(quarantineApi.rerun.answers[200]);
export const system = decoderOf(systemApi.System);
export const backup = decoderOf(systemApi.backup.answers[202]);

/** What the stream of live events carries. */
export const liveCounts = decoderOf(live.follow.stream.counts);
export const liveLatest = decoderOf(live.follow.stream.latest);

export type User = Of<typeof session>['user'];
export type Area = Of<typeof area>;
export type AreaRef = Area['path'][number];
export type Counts = Of<typeof liveCounts>;
export type Profile = Of<typeof profiles>['items'][number];
export type Metric = Profile['metrics'][number];
export type Device = Of<typeof device>;
export type DevicePage = Of<typeof devices>;
export type Overview = Of<typeof overview>;
export type ReadingRow = Of<typeof readings>['items'][number];
export type AggregateRow = Of<typeof aggregates>['items'][number];
export type Completeness = Of<typeof completeness>;
export type QuarantineEntry = Of<typeof quarantine>['items'][number];
export type System = Of<typeof system>;
export type LatestChange = Of<typeof liveLatest>['items'][number];
export type Value = LatestChange['values'] extends Map<string, infer V> ? V : never;
