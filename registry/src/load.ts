/** Reads areas, devices, gateways and credentials out of the relational store and builds the books of a directory. */
import { mergeSorted, Slices, sortInSlices } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Relational } from '@village/store/relational';
import type { DeviceLocation } from '@village/store/time-series';
import { addArea, locationIn } from './areas.ts';
import { Credentials } from './credentials.ts';
import { addressKey, comparableKey, compareEntries } from './devices.ts';
import type { AreaNode, DeviceEntry } from './nodes.ts';
import type { Ended, LocationSince, RegistryStore } from './tables/contract.ts';
import { registryStore } from './tables/registry-store.ts';

/** Rows of one answer of the database: it comes from its thread, and is read, in one go. */
const PAGE = 500;
/** Devices without a type that one line of the log names. */
const LEFT_OUT_TOLD = 10;

export interface GatewayEntry extends Ended {
  readonly name: string;
  readonly node: AreaNode;
}

/** Everything that a directory knows, replaced as a whole. */
export interface Books {
  readonly nodes: ReadonlyMap<string, AreaNode>;
  /** Every area, by path: parents first, and all that lies below one stands together. */
  readonly areas: readonly AreaNode[];
  /** The state of the tables that these books are of. */
  readonly version: number;
  /** Every device in service, by name. */
  readonly ordered: readonly DeviceEntry[];
  /** Every device, also those retired. */
  readonly entries: ReadonlyMap<string, DeviceEntry>;
  /** Devices whose type is not there any more, and the area that each stands in: their ids are theirs all the same. */
  readonly leftOut: ReadonlyMap<string, string>;
  readonly addresses: ReadonlyMap<string, DeviceEntry>;
  /** Also those retired. */
  readonly gateways: ReadonlyMap<string, GatewayEntry>;
  /** The devices in service that each gateway speaks for, by name. */
  readonly behind: ReadonlyMap<string, readonly DeviceEntry[]>;
  readonly credentials: Credentials;
  /** Where every device stands and stood, also those retired; of books that follow on each other one map as long as it is the same. */
  readonly locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>;
}

export const noBooks = (): Books => ({
  nodes: new Map(),
  areas: [],
  version: 0,
  ordered: [],
  entries: new Map(),
  leftOut: new Map(),
  addresses: new Map(),
  gateways: new Map(),
  behind: new Map(),
  credentials: new Credentials(),
  locations: new Map(),
});

export interface LoadOptions {
  readonly relational: Pick<Relational, 'for'>;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly log: (message: string, detail: Record<string, unknown>) => void;
}

