/** The way of a frame through the gateway: decode, set its time, thin out, put into the outbox. */
import {
  BEIJING_OFFSET_MS,
  type Clock,
  DAY,
  DEVICE_CLOCK_AHEAD_MAX_MS,
  EARLIEST_MEASUREMENT,
  formatTime,
  OperationalError,
  type WireEvent,
  type WireReading,
} from '@village/core';
import {
  type Decoded,
  type Decoder,
  type Frame,
  frameBytes,
  frameKept,
  isEvidence,
  openDecoder,
} from '@village/device-profiles';
import type { BoundDevice } from '../config/types.ts';
import type { Done } from '../outbox/grouping.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Log } from '../run/log.ts';
import { Deadband } from './deadband.ts';

/** A frame that was not understood, kept to look at. */
export interface BadFrame {
  readonly at: string;
  readonly device: string;
  readonly code: string;
  readonly message: string;
  /** Start of its bytes, hexadecimal. */
  readonly bytes: string;
}

export interface IntakeCounters {
  readonly frames: number;
  readonly readings: number;
  readonly events: number;
  /** Readings held back by the deadband. */
  readonly suppressed: number;
  /** Frames of devices with an absurd clock, stamped with the gateway's. */
  readonly clocksReplaced: number;
  /** Frames that are evidence and were too large to be sent along. */
  readonly framesTooLarge: number;
  /** Frames that are evidence and were more of a device than is sent along in a day. */
  readonly framesOverBudget: number;
  /** Frames not understood, by code. */
  readonly undecodable: Readonly<Record<string, number>>;
  /** The last of them, newest last. */
  readonly badFrames: readonly BadFrame[];
}

/** A larger frame is not kept as evidence. */
const FRAME_BYTES_MAX = 64 * 1024;
/**
 * Bytes of frames a device and day that are sent along, so that one which never stops talking does not fill the outbox:
 * a message of 250 bytes a second. Its readings go on.
 */
const FRAMES_PER_DAY = 32 * 1024 * 1024;
const BAD_FRAMES_KEPT = 32;
const BAD_FRAME_BYTES = 256;

/** Whether a clock has been set since the box was made: without a battery it begins at 1970. */
export const clockIsSet = (now: number): boolean => now >= EARLIEST_MEASUREMENT;

/** A device's own time when it can be true, else null. A gateway whose clock is not set is no judge of what is ahead. */
export function sensibleTime(at: number | null, now: number): number | null {
  if (at === null || at < EARLIEST_MEASUREMENT) return null;
  return at <= now + DEVICE_CLOCK_AHEAD_MAX_MS || !clockIsSet(now) ? at : null;
}

export class Intake {
  readonly deadband = new Deadband();
  readonly #outbox: Outbox;
  readonly #now: Clock;
  readonly #log: Log;
  /** Of the sessions that devices have now. */
  readonly #decoders = new Map<string, Decoder>();
  #frames = 0;
  #readings = 0;
  #events = 0;
  #clocksReplaced = 0;
  #framesTooLarge = 0;
  #framesOverBudget = 0;
  /** Bytes sent along today, by device. */
  #sentToday = new Map<string, number>();
  #today = Number.NaN;
  readonly #undecodable = new Map<string, number>();
  readonly #badFrames: BadFrame[] = [];
  /** Devices whose last frame was not understood, with the code. */
  readonly #notUnderstood = new Map<string, string>();

  constructor(outbox: Outbox, deps: { now: Clock; log: Log }) {
    this.#outbox = outbox;
    this.#now = deps.now;
    this.#log = deps.log;
  }

