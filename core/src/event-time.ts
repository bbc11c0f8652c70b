/**
 * The rules of time, for gateway and server alike: which times that a device tells can be true, and which time it gets
 * when it tells none that can.
 */
import { hash } from 'node:crypto';
import { BoundedMap } from './bounded-map.ts';
import { MINUTE } from './duration.ts';

/** Clocks of devices may run ahead by this much. */
export const DEVICE_CLOCK_AHEAD_MAX_MS = 5 * MINUTE;
/**
 * Nothing was measured before, unless a profile says another year: a clock that says so has not been set. Clocks that lose
 * their battery begin in 1970, 1980 or, most of them, with the year 2000.
 */
export const EARLIEST_MEASUREMENT = Date.UTC(2001, 0, 1);

/** When this version did not exist yet: no clock of ours that is right says so. */
export const RELEASED = Date.UTC(2026, 0, 1);

/** Whether a clock of ours has been set since the box was made: without a battery it begins at 1970 or some other year. */
export const clockIsSet = (now: number): boolean => now >= RELEASED;

/**
 * Whether a device's time can be true: not before there was such a device, and not far ahead. A clock of ours that is
 * not set is no judge of what is ahead.
 */
export function canBeTrue(
  told: number,
  now: number,
  earliest: number = EARLIEST_MEASUREMENT,
): boolean {
  return told >= earliest && (told <= now + DEVICE_CLOCK_AHEAD_MAX_MS || !clockIsSet(now));
}

/** Repeats are known for so long: a bin whose clock stands and whose fill does not change would else seem dead. */
export const REMEMBER_MS = 10 * MINUTE;
const REMEMBERED = 50_000;

/** Who is given times. */
export interface TimedDevice {
  /** Tells it from all others. */
  readonly timedAs: string;
  /** The newest time that it was given. */
  lastGiven: number;
}

/**
 * Gives times to what came without a believable one. No two messages of a device get the same time, and a repeat (same
 * device, same told time, same content, within ten minutes) gets the time it got before, so that it is stored once.
 * Remembers the last 50,000 of all devices.
 */
export class GivenTimes {
  readonly #given = new BoundedMap<string, number>(REMEMBERED);
  readonly #remember: (key: string, at: number) => void;
  /** The newest that was given before the process began, to whomever. */
  readonly #newest: number;

  /** `before` is what was given before the process began; `remember` keeps what is given over a restart. */
  constructor(
    remember: (key: string, at: number) => void = () => undefined,
    before: Iterable<readonly [key: string, at: number]> = [],
  ) {
    this.#remember = remember;
    let newest = 0;
    for (const [key, at] of before) {
      this.#given.set(key, at);
      newest = Math.max(newest, at);
    }
    this.#newest = newest;
  }

  /**
   * `told` is null when it came without a time: then only the protocol's mark (`dup`) shows that it is a repeat, since
   * sensors repeat values. `content` tells it from others; null where it is never sent again.
   */
  give(
    device: TimedDevice,
    told: number | null,
    content: string | null,
    receivedAt: number,
    { dup }: { readonly dup: boolean },
  ): number {
    // Times that were given ahead, since many came at once, may be still to come after a quick restart.
    if (device.lastGiven === 0) device.lastGiven = this.#newest;
    if (content === null) return nextTime(device, receivedAt);
    const key = `${device.timedAs}/${told}/${hash('sha1', content, 'base64')}`;
    const known = this.#given.get(key);
    const mayRepeat = told !== null || dup;
    if (mayRepeat && known !== undefined && Math.abs(receivedAt - known) < REMEMBER_MS)
      return known;
    const at = nextTime(device, receivedAt);
    this.#given.set(key, at);
    this.#remember(key, at);
    return at;
  }
}

/** The receive time, or the first millisecond after it that the device has not been given yet. */
function nextTime(device: TimedDevice, receivedAt: number): number {
  const last = device.lastGiven;
  const at = receivedAt > last || receivedAt < last - REMEMBER_MS ? receivedAt : last + 1;
  device.lastGiven = at;
  return at;
}