/** New books from what is stored now; what `before` has sorted already is not sorted again. */
export async function loadBooks(options: LoadOptions, before: Books): Promise<Books> {
  const registry = registryStore(options.relational);
  // Before all else: what changes while it is read is read again.
  const version = await registry.version();
  const nodes = new Map<string, AreaNode>();
  const gateways = new Map<string, GatewayEntry>();
  const entries = new Map<string, DeviceEntry>();
  const leftOut = new Map<string, string>();
  /** In service all the same. */
  const missing: string[] = [];
  const slices = new Slices();
  for (const root of await registry.roots()) {
    for (const area of await registry.areas(root)) {
      addArea(nodes, area, before.nodes.get(area.code)?.perSecond);
      if (slices.over) await slices.next();
    }
    for (const gateway of await registry.gateways(root)) {
      const node = nodes.get(gateway.area);
      const { id, name, retiredAt, retiredReason } = gateway;
      if (node !== undefined) gateways.set(id, { name, node, retiredAt, retiredReason });
      if (slices.over) await slices.next();
    }
    await loadDevices(options, registry, root, { nodes, entries, leftOut, missing, slices });
  }
  // Once, and not at each change of the registry for all that have the type.
  const untold = missing.filter((id) => !before.leftOut.has(id));
  if (untold.length > 0)
    options.log('devices are left out: their type is unknown', {
      count: missing.length,
      devices: untold.slice(0, LEFT_OUT_TOLD),
    });
  const credentials = new Credentials();
  for (let after: string | undefined; ; ) {
    const page = await registry.credentials({
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const credential of page) {
      credentials.add(credential);
      if (slices.over) await slices.next();
    }
    after = page.at(-1)?.id;
    if (page.length < PAGE) break;
  }
  const located = await locate(nodes, entries, await registry.moves(), slices);
  const locations = await unlessSame(located, before.locations, slices);
  const ordered = await inOrder(entries, before, slices);
  const addresses = new Map<string, DeviceEntry>();
  const behind = new Map<string, DeviceEntry[]>();
  for (const entry of ordered) {
    for (const node of entry.node.line) node.entries.push(entry);
    const { gateway } = entry.device;
    if (gateway !== null) {
      const own = behind.get(gateway);
      if (own === undefined) behind.set(gateway, [entry]);
      else own.push(entry);
    }
    addresses.set(addressKey(entry.device.profile, entry.device.address), entry);
    const { profile, device } = entry;
    // Of two that were registered in two spellings before these were known to be the same, each keeps its own.
    const key = comparableKey(profile, device.address);
    if (!addresses.has(key)) addresses.set(key, entry);
    if (slices.over) await slices.next();
  }
  const areas = await sortInSlices([...nodes.values()], comparePaths, slices);
  return {
    ...{ nodes, areas, version, ordered, entries, leftOut, addresses, gateways, behind },
    ...{ credentials, locations },
  };
}

const comparePaths = ({ area: a }: AreaNode, { area: b }: AreaNode): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

async function loadDevices(
  { profiles }: LoadOptions,
  registry: RegistryStore,
  root: string,
  books: {
    readonly nodes: ReadonlyMap<string, AreaNode>;
    readonly entries: Map<string, DeviceEntry>;
    readonly leftOut: Map<string, string>;
    readonly missing: string[];
    readonly slices: Slices;
  },
): Promise<void> {
  const { nodes, entries, leftOut, missing, slices } = books;
  for (let after: string | undefined; ; ) {
    const page = await registry.devices(root, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { retiredAt, retiredReason, ...device } of page) {
      const profile = profiles.get(device.profile);
      const node = nodes.get(device.area);
      if (profile === undefined || node === undefined) {
        leftOut.set(device.id, device.area);
        if (retiredAt === null) missing.push(device.id);
      } else
        entries.set(device.id, {
          device,
          profile,
          node,
          retiredAt,
          retiredReason,
          lastSeenAt: null,
          state: 'never',
        });
      if (slices.over) await slices.next();
    }
    after = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

/** Places that a device had by the present tree of areas; an area that is gone is none. */
async function locate(
  nodes: ReadonlyMap<string, AreaNode>,
  entries: ReadonlyMap<string, DeviceEntry>,
  moves: ReadonlyMap<string, readonly LocationSince[]>,
  slices: Slices,
): Promise<Books['locations']> {
  const byArea = new Map([...nodes].map(([code, node]) => [code, locationIn(node)]));
  const locations = new Map<string, DeviceLocation | readonly DeviceLocation[]>();
  for (const [id, { node }] of entries) {
    const { code } = node.area;
    const stands = byArea.get(code);
    const stood = moves.get(id);
    // What an older version of the server has changed is not in the history.
    if (stood?.at(-1)?.area === code)
      locations.set(
        id,
        stood.flatMap(({ area, since }) => {
          const location = byArea.get(area);
          return location === undefined ? [] : [{ ...location, from: since }];
        }),
      );
    else if (stands !== undefined) locations.set(id, stands);
    if (slices.over) await slices.next();
  }
  return locations;
}

const stepsOf = (given: DeviceLocation | readonly DeviceLocation[]): readonly DeviceLocation[] =>
  'county' in given ? [given] : given;

/** `before` where it says the same: the archive then has nothing to take in. */
async function unlessSame(
  located: Books['locations'],
  before: Books['locations'],
  slices: Slices,
): Promise<Books['locations']> {
  // An archive that nothing was told yet may know places of an earlier start.
  if (before.size === 0 || before.size !== located.size) return located;
  for (const [id, given] of located) {
    if (slices.over) await slices.next();
    const known = stepsOf(before.get(id) ?? []);
    const steps = stepsOf(given);
    const same =
      steps.length === known.length &&
      steps.every((one, n) => {
        const other = known[n];
        return (
          one.from === other?.from &&
          one.county === other?.county &&
          one.township === other?.township &&
          one.village === other?.village
        );
      });
    if (!same) return located;
  }
  return before;
}

/** All entries by name: those that keep their name keep their order, the others are sorted in between. */
async function inOrder(
  entries: ReadonlyMap<string, DeviceEntry>,
  before: Books,
  slices: Slices,
): Promise<DeviceEntry[]> {
  const keepsName = (entry: DeviceEntry): boolean =>
    before.entries.get(entry.device.id)?.device.name === entry.device.name;
  const wasOrdered = (entry: DeviceEntry): boolean =>
    before.entries.get(entry.device.id)?.retiredAt === null;
  const kept: DeviceEntry[] = [];
  for (const { device } of before.ordered) {
    const entry = entries.get(device.id);
    if (entry !== undefined && entry.retiredAt === null && keepsName(entry)) kept.push(entry);
    if (slices.over) await slices.next();
  }
  const others: DeviceEntry[] = [];
  for (const entry of entries.values()) {
    if (entry.retiredAt === null && !(wasOrdered(entry) && keepsName(entry))) others.push(entry);
    if (slices.over) await slices.next();
  }
  const sorted = await sortInSlices(others, compareEntries, slices);
  return mergeSorted(kept, sorted, compareEntries, slices);
}
