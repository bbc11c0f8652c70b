/** Which way a message takes, by its topic alone; looked up once for each topic. */
import type { Device } from '@village/core';
import { type DeviceProfile, TopicIndex, type TopicOwner } from '@village/device-profiles';
import type { Principal, Registry } from '../registry.ts';

/** Device, gateway and status topics carry the id of who speaks; profile topics an address on the device's own wire. */
export type Way =
  | { readonly name: 'device'; readonly id: string }
  | { readonly name: 'gateway'; readonly id: string }
  | { readonly name: 'status'; readonly id: string }
  | { readonly name: 'result'; readonly id: string }
  | { readonly name: 'profile'; readonly owner: TopicOwner }
  | { readonly name: 'unknown' };

const PATTERN =
  /^village\/v1\/(devices|gateways)\/([A-Za-z0-9_-]{1,64})\/(readings|status|results)$/;
const UNKNOWN: Way = { name: 'unknown' };
/** A network server brings a topic for each of its devices; beyond this the memory begins anew. */
const REMEMBERED = 50_000;

export class Ways {
  readonly #index: TopicIndex;
  readonly #known = new Map<string, Way>();

  constructor(profiles: Iterable<DeviceProfile>) {
    this.#index = new TopicIndex(profiles);
  }

  of(topic: string): Way {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const way = this.#find(topic);
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    if (way !== UNKNOWN) this.#known.set(topic, way);
    return way;
  }

  #find(topic: string): Way {
    const [, whose, id = '', what] = PATTERN.exec(topic) ?? [];
    if (whose === 'devices' && what === 'readings') return { name: 'device', id };
    if (whose === 'gateways' && what === 'readings') return { name: 'gateway', id };
    if (whose === 'gateways' && what === 'status') return { name: 'status', id };
    if (whose === 'gateways' && what === 'results') return { name: 'result', id };
    const owner = topic.startsWith('village/') ? undefined : this.#index.find(topic);
    return owner === undefined ? UNKNOWN : { name: 'profile', owner };
  }
}

/** The registered device that a profile's topic names; where several profiles share the topic, the one it is of. */
export function deviceOf(registry: Registry, owner: TopicOwner): Device | undefined {
  for (const profile of owner.profiles) {
    const device = registry.byAddress(profile.id, owner.address);
    if (device !== undefined) return device;
  }
  return undefined;
}

/** Whether a client may publish on this way at all; what it says there is checked with the message. */
export function mayUse(way: Way, principal: Principal, registry: Registry): boolean {
  switch (way.name) {
    case 'device':
      return principal.kind === 'device' && principal.id === way.id;
    case 'gateway':
    case 'status':
    case 'result':
      return principal.kind === 'gateway' && principal.id === way.id;
    case 'profile':
      // A network server may bring devices that are not registered yet: they are kept aside under their name.
      return principal.kind === 'gateway' || deviceOf(registry, way.owner)?.id === principal.id;
    case 'unknown':
      return false;
  }
}
