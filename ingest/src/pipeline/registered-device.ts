/** A device as rows need it: looked up once, kept until the registry gives another object. */
import type { Device, DeviceClock, TimedDevice } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Layout } from '@village/store/time-series';

/** What was said under one time, so that another value for it is noticed. */
export interface SaidValues {
  at: number;
  readonly values: Float64Array;
}

/** A registered device with all that a row needs. */
export interface RegisteredDevice extends TimedDevice {
  readonly device: Device;
  readonly profile: DeviceProfile;
  readonly layout: Layout;
  readonly number: number;
  /** Column of each metric key; `low` and `high` are by column. */
  readonly columns: ReadonlyMap<string, number>;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** The values of its newest row by column, NaN where it had none. */
  readonly said: SaidValues;
  /** What its times are worth, from what it sent since the start. */
  readonly clock: DeviceClock;
  /** What its times are corrected by, as it was remembered last. */
  correction: number;
  /** Metrics that speak of a span which was over before they were sent. */
  readonly ofSpans: ReadonlySet<string>;
  /** Readings put in since `takeStored`. */
  newReadings: number;
}
