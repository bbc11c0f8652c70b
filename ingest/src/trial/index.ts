/** Runs dead letters by a profile that is not in force, exactly as a second run would, and stores nothing of it. */
import { comparableAddress, type Device, type Timer } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Registry } from '@village/registry';
import type { StoredDeadLetter } from '@village/store/time-series';
import { Pipeline } from '../pipeline/pipeline.ts';
import { type TrialReading, TrialStore } from './trial-store.ts';

export type { TrialReading } from './trial-store.ts';

/** What would become of one entry. */
export interface Trial {
  readonly id: number;
  readonly readings: readonly TrialReading[];
  readonly events: readonly { readonly at: number; readonly type: string }[];
  /** Why it would still be refused; null when it would be taken. */
  readonly refused: { readonly reason: string; readonly message: string } | null;
  /** Parts of it that would be kept aside in turn. */
  readonly parts: readonly {
    readonly reason: string;
    readonly message: string;
    readonly place: string;
  }[];
}

/** Of the devices that are tried, and nobody signs in. */
function registryOf(profile: DeviceProfile, devices: readonly Device[]): Registry {
  const byId = new Map(devices.map((device) => [device.id, device]));
  const spelled = (address: string): string => comparableAddress(profile.address, address);
  const byAddress = new Map(devices.map((device) => [spelled(device.address), device]));
  return {
    device: (id) => byId.get(id),
    byAddress: (of, address) => (of === profile.id ? byAddress.get(spelled(address)) : undefined),
    verify: () => undefined,
    verifyKey: () => undefined,
  };
}

/** Tries one entry. `devices` are those of the profile, as they are registered. */
export async function tryDeadLetter(
  profile: DeviceProfile,
  devices: readonly Device[],
  entry: StoredDeadLetter,
  timer: Timer,
): Promise<Trial> {
  const store = new TrialStore(entry);
  // One for each: a pipeline samples what is refused, and remembers what was said before.
  const pipeline = new Pipeline({
    ...{ store, timer, registry: registryOf(profile, devices) },
    profiles: new Map([[profile.id, profile]]),
  });
  const { refused } = await pipeline.rerunQuarantine([entry.id]);
  const [whole] = refused;
  return {
    id: entry.id,
    // Rows before the fault of a list would be stored; what is refused as a whole gives nothing that counts.
    readings: [...store.readings()],
    events: store.events.map(({ at, type }) => ({ at, type })),
    refused: whole === undefined ? null : { reason: whole.reason, message: whole.message },
    parts: store.refused.map(({ reason, message, part }) => ({
      ...{ reason, message },
      place: part?.place ?? '',
    })),
  };
}
