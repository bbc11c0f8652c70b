/**
 * What a driver is: how devices of one protocol are polled or listened to. The gateway knows drivers only by this
 * interface and by the list in index.ts.
 */

import type { Random, Timer } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { z } from 'zod';
import type { BoundDevice, DeviceConfig, GatewayConfig } from '../config/types.ts';
import type { Intake } from '../intake/intake.ts';
import type { Log } from '../run/log.ts';

export interface DriverDeps {
  readonly timer: Timer;
  readonly random: Random;
  readonly log: Log;
}

/** Collects what is wrong with a device, by its field, and with the configuration, by its section. */
export interface Faults {
  device(field: string, message: string): void;
  config(section: string, message: string): void;
}

export interface Driver {
  /** Name of the protocol, as profiles have it. */
  readonly protocol: string;
  /** Shape of a device's `connection`; absent where devices connect by themselves. */
  readonly connection?: z.ZodType;
  /** The driver's own section of the configuration. */
  readonly section?: {
    readonly name: string;
    readonly shape: z.ZodType;
    /** With paths of files made absolute, and faults of what is in them told. */
    readonly place?: (
      value: unknown,
      absolute: (path: string) => string,
      fault: (path: string, message: string) => void,
    ) => unknown;
  };
  /** Notes what a device of the protocol lacks or may not have. */
  check(device: DeviceConfig, config: GatewayConfig, faults: Faults): void;
  /** Names that a device signs in with, which no two may share. */
  names?(device: DeviceConfig, profile: DeviceProfile): readonly string[];
  /**
   * Takes in what the devices say until the signal; called when there is such a device or the driver's section.
   * @throws listen-failed
   */
  start(
    devices: readonly BoundDevice[],
    site: { readonly config: GatewayConfig; readonly intake: Intake },
    deps: DriverDeps,
    signal: AbortSignal,
  ): Promise<RunningDriver>;
}

export interface RunningDriver {
  /** Where it listens; null when it does not. */
  readonly port: number | null;
  /** Devices that can't be read now, each with the code of its fault. */
  failing(): Readonly<Record<string, string>>;
  counters(): object;
  /** The counters that fit a line of the log. */
  summary(): object;
  /** Reads certificates anew. */
  reload?(): void;
  /** Resolves when all has ended after the signal. */
  readonly ended: Promise<unknown>;
}
