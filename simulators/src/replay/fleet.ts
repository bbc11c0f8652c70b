/** The devices of a replay: a connection for each, and a watch over whether anything is acknowledged. */
import { OperationalError, SECOND, type Timer, topics } from '@village/core';
import { Uplink } from '../uplink/uplink.ts';

export interface FleetOptions {
  readonly mqttUrl: string;
  /** Secret of a device, or undefined when it has none. */
  readonly secretOf: (device: string) => string | undefined;
  /** Messages on the way for each device. */
  readonly windowMax?: number;
}

const QUEUE_MAX = 2_000;

/** The connections, opened at a device's first row. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #uplinks = new Map<string, Uplink>();
  readonly #topics = new Map<string, string>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Undefined when the message could be queued at once, which spares a promise for each row. */
  send(device: string, payload: string, signal: AbortSignal): Promise<void> | undefined {
    const uplink = this.#uplinks.get(device) ?? this.#open(device);
    const topic = this.#topics.get(device) ?? topics.deviceReadings(device);
    if (uplink.full) return uplink.send(topic, payload, signal);
    uplink.offer(topic, payload);
    return undefined;
  }

  #open(device: string): Uplink {
    const secret = this.#options.secretOf(device);
    if (secret === undefined)
      throw new OperationalError('no-secret', `There is no secret for ${device}`);
    const uplink = new Uplink({
      url: this.#options.mqttUrl,
      id: device,
      secret,
      windowMax: this.#options.windowMax ?? 256,
      queueMax: QUEUE_MAX,
      reconnectMs: 500,
    });
    this.#uplinks.set(device, uplink);
    this.#topics.set(device, topics.deviceReadings(device));
    return uplink;
  }

  get acknowledged(): number {
    let sum = 0;
    for (const uplink of this.#uplinks.values()) sum += uplink.counters.acknowledged;
    return sum;
  }

  get lastFault(): string | null {
    for (const { lastFault } of this.#uplinks.values()) if (lastFault !== null) return lastFault;
    return null;
  }

  get waiting(): number {
    let sum = 0;
    for (const uplink of this.#uplinks.values()) sum += uplink.waiting;
    return sum;
  }

  async drained(signal: AbortSignal): Promise<void> {
    for (const uplink of this.#uplinks.values()) await uplink.drained(signal);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#uplinks.values()].map((uplink) => uplink.close()));
  }
}

/** Aborts with `broker-silent` when messages wait and none is acknowledged for too long. */
export async function watch(
  fleet: Fleet,
  timer: Timer,
  stallMs: number,
  stalled: AbortController,
  ended: AbortSignal,
): Promise<void> {
  let before = -1;
  let since = timer.elapsed();
  while (!ended.aborted) {
    const { acknowledged } = fleet;
    if (acknowledged !== before || fleet.waiting === 0) since = timer.elapsed();
    before = acknowledged;
    if (timer.elapsed() - since > stallMs) {
      const why = fleet.lastFault === null ? '' : ` Last fault: ${fleet.lastFault}.`;
      stalled.abort(
        new OperationalError(
          'broker-silent',
          `Nothing was acknowledged for ${stallMs / 1000} s; ${fleet.waiting} messages wait.${why}`,
          { retry: true },
        ),
      );
      return;
    }
    try {
      await timer.sleep(SECOND / 4, ended);
    } catch (error) {
      if (!ended.aborted) throw error;
    }
  }
}
