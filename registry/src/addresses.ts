/** Devices that were registered before other spellings of their addresses were known to be the same: brought to one spelling. */
import { canonicalAddress } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Relational } from '@village/store/relational';
import { comparableKey } from './devices.ts';
import type { StoredDevice } from './tables/contract.ts';
import { registryStore } from './tables/registry-store.ts';

const PAGE = 2_000;

/** What the start does about spellings. */
export interface Spelled {
  /** Devices whose address has another spelling now. */
  readonly changed: number;
  /** Ids of devices in service that are one by their addresses: they stay as they are until somebody retires all but one. */
  readonly conflicts: readonly (readonly string[])[];
}

/** Gives registered addresses their one spelling; those that would be one are told and left. */
export async function spellAddresses(
  relational: Pick<Relational, 'for'>,
  profiles: ReadonlyMap<string, DeviceProfile>,
): Promise<Spelled> {
  const registry = registryStore(relational);
  const changes: { id: string; address: string }[] = [];
  const inService = new Map<string, StoredDevice[]>();
  const take = (device: StoredDevice): void => {
    const profile = profiles.get(device.profile);
    if (profile === undefined || profile.address === 'exact') return;
    const address = canonicalAddress(profile.address, device.address);
    if (address === undefined) return;
    if (address !== device.address) changes.push({ id: device.id, address });
    if (device.retiredAt !== null) return;
    const key = comparableKey(profile, device.address);
    inService.set(key, [...(inService.get(key) ?? []), device]);
  };
  for (const root of await registry.roots())
    for (let after: string | undefined; ; ) {
      const page = await registry.devices(root, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const device of page) take(device);
      after = page.at(-1)?.id;
      if (page.length < PAGE) break;
    }
  const conflicts = [...inService.values()]
    .filter((devices) => devices.length > 1)
    .map((devices) => devices.map(({ id }) => id));
  const left = new Set(conflicts.flat());
  const changed = changes.filter(({ id }) => !left.has(id));
  if (changed.length > 0) await registry.spellAddresses(changed);
  return { changed: changed.length, conflicts };
}
