/**
 * Live values to browsers as server-sent events. Once a second each client gets what changed among its devices. What a
 * slow client has not been sent yet is kept as a set of devices, so that it gets the newest values later and never a
 * queue of old ones; one that takes nothing for a minute is closed and counted.
 */
import type { ServerResponse } from 'node:http';
import { OperationalError, SECOND } from '@village/core';
import type { AreaNode, Counts, DeviceEntry } from './directory.ts';

/** Devices of one event; the rest follow a second later. */
const ITEMS_MAX = 500;
const COMMENT_TICKS = 15;
const STUCK_TICKS_MAX = 60;

interface Client {
  readonly response: ServerResponse;
  /** The area's node as it is now: imports make new nodes. Undefined when the area is gone. */
  readonly node: () => AreaNode | undefined;
  readonly wants: (entry: DeviceEntry) => boolean;
  readonly pending: Set<string>;
  counts: string;
  ticks: number;
  stuckTicks: number;
}

export interface LiveOptions {
  readonly clientsMax: number;
  /** The newest of a device as JSON; null when it is gone. */
  readonly latest: (device: string) => string | null;
}

export class LiveHub {
  readonly #options: LiveOptions;
  readonly #clients = new Set<Client>();
  #closedSlow = 0;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Takes over a response whose head is not sent yet. @throws too-many-live-clients */
  add(
    response: ServerResponse,
    wants: { node: Client['node']; device: string | undefined },
    headers: Record<string, string>,
  ): void {
    this.check();
    const client: Client = {
      response,
      node: wants.node,
      wants: (entry) =>
        wants.device === undefined
          ? entry.node.line.some((node) => node.area.code === wants.node()?.area.code)
          : entry.device.id === wants.device,
      pending: new Set(),
      counts: '',
      ticks: 0,
      stuckTicks: 0,
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
    this.#sendCounts(client);
  }

  /** @throws too-many-live-clients */
  check(): void {
    if (this.#clients.size >= this.#options.clientsMax)
      throw new OperationalError('too-many-live-clients', 'too many pages watch live', {
        retry: true,
      });
  }

  /** Once a second, with the devices that changed since the last time. */
  tick(changed: ReadonlySet<DeviceEntry>): void {
    const texts = new Map<string, string | null>();
    for (const client of this.#clients) {
      for (const entry of changed) if (client.wants(entry)) client.pending.add(entry.device.id);
      client.ticks++;
      if (client.response.writableNeedDrain) this.#stuck(client);
      else this.#send(client, texts);
    }
  }

  #stuck(client: Client): void {
    if (++client.stuckTicks < STUCK_TICKS_MAX) return;
    this.#closedSlow++;
    this.#clients.delete(client);
    client.response.destroy();
  }

  #send(client: Client, texts: Map<string, string | null>): void {
    client.stuckTicks = 0;
    const items: string[] = [];
    for (const id of client.pending) {
      if (items.length >= ITEMS_MAX) break;
      client.pending.delete(id);
      let text = texts.get(id);
      if (text === undefined) {
        text = this.#options.latest(id);
        texts.set(id, text);
      }
      if (text !== null) items.push(text);
    }
    if (items.length > 0)
      client.response.write(`event: latest\ndata: {"items":[${items.join(',')}]}\n\n`);
    this.#sendCounts(client);
    if (client.ticks % COMMENT_TICKS === 0) client.response.write(': still here\n\n');
  }

  #sendCounts(client: Client): void {
    const counts: Counts | undefined = client.node()?.counts;
    if (counts === undefined) return;
    const text = JSON.stringify(counts);
    if (text === client.counts) return;
    client.counts = text;
    client.response.write(`event: counts\ndata: ${text}\n\n`);
  }

  counters(): { clients: number; closedSlow: number } {
    return { clients: this.#clients.size, closedSlow: this.#closedSlow };
  }

  /** Ends every stream, so that the server can stop. */
  close(): void {
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
  }
}
