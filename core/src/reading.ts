/** Readings, events and the batches that carry them over our own wire. */
import { MINUTE } from './duration.ts';
import type { Quality } from './quality.ts';

export const LANES = ['live', 'backfill'] as const;
/** Live readings are news; backfill comes late from an outbox or a history call and pages nobody. */
export type Lane = (typeof LANES)[number];

/** What a reading covers. */
export const SPANS = ['instant', 'minute', 'hour', 'day'] as const;
export type Span = (typeof SPANS)[number];

/** What a reading is of all that was measured in its span. */
export const STATISTICS = ['value', 'average', 'minimum', 'maximum', 'sum'] as const;
export type Statistic = (typeof STATISTICS)[number];

/** One value of one metric of one device. */
export interface Reading {
  readonly device: string;
  readonly metric: string;
  /** Event time, ms since 1970. */
  readonly at: number;
  /** When the server first saw it, ms since 1970. */
  readonly receivedAt: number;
  readonly value: number;
  readonly quality: Quality;
  readonly lane: Lane;
}

/** Something that happened at a time: a camera detection, a device's log line. */
export interface DeviceEvent {
  readonly device: string;
  readonly at: number;
  readonly receivedAt: number;
  /** Kebab-case or profile-given name, for example `line-crossed`. */
  readonly type: string;
  /** Plain JSON object, at most `EVENT_DETAIL_CHARACTERS_MAX` as text. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Most characters of an event's detail as JSON. */
export const EVENT_DETAIL_CHARACTERS_MAX = 4_096;

/** Clocks of devices may run ahead by this much. */
export const DEVICE_CLOCK_AHEAD_MAX_MS = 5 * MINUTE;
/** Nothing was measured before: a clock that says so has not been set. */
export const EARLIEST_MEASUREMENT = Date.UTC(2000, 0, 1);

/** One device at one time, as it stands in the JSON of the wire and of `POST /api/v1/readings`. */
export interface WireReading {
  device: string;
  /** RFC 3339. */
  at: string;
  values: Record<string, number>;
  /** Only what is not `good`. */
  quality?: Record<string, Quality>;
  /** What the device said, base64: of devices whose figures may be evidence. */
  frame?: string;
  /** What must be known besides to read it, such as its topic. */
  framing?: string;
}

export interface WireEvent {
  device: string;
  at: string;
  type: string;
  detail?: Record<string, unknown>;
  /** As of a reading. */
  frame?: string;
  framing?: string;
}

/**
 * What a gateway publishes to `village/v1/gateways/{id}/readings`: the unit of store-and-forward.
 * `epoch` names the outbox (a new one after the disk was replaced), `seq` counts its batches from 1 without
 * gaps over both lanes, so that a missing number is a missing batch.
 */
export interface WireBatch {
  epoch: string;
  seq: number;
  lane: Lane;
  readings: WireReading[];
  events?: WireEvent[];
}

/** Retained state of a gateway on `…/status`; its will says `online: false`. */
export interface WireStatus {
  online: boolean;
  at?: string;
  epoch?: string;
  version?: string;
  /** Batches waiting in the outbox, by lane. */
  waiting?: { live: number; backfill: number };
  /** Readings dropped since the outbox was made, by cause. */
  dropped?: Record<string, number>;
  /** Seq ranges given up with the drops, so that the server can tell a known loss from a gap. */
  droppedSeq?: [number, number][];
}

/** Largest payload of our own wire, bytes. */
export const WIRE_PAYLOAD_MAX = 256 * 1024;
/** Most readings (rows) in one batch. */
export const WIRE_ROWS_MAX = 2_000;

export const topics = {
  gatewayReadings: (id: string): string => `village/v1/gateways/${id}/readings`,
  gatewayStatus: (id: string): string => `village/v1/gateways/${id}/status`,
  gatewayCommands: (id: string): string => `village/v1/gateways/${id}/commands`,
  gatewayResults: (id: string): string => `village/v1/gateways/${id}/results`,
  deviceReadings: (id: string): string => `village/v1/devices/${id}/readings`,
} as const;
