/** What is worth sending: changes, changes of quality, and everything once in each heartbeat. */
import { type Quality, qualityCode } from '@village/core';
import type { DecodedReading, DeviceProfile } from '@village/device-profiles';

interface Sent {
  /** Event time of the newest frame looked at. */
  at: number;
  /** Report interval in which each metric was sent last. */
  readonly intervals: Float64Array;
  readonly values: Float64Array;
  readonly qualities: Uint8Array;
}

/** A float's rounding must not hide a change of exactly the deadband. */
const ROUNDING = 1e-9;

/** Whether a value differs enough from the one sent last (NaN: none was). */
export function changed(last: number, value: number, deadband: number): boolean {
  return !(Math.abs(value - last) < deadband * (1 - ROUNDING)) && value !== last;
}

export class Deadband {
  readonly #sent = new Map<string, Sent>();
  #suppressed = 0;

  /** Readings held back so far. */
  get suppressed(): number {
    return this.#suppressed;
  }

  /**
   * The readings of a frame that are to be sent; they count as sent. Of each metric the first in each report interval goes, so
   * that completeness finds a row in every interval, also where each frame speaks of another channel. A frame older than the newest goes whole too: history is not
   * thinned by what came after it.
   */
  admit(
    device: string,
    profile: DeviceProfile,
    at: number,
    readings: readonly DecodedReading[],
  ): readonly DecodedReading[] {
    const sent = this.#sent.get(device);
    const interval = Math.floor(at / profile.reportEveryMs);
    if (sent === undefined) {
      const size = profile.metrics.length;
      const values = new Float64Array(size).fill(Number.NaN);
      const intervals = new Float64Array(size).fill(Number.NaN);
      const first: Sent = { at, intervals, values, qualities: new Uint8Array(size) };
      this.#sent.set(device, first);
      for (const reading of readings) this.#note(first, profile, reading, interval);
      return readings;
    }
    if (at < sent.at) return readings;
    sent.at = at;
    const worth = readings.filter((reading) => this.#isWorth(sent, profile, reading, interval));
    for (const reading of worth) this.#note(sent, profile, reading, interval);
    this.#suppressed += readings.length - worth.length;
    return worth;
  }

  /** The device's next frame goes whole. */
  forget(device: string): void {
    this.#sent.delete(device);
  }

  /** Every device's next frame goes whole. */
  forgetAll(): void {
    this.#sent.clear();
  }

  #place(profile: DeviceProfile, metric: string): number {
    const place = profile.metricIndex.get(metric);
    if (place === undefined)
      throw new Error(`BUG: ${profile.id} decoded an unknown metric ${metric}`);
    return place;
  }

  #isWorth(sent: Sent, profile: DeviceProfile, reading: DecodedReading, interval: number): boolean {
    const place = this.#place(profile, reading.metric);
    if (sent.intervals[place] !== interval) return true;
    if (sent.qualities[place] !== codeOf(reading.quality)) return true;
    const deadband = profile.metrics[place]?.deadband ?? 0;
    return changed(sent.values[place] as number, reading.value, deadband);
  }

  #note(sent: Sent, profile: DeviceProfile, reading: DecodedReading, interval: number): void {
    const place = this.#place(profile, reading.metric);
    sent.intervals[place] = interval;
    sent.values[place] = reading.value;
    sent.qualities[place] = codeOf(reading.quality);
  }
}

function codeOf(quality: Quality): number {
  const code = qualityCode(quality);
  if (code === undefined) throw new Error(`BUG: no such quality ${quality}`);
  return code;
}
