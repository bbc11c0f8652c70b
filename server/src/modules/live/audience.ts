/** Clients that watch the same: what they have not been told yet is kept once for all of them. */

/** Devices of one event; the rest follow a second later. */
export const ITEMS_MAX = 500;

/** One event as it goes over the line, and which devices it tells of. */
export interface LiveEvent {
  readonly ids: readonly string[];
  readonly data: Buffer;
}

/** Takes the first out of a set, as many as one event tells. */
export function taken(set: Set<string>): string[] {
  const first: string[] = [];
  for (const id of set) {
    if (first.length === ITEMS_MAX) break;
    first.push(id);
  }
  for (const id of first) set.delete(id);
  return first;
}

const eventOf = (name: string, ids: readonly string[], body: string): LiveEvent => ({
  ids,
  data: Buffer.from(`event: ${name}\ndata: ${body}\n\n`),
});

/** Newest values, each as a text; null when there are none. */
export const latestEvent = (items: ReadonlyMap<string, string>): LiveEvent | null =>
  items.size === 0
    ? null
    : eventOf('latest', [...items.keys()], `{"items":[${[...items.values()].join(',')}]}`);

/** Devices of which other corrections hold; null when there are none. */
export const correctedEvent = (devices: readonly string[]): LiveEvent | null =>
  devices.length === 0 ? null : eventOf('corrected', devices, JSON.stringify({ devices }));

/** An alert that began, changed or ended, and whose it is to see. */
export interface LiveAlert {
  readonly id: string;
  /** Null of one that is of no device. */
  readonly device: string | null;
  /** Codes of the areas in which its subject stands. */
  readonly areas: readonly string[];
  /** As it is told, in JSON. */
  readonly text: string;
}

export interface ToldAlerts {
  readonly alerts: readonly LiveAlert[];
  readonly more: boolean;
}

/** Alerts in one event; `more` says that others changed, too. Null where there is nothing to tell. */
export const alertEvent = ({ alerts, more }: ToldAlerts): LiveEvent | null =>
  alerts.length === 0 && !more
    ? null
    : eventOf(
        'alert',
        [],
        `{"items":[${alerts.map(({ text }) => text).join(',')}],"more":${more}}`,
      );

/** Devices to tell of: those that changed, and of those that have other corrections. And alerts, of each the newest. */
export class Pending {
  readonly changed = new Set<string>();
  readonly corrected = new Set<string>();
  #alerts = new Map<string, LiveAlert>();
  #more = false;

  get isEmpty(): boolean {
    return this.changed.size === 0 && this.corrected.size === 0 && !this.hasAlerts;
  }

  get hasAlerts(): boolean {
    return this.#alerts.size > 0 || this.#more;
  }

  /** Of more than one event holds the list is to be asked for. */
  addAlert(alert: LiveAlert): void {
    this.#alerts.delete(alert.id);
    if (this.#alerts.size < ITEMS_MAX) this.#alerts.set(alert.id, alert);
    else this.#more = true;
  }

  addMoreAlerts(): void {
    this.#more = true;
  }

  /** Takes them out. */
  takeAlerts(): ToldAlerts {
    const taken = { alerts: [...this.#alerts.values()], more: this.#more };
    this.#alerts = new Map();
    this.#more = false;
    return taken;
  }

  keepAlerts({ alerts, more }: ToldAlerts): void {
    for (const alert of alerts) this.addAlert(alert);
    this.#more ||= more;
  }

  add(id: string, isCorrected: boolean): void {
    this.changed.add(id);
    if (isCorrected) this.corrected.add(id);
  }

  /** What one was told whom it did not reach. */
  keep(latest: LiveEvent | null, corrected: LiveEvent | null): void {
    for (const id of latest?.ids ?? []) this.changed.add(id);
    for (const id of corrected?.ids ?? []) this.corrected.add(id);
  }

  /** What one has just been told. */
  drop(latest: LiveEvent | null, corrected: LiveEvent | null): void {
    if (this.changed.size > 0) for (const id of latest?.ids ?? []) this.changed.delete(id);
    if (this.corrected.size > 0) for (const id of corrected?.ids ?? []) this.corrected.delete(id);
  }
}

/** Those who watch one area, or one device. */
export interface Audience<Client> {
  readonly area: string | null;
  readonly device: string | null;
  readonly pending: Pending;
  readonly clients: Set<Client>;
}

/** All audiences, by what they watch; one without clients is none. */
export class Audiences<Client> {
  readonly #areas = new Map<string, Audience<Client>>();
  readonly #devices = new Map<string, Audience<Client>>();

  /** The audience of an area, or of a device in it. */
  of(area: string, device: string | null): Audience<Client> {
    const [map, key] = device === null ? [this.#areas, area] : [this.#devices, device];
    const known = map.get(key);
    if (known !== undefined) return known;
    const made = {
      ...{ area: device === null ? area : null, device },
      ...{ pending: new Pending(), clients: new Set<Client>() },
    };
    map.set(key, made);
    return made;
  }

  all(): Audience<Client>[] {
    return [...this.#areas.values(), ...this.#devices.values()];
  }

  /** Notes a device for those who watch it or an area in which it stands. */
  note(id: string, areas: readonly string[], isCorrected: boolean): void {
    this.#devices.get(id)?.pending.add(id, isCorrected);
    if (this.#areas.size > 0)
      for (const area of areas) this.#areas.get(area)?.pending.add(id, isCorrected);
  }

  /** Notes an alert for those who watch its device or an area in which its subject stands. */
  noteAlert(alert: LiveAlert): void {
    if (alert.device !== null) this.#devices.get(alert.device)?.pending.addAlert(alert);
    for (const area of alert.areas) this.#areas.get(area)?.pending.addAlert(alert);
  }

  leave({ area, device, clients }: Audience<Client>, client: Client): void {
    clients.delete(client);
    if (clients.size > 0) return;
    if (device !== null) this.#devices.delete(device);
    else if (area !== null) this.#areas.delete(area);
  }
}
