/**
 * Live values to browsers as server-sent events. Once a second each client gets what changed among its devices. Clients that watch the
 * same share what they are told, made once; what one of them could not take is kept for it as a set of devices, so that a slow client
 * gets the newest values later and never a queue of old ones. One that takes nothing for a minute is closed and counted, as is one whose
 * caller may watch no longer. Nobody has more than a share of the places, so that one with many pages keeps nobody out. However many there are, others have their turn between some of them.
 */
import type { ServerResponse } from 'node:http';
import { OperationalError, SECOND, Slices } from '@village/core';
import type { AreaNode, Counts, DeviceEntry } from '@village/registry';
import {
  type Audience,
  Audiences,
  alertEvent,
  correctedEvent,
  type LiveEvent,
  latestEvent,
  Pending,
  type ToldAlerts,
  taken,
} from './audience.ts';

const COMMENT_TICKS = 15;
const STUCK_TICKS_MAX = 60;

/** Of all places one asker may have so much. */
const SHARE_OF_ONE = 1 / 5;

/** Rights are looked at again every so many ticks: within five seconds whoever lost them is sent nothing more. */
const RECHECK_TICKS = 2;
/** How many are asked about at once. */
const RECHECKS_OPEN = 4;
/** Ticks without a check that could be made, after which a client is sent nothing until one says that it may watch. */
const UNCHECKED_TICKS_MAX = 4;
/** So many are taken for a refusal. */
const UNCHECKED_TICKS_END = 30;

/** What one client watches, and by which rights. */
export interface Watch {
  /** The account or token. */
  readonly asker: string;
  /** The area's node as it is now: imports make new nodes. Undefined when it is gone or its caller may not see it. */
  readonly node: () => AreaNode | undefined;
  /** Id of the one device that is watched; null for all of the area. */
  readonly device: string | null;
  /** Whether the device is there and its caller may see it. */
  readonly sees: (device: string) => boolean;
  /** Whether the caller may see alerts. */
  readonly seesAlerts: boolean;
  /** Whether the caller is still who may watch. */
  readonly mayWatch: () => Promise<boolean>;
}

interface Client {
  readonly response: ServerResponse;
  readonly watch: Watch;
  readonly audience: Audience<Client>;
  /** What its audience was told and it could not take. */
  readonly pending: Pending;
  counts: string;
  ticks: number;
  stuckTicks: number;
  /** The tick at which its caller was asked about last and might watch. */
  checkedAt: number;
}

export interface LiveOptions {
  readonly clientsMax: number;
  /** The newest of a device as JSON; null when it is gone. */
  readonly latest: (device: string) => string | null;
  /** Whether a device stands in an area or below. */
  readonly isIn: (device: string, area: string) => boolean;
  /** Told of rights that could not be looked at. */
  readonly failed: (error: unknown) => void;
}

/** What an audience is told in one tick. */
interface Told {
  readonly latest: LiveEvent | null;
  readonly corrected: LiveEvent | null;
  readonly alerts: ToldAlerts;
  readonly alert: LiveEvent | null;
}

const NO_ALERTS: ToldAlerts = { alerts: [], more: false };

const tooMany = (why: string): OperationalError =>
  new OperationalError('too-many-live-clients', why, { retry: true });

