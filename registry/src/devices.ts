/** A device as pages see it, and the order of device lists. */
import { comparableAddress } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { DeviceEntry } from './nodes.ts';

const collator = new Intl.Collator('zh-Hans-CN', { numeric: true });

/** The order of device lists: by name as Chinese readers sort, then by id. */
export function compareNames(
  a: { readonly name: string; readonly id: string },
  b: { readonly name: string; readonly id: string },
): number {
  return collator.compare(a.name, b.name) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

/** The order of entries. */
export const compareEntries = (a: DeviceEntry, b: DeviceEntry): number =>
  compareNames(a.device, b.device);

/** The name of a device on its own wire, among those of its profile. */
export const addressKey = (profile: string, address: string): string => `${profile}\n${address}`;

/** That name in the spelling that it is compared by. */
export const comparableKey = (
  profile: Pick<DeviceProfile, 'id' | 'address'>,
  address: string,
): string => addressKey(profile.id, comparableAddress(profile.address, address));
