/** What a device's own clock is worth: plausible times are kept, others are replaced by the receive time. */
import { hash } from 'node:crypto';
import { BoundedMap, DEVICE_CLOCK_AHEAD_MAX_MS, EARLIEST_MEASUREMENT, MINUTE } from '@village/core';

/** What a device itself sends later than this is history, not news. */
export const NEWS_MS = 15 * MINUTE;

const REMEMBERED = 50_000;
/** Longer would take a bin without a clock, whose fill does not change, for one that repeats itself. */
export const REMEMBER_MS = 10 * MINUTE;

/** Whether a device's time can't be true. */
export function absurd(at: number, receivedAt: number): boolean {
  return at > receivedAt + DEVICE_CLOCK_AHEAD_MAX_MS || at < EARLIEST_MEASUREMENT;
}

/** Whose times are replaced; `lastGiven` is the newest time it was given. */
export interface Clockless {
  readonly number: number;
  readonly layout: { readonly number: number };
  lastGiven: number;
}

/**
 * Gives times to rows that came without a believable one. No two rows of a device get the same time, and a repeated row
 * (same device, same claimed time, same content, within ten minutes) gets the time it got before, so that it is stored
 * once. Remembers the last 50,000 rows of all devices; after a restart the store may know the time.
 */
export class GivenTimes {
  readonly #given = new BoundedMap<string, number>(REMEMBERED);

  /**
   * `isNew` says that the row can't be a repeat, so that it is given a new time. `before` looks up the time that the row
   * was given earlier than this object remembers; it is called only when the row is not known here.
   */
  give(
    device: Clockless,
    claimed: number,
    content: string,
    receivedAt: number,
    { isNew = false, before }: { isNew?: boolean; before?: () => number | null } = {},
  ): number {
    const key = `${device.layout.number}/${device.number}/${claimed}/${hash('sha1', content, 'base64')}`;
    const known = this.#given.get(key);
    if (!isNew && known !== undefined && Math.abs(receivedAt - known) < REMEMBER_MS) return known;
    const at = before?.() ?? this.#next(device, receivedAt);
    this.#given.set(key, at);
    return at;
  }

  /** The receive time, or the first millisecond after it that the device has not been given yet. */
  #next(device: Clockless, receivedAt: number): number {
    const last = device.lastGiven;
    const at = receivedAt > last || receivedAt < last - REMEMBER_MS ? receivedAt : last + 1;
    device.lastGiven = at;
    return at;
  }
}