export class LiveHub {
  readonly #options: LiveOptions;
  readonly #clients = new Set<Client>();
  /** How many of them are whose. */
  readonly #byAsker = new Map<string, number>();
  readonly #audiences = new Audiences<Client>();
  readonly #slices = new Slices();
  #closedSlow = 0;
  #closedRevoked = 0;
  #ticks = 0;
  #rechecking: Promise<void> | null = null;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Takes over a response whose head is not sent yet. @throws too-many-live-clients */
  add(response: ServerResponse, watch: Watch, headers: Record<string, string>): void {
    this.check(watch.asker);
    const node = watch.node();
    const client: Client = {
      ...{ response, watch, pending: new Pending(), counts: '', ticks: 0, stuckTicks: 0 },
      audience: this.#audiences.of(node?.area.code ?? '', watch.device),
      checkedAt: this.#ticks,
    };
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${3 * SECOND}\n\n`);
    this.#clients.add(client);
    this.#byAsker.set(watch.asker, (this.#byAsker.get(watch.asker) ?? 0) + 1);
    client.audience.clients.add(client);
    response.on('close', () => this.#leave(client));
    response.on('error', () => this.#leave(client));
    this.#sendCounts(client, node);
  }

  /** @throws too-many-live-clients */
  check(asker: string): void {
    const { clientsMax } = this.#options;
    const share = Math.max(1, Math.floor(clientsMax * SHARE_OF_ONE));
    if (this.#clients.size >= clientsMax) throw tooMany('too many pages watch live');
    if ((this.#byAsker.get(asker) ?? 0) >= share)
      throw tooMany(`${share} of your pages watch live already: close some`);
  }

  /**
   * Once a second, with the devices that changed since the last time, those of which other corrections hold, and alerts that changed. The
   * next begins when everybody has been told.
   */
  async tick(
    changed: ReadonlySet<DeviceEntry>,
    corrected: ReadonlySet<DeviceEntry>,
    { alerts, more }: ToldAlerts = NO_ALERTS,
  ): Promise<void> {
    for (const entry of new Set([...changed, ...corrected])) {
      const areas = entry.node.line.map(({ area }) => area.code);
      this.#audiences.note(entry.device.id, areas, corrected.has(entry));
      await this.#rest();
    }
    for (const alert of alerts) {
      this.#audiences.noteAlert(alert);
      await this.#rest();
    }
    if (more) for (const { pending } of this.#audiences.all()) pending.addMoreAlerts();
    const texts = new Map<string, string | null>();
    for (const audience of this.#audiences.all()) {
      const told = await this.#told(audience, texts);
      for (const client of [...audience.clients]) {
        this.#serve(client, told, texts);
        await this.#rest();
      }
    }
    if (++this.#ticks % RECHECK_TICKS === 0 && this.#rechecking === null)
      this.#rechecking = this.#recheck().finally(() => {
        this.#rechecking = null;
      });
  }

  /** Lets others have their turn when it is time. */
  async #rest(): Promise<void> {
    if (this.#slices.over) await this.#slices.next();
  }

  /** What all of an audience are told now; devices that stand there no longer are left out. */
  async #told(
    { area, pending }: Audience<Client>,
    texts: Map<string, string | null>,
  ): Promise<Told> {
    const isThere = (id: string): boolean => area === null || this.#options.isIn(id, area);
    const items = new Map<string, string>();
    for (const id of taken(pending.changed)) {
      const text = isThere(id) ? this.#text(id, texts) : null;
      if (text !== null) items.set(id, text);
      await this.#rest();
    }
    const devices = taken(pending.corrected).filter(isThere);
    const alerts = pending.takeAlerts();
    return {
      ...{ latest: latestEvent(items), corrected: correctedEvent(devices) },
      ...{ alerts, alert: alertEvent(alerts) },
    };
  }

  /** The newest of a device, made once a tick. */
  #text(id: string, texts: Map<string, string | null>): string | null {
    let text = texts.get(id);
    if (text === undefined) {
      text = this.#options.latest(id);
      texts.set(id, text);
    }
    return text;
  }

  #serve(client: Client, told: Told, texts: Map<string, string | null>): void {
    // It may have gone since the tick began.
    if (!this.#clients.has(client)) return;
    const node = client.watch.node();
    const { device, sees } = client.watch;
    const unchecked = this.#ticks - client.checkedAt;
    client.ticks++;
    if (node === undefined || (device !== null && !sees(device))) this.#revoke(client);
    else if (unchecked >= UNCHECKED_TICKS_END) this.#revoke(client);
    else if (unchecked >= UNCHECKED_TICKS_MAX) {
      this.#keep(client, told);
      this.#comment(client);
    } else if (client.response.writableNeedDrain) {
      this.#keep(client, told);
      this.#stuck(client);
    } else this.#send(client, node, told, texts);
  }

  #keep({ pending, watch }: Client, told: Told): void {
    pending.keep(told.latest, told.corrected);
    if (watch.seesAlerts) pending.keepAlerts(told.alerts);
  }

  /** Asks for each client whether its caller may still watch. */
  async #recheck(): Promise<void> {
    const clients = [...this.#clients];
    const worker = async (): Promise<void> => {
      for (let client = clients.pop(); client !== undefined; client = clients.pop())
        await this.#recheckOne(client);
    };
    await Promise.all(Array.from({ length: RECHECKS_OPEN }, worker));
  }

  async #recheckOne(client: Client): Promise<void> {
    const asked = this.#ticks;
    try {
      if (await client.watch.mayWatch()) client.checkedAt = asked;
      else this.#revoke(client);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  #leave(client: Client): boolean {
    if (!this.#clients.delete(client)) return false;
    const { asker } = client.watch;
    const left = this.#byAsker.get(asker)! - 1;
    if (left === 0) this.#byAsker.delete(asker);
    else this.#byAsker.set(asker, left);
    this.#audiences.leave(client.audience, client);
    return true;
  }

  #revoke(client: Client): void {
    if (!this.#leave(client)) return;
    this.#closedRevoked++;
    // What a client has not read yet it gets no more.
    if (client.response.writableNeedDrain) client.response.destroy();
    else client.response.end();
  }

  #stuck(client: Client): void {
    if (++client.stuckTicks < STUCK_TICKS_MAX) return;
    this.#closedSlow++;
    this.#leave(client);
    client.response.destroy();
  }

  #send(client: Client, node: AreaNode, told: Told, texts: Map<string, string | null>): void {
    client.stuckTicks = 0;
    const { response, pending, watch } = client;
    const { latest, corrected, alert } = told;
    if (latest !== null) response.write(latest.data);
    if (corrected !== null) response.write(corrected.data);
    if (watch.seesAlerts) this.#sendAlerts(client, node, told.alerts, alert);
    if (!pending.isEmpty) {
      pending.drop(latest, corrected);
      const items = new Map<string, string>();
      // They may have moved since.
      for (const id of taken(pending.changed).filter(watch.sees)) {
        const text = this.#text(id, texts);
        if (text !== null) items.set(id, text);
      }
      const late = latestEvent(items);
      if (late !== null) response.write(late.data);
      const others = correctedEvent(taken(pending.corrected).filter(watch.sees));
      if (others !== null) response.write(others.data);
    }
    this.#sendCounts(client, node);
    this.#comment(client);
  }

  #sendAlerts(
    { response, pending, watch }: Client,
    { area }: AreaNode,
    told: ToldAlerts,
    alert: LiveEvent | null,
  ): void {
    if (!pending.hasAlerts) {
      if (alert !== null) response.write(alert.data);
      return;
    }
    // What came meanwhile is newer than what waits.
    pending.keepAlerts(told);
    const { alerts, more } = pending.takeAlerts();
    const seen = alerts.filter(({ device, areas }) =>
      device === null ? areas.includes(area.code) : watch.sees(device),
    );
    const event = alertEvent({ alerts: seen, more });
    if (event !== null) response.write(event.data);
  }

  #comment({ ticks, response }: Client): void {
    if (ticks % COMMENT_TICKS === 0) response.write(': still here\n\n');
  }

  #sendCounts(client: Client, node: AreaNode | undefined): void {
    const counts: Counts | undefined = node?.counts;
    if (counts === undefined) return;
    const text = JSON.stringify(counts);
    if (text === client.counts) return;
    client.counts = text;
    client.response.write(`event: counts\ndata: ${text}\n\n`);
  }

  counters(): { clients: number; closedSlow: number; closedRevoked: number } {
    return {
      clients: this.#clients.size,
      closedSlow: this.#closedSlow,
      closedRevoked: this.#closedRevoked,
    };
  }

  /** Ends every stream, so that the server can stop. */
  async close(): Promise<void> {
    for (const client of [...this.#clients]) {
      this.#leave(client);
      client.response.end();
    }
    await this.#rechecking;
  }
}
