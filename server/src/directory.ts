/**
 * Areas and devices in memory, with their states: what pages ask all the time and what the pipeline needs at each
 * message. A copy of the relational store, loaded whole at start and after imports. Every question of a person takes
 * the code of that person's area, and nothing outside it is ever found.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Device, type DeviceState, deviceState, type Label, SECOND } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Principal, Registry } from '@village/ingest';
import type { Relational, StoredArea } from '@village/store/relational';
import type { DeviceLocation, TimeSeriesStore } from '@village/store/time-series';

export type Counts = Record<DeviceState, number>;

/** How many seconds the rate of readings is summed over. */
const RATE_SECONDS = 60;
const PAGE = 2_000;

export interface AreaNode {
  readonly area: StoredArea;
  readonly children: AreaNode[];
  /** From the county down to itself. */
  readonly line: readonly AreaNode[];
  /** Every device in it and below, by name. */
  readonly entries: DeviceEntry[];
  readonly counts: Counts;
  /** Readings stored in the last seconds; second `s` is in slot `s % 60`. */
  readonly perSecond: number[];
}

export interface DeviceEntry {
  readonly device: Device;
  readonly profile: DeviceProfile;
  readonly node: AreaNode;
  lastSeenAt: number | null;
  state: DeviceState;
}

const collator = new Intl.Collator('zh-Hans-CN', { numeric: true });

