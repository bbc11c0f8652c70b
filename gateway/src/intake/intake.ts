/** The way of a frame through the gateway: decode, set its time, thin out, put into the outbox. */
import {
  BEIJING_OFFSET_MS,
  type Clock,
  canBeTrue,
  clockIsSet,
  DAY,
  DeviceClock,
  formatTime,
  GivenTimes,
  NEWS_MS,
  OperationalError,
  type TimedDevice,
  type WireEvent,
  type WireReading,
  type WireRefused,
} from '@village/core';
import {
  type Decoded,
  type Decoder,
  type Frame,
  frameBytes,
  frameKept,
  isEvidence,
  openDecoder,
  type RefusedPart,
} from '@village/device-profiles';
import type { BoundDevice } from '../config/types.ts';
import type { Done } from '../outbox/grouping.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Log } from '../run/log.ts';
import { Deadband } from './deadband.ts';
import { Refusals } from './refusals.ts';

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
  /** Frames whose time was corrected by what the device's clock is off. */
  readonly clocksCorrected: number;
  /** Frames that are evidence and were too large to be sent along. */
  readonly framesTooLarge: number;
  /** Frames that are evidence and were more of a device than is sent along in a day. */
  readonly framesOverBudget: number;
  /** Frames not understood, by code. */
  readonly undecodable: Readonly<Record<string, number>>;
  /** Parts of frames that were refused while the rest was taken, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** The last frames not understood, newest last. */
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

export class Intake {
  readonly deadband = new Deadband();
  readonly refusals = new Refusals();
  readonly #outbox: Outbox;
  readonly #now: Clock;
  readonly #log: Log;
  /** Of the sessions that devices have now. */
  readonly #decoders = new Map<string, Decoder>();
  readonly #times: GivenTimes;
  /** What times of devices were corrected by when the process began. */
  readonly #corrections: ReadonlyMap<string, number>;
  readonly #timed = new Map<string, TimedDevice & { clock: DeviceClock; correction: number }>();
  #frames = 0;
  #readings = 0;
  #events = 0;
  #clocksReplaced = 0;
  #clocksCorrected = 0;
  #framesTooLarge = 0;
  #framesOverBudget = 0;
  /** Bytes sent along today, by device. */
  #sentToday = new Map<string, number>();
  #today = Number.NaN;
  readonly #undecodable = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #badFrames: BadFrame[] = [];
  /** Devices whose last frame was not understood, with the code. */
  readonly #notUnderstood = new Map<string, string>();

