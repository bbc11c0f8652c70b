/** How old what is kept is: by the clock, but never far beyond the times that devices tell, so that a clock which is years ahead deletes nothing. */
import { DAY, MINUTE, type Timer } from '@village/core';
import type { LatestValue } from '@village/store/time-series';

type Heard = readonly Pick<LatestValue, 'at' | 'receivedAt'>[];

/** How far beyond what a tenth of the devices tell the time may be. */
const BEYOND_MS = 31 * DAY;
const LOOK_MS = MINUTE;

/**
 * The latest time that ages may be reckoned to: a month after what a tenth of the devices tell, or infinite where none does.
 * A reading that came without a time of its own tells what the server's clock said, and counts where there are no others.
 */
export function latestNow(heard: Iterable<Heard>): number {
  const own: number[] = [];
  const given: number[] = [];
  for (const values of heard) {
    let told = Number.NEGATIVE_INFINITY;
    let newest = Number.NEGATIVE_INFINITY;
    for (const { at, receivedAt } of values) {
      newest = Math.max(newest, at);
      if (at !== receivedAt) told = Math.max(told, at);
    }
    if (Number.isFinite(told)) own.push(told);
    else if (Number.isFinite(newest)) given.push(newest);
  }
  const times = (own.length > 0 ? own : given).sort((a, b) => b - a);
  const time = times[Math.floor(times.length / 10)];
  return time === undefined ? Number.POSITIVE_INFINITY : time + BEYOND_MS;
}

export interface AgesOptions {
  readonly timer: Pick<Timer, 'now' | 'elapsed'>;
  /** Whether the clock is wrong by years: nothing has an age then. */
  readonly clockIsWrong?: () => boolean;
  readonly devices: () => Iterable<string>;
  /** A device's newest values. */
  readonly latest: (device: string) => Heard;
}

export class Ages {
  readonly #options: AgesOptions;
  #latest = Number.POSITIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: AgesOptions) {
    this.#options = options;
  }

  /** What was before it is older than `age`; nothing is where things are kept for ever. */
  before(age: number | undefined): number {
    if (age === undefined || this.#options.clockIsWrong?.()) return Number.NEGATIVE_INFINITY;
    const { timer, devices, latest } = this.#options;
    const elapsed = timer.elapsed();
    if (elapsed - this.#lookedAt >= LOOK_MS) {
      this.#latest = latestNow([...devices()].map(latest));
      this.#lookedAt = elapsed;
    }
    return Math.min(timer.now(), this.#latest) - age;
  }
}