/** The order of device lists: by name as Chinese readers sort, then by id. */
export function compareNames(
  a: { readonly name: string; readonly id: string },
  b: { readonly name: string; readonly id: string },
): number {
  return collator.compare(a.name, b.name) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

const noCounts = (): Counts => ({ online: 0, late: 0, offline: 0, never: 0 });

/** Area as others refer to it. */
export const placeOf = (node: AreaNode): { code: string; name: Label } => ({
  code: node.area.code,
  name: node.area.name,
});

interface Secret {
  readonly hash: Buffer;
  readonly principal: Principal;
}

export interface DirectoryOptions {
  readonly relational: Relational;
  readonly store: Pick<TimeSeriesStore, 'lastSeen' | 'latest' | 'locate' | 'changedSince'>;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly log: (message: string, detail: Record<string, unknown>) => void;
}

export class Directory implements Registry {
  readonly #options: DirectoryOptions;
  #nodes = new Map<string, AreaNode>();
  #entries = new Map<string, DeviceEntry>();
  #addresses = new Map<string, DeviceEntry>();
  #secrets = new Map<string, Secret>();
  #gateways = new Map<string, { readonly name: string; readonly node: AreaNode }>();
  #cursor = 0;
  #loading: Promise<void> = Promise.resolve();
  /** The last load failed: what is stored may be newer than what is here. */
  #stale = false;
  readonly #revokedListeners = new Set<(principal: Principal) => void>();
  /** The second of the clock that was last counted in. */
  #second = 0;
  #heard = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /** Reads everything anew and swaps it in at once; when that fails all is as it was. One load after the other. */
  load(now: number): Promise<void> {
    const work = (): Promise<void> => this.#load(now);
    this.#loading = this.#loading.then(work, work);
    return this.#loading;
  }

  /** Loads again after a load that failed. */
  async reload(now: number): Promise<void> {
    if (this.#stale) await this.load(now);
  }

  /** Calls `listener`, which must not throw, for each credential that holds no longer. */
  onRevoked(listener: (principal: Principal) => void): void {
    this.#revokedListeners.add(listener);
  }

  async #load(now: number): Promise<void> {
    this.#stale = true;
    const { relational } = this.#options;
    const nodes = new Map<string, AreaNode>();
    const entries: DeviceEntry[] = [];
    const gateways = new Map<string, { name: string; node: AreaNode }>();
    for (const root of await relational.registry.roots()) {
      for (const area of await relational.registry.areas(root)) addNode(nodes, area);
      for (const gateway of await relational.registry.gateways(root)) {
        const node = nodes.get(gateway.area);
        if (node !== undefined) gateways.set(gateway.id, { name: gateway.name, node });
      }
      await this.#loadDevices(root, nodes, entries);
    }
    const secrets = new Map<string, Secret>();
    for (const { id, kind, hash } of await relational.registry.credentials())
      secrets.set(id, { hash: Buffer.from(hash, 'hex'), principal: { kind, id } });
    this.#swap(nodes, entries, gateways, secrets, now);
    this.#stale = false;
  }

  async #loadDevices(
    root: string,
    nodes: ReadonlyMap<string, AreaNode>,
    entries: DeviceEntry[],
  ): Promise<void> {
    const { relational, profiles, log } = this.#options;
    for (let after: string | undefined; ; ) {
      const page = await relational.registry.devices(root, {
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const device of page) {
        const profile = profiles.get(device.profile);
        const node = nodes.get(device.area);
        if (profile === undefined || node === undefined)
          log('a device is left out: its profile or area is unknown', { device: device.id });
        else entries.push({ device, profile, node, lastSeenAt: null, state: 'never' });
      }
      after = page.at(-1)?.id;
      if (page.length < PAGE) return;
    }
  }

  #swap(
    nodes: Map<string, AreaNode>,
    entries: DeviceEntry[],
    gateways: Map<string, { name: string; node: AreaNode }>,
    secrets: Map<string, Secret>,
    now: number,
  ): void {
    entries.sort((a, b) => compareNames(a.device, b.device));
    const places = new Map<string, DeviceLocation>();
    for (const entry of entries) {
      entry.lastSeenAt = this.#options.store.lastSeen(entry.device.id);
      entry.state = deviceState(entry.lastSeenAt, entry.profile, now);
      for (const node of entry.node.line) {
        node.entries.push(entry);
        node.counts[entry.state]++;
      }
      places.set(entry.device.id, placeFor(entry.node));
    }
    for (const [code, node] of nodes) {
      const before = this.#nodes.get(code)?.perSecond;
      if (before !== undefined) node.perSecond.splice(0, RATE_SECONDS, ...before);
    }
    // The one step that may fail; from here on nothing waits and nothing throws.
    this.#options.store.locate(places);
    const before = this.#secrets;
    this.#nodes = nodes;
    this.#entries = new Map(entries.map((entry) => [entry.device.id, entry]));
    this.#addresses = new Map(
      entries.map((entry) => [`${entry.device.profile}\n${entry.device.address}`, entry]),
    );
    this.#secrets = secrets;
    this.#gateways = gateways;
    for (const [id, { hash, principal }] of before)
      if (secrets.get(id)?.hash.equals(hash) !== true)
        for (const listener of this.#revokedListeners) listener(principal);
  }

  /**
   * Once a second: takes in what the store heard and how many readings each device had stored since the last tick, lets
   * states age, and returns the devices that changed.
   */
  tick(now: number, stored: readonly { device: string; readings: number }[]): Set<DeviceEntry> {
    const { store } = this.#options;
    const { devices, cursor } = store.changedSince(this.#cursor);
    this.#cursor = cursor;
    this.#countStored(now, stored);
    const changed = new Set<DeviceEntry>();
    for (const id of devices) {
      const entry = this.#entries.get(id);
      if (entry === undefined) continue;
      entry.lastSeenAt = store.lastSeen(id);
      changed.add(entry);
    }
    for (const entry of this.#entries.values()) {
      const state = deviceState(entry.lastSeenAt, entry.profile, now);
      if (state === entry.state) continue;
      for (const node of entry.node.line) {
        node.counts[entry.state]--;
        node.counts[state]++;
      }
      entry.state = state;
      changed.add(entry);
    }
    return changed;
  }

  /** Slots of seconds without a tick are emptied; when the clock was put back, all are. */
  #countStored(now: number, stored: readonly { device: string; readings: number }[]): void {
    const second = Math.floor(now / SECOND);
    const gone = second - this.#second;
    const past = gone < 0 ? RATE_SECONDS : Math.min(gone, RATE_SECONDS);
    for (const node of this.#nodes.values())
      for (let back = 0; back < past; back++) node.perSecond[(second - back) % RATE_SECONDS] = 0;
    this.#second = second;
    const slot = second % RATE_SECONDS;
    for (const { device, readings } of stored) {
      this.#heard += readings;
      for (const node of this.#entries.get(device)?.node.line ?? [])
        node.perSecond[slot] = (node.perSecond[slot] ?? 0) + readings;
    }
  }

  /** Readings (one value of one metric) of an area and below stored in the last 60 s: every lane, repeats included. */
  readingsPerMinute(code: string): number {
    return this.#nodes.get(code)?.perSecond.reduce((sum, one) => sum + one, 0) ?? 0;
  }

  /** Readings taken in by ticks since the start. */
  get heard(): number {
    return this.#heard;
  }

  /** An area in scope; undefined when it lies outside or does not exist, which look the same. */
  area(scope: string, code: string): AreaNode | undefined {
    const node = this.#nodes.get(code);
    return node?.line.some((above) => above.area.code === scope) === true ? node : undefined;
  }

  /** Codes of the areas at the top. */
  tops(): string[] {
    return [...this.#nodes.values()]
      .filter((node) => node.area.parent === null)
      .map((node) => node.area.code);
  }

  /** Counts of an area and below, whoever asks. */
  counts(code: string): Counts | undefined {
    return this.#nodes.get(code)?.counts;
  }

  /** A device, whoever asks: only for those who know already that they may. */
  known(id: string): DeviceEntry | undefined {
    return this.#entries.get(id);
  }

  /** Every area in scope, parents first. */
  below(scope: string): AreaNode[] {
    return [...this.#nodes.values()]
      .filter((node) => this.area(scope, node.area.code) !== undefined)
      .sort((a, b) => (a.area.path < b.area.path ? -1 : 1));
  }

  /** A device in scope. */
  entry(scope: string, id: string): DeviceEntry | undefined {
    const entry = this.#entries.get(id);
    return entry !== undefined && this.area(scope, entry.node.area.code) !== undefined
      ? entry
      : undefined;
  }

  /** Gateways in scope, by id. */
  gateways(scope: string): { id: string; name: string }[] {
    return [...this.#gateways]
      .filter(([, { node }]) => this.area(scope, node.area.code) !== undefined)
      .map(([id, { name }]) => ({ id, name }));
  }

  /** What an id belongs to, and in which area, whoever asks: ids are unique over all areas. */
  holder(id: string): { kind: 'device' | 'gateway'; area: string } | undefined {
    const gateway = this.#gateways.get(id);
    if (gateway !== undefined) return { kind: 'gateway', area: gateway.node.area.code };
    const entry = this.#entries.get(id);
    return entry === undefined ? undefined : { kind: 'device', area: entry.node.area.code };
  }

  /** Whether the id has a secret already. */
  hasSecret(id: string): boolean {
    return this.#secrets.has(id);
  }

  /** Whether the area is a top one: only there is seen what belongs to no device. */
  isTop(scope: string): boolean {
    return this.#nodes.get(scope)?.area.parent === null;
  }

  device(id: string): Device | undefined {
    return this.#entries.get(id)?.device;
  }

  byAddress(profile: string, address: string): Device | undefined {
    return this.#addresses.get(`${profile}\n${address}`)?.device;
  }

  verify(username: string, secret: string): Principal | undefined {
    const known = this.#secrets.get(username);
    const hash = createHash('sha256').update(secret, 'utf8').digest();
    if (known === undefined || !timingSafeEqual(known.hash, hash)) return undefined;
    return known.principal;
  }
}

function addNode(nodes: Map<string, AreaNode>, area: StoredArea): void {
  const parent = area.parent === null ? undefined : nodes.get(area.parent);
  const line: AreaNode[] = [...(parent?.line ?? [])];
  const node: AreaNode = {
    area,
    children: [],
    line,
    entries: [],
    counts: noCounts(),
    perSecond: Array<number>(RATE_SECONDS).fill(0),
  };
  line.push(node);
  parent?.children.push(node);
  nodes.set(area.code, node);
}

function placeFor(node: AreaNode): DeviceLocation {
  const code = (level: StoredArea['level']): string | null =>
    node.line.find((one) => one.area.level === level)?.area.code ?? null;
  return {
    county: node.line[0]?.area.code ?? node.area.code,
    township: code('township'),
    village: code('village'),
  };
}
