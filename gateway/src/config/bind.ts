/** Joins the configured devices with their profiles and drivers, and collects what does not fit together. */
import { comparableAddress } from '@village/core';
import { type DeviceProfile, optionFaults } from '@village/device-profiles';
import type { Driver } from '../drivers/driver.ts';
import { builtinDrivers } from '../drivers/index.ts';
import type { BoundDevice, ConfigFault, DeviceConfig, GatewayConfig } from './types.ts';

/** Notes devices that sign in under a name that another has. */
class Names {
  readonly #byDriver = new Map<string, Map<string, number>>();

  note(
    driver: Driver,
    device: DeviceConfig,
    profile: DeviceProfile,
    at: number,
    faults: ConfigFault[],
  ): void {
    let known = this.#byDriver.get(driver.protocol);
    if (known === undefined) {
      known = new Map();
      this.#byDriver.set(driver.protocol, known);
    }
    for (const name of new Set(driver.names?.(device, profile) ?? [])) {
      const first = known.get(name);
      if (first === undefined) known.set(name, at);
      else
        faults.push({
          path: `devices[${at}].address`,
          message: `${name} is already devices[${first}]`,
        });
    }
  }
}

/** The devices that could be bound, and all faults. */
export function bindDevices(
  config: GatewayConfig,
  profiles: ReadonlyMap<string, DeviceProfile>,
  drivers: readonly Driver[] = builtinDrivers,
): { devices: BoundDevice[]; faults: ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const devices: BoundDevice[] = [];
  const names = new Names();
  config.devices.forEach((one, at) => {
    const path = `devices[${at}]`;
    const profile = profiles.get(one.profile);
    if (profile === undefined) {
      faults.push({ path: `${path}.profile`, message: `no profile ${one.profile}` });
      return;
    }
    const driver = drivers.find(({ protocol }) => protocol === profile.protocol);
    if (driver === undefined) {
      faults.push({ path: `${path}.profile`, message: `no driver for ${profile.protocol}` });
      return;
    }
    driver.check(one, config, {
      device: (field, message) => faults.push({ path: `${path}.${field}`, message }),
      config: (section, message) => faults.push({ path: section, message }),
    });
    for (const message of optionFaults(profile, one.options))
      faults.push({ path: `${path}.options`, message });
    names.note(driver, one, profile, at, faults);
    devices.push({
      id: one.id,
      address: comparableAddress(profile.address, one.address ?? one.id),
      profile,
      options: one.options,
      connection: one.connection,
      everyMs: one.every ?? profile.everyMs,
      clock: one.clock ?? 'keep',
      secret: one.secret,
    });
  });
  return { devices, faults };
}

/** Faults as lines for people. */
export function faultText(faults: readonly ConfigFault[]): string {
  return faults.map((fault) => `${fault.path}: ${fault.message}`).join('\n');
}
