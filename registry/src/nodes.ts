/** Areas and the devices that stand in them, as the directory keeps them: each knows the other. */
import type { Device, DeviceState } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Ended, StoredArea } from './tables/contract.ts';

export type Counts = Record<DeviceState, number>;

export interface AreaNode {
  readonly area: StoredArea;
  readonly children: AreaNode[];
  /** From the county down to itself. */
  readonly line: readonly AreaNode[];
  /** Every device in it and below, by name. */
  readonly entries: DeviceEntry[];
  readonly counts: Counts;
  /** Readings stored in the last seconds; second `s` is in slot `s % RATE_SECONDS`. */
  readonly perSecond: number[];
}

/** A retired device is in no list and no count, and its history stays. */
export interface DeviceEntry extends Ended {
  readonly device: Device;
  readonly profile: DeviceProfile;
  readonly node: AreaNode;
  /** When its newest live reading came, or the time of a newer one that came late; null when it never said anything. */
  lastSeenAt: number | null;
  state: DeviceState;
}
