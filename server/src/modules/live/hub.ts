/**
 * Live values to browsers as server-sent events. Once a second each client gets what changed among its devices. What a
 * slow client has not been sent yet is kept as a set of devices, so that it gets the newest values later and never a
 * queue of old ones; one that takes nothing for a minute is closed and counted, as is one whose caller may watch no longer.
 */
import type { ServerResponse } from 'node:http';
import { OperationalError, SECOND } from '@village/core';
import type { AreaNode, Counts, DeviceEntry } from '@village/registry';

/** Devices of one event; the rest follow a second later. */
const ITEMS_MAX = 500;
const COMMENT_TICKS = 15;
const STUCK_TICKS_MAX = 60;

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
  /** The area's node as it is now: imports make new nodes. Undefined when it is gone or its caller may not see it. */
  readonly node: () => AreaNode | undefined;
  /** Id of the one device that is watched; null for all of the area. */
  readonly device: string | null;
  /** Whether the device is there and its caller may see it. */
  readonly sees: (device: string) => boolean;
  /** Whether the caller is still who may watch. */
  readonly mayWatch: () => Promise<boolean>;
}

interface Client {
  readonly response: ServerResponse;
  readonly watch: Watch;
  readonly pending: Set<string>;
  /** Devices of which other corrections hold than it knows. */
  readonly corrected: Set<string>;
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
  /** Told of rights that could not be looked at. */
  readonly failed: (error: unknown) => void;
}

/** Takes the first out of a set, as many as one event tells. */
function taken(set: Set<string>): string[] {
  const first = [...set].slice(0, ITEMS_MAX);
  for (const id of first) set.delete(id);
  return first;
}

export class LiveHub {
  readonly #options: LiveOptions;
  readonly #clients = new Set<Client>();
  #closedSlow = 0;
  #closedRevoked = 0;
  #ticks = 0;
  #rechecking: Promise<void> | null = null;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Takes over a response whose head is not sent yet. @throws too-many-live-clients */
  add(response: ServerResponse, watch: Watch, headers: Record<string, string>): void {
    this.check();
    const client: Client = {
      response,
      watch,
      pending: new Set(),
      corrected: new Set(),
      counts: '',
      ticks: 0,
      stuckTicks: 0,
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
    response.on('close', () => this.#clients.delete(client));
    response.on('error', () => this.#clients.delete(client));
    this.#sendCounts(client, watch.node());
  }

  /** @throws too-many-live-clients */
  check(): void {
    if (this.#clients.size >= this.#options.clientsMax)
      throw new OperationalError('too-many-live-clients', 'too many pages watch live', {
        retry: true,
      });
  }

  /** Once a second, with the devices that changed since the last time, and those of which other corrections hold. */
  tick(changed: ReadonlySet<DeviceEntry>, corrected: ReadonlySet<DeviceEntry>): void {
    const texts = new Map<string, string | null>();
    const watching = this.#watching();
    for (const entry of new Set([...changed, ...corrected])) {
      const { id } = entry.device;
      const clients = entry.node.line.flatMap((node) => watching.areas.get(node) ?? []);
      for (const client of [...clients, ...(watching.devices.get(id) ?? [])]) {
        client.pending.add(id);
        if (corrected.has(entry)) client.corrected.add(id);
      }
    }
    for (const client of this.#clients) {
      client.ticks++;
      const unchecked = this.#ticks - client.checkedAt;
      if (unchecked >= UNCHECKED_TICKS_END) this.#revoke(client);
      else if (unchecked >= UNCHECKED_TICKS_MAX) this.#comment(client);
      else if (client.response.writableNeedDrain) this.#stuck(client);
      else this.#send(client, client.watch.node(), texts);
    }
    if (++this.#ticks % RECHECK_TICKS === 0 && this.#rechecking === null)
      this.#rechecking = this.#recheck().finally(() => {
        this.#rechecking = null;
      });
  }

  /** Clients by what they watch now; those who may no longer see it are closed. */
  #watching(): { areas: Map<AreaNode, Client[]>; devices: Map<string, Client[]> } {
    const areas = new Map<AreaNode, Client[]>();
    const devices = new Map<string, Client[]>();
    const put = <Key>(map: Map<Key, Client[]>, key: Key, client: Client): void => {
      const there = map.get(key);
      if (there === undefined) map.set(key, [client]);
      else there.push(client);
    };
    for (const client of this.#clients) {
      const node = client.watch.node();
      const { device, sees } = client.watch;
      if (node === undefined || (device !== null && !sees(device))) this.#revoke(client);
      else if (device !== null) put(devices, device, client);
      else put(areas, node, client);
    }
    return { areas, devices };
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

  #revoke(client: Client): void {
    if (!this.#clients.delete(client)) return;
    this.#closedRevoked++;
    // What a client has not read yet it gets no more.
    if (client.response.writableNeedDrain) client.response.destroy();
    else client.response.end();
  }

  #stuck(client: Client): void {
    if (++client.stuckTicks < STUCK_TICKS_MAX) return;
    this.#closedSlow++;
    this.#clients.delete(client);
    client.response.destroy();
  }

  #send(client: Client, node: AreaNode | undefined, texts: Map<string, string | null>): void {
    client.stuckTicks = 0;
    const items: string[] = [];
    for (const id of taken(client.pending)) {
      // It may have moved since.
      if (!client.watch.sees(id)) continue;
      let text = texts.get(id);
      if (text === undefined) {
        text = this.#options.latest(id);
        texts.set(id, text);
      }
      if (text !== null) items.push(text);
    }
    if (items.length > 0)
      client.response.write(`event: latest\ndata: {"items":[${items.join(',')}]}\n\n`);
    const devices = taken(client.corrected).filter((id) => client.watch.sees(id));
    if (devices.length > 0)
      client.response.write(`event: corrected\ndata: ${JSON.stringify({ devices })}\n\n`);
    this.#sendCounts(client, node);
    this.#comment(client);
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
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
    await this.#rechecking;
  }
}
