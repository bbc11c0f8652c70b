/**
 * Sends what a county measured before it was there: batches of its gateways in the backfill lane, and the frames of devices
 * that connect by themselves, with the times of then. Each on a connection of its own beside the live one, a few messages
 * under way at a time, so that what is live is never behind much of it.
 */
import { bug, OperationalError, SECOND, type Timer, topics } from '@village/core';
import { CountyModel } from '../county/county-model.ts';
import type { CountyPlan, PlannedDevice } from '../county/county-plan.ts';
import { hashText } from '../county/noise.ts';
import { Uplink } from '../uplink/uplink.ts';
import { builtinWires } from '../wires/index.ts';
import type { LateSpeaker, Wire } from '../wires/wire.ts';
import { Batching, PolledPast } from './rows.ts';
import { type Slots, slotsOf, type TimeSpan } from './slots.ts';

export interface PastOptions {
  readonly timer: Timer;
  /** Tells this fill's batches from those of others. */
  readonly epoch: string;
  /** Sent one after the other. */
  readonly pieces: readonly TimeSpan[];
  readonly signal: AbortSignal;
  /** Rows that are on their way or arrived, since the begin. */
  readonly onRows?: (rows: number) => void;
  /** All of a piece is acknowledged. */
  readonly onPiece?: (piece: TimeSpan) => void;
  /** A connection that can't be made: what it would have sent is left out. */
  readonly onLeftOut?: (credential: string, reason: string) => void;
  /** How long connections may take, ms. */
  readonly connectWithinMs?: number;
  /** How long nothing may be acknowledged before the fill fails, ms. */
  readonly stallMs?: number;
  /** The built-in wires when absent. */
  readonly wires?: readonly Wire[];
}

/** A batch of so many rows costs the server about a millisecond. */
const BATCH_ROWS = 100;
const BATCH_BYTES = 64 * 1024;
const GATEWAY_WINDOW = 6;
const DEVICE_WINDOW = 2;
const NETWORK_SERVER_WINDOW = 16;
const QUEUE = 4;
const CONNECT_WITHIN_MS = 20 * SECOND;
const STALL_MS = 60 * SECOND;
const LOOK_MS = 100;

/** One connection and all that goes through it. */
interface Way {
  readonly credential: string;
  readonly uplink: Uplink;
  readonly send: (piece: TimeSpan) => Promise<void>;
}

/** Times of a piece with whose they are, in order. */
function inOrder<T>(all: readonly { readonly slots: Slots; readonly of: T }[], piece: TimeSpan) {
  const times: { readonly at: number; readonly of: T }[] = [];
  for (const { slots, of } of all) for (const at of slots.in(piece)) times.push({ at, of });
  return times.sort((a, b) => a.at - b.at);
}

class Fill {
  readonly #plan: CountyPlan;
  readonly #options: PastOptions;
  readonly #model: CountyModel;
  readonly #signal: AbortSignal;
  #ways: Way[] = [];
  #rows = 0;

  constructor(plan: CountyPlan, options: PastOptions, signal: AbortSignal) {
    this.#plan = plan;
    this.#options = options;
    this.#signal = signal;
    this.#model = new CountyModel(plan);
  }

  get acknowledged(): number {
    return this.#ways.reduce((sum, { uplink }) => sum + uplink.counters.acknowledged, 0);
  }

