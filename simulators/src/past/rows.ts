/**
 * What devices said at a time that is over: those behind a gateway as the rows that it would have made of their frames, the
 * others as the frames that they would have sent.
 */
import { formatTime, OperationalError, type WireEvent, type WireReading } from '@village/core';
import { encode, frameKept, isEvidence, openDecoder } from '@village/device-profiles';
import type { CountyModel } from '../county/county-model.ts';
import type { PlannedDevice } from '../county/county-plan.ts';

/** The JSON of what a gateway puts into its batches of one frame. */
export interface GatewayRows {
  readonly readings: readonly WireReading[];
  readonly events: readonly WireEvent[];
}

/** Makes a gateway's rows of one polled device. */
export class PolledPast {
  readonly #device: PlannedDevice;
  readonly #model: CountyModel;

  constructor(device: PlannedDevice, model: CountyModel) {
    this.#device = device;
    this.#model = model;
  }

  /** What its gateway made of its answer at `at`: rounded and judged as on the way through registers. */
  rows(at: number): GatewayRows {
    const { id, address, options } = this.#device;
    const profile = this.#model.profile(this.#device);
    const frame = encode(profile, this.#model.values(this.#device, at), { at, address, options });
    const decoded = openDecoder(profile, options).decode(frame, { device: address });
    const time = formatTime(at);
    const stamped = decoded.at === null && profile.tellsTime ? { stamped: true as const } : {};
    const events = decoded.events.map(
      ({ type, detail }): WireEvent => ({ device: id, at: time, type, detail, ...stamped }),
    );
    if (decoded.readings.length === 0) return { readings: [], events };
    const row: WireReading = { device: id, at: time, values: {}, ...stamped };
    for (const { metric, value, quality } of decoded.readings) {
      row.values[metric] = value;
      if (quality !== 'good') row.quality = { ...row.quality, [metric]: quality };
    }
    if (profile.evidence === 'all' && isEvidence(profile, decoded)) {
      const { payload, framing } = frameKept(profile, frame);
      row.frame = Buffer.from(payload).toString('base64');
      if (framing !== '') row.framing = framing;
    }
    return { readings: [row], events };
  }
}

export interface Batch {
  readonly body: string;
  readonly rows: number;
}

/** Puts rows together into the bodies of batches: what a batch is besides its number and its lane. */
export class Batching {
  readonly #rowsMax: number;
  readonly #bytesMax: number;
  #readings: string[] = [];
  #events: string[] = [];
  #characters = 0;

  constructor(rowsMax: number, bytesMax: number) {
    this.#rowsMax = rowsMax;
    this.#bytesMax = bytesMax;
  }

  /** The batch that was full before, if this did not fit into it. @throws row-too-large */
  add({ readings, events }: GatewayRows): Batch | null {
    const rows = readings.map((row) => JSON.stringify(row));
    const beside = events.map((event) => JSON.stringify(event));
    const characters = [...rows, ...beside].reduce((sum, text) => sum + text.length + 1, 0);
    if (characters > this.#bytesMax)
      throw new OperationalError('row-too-large', `a frame makes ${characters} bytes of rows`);
    const count = this.#readings.length + this.#events.length + rows.length + beside.length;
    const full = count > this.#rowsMax || this.#characters + characters > this.#bytesMax;
    const batch = full ? this.take() : null;
    this.#readings.push(...rows);
    this.#events.push(...beside);
    this.#characters += characters;
    return batch;
  }

  /** What is left; null when nothing is. */
  take(): Batch | null {
    const rows = this.#readings.length;
    if (rows + this.#events.length === 0) return null;
    const events = this.#events.length === 0 ? '' : `,"events":[${this.#events.join(',')}]`;
    const body = `"readings":[${this.#readings.join(',')}]${events}`;
    this.#readings = [];
    this.#events = [];
    this.#characters = 0;
    return { body, rows };
  }
}
