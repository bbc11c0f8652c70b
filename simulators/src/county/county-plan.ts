/** What a simulated county is: its areas and devices, and how each is reached. */
import type { Area, Device } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';

/** Where a device's values go in and out; each wire adds what it needs. */
export interface WireAddress {
  /** Protocol of the wire. */
  readonly kind: string;
  /** Where it listens, on wires that do. */
  readonly port?: number;
}

export interface PlannedDevice extends Omit<Device, 'clock'> {
  readonly everyMs: number;
  readonly wire: WireAddress;
}

/** A simulated county: what is in it and how it is reached. */
export interface CountyPlan {
  readonly seed: number;
  readonly areas: readonly Area[];
  readonly devices: readonly PlannedDevice[];
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  /** The gateways of the devices that are polled, up to 4,000 each, and the LoRaWAN network server. */
  readonly gateways: readonly string[];
  readonly networkServer: string;
  /** Broker of the devices that speak MQTT themselves. */
  readonly mqttUrl: string;
  /** What a wire needs to know of the whole county, by protocol: `modbus: { host, port }`. */
  readonly sites: Readonly<Record<string, unknown>>;
  /** Port of the relay between gateway and broker that a scenario can cut; null for none. */
  readonly relayPort: number | null;
  /** Secret by credential: gateways and the devices with a connection of their own. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Changxing county; gateways and single devices stand there. */
export const COUNTY = '330522000000';
