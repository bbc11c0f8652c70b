/**
 * Areas and devices in memory, with their states: what pages ask all the time and what the pipeline needs at each
 * message. A copy of what is stored, replaced as a whole when it changes. Every question of a person takes the code of
 * that person's area, and nothing outside it is ever found.
 */
import { type Device, type DeviceState, deviceState } from '@village/core';
import type { DeviceLocation, TimeSeriesStore } from '@village/store/time-series';
import { liesIn } from './areas.ts';
import type { Principal, Registry } from './contract.ts';
import { addressKey, comparableKey } from './devices.ts';
import { type Books, type GatewayEntry, type LoadOptions, loadBooks, noBooks } from './load.ts';
import type { AreaNode, Counts, DeviceEntry } from './nodes.ts';
import { RateClock } from './rates.ts';
import { stateWord } from './state-word.ts';
import type { Ended, Subject } from './tables/contract.ts';
import { registryStore } from './tables/registry-store.ts';

/** A gateway and the area that it stands in. */
export interface ListedGateway extends Ended {
  readonly id: string;
  readonly name: string;
  readonly node: AreaNode;
}

export interface DirectoryOptions extends LoadOptions {
  readonly store: Pick<TimeSeriesStore, 'lastSeen' | 'latest' | 'locate' | 'changedSince' | 'note'>;
}

export class Directory implements Registry {
  readonly #options: DirectoryOptions;
  #books: Books = noBooks();
  readonly #rateClock = new RateClock();
  readonly #revokedListeners = new Set<(principal: Principal) => void>();
  #loading: Promise<void> = Promise.resolve();
  /** The load that is asked for and has not begun. */
  #next: Promise<void> | null = null;
  /** The last load failed: what is stored may be newer than what is here. */
  #stale = false;
  #cursor = 0;
  #received = 0;

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  /**
   * Reads everything anew and swaps it in at once; when that fails all is as it was. Loads run one after the other, and
   * all that are asked for before one begins are that one.
   */
  load(now: number): Promise<void> {
    if (this.#next === null) {
      const work = (): Promise<void> => {
        this.#next = null;
        return this.#load(now);
      };
      this.#next = this.#loading.then(work, work);
      this.#loading = this.#next;
    }
    return this.#next;
  }

  /** The number of the state that it holds. */
  get version(): number {
    return this.#books.version;
  }