  /**
   * Takes a frame. `done` is called when all that is worth keeping of it is durable; at once for a frame that can't be
   * understood, since a repeat would be no better; with an error when the device should come again.
   */
  accept(device: BoundDevice, frame: Frame, done?: Done): void {
    this.#frames++;
    let decoded: Decoded;
    try {
      decoded = this.#decoderOf(device).decode(frame, { device: device.address });
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#note(device, error, frame);
      done?.();
      return;
    }
    if (this.#notUnderstood.delete(device.id))
      this.#log.info({ device: device.id }, 'device: is understood again');
    const now = this.#now();
    const own = sensibleTime(decoded.at, now);
    if (own === null && decoded.at !== null) this.#clocksReplaced++;
    const at = own ?? now;
    const readings = this.deadband.admit(device.id, device.profile, at, decoded.readings);
    if (readings.length === 0 && decoded.events.length === 0) {
      done?.();
      return;
    }
    const time = formatTime(at);
    const events = decoded.events.map(
      (event): WireEvent => ({
        device: device.id,
        at: time,
        type: event.type,
        detail: event.detail,
      }),
    );
    this.#readings += readings.length;
    this.#events += events.length;
    const row = readings.length === 0 ? null : rowOf(device.id, time, readings);
    if (isEvidence(device.profile, { readings, events: decoded.events }))
      this.#keep(device, frame, row, events[0]);
    if (!this.#outbox.put(row, events, done)) this.deadband.forget(device.id);
  }

  /** Puts what the device said beside the first of what was made of it. */
  #keep(device: BoundDevice, frame: Frame, row: WireReading | null, event?: WireEvent): void {
    const { payload, framing } = frameKept(device.profile, frame);
    if (payload.length > FRAME_BYTES_MAX) {
      this.#framesTooLarge++;
      return;
    }
    const beside = device.profile.evidence === 'events' ? event : (row ?? event);
    if (beside === undefined) return;
    if (!this.#isWithinBudget(device.id, Math.ceil((payload.length * 4) / 3) + framing.length)) {
      this.#framesOverBudget++;
      return;
    }
    beside.frame = Buffer.from(payload).toString('base64');
    if (framing !== '') beside.framing = framing;
  }

  #isWithinBudget(device: string, bytes: number): boolean {
    const now = this.#now();
    const day = Math.floor((now + BEIJING_OFFSET_MS) / DAY);
    if (day !== this.#today) {
      this.#today = day;
      this.#sentToday = new Map();
    }
    const sent = (this.#sentToday.get(device) ?? 0) + bytes;
    if (sent > FRAMES_PER_DAY) return false;
    this.#sentToday.set(device, sent);
    return true;
  }

  #decoderOf({ id, profile, options }: BoundDevice): Decoder {
    let decoder = this.#decoders.get(id);
    if (decoder === undefined) {
      decoder = openDecoder(profile, options);
      this.#decoders.set(id, decoder);
    }
    return decoder;
  }

  /** The device's connection has ended: what its protocol remembers of it ends too. */
  endDecoding(device: string): void {
    this.#decoders.delete(device);
  }

  /** The device was away: its next frame goes whole as well. */
  endSession(device: string): void {
    this.endDecoding(device);
    this.deadband.forget(device);
  }

  /** Counts a frame that was not understood, keeps what came of it, and says so once for each device and code. */
  #note(device: BoundDevice, fault: OperationalError, frame: Frame): void {
    this.#undecodable.set(fault.code, (this.#undecodable.get(fault.code) ?? 0) + 1);
    if (this.#badFrames.length >= BAD_FRAMES_KEPT) this.#badFrames.shift();
    const bad: BadFrame = {
      at: formatTime(this.#now()),
      device: device.id,
      code: fault.code,
      message: fault.message.slice(0, 200),
      bytes: Buffer.from(frameBytes(device.profile, frame).subarray(0, BAD_FRAME_BYTES)).toString(
        'hex',
      ),
    };
    this.#badFrames.push(bad);
    if (this.#notUnderstood.get(device.id) === fault.code) return;
    this.#notUnderstood.set(device.id, fault.code);
    const { code, message, bytes } = bad;
    this.#log.warn({ device: device.id, code, bytes }, `device: is not understood: ${message}`);
  }

  counters(): IntakeCounters {
    return {
      frames: this.#frames,
      readings: this.#readings,
      events: this.#events,
      suppressed: this.deadband.suppressed,
      clocksReplaced: this.#clocksReplaced,
      framesTooLarge: this.#framesTooLarge,
      framesOverBudget: this.#framesOverBudget,
      undecodable: Object.fromEntries(this.#undecodable),
      badFrames: [...this.#badFrames],
    };
  }
}

function rowOf(device: string, at: string, readings: Decoded['readings']): WireReading {
  const row: WireReading = { device, at, values: {} };
  for (const reading of readings) {
    row.values[reading.metric] = reading.value;
    if (reading.quality === 'good') continue;
    row.quality ??= {};
    row.quality[reading.metric] = reading.quality;
  }
  return row;
}
