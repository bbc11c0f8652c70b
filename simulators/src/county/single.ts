/** A plan of one device, for trying a type by hand. */
import { OperationalError } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { COUNTY, type CountyPlan, type PlannedDevice, type Wire } from './plan.ts';

/** What is told about the one device; the profile says the rest. */
export interface SingleOptions {
  readonly profile: string;
  readonly id: string;
  readonly seed: number;
  readonly address?: string;
  readonly everyMs?: number;
  readonly options?: PlannedDevice['options'];
  /** For Modbus. */
  readonly modbus?: { readonly host: string; readonly port: number; readonly unit: number };
  /** For MQTT; the credential is the device's own, or that of a network server named in `credential`. */
  readonly mqtt?: { readonly url: string; readonly secret: string; readonly credential?: string };
}

/**
 * The plan. @throws unknown-profile, and wrong-wire when the profile speaks another protocol.
 */
export function planDevice(
  single: SingleOptions,
  profiles: ReadonlyMap<string, DeviceProfile>,
): CountyPlan {
  const profile = profiles.get(single.profile);
  if (profile === undefined)
    throw new OperationalError('unknown-profile', `No profile ${single.profile}`);
  const credential = single.mqtt?.credential ?? single.id;
  const wire: Wire | undefined =
    profile.protocol === 'modbus'
      ? single.modbus && { kind: 'modbus', ...single.modbus }
      : single.mqtt && { kind: 'mqtt', credential };
  if (wire === undefined)
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
    networkServer: credential === single.id ? 'lorawan-01' : credential,
    mqttUrl: single.mqtt?.url ?? 'mqtt://127.0.0.1:1883',
    relayPort: null,
    secrets: new Map(single.mqtt === undefined ? [] : [[credential, single.mqtt.secret]]),
  };
}