  constructor(outbox: Outbox, deps: { now: Clock; log: Log }) {
    this.#outbox = outbox;
    this.#now = deps.now;
    this.#log = deps.log;
    this.#times = new GivenTimes(
      (key, at) => outbox.remember('given-time', key, at),
      outbox.remembered('given-time'),
    );
    this.#corrections = new Map(outbox.remembered('clock'));
  }

  /**
   * Takes a frame. `done` is called when all that is worth keeping of it is durable, a sample of what can't be understood
   * included; with an error when the device should come again. `dup` is the protocol's mark of a repeat.
   */
  accept(
    device: BoundDevice,
    frame: Frame,
    done?: Done,
    { dup = false }: { readonly dup?: boolean } = {},
  ): void {
    this.#frames++;
    let decoded: Decoded;
    try {
      decoded = this.#decoderOf(device).decode(frame, { device: device.address });
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#note(device, error, frame);
      const { code: reason, message } = error;
      const whole = { reason, message, place: '', metric: null };
      if (!this.#refuse(device, frame, this.#now(), [whole], [], done)) done?.();
      return;
    }
    if (this.#notUnderstood.delete(device.id))
      this.#log.info({ device: device.id }, 'device: is understood again');
    for (const { reason } of decoded.refused ?? [])
      this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
    const now = stampAt(this.#now());
    const content = done === undefined ? null : (): string => contentOf(device.profile, frame);
    const tellsNow = tellsPresent(device.profile, decoded);
    const { at, redated } = this.#time(device, decoded.at, now, { content, dup, tellsNow });
    const readings = this.deadband.admit(device.id, device.profile, at, decoded.readings);
    const nothing = readings.length === 0 && decoded.events.length === 0;
    const taken = decoded.readings.map(({ metric }) => metric);
    const { refused = [] } = decoded;
    if (nothing) {
      const kept = refused.length > 0 && this.#refuse(device, frame, at, refused, taken, done);
      if (!kept) done?.();
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
    const late = device.clock === 'history' && now - at > NEWS_MS;
    const row = readings.length === 0 ? null : rowOf(device.id, time, readings);
    for (const one of row === null ? events : [row, ...events]) {
      if (redated) one.redated = true;
      else if (decoded.at === null && device.profile.tellsTime) one.stamped = true;
      if (late) one.late = true;
    }
    if (isEvidence(device.profile, { readings, events: decoded.events }))
      this.#keep(device, frame, row, events[0]);
    // Of a frame that is to come again its parts are, too.
    let again = false;
    const told: Done | undefined =
      done &&
      ((error) => {
        again = error !== undefined;
        done(error);
      });
    if (!this.#outbox.put(row, events, told)) this.deadband.forget(device.id);
    if (refused.length > 0 && !again) this.#refuse(device, frame, at, refused, taken, undefined);
  }

  /** The time of a frame: the device's own, corrected where that is wanted, or one that no other frame of it has. */
  #time(
    device: BoundDevice,
    told: number | null,
    now: number,
    { content, dup, tellsNow }: { content: (() => string) | null; dup: boolean; tellsNow: boolean },
  ): { readonly at: number; readonly redated: boolean } {
    let timed = this.#timed.get(device.id);
    if (timed === undefined) {
      const correction = this.#corrections.get(device.id) ?? 0;
      const clock = new DeviceClock(correction);
      timed = { timedAs: device.id, lastGiven: 0, clock, correction };
      this.#timed.set(device.id, timed);
    }
    if (told !== null) {
      let at = told;
      // A clock of ours that is not set measures nothing.
      if (device.clock === 'correct' && clockIsSet(now)) {
        if (tellsNow) timed.clock.note(told, now);
        const correction = timed.clock.correction(false);
        at -= correction;
        if (correction !== timed.correction) {
          timed.correction = correction;
          this.#outbox.remember('clock', device.id, correction);
        }
      }
      if (at !== told) this.#clocksCorrected++;
      if (canBeTrue(at, now, device.profile.earliest)) return { at, redated: at !== told };
      this.#clocksReplaced++;
    }
    const at = this.#times.give(timed, told, content?.() ?? null, now, { dup });
    return { at, redated: told !== null };
  }

  /** The gateway's own clock was set: what was measured by it holds no longer, and what comes is not compared with what was. */
  clockSet(): void {
    this.deadband.forgetAll();
    for (const timed of this.#timed.values()) timed.clock = new DeviceClock();
  }

  /** Hands a sample of what was refused to the outbox, which calls `done`; false when it is counted only. */
  #refuse(
    device: BoundDevice,
    frame: Frame,
    at: number,
    refused: readonly RefusedPart[],
    taken: readonly string[],
    done: Done | undefined,
  ): boolean {
    const parts = this.refusals.count(device.id, refused, this.#now());
    if (parts.length === 0) return false;
    const { payload, framing } = frameKept(device.profile, frame);
    const whole = payload.length <= FRAME_BYTES_MAX;
    const bytes = whole ? payload : payload.subarray(0, BAD_FRAME_BYTES);
    const entry: WireRefused = {
      device: device.id,
      at: formatTime(at),
      parts: parts.map(({ reason, message, place, metric }) => ({
        reason,
        message: message.slice(0, 200),
        place: place.slice(0, 200),
        metric,
      })),
      taken: [...taken],
      frame: Buffer.from(bytes).toString('base64'),
      framing: framing.slice(0, 1_000),
      ...(whole ? {} : { size: payload.length }),
    };
    this.#outbox.refuse(entry, done);
    return true;
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
      clocksCorrected: this.#clocksCorrected,
      framesTooLarge: this.#framesTooLarge,
      framesOverBudget: this.#framesOverBudget,
      undecodable: Object.fromEntries(this.#undecodable),
      refused: Object.fromEntries(this.#refused),
      badFrames: [...this.#badFrames],
    };
  }
}

/** A clock that is not set stamps with a time of 1970, which the county replaces; any other year might be believed. */
const stampAt = (now: number): number => (clockIsSet(now) ? now : now % (365 * DAY));

/** Whether the time of a frame is that of its sending: means of hours are of a span that was over before. */
const tellsPresent = (
  { metrics, metricIndex }: BoundDevice['profile'],
  { readings }: Decoded,
): boolean =>
  readings.length === 0 ||
  readings.some(({ metric }) => metrics[metricIndex.get(metric) ?? -1]?.span === 'instant');

/** What tells a frame that may be sent again from others. */
const contentOf = (profile: BoundDevice['profile'], frame: Frame): string =>
  Buffer.from(frameBytes(profile, frame)).toString('latin1');

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
