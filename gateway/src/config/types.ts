/** What a gateway is configured with, as checked and as bound to profiles. */
import type { DeviceProfile } from '@village/device-profiles';

/** One fault of a configuration and where it is, for example `devices[3].connection.unit`. */
export interface ConfigFault {
  readonly path: string;
  readonly message: string;
}

export interface DeviceConfig {
  readonly id: string;
  readonly profile: string;
  /** Name on its own wire; the id when not given. */
  readonly address?: string | undefined;
  /** How it is reached, in the shape that its driver gives; absent when it connects by itself. */
  readonly connection?: unknown;
  /** Polled devices only: interval in ms instead of the profile's. */
  readonly every?: number | undefined;
  /** Only devices that sign in. */
  readonly secret?: string | undefined;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export interface GatewayConfig {
  readonly gateway: string;
  readonly uplink: { readonly url: string; readonly secret: string };
  /** Folder of the outbox. */
  readonly data: string;
  /** Folders of device profiles beside the built-in ones. */
  readonly catalogs: readonly string[];
  readonly outbox: { readonly megabytes: number; readonly backfillRowsPerSecond: number };
  readonly devices: readonly DeviceConfig[];
  /** Sections of drivers, each known to its driver alone. */
  readonly [section: string]: unknown;
}

/** A device with its profile, ready to run. */
export interface BoundDevice {
  readonly id: string;
  readonly address: string;
  readonly profile: DeviceProfile;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly connection: unknown;
  readonly everyMs: number;
  readonly secret: string | undefined;
}
