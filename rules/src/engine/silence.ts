/**
 * Devices that are not heard: judged by the server's clock, as whether a device is there is a matter of when it was heard and never of
 * the time that it tells. What nobody could hear does not count: while the platform was down, and for a while after it or a gateway is back.
 */
import { DAY, MINUTE } from '@village/core';
import type { BoundDevice } from './bindings.ts';
import type { Program } from './program.ts';
import { Wheel } from './wheel.ts';

/** After a start, and at least after a gateway's return: devices connect one after the other. */
const GRACE_MS = 5 * MINUTE;
/** A gateway's devices are waited for through so many of their intervals. */
const GRACE_INTERVALS = 2;
/** A device that was never heard is told of after this. */
const NEVER_SEEN_MS = DAY;

export interface SilenceOptions {
  readonly devices: ReadonlyMap<string, BoundDevice>;
  readonly watching: (watch: 'device-silent' | 'device-never-seen') => Iterable<Program>;
  /** A device has fallen silent (1) or is heard again (-1). */
  readonly changed: (device: BoundDevice, by: 1 | -1) => void;
}

export class Silence {
  readonly #options: SilenceOptions;
  readonly #wheel = new Wheel<{ readonly device: BoundDevice; readonly due: number }>();
  /** Nothing before it counts as silence. */
  #since = Number.NEGATIVE_INFINITY;
  /** The same for devices behind a gateway, by its id: when it came back. */
  readonly #back = new Map<string, number>();

  constructor(options: SilenceOptions) {
    this.#options = options;
  }

  add(device: BoundDevice, now: number): void {
    if (!Number.isFinite(now)) return;
    this.#arm(device, now);
  }

  /** The platform runs again. */
  started(now: number): void {
    this.#since = now + GRACE_MS;
    for (const device of this.#options.devices.values())
      if (Number.isNaN(device.armed)) this.#arm(device, now);
  }

  gatewayBack(gateway: string, at: number): void {
    this.#back.set(gateway, at);
  }

  heard(device: BoundDevice, now: number): void {
    const isFirst = Number.isNaN(device.heard);
    device.heard = now;
    if (device.isSilent) {
      device.isSilent = false;
      this.#options.changed(device, -1);
      this.#say(device, now, false);
    }
    // One that was never heard is waited for much longer.
    if (isFirst || Number.isNaN(device.armed)) this.#arm(device, now);
  }

  /** Time has come to here; with a stop after each device that is looked at. */
  *advancing(now: number): Generator<undefined> {
    for (const { device, due: armed } of this.#wheel.due(now)) {
      if (device.armed !== armed) continue;
      device.armed = Number.NaN;
      yield;
      if (this.#options.devices.get(device.subject.id) !== device) continue;
      const due = this.#due(device);
      if (now < due) this.#arm(device, now);
      else if (!device.isSilent) this.#fall(device, due);
    }
  }

  #fall(device: BoundDevice, at: number): void {
    device.isSilent = true;
    this.#options.changed(device, 1);
    this.#say(device, at, true);
  }

  #say(device: BoundDevice, at: number, is: boolean): void {
    const never = Number.isNaN(device.heard);
    for (const { program, i } of device.instances) {
      const { subject } = program.rule;
      if (subject.kind !== 'watch') continue;
      const own = subject.watch === 'device-never-seen' ? never : !never;
      if (subject.watch !== 'device-silent' && subject.watch !== 'device-never-seen') continue;
      program.say(i, at, is && own);
    }
  }

  /** When it will have been silent for too long. */
  #due({ subject, heard }: BoundDevice): number {
    if (Number.isNaN(heard)) return Math.max(subject.registeredAt + NEVER_SEEN_MS, this.#since);
    const back = subject.gateway === null ? undefined : this.#back.get(subject.gateway);
    const grace = Math.max(GRACE_MS, GRACE_INTERVALS * subject.profile.reportEveryMs);
    const from = Math.max(heard, this.#since, back === undefined ? heard : back + grace);
    return from + subject.profile.silentAfterMs;
  }

  #arm(device: BoundDevice, now: number): void {
    const due = Math.max(this.#due(device), now);
    device.armed = due;
    this.#wheel.add(due, { device, due });
  }

  /** For a snapshot. */
  state(): SilenceState {
    return { since: this.#since, back: [...this.#back] };
  }

  restore({ since, back }: SilenceState): void {
    this.#since = since;
    for (const [gateway, at] of back) this.#back.set(gateway, at);
  }
}

export interface SilenceState {
  readonly since: number;
  readonly back: readonly (readonly [gateway: string, at: number])[];
}
