/** A device as rows need it: looked up once, kept until the registry gives another object. */
import type { Device } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Layout } from '@village/store/time-series';
import type { Clockless } from './event-time.ts';

/** A registered device with all that a row needs. */
export interface RegisteredDevice extends Clockless {
  readonly device: Device;
  readonly profile: DeviceProfile;
  readonly layout: Layout;
  readonly number: number;
  /** Column of each metric key; `low` and `high` are by column. */
  readonly columns: ReadonlyMap<string, number>;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Readings put in since `takeStored`. */
  newReadings: number;
}
