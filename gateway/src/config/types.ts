/** What a gateway is configured with, as checked and as bound to profiles. */
import type { ClockUse } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';

/** One fault of a configuration and where it is, for example `devices[3].connection.unit`. */
export interface ConfigFault {
  readonly path: string;
  readonly message: string;
}

/** Files of the uplink's TLS; what the system trusts when `ca` is absent. */
export interface UplinkTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
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
  /** What is made of its clock when it is off; its times are kept when absent. */
  readonly clock?: ClockUse | undefined;
  /** Only devices that sign in. */
  readonly secret?: string | undefined;
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export interface GatewayConfig {
  readonly gateway: string;
  readonly uplink: {
    readonly url: string;
    /** Null when the certificate says who it is. */
    readonly secret: string | null;
    readonly tls?: UplinkTls;
  };
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
  readonly clock: ClockUse;
  readonly secret: string | undefined;
}
