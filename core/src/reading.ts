/** Readings, events and the batches that carry them over our own wire. */
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

/** One device at one time, as it stands in the JSON of the wire and of `POST /api/v1/readings`. */
export interface WireReading {
  device: string;
  /** RFC 3339. */
  at: string;
  values: Record<string, number>;
  /** Only what is not `good`. */
  quality?: Record<string, Quality>;
  /** The device told another time, which was none or was corrected by its gateway. */
  redated?: true;
  /** The time is of the gateway's clock, though such a device may tell one. */
  stamped?: true;
  /** It is history by its gateway's clock, whatever the lane. */
  late?: true;
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
  redated?: true;
  stamped?: true;
  late?: true;
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
  /** By how much the gateway's clock was set since it stamped these rows, ms; absent when it was not. */
  shift?: number;
  readings: WireReading[];
  events?: WireEvent[];
}

/**
 * A frame of which a gateway could not take all, as it publishes it to `village/v1/gateways/{id}/refused` in
 * `{refused: WireRefused[]}`: samples; how many there were is told with the status.
 */
export interface WireRefused {
  device: string;
  /** Under which the rest of the frame is stored, RFC 3339. */
  at: string;
  /** What of it was refused; a place that is empty stands for all of it. */
  parts: { reason: string; message: string; place: string; metric: string | null }[];
  /** Metrics that the frame gave all the same. */
  taken: string[];
  /** What the device said, base64. */
  frame: string;
  framing: string;
  /** Bytes of the frame, when only the first of them are here. */
  size?: number;
}

/** Refused parts of one device, reason and metric, since the gateway's start. */
export interface WireRefusals {
  device: string;
  reason: string;
  metric: string | null;
  /** Where the newest stood. */
  place: string;
  count: number;
  firstAt: string;
  lastAt: string;
}

/** Retained state of a gateway on `…/status`; its will says `online: false`. */
export interface WireStatus {
  online: boolean;
  /** By the gateway's clock. The first of a connection is said after that was made, so that it tells how far the clock is off. */
  at?: string;
  epoch?: string;
  /**
   * Batches from this number on were stamped since the gateway was started: by its clock as it is now, or by one that they
   * tell the shift of. What was stamped before may be of another state of the clock.
   */
  ownFrom?: number;
  version?: string;
  /** Batches waiting in the outbox, by lane. */
  waiting?: { live: number; backfill: number };
  /** Age of the oldest of them, ms; absent when none waits, when nobody knows, and from an earlier version. */
  oldestMs?: number;
  /** Readings dropped since the outbox was made, by cause. */
  dropped?: Record<string, number>;
  /** Seq ranges given up with the drops, so that the server can tell a known loss from a gap. */
  droppedSeq?: [number, number][];
  /** What of the devices' frames was refused, the newest first. */
  refused?: WireRefusals[];
  /** Frames refused in part that wait for the county, and those given up since the outbox was made, by cause. */
  refusedLane?: { waiting: number; dropped: Record<string, number> };
}

/** Why a gateway gives up what it had; a newer one may know other causes. */
export const WIRE_LOSS_CAUSES = [
  'outbox-full',
  'outbox-refuses',
  'outbox-busy',
  'outbox-corrupt',
  'batch-corrupt',
  'entry-corrupt',
  'row-too-large',
] as const;

/** Kinds of refused parts that a status tells. */
export const WIRE_REFUSALS_MAX = 100;
/** Refused parts of one device, reason and metric that are kept in an hour; more are counted. */
export const REFUSED_PER_HOUR = 60;

/** Largest payload of our own wire, bytes. */
export const WIRE_PAYLOAD_MAX = 256 * 1024;
/** Most readings (rows) in one batch. */
export const WIRE_ROWS_MAX = 2_000;

export const topics = {
  gatewayReadings: (id: string): string => `village/v1/gateways/${id}/readings`,
  gatewayRefused: (id: string): string => `village/v1/gateways/${id}/refused`,
  gatewayStatus: (id: string): string => `village/v1/gateways/${id}/status`,
  gatewayCommands: (id: string): string => `village/v1/gateways/${id}/commands`,
  gatewayResults: (id: string): string => `village/v1/gateways/${id}/results`,
  deviceReadings: (id: string): string => `village/v1/devices/${id}/readings`,
} as const;