  /** Loads again after a load that failed, or when another process has changed something. */
  async reload(now: number): Promise<void> {
    // What is being read now may be what was changed.
    await this.#loading.catch(() => undefined);
    const stored = registryStore(this.#options.relational);
    if (this.#stale || (await stored.version()) !== this.#books.version) await this.load(now);
  }

  /** Calls `listener`, which must not throw, for each credential that holds no longer. */
  onRevoked(listener: (principal: Principal) => void): void {
    this.#revokedListeners.add(listener);
  }

  async #load(now: number): Promise<void> {
    this.#stale = true;
    const books = await loadBooks(this.#options, this.#books);
    this.#swap(books, await this.#books.credentials.revokedBy(books.credentials), now);
    this.#stale = false;
  }

  #swap(books: Books, revoked: readonly Principal[], now: number): void {
    const { store } = this.#options;
    const before = this.#books;
    for (const entry of books.entries.values()) {
      entry.lastSeenAt = this.#heardAs(before.entries.get(entry.device.id), entry);
      if (entry.retiredAt !== null) {
        entry.state = entry.lastSeenAt === null ? 'never' : 'offline';
        continue;
      }
      entry.state = deviceState(entry.lastSeenAt, entry.profile, now);
      for (const node of entry.node.line) node.counts[entry.state]++;
    }
    // The one step that may fail; from here on nothing waits and nothing throws.
    if (books.locations !== before.locations) store.locate(books.locations);
    this.#books = books;
    for (const [subject, { retiredAt }] of books.entries)
      if (retiredAt !== null && before.entries.get(subject)?.retiredAt === null)
        store.note({ type: 'device-retired', at: retiredAt, subject });
    for (const principal of revoked)
      for (const listener of this.#revokedListeners) listener(principal);
  }

  /**
   * Once a second: takes in what the store received and how many readings each device had stored since the last tick, lets
   * states age, and returns the devices that changed.
   */
  tick(now: number, stored: readonly { device: string; readings: number }[]): Set<DeviceEntry> {
    const { store } = this.#options;
    const { devices, cursor } = store.changedSince(this.#cursor);
    this.#cursor = cursor;
    this.#countStored(now, stored);
    const changed = new Set<DeviceEntry>();
    for (const id of devices) {
      const entry = this.#books.entries.get(id);
      if (entry === undefined || entry.retiredAt !== null) continue;
      const live = store.lastSeen(id);
      const newer = live !== null && live > (entry.lastSeenAt ?? Number.NEGATIVE_INFINITY);
      entry.lastSeenAt = newer ? live : this.#lastHeard(id);
      changed.add(entry);
    }
    for (const entry of this.#books.ordered) {
      if (this.#setState(entry, deviceState(entry.lastSeenAt, entry.profile, now)))
        changed.add(entry);
    }
    return changed;
  }

  /**
   * Takes in what the store has heard of a device since the last tick, so that the state of an answer is not older than its
   * values. The next tick returns the device as changed all the same.
   */
  catchUp(entry: DeviceEntry, now: number): void {
    const { id } = entry.device;
    if (entry.retiredAt !== null || this.#books.entries.get(id) !== entry) return;
    const live = this.#options.store.lastSeen(id);
    const newer = live !== null && live > (entry.lastSeenAt ?? Number.NEGATIVE_INFINITY);
    if (!newer && entry.lastSeenAt !== null) return;
    entry.lastSeenAt = newer ? live : this.#lastHeard(id);
    this.#setState(entry, deviceState(entry.lastSeenAt, entry.profile, now));
  }

  #setState(entry: DeviceEntry, state: DeviceState): boolean {
    if (state === entry.state) return false;
    for (const node of entry.node.line) {
      node.counts[entry.state]--;
      node.counts[state]++;
    }
    entry.state = state;
    return true;
  }

  /** As the books before have it, which ticks keep: all devices asked for anew at once would hold up those who send. */
  #heardAs(before: DeviceEntry | undefined, { device, retiredAt }: DeviceEntry): number | null {
    const kept = before?.retiredAt === retiredAt ? before.lastSeenAt : null;
    return kept ?? this.#lastHeard(device.id);
  }

  /** Of what comes late, a whole history at once perhaps, counts when it was measured: it does not tell that the device is there now. */
  #lastHeard(id: string): number | null {
    const { store } = this.#options;
    let newest = store.lastSeen(id) ?? Number.NEGATIVE_INFINITY;
    for (const { at, receivedAt } of store.latest(id))
      newest = Math.max(newest, Math.min(at, receivedAt));
    return Number.isFinite(newest) ? newest : null;
  }

  #countStored(now: number, stored: readonly { device: string; readings: number }[]): void {
    const slot = this.#rateClock.advance(
      now,
      this.#books.areas.map(({ perSecond }) => perSecond),
    );
    for (const { device, readings } of stored) {
      this.#received += readings;
      for (const node of this.#books.entries.get(device)?.node.line ?? [])
        node.perSecond[slot] = (node.perSecond[slot] ?? 0) + readings;
    }
  }

  /** Readings (one value of one metric) of an area and below stored in the last 60 s: every lane, repeats included. */
  readingsPerMinute(code: string): number {
    return this.#books.nodes.get(code)?.perSecond.reduce((sum, one) => sum + one, 0) ?? 0;
  }

  /** Readings taken in by ticks since the start. */
  get received(): number {
    return this.#received;
  }

  /** An area in scope; undefined when it lies outside or does not exist, which look the same. */
  area(scope: string, code: string): AreaNode | undefined {
    const node = this.#books.nodes.get(code);
    return node !== undefined && liesIn(node, scope) ? node : undefined;
  }

  /** Codes of the areas at the top. */
  tops(): string[] {
    return this.#books.areas
      .filter((node) => node.area.parent === null)
      .map((node) => node.area.code);
  }

  /** Counts of an area and below, whoever asks. */
  counts(code: string): Counts | undefined {
    return this.#books.nodes.get(code)?.counts;
  }

  /** A device, whoever asks: only for those who know already that they may. */
  known(id: string): DeviceEntry | undefined {
    return this.#books.entries.get(id);
  }

  /** Every device in service, whoever asks. */
  *ids(): Generator<string> {
    for (const { device } of this.#books.ordered) yield device.id;
  }

  /** Where a device stands and has stood; undefined when nowhere. */
  locations(id: string): DeviceLocation | readonly DeviceLocation[] | undefined {
    return this.#books.locations.get(id);
  }

  /** How many devices there are, everywhere. */
  count(): number {
    return this.#books.entries.size;
  }

  /** Every area in scope, parents first. */
  below(scope: string): AreaNode[] {
    const { nodes, areas } = this.#books;
    const path = nodes.get(scope)?.area.path;
    return path === undefined ? [] : areas.filter(({ area }) => area.path.startsWith(path));
  }

  /** A device in scope. */
  entry(scope: string, id: string): DeviceEntry | undefined {
    const entry = this.#books.entries.get(id);
    return entry !== undefined && this.area(scope, entry.node.area.code) !== undefined
      ? entry
      : undefined;
  }

  /** Gateways in scope, by id: those in service, or those retired. */
  gateways(
    scope: string,
    { retired = false }: { readonly retired?: boolean } = {},
  ): ListedGateway[] {
    const found: ListedGateway[] = [];
    for (const [id, gateway] of this.#books.gateways)
      if ((gateway.retiredAt !== null) === retired && liesIn(gateway.node, scope))
        found.push({ id, ...gateway });
    return found;
  }

  /** The devices in service and in scope that a gateway speaks for, by name. */
  behind(scope: string, gateway: string): DeviceEntry[] {
    const all = this.#books.behind.get(gateway) ?? [];
    return all.filter(({ node }) => liesIn(node, scope));
  }

  /** What an id belongs to, and in which area, whoever asks: ids are unique over all areas, and a device without a type keeps its own. */
  holder(id: string): { kind: 'device' | 'gateway'; area: string } | undefined {
    const gateway = this.#books.gateways.get(id);
    if (gateway !== undefined) return { kind: 'gateway', area: gateway.node.area.code };
    const { entries, leftOut } = this.#books;
    const area = entries.get(id)?.node.area.code ?? leftOut.get(id);
    return area === undefined ? undefined : { kind: 'device', area };
  }

  /** Whether the id has a secret already. */
  hasSecret(id: string): boolean {
    return this.#books.credentials.has(id);
  }

  /** What is kept of the credential of a device or gateway; another one has another. */
  credentialHash(id: string): string | undefined {
    return this.#books.credentials.hashOf(id);
  }

  /** The word of the state that it is in here; undefined when there is none. */
  versionOf({ kind, id }: Subject): string | undefined {
    const { entries, gateways, nodes } = this.#books;
    if (kind === 'device') {
      const entry = entries.get(id);
      if (entry === undefined) return undefined;
      const { device, retiredAt, retiredReason } = entry;
      return stateWord({ ...device, retiredAt, retiredReason }, this.credentialHash(id));
    }
    if (kind === 'gateway') {
      const gateway = gateways.get(id);
      if (gateway === undefined) return undefined;
      const { node, ...fields } = gateway;
      return stateWord({ id, ...fields, area: node.area.code }, this.credentialHash(id));
    }
    const node = nodes.get(id);
    if (node === undefined) return undefined;
    const { path, ...fields } = node.area;
    return stateWord(fields, undefined);
  }

  /** A gateway in service and in scope. */
  gateway(scope: string, id: string): GatewayEntry | undefined {
    const gateway = this.everyGateway(scope, id);
    return gateway?.retiredAt === null ? gateway : undefined;
  }

  /** A gateway in scope, also one that is retired. */
  everyGateway(scope: string, id: string): GatewayEntry | undefined {
    const gateway = this.#books.gateways.get(id);
    return gateway !== undefined && liesIn(gateway.node, scope) ? gateway : undefined;
  }

  /** Whether the area is a top one: only there is seen what belongs to no device. */
  isTop(scope: string): boolean {
    return this.#books.nodes.get(scope)?.area.parent === null;
  }

  device(id: string): Device | undefined {
    const entry = this.#books.entries.get(id);
    return entry?.retiredAt === null ? entry.device : undefined;
  }

  byAddress(profile: string, address: string): Device | undefined {
    const { addresses } = this.#books;
    const known = this.#options.profiles.get(profile);
    const exact = addresses.get(addressKey(profile, address));
    if (exact !== undefined || known === undefined) return exact?.device;
    return addresses.get(comparableKey(known, address))?.device;
  }

  verify(username: string, secret: string): Principal | undefined {
    return this.#books.credentials.verify(username, secret);
  }

  verifyKey(username: string, key: string): Principal | undefined {
    return this.#books.credentials.verifyKey(username, key);
  }
}
