/** What a parsed device profile is, and what goes in and out of decode. The YAML's own shape is in schema/. */
import type { AddressKind, Label, Quality, QuantityId, Span, Statistic } from '@village/core';

export const KINDS = [
  'weather-station',
  'air-station',
  'sewage-monitor',
  'water-quality',
  'flow-meter',
  'power-meter',
  'smart-bin',
  'camera',
] as const;
export type DeviceKind = (typeof KINDS)[number];

/** One thing a type of device measures, as others need to know it; how it is decoded stays inside. */
export interface Metric {
  readonly key: string;
  readonly quantity: QuantityId;
  /** What a reading covers, and what it is of that: metrics that differ in this are never put together. */
  readonly span: Span;
  readonly statistic: Statistic;
  /** Canonical unit of the quantity. */
  readonly unit: string;
  readonly name: Label;
  /** Plausible range in the canonical unit; outside it a reading is kept and marked `implausible`. */
  readonly range: readonly [low: number, high: number];
  /** Names of coded states, when it is one. */
  readonly states?: Readonly<Record<string, number>>;
  /** What people read for a state, where the profile says it. */
  readonly stateNames?: Readonly<Record<string, Label>>;
  /** Changes smaller than this (canonical unit) are not sent between heartbeats; 0 sends every change. */
  readonly deadband: number;
  /** May be absent from a frame. */
  readonly optional: boolean;
  /** The channel that it is of, and the key that the same metric of all channels begins with. */
  readonly channel?: Channel & { readonly kind: string; readonly base: string };
}

/** One of several sources in a device, of which each has a series of its own. */
export interface Channel {
  readonly key: string;
  readonly name: Label;
}

export interface DeviceProfile {
  /** `vendor/model`, equal to the path under the catalogue. */
  readonly id: string;
  readonly revision: number;
  readonly name: Label;
  readonly kind: DeviceKind;
  /** Name of the protocol it speaks. */
  readonly protocol: string;
  /** How the names of its devices on their wire are compared. */
  readonly address: AddressKind;
  readonly metrics: readonly Metric[];
  /** Key to place in `metrics`. */
  readonly metricIndex: ReadonlyMap<string, number>;
  /** What people read for the types of its events. */
  readonly events: readonly EventType[];
  /** Which of its frames are kept, since its figures may be evidence. */
  readonly evidence: Evidence;
  /** How often a healthy device is polled or sends, ms. */
  readonly everyMs: number;
  /** The heartbeat: at least one reading arrives in each such interval, ms. Completeness counts these. */
  readonly reportEveryMs: number;
  /** Silent longer than this is offline, ms. */
  readonly silentAfterMs: number;
  /** Nothing of such a device was measured before, ms since 1970. */
  readonly earliest: number;
  /** Whether its frames may carry a time of the device's own; without one it is that of whoever reads or hears it. */
  readonly tellsTime: boolean;
  /** Options that a device may override, with their defaults. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** The file it was read from, so that an earlier revision can be kept. */
  readonly source: { readonly file: string; readonly text: string };
  /** Decoding rules, compiled; opaque outside this workspace. */
  readonly rules: unknown;
}

export interface EventType {
  readonly type: string;
  readonly name: Label;
  /** Where it may come from, when its detail tells the channel. */
  readonly channels?: readonly Channel[];
}

/** Of what a type of device says the frames are kept: all, those that tell an event, or none. */
export const EVIDENCES = ['all', 'events', 'none'] as const;
export type Evidence = (typeof EVIDENCES)[number];

/** What a device said, undecoded; each protocol has frames of its own shape. */
export interface Frame {
  readonly protocol: string;
}

export interface DecodedReading {
  readonly metric: string;
  readonly value: number;
  readonly quality: Quality;
}

export interface DecodedEvent {
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A part of a frame that could not be taken; it costs nothing but itself. */
export interface RefusedPart {
  /** Code of the error. */
  readonly reason: string;
  readonly message: string;
  /** Where it stands in the frame: its registers, its place in the JSON, its byte in a binary payload. */
  readonly place: string;
  /** The metric that it would have been; null where nothing says so. */
  readonly metric: string | null;
  /** How many it stands for, where too many were refused to tell each. */
  readonly count?: number;
}

export interface Decoded {
  /** The device's own time, ms since 1970; null when the frame carries none. */
  readonly at: number | null;
  readonly readings: readonly DecodedReading[];
  readonly events: readonly DecodedEvent[];
  /** What of the frame could not be taken; absent where frames are taken whole or not at all. */
  readonly refused?: readonly RefusedPart[];
}

/** One fault of a profile file, with its place. */
export interface ProfileFault {
  readonly file: string;
  /** 1-based; absent when the whole file is at fault. */
  readonly line?: number;
  readonly column?: number;
  /** Path inside the document, for example `metrics[3].from.type`. */
  readonly path: string;
  readonly message: string;
  /** The code of a fault of YAML itself. */
  readonly yaml?: string;
}
