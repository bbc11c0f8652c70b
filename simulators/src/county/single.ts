/** A plan of one device, for trying a type by hand. */
import { OperationalError } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { COUNTY, type CountyPlan, type PlannedDevice, type WireAddress } from './county-plan.ts';

/** What is said about the one device; the profile says the rest. */
export interface SingleOptions {
  readonly profile: string;
  readonly id: string;
  readonly seed: number;
  readonly address?: string;
  readonly everyMs?: number;
  readonly options?: PlannedDevice['options'];
  readonly wire: WireAddress;
  /** Broker of a device that speaks MQTT. */
  readonly mqttUrl?: string;
  /** What it signs in with: its own, or that of a network server. */
  readonly credential?: { readonly id: string; readonly secret: string };
}

/**
 * The plan. @throws unknown-profile, and wrong-wire when the profile speaks another protocol.
 */
export function planDevice(
  single: SingleOptions,
  profiles: ReadonlyMap<string, DeviceProfile>,
): CountyPlan {
  const { wire, credential } = single;
  const profile = profiles.get(single.profile);
  if (profile === undefined)
    throw new OperationalError('unknown-profile', `No profile ${single.profile}`);
  if (wire.kind !== profile.protocol)
    throw new OperationalError('wrong-wire', `${profile.id} speaks ${profile.protocol}`);
  const device: PlannedDevice = {
    id: single.id,
    name: profile.name.zh,
    profile: profile.id,
    area: COUNTY,
    gateway: null,
    address: single.address ?? single.id,
    options: single.options ?? {},
    longitude: null,
    latitude: null,
    everyMs: single.everyMs ?? profile.everyMs,
    wire,
  };
  return {
    seed: single.seed,
    areas: [],
    devices: [device],
    profiles,
    gateways: [],
    networkServer:
      credential === undefined || credential.id === single.id ? 'lorawan-01' : credential.id,
    mqttUrl: single.mqttUrl ?? 'mqtt://127.0.0.1:1883',
    sites: {},
    relayPort: null,
    secrets: new Map(credential === undefined ? [] : [[credential.id, credential.secret]]),
  };
}