  #uplink(id: string, windowMax: number): Uplink {
    const secret = this.#plan.secrets.get(id);
    if (secret === undefined)
      throw new OperationalError('no-secret', `The plan has no secret for ${id}`);
    return new Uplink({
      url: this.#plan.mqttUrl,
      id,
      clientId: `${id}-past`,
      secret,
      windowMax,
      queueMax: QUEUE,
      reconnectMs: 1_000 + (hashText(`${this.#plan.seed}/${id}/past`) % 2_000),
    });
  }

  /** Opens a connection for each gateway and each credential of devices that connect by themselves. */
  open(): void {
    const { wires = builtinWires } = this.#options;
    const slots = slotsOf(this.#plan);
    const polled = new Map<string, { slots: Slots; of: PolledPast }[]>();
    const speaking = new Map<
      string,
      { slots: Slots; of: { device: PlannedDevice; late: LateSpeaker } }[]
    >();
    for (const [index, device] of this.#plan.devices.entries()) {
      const wire = wires.find(({ protocol }) => protocol === device.wire.kind);
      const own = slots[index] ?? bug('a device has no slots');
      const late = wire?.late?.(device, this.#model.profile(device));
      if (late !== undefined) {
        const of = { device, late };
        push(speaking, late.credential, { slots: own, of });
      } else if (wire?.polled === true && device.gateway !== null)
        push(polled, device.gateway, { slots: own, of: new PolledPast(device, this.#model) });
    }
    for (const [gateway, devices] of polled) {
      const uplink = this.#uplink(gateway, GATEWAY_WINDOW);
      let seq = 0;
      const publish = async (batch: ReturnType<Batching['take']>): Promise<void> => {
        if (batch === null) return;
        const head = `{"epoch":"${this.#options.epoch}","seq":${++seq},"lane":"backfill",`;
        await uplink.send(topics.gatewayReadings(gateway), `${head}${batch.body}}`, this.#signal);
        this.#count(batch.rows);
      };
      const send = async (piece: TimeSpan): Promise<void> => {
        const batching = new Batching(BATCH_ROWS, BATCH_BYTES);
        for (const { at, of } of inOrder(devices, piece)) await publish(batching.add(of.rows(at)));
        await publish(batching.take());
        await uplink.drained(this.#signal);
      };
      this.#ways.push({ credential: gateway, uplink, send });
    }
    for (const [credential, devices] of speaking) {
      const window =
        credential === this.#plan.networkServer ? NETWORK_SERVER_WINDOW : DEVICE_WINDOW;
      const uplink = this.#uplink(credential, window);
      const send = async (piece: TimeSpan): Promise<void> => {
        for (const { at, of } of inOrder(devices, piece)) {
          for (const { topic, payload } of of.late.messages(this.#model.values(of.device, at), at))
            await uplink.send(topic, payload, this.#signal);
          this.#count(1);
        }
        await uplink.drained(this.#signal);
      };
      this.#ways.push({ credential, uplink, send });
    }
  }

  #count(rows: number): void {
    this.#rows += rows;
    this.#options.onRows?.(this.#rows);
  }

  /** Waits for the connections; those that are not there in time are left out. @throws not-connected when none is */
  async connect(): Promise<void> {
    const { timer, onLeftOut, connectWithinMs = CONNECT_WITHIN_MS } = this.#options;
    const began = timer.elapsed();
    const missing = (): Way[] => this.#ways.filter(({ uplink }) => !uplink.connected);
    while (missing().length > 0 && timer.elapsed() - began < connectWithinMs)
      await timer.sleep(LOOK_MS, this.#signal);
    const away = missing();
    for (const { credential, uplink } of away) {
      onLeftOut?.(credential, uplink.lastFault ?? 'no answer');
      await uplink.close();
    }
    this.#ways = this.#ways.filter((way) => !away.includes(way));
    if (this.#ways.length === 0 && away.length > 0)
      throw new OperationalError(
        'not-connected',
        `no connection to ${this.#plan.mqttUrl}: ${away[0]?.uplink.lastFault ?? 'no answer'}`,
      );
  }

  async send(): Promise<number> {
    for (const piece of this.#options.pieces) {
      await Promise.all(this.#ways.map((way) => way.send(piece)));
      this.#options.onPiece?.(piece);
    }
    return this.#rows;
  }

  async close(): Promise<void> {
    await Promise.all(this.#ways.map(({ uplink }) => uplink.close()));
  }
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

/**
 * Sends all pieces and resolves with the rows when they are acknowledged.
 * @throws no-secret, not-connected, broker-silent, and the signal's reason
 */
export async function fillPast(plan: CountyPlan, options: PastOptions): Promise<number> {
  const { timer, stallMs = STALL_MS } = options;
  const stalled = new AbortController();
  const ended = new AbortController();
  const fill = new Fill(plan, options, AbortSignal.any([options.signal, stalled.signal]));
  const watch = async (): Promise<void> => {
    let acknowledged = -1;
    let since = timer.elapsed();
    while (!ended.signal.aborted) {
      if (fill.acknowledged !== acknowledged) {
        acknowledged = fill.acknowledged;
        since = timer.elapsed();
      } else if (timer.elapsed() - since > stallMs) {
        const message = `nothing of the past was acknowledged for ${stallMs / SECOND} s`;
        stalled.abort(new OperationalError('broker-silent', message));
        return;
      }
      try {
        await timer.sleep(SECOND, ended.signal);
      } catch (error) {
        if (!ended.signal.aborted) throw error;
      }
    }
  };
  const watching = watch();
  try {
    fill.open();
    await fill.connect();
    return await fill.send();
  } finally {
    ended.abort();
    await watching;
    await fill.close();
  }
}
