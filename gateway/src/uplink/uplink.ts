/**
 * The gateway's one connection to the county: sends the outbox's batches, live first, and lets go of them only when they
 * are acknowledged; tells how the gateway stands; answers commands. Time-outs of the wire count on the machine's clock.
 */
import {
  Allowance,
  DAY,
  formatTime,
  type Lane,
  MINUTE,
  type Random,
  SECOND,
  type Timer,
  topics,
  type WireRefusals,
  type WireStatus,
} from '@village/core';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import type { UplinkTls } from '../config/types.ts';
import { readUplinkTls } from '../config/uplink-tls.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { backoffMs, rest } from '../run/backoff.ts';
import type { Log } from '../run/log.ts';
import { answerCommand } from './command.ts';

export interface UplinkOptions {
  readonly gateway: string;
  readonly url: string;
  /** Null when the certificate says who it is. */
  readonly secret: string | null;
  /** Files, read anew at each connection. */
  readonly tls?: UplinkTls;
  readonly version: string;
  readonly backfillRowsPerSecond: number;
  /** How long the county may take to acknowledge what was sent, ms, before the session begins anew; 60 s when absent. */
  readonly ackTimeoutMs?: number;
}

export interface UplinkCounters {
  readonly connected: boolean;
  readonly connects: number;
  readonly batchesSent: { readonly live: number; readonly backfill: number };
  readonly batchesAcknowledged: number;
  readonly commands: number;
}

/** Batches sent and not acknowledged; backfill leaves some of the places to live ones. */
const IN_FLIGHT_MAX = 16;
const BACKFILL_IN_FLIGHT_MAX = 12;
const CONNECT_TIMEOUT_MS = 15_000;
const KEEPALIVE_SECONDS = 30;
const ACK_TIMEOUT_MS = 60_000;
const GOODBYE_MS = 1_000;
/** Days before the end of its certificate from which on it is told. */
const TELL_DAYS = 30;
/**
 * Refused parts of a minute, and bytes of their frames. Counties of before kept 600 and 8 MB a minute of one sender, and dropped what
 * they had acknowledged beyond: together with what may go at once this stays below.
 */
const REFUSED_PARTS = 300;
const REFUSED_PARTS_AT_ONCE = 100;
const REFUSED_BYTES = 3 * 1024 * 1024;
const REFUSED_BYTES_AT_ONCE = 512 * 1024;
const BACKOFF = { baseMs: 1_000, maxMs: MINUTE };

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #outbox: Outbox;
  readonly #deps: { timer: Timer; random: Random; log: Log };
  #client: MqttClient | null = null;
  /** Of the outbox that this session sends from. */
  #epoch = '';
  #endSession: (why: string) => void = () => undefined;
  #inFlight = new Map<number, { lane: Lane; sentAt: number }>();
  readonly #refusedParts: Allowance;
  readonly #refusedBytes: Allowance;
  /** When the refused parts under way were sent; null while none are. */
  #refusedSentAt: number | null = null;
  #allowance = 0;
  #refilledAt = 0;
  #connects = 0;
  #sent: Record<Lane, number> = { live: 0, backfill: 0 };
  #acknowledged = 0;
  #commands = 0;
  #certificateEnds: number | null = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Called before anything is said: whether the clock was set meanwhile. */
  lookAtClock: () => void = () => undefined;
  /** What of devices' frames was refused, for the status. */
  refusals: () => WireRefusals[] = () => [];
  /** Called at each connection, with how long there was none (ms; Infinity at the first). */
  onConnected: (awayMs: number) => void = () => undefined;

  constructor(
    options: UplinkOptions,
    outbox: Outbox,
    deps: { timer: Timer; random: Random; log: Log },
  ) {
    this.#options = options;
    this.#outbox = outbox;
    this.#deps = deps;
    const now = deps.timer.elapsed();
    this.#refusedParts = new Allowance(REFUSED_PARTS / MINUTE, REFUSED_PARTS_AT_ONCE, now);
    this.#refusedBytes = new Allowance(REFUSED_BYTES / MINUTE, REFUSED_BYTES_AT_ONCE, now);
    outbox.onWaiting = () => this.#pump();
  }

  counters(): UplinkCounters {
    return {
      connected: this.#client !== null,
      connects: this.#connects,
      batchesSent: { ...this.#sent },
      batchesAcknowledged: this.#acknowledged,
      commands: this.#commands,
    };
  }

  /** The gateway's clock was set: a new session tells the county, before any batch, how far it is off now. */
  clockSet(): void {
    if (this.#client !== null) this.#endSession('the clock was set');
  }

  /** Keeps the connection up until the signal, then says goodbye. */
  async run(signal: AbortSignal): Promise<void> {
    const { timer, random, log } = this.#deps;
    let failures = 0;
    let logged: string | null = null;
    let awaySince = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const connects = this.#connects;
      const acknowledged = this.#acknowledged;
      const beganAt = timer.elapsed();
      const reason = await this.#session(signal, () => {
        log.info({ url: this.#options.url }, 'uplink: connected');
        logged = null;
        this.onConnected(timer.elapsed() - awaySince);
      });
      if (signal.aborted) return;
      if (this.#connects > connects) awaySince = timer.elapsed();
      // A county that lets everybody in and refuses what they say is to be spared as one that is not there.
      const useful =
        this.#acknowledged > acknowledged ||
        (this.#connects > connects && timer.elapsed() - beganAt > MINUTE);
      failures = useful ? 1 : failures + 1;
      if (logged !== reason) log.warn({ reason }, 'uplink: not connected');
      logged = reason;
      await rest(timer, backoffMs(failures, random, BACKOFF), signal);
    }
  }

  /** One connection from its making to its end; why it ended. */
  async #session(signal: AbortSignal, connected: () => void): Promise<string> {
    const { gateway, url, secret } = this.#options;
    const tls = this.#readTls();
    if (typeof tls === 'string') return tls;
    let reason = 'closed';
    const client = connect(url, {
      clientId: gateway,
      username: gateway,
      ...(secret === null ? {} : { password: secret }),
      ...tls,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      keepalive: KEEPALIVE_SECONDS,
      resubscribe: false,
      queueQoSZero: false,
      // 65,536 buffers made in advance, 8 MB.
      writeCache: false,
      will: {
        topic: topics.gatewayStatus(gateway),
        payload: Buffer.from('{"online":false}'),
        qos: 1,
        retain: true,
      },
    });
    const over = new AbortController();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    client.on('error', (error) => {
      reason = error.message || (error as NodeJS.ErrnoException).code || error.name;
    });
    client.on('message', (topic, payload) => this.#command(client, topic, payload));
    client.once('connect', () => {
      this.#begin(client, over.signal, (why) => {
        reason = why;
        client.end(true);
      });
      connected();
      this.#pump();
    });
    const goodbye = (): void => {
      void this.#goodbye(client);
    };
    signal.addEventListener('abort', goodbye);
    if (signal.aborted) goodbye();
    await closed;
    signal.removeEventListener('abort', goodbye);
    over.abort();
    this.#client = null;
    this.#inFlight.clear();
    client.end(true);
    return reason;
  }

  /** What TLS is spoken with, or why it can't be. */
  #readTls(): IClientOptions | string {
    const { tls } = this.#options;
    if (tls === undefined) return {};
    try {
      const { validTo, ...texts } = readUplinkTls(tls);
      this.#certificateEnds = validTo;
      return { ...texts, minVersion: 'TLSv1.2' } as IClientOptions;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Says once a day, from a month before on, that the gateway's own certificate ends. */
  #tellCertificate(): void {
    const { timer, log } = this.#deps;
    if (this.#certificateEnds === null) return;
    const now = timer.now();
    const daysLeft = Math.floor((this.#certificateEnds - now) / DAY);
    if (daysLeft > TELL_DAYS || Math.abs(now - this.#toldAt) < DAY) return;
    this.#toldAt = now;
    log.warn({ daysLeft }, 'uplink: its certificate ends soon');
  }

  #begin(client: MqttClient, over: AbortSignal, end: (why: string) => void): void {
    this.#client = client;
    this.#epoch = this.#outbox.epoch;
    this.#endSession = end;
    this.#connects++;
    this.#inFlight.clear();
    this.#refusedSentAt = null;
    this.#allowance = 0;
    this.#refilledAt = this.#deps.timer.elapsed();
    this.#outbox.startSession();
    this.#status(client);
    client.subscribe(topics.gatewayCommands(this.#options.gateway), { qos: 1 }, (error) => {
      if (error && !over.aborted)
        this.#deps.log.warn({ reason: error.message }, 'uplink: no commands');
    });
    this.#keep(client, over, end).catch((error: unknown) => {
      // Only a bug comes here: it is thrown where nothing catches it.
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  /** What recurs while a connection lasts: ageing, sending, the status each minute, and watching for a stuck peer. */
  async #keep(client: MqttClient, over: AbortSignal, end: (why: string) => void): Promise<void> {
    const { timer } = this.#deps;
    let statusAt = timer.elapsed();
    while (await rest(timer, SECOND, over)) {
      this.lookAtClock();
      this.#outbox.age();
      this.#pump();
      if (timer.elapsed() - statusAt >= MINUTE) {
        statusAt = timer.elapsed();
        this.#status(client);
      }
      const [oldest] = this.#inFlight.values();
      const sentAt = Math.min(oldest?.sentAt ?? Infinity, this.#refusedSentAt ?? Infinity);
      const { ackTimeoutMs = ACK_TIMEOUT_MS } = this.#options;
      if (performance.now() - sentAt > ackTimeoutMs)
        return end(`no acknowledgement in ${ackTimeoutMs / SECOND} s`);
    }
  }

  #status(client: MqttClient): void {
    this.#tellCertificate();
    const { waiting, dropped, droppedSeq, epoch, refusedWaiting, refusedDropped } =
      this.#outbox.counters();
    const oldestMs = this.#outbox.oldestMs();
    const status: WireStatus = {
      online: true,
      at: formatTime(this.#deps.timer.now()),
      epoch,
      ownFrom: this.#outbox.ownFrom,
      version: this.#options.version,
      waiting,
      ...(oldestMs === null ? {} : { oldestMs: Math.round(oldestMs) }),
      dropped: { ...dropped },
      droppedSeq: droppedSeq.map(([from, to]) => [from, to]),
      refused: this.refusals(),
      refusedLane: { waiting: refusedWaiting, dropped: { ...refusedDropped } },
    };
    const topic = topics.gatewayStatus(this.#options.gateway);
    client.publish(topic, JSON.stringify(status), { qos: 1, retain: true });
  }

  /** Sends what may be sent now. */
  #pump(): void {
    this.lookAtClock();
    const client = this.#client;
    if (client === null || client.disconnecting) return;
    // Numbers begin again in it: what is still acknowledged from the old one must not meet them.
    if (this.#outbox.epoch !== this.#epoch) {
      this.#endSession('a new outbox was begun');
      return;
    }
    this.#sendRefused(client);
    this.#refill();
    while (this.#inFlight.size < IN_FLIGHT_MAX) {
      let lane: Lane = 'live';
      let batch = this.#outbox.take('live');
      if (batch === null && this.#allowance > 0 && this.#inFlight.size < BACKFILL_IN_FLIGHT_MAX) {
        lane = 'backfill';
        batch = this.#outbox.take('backfill');
        this.#allowance -= batch?.rows ?? 0;
      }
      if (batch === null) return;
      this.#send(client, batch, lane);
    }
  }

  /** Rows of backfill that may go: at most one second's worth at once. */
  #refill(): void {
    const now = this.#deps.timer.elapsed();
    const rate = this.#options.backfillRowsPerSecond;
    const gained = ((now - this.#refilledAt) * rate) / SECOND;
    this.#allowance = Math.min(rate, this.#allowance + gained);
    this.#refilledAt = now;
  }

  #send(client: MqttClient, batch: { seq: number; body: string }, lane: Lane): void {
    const { seq } = batch;
    const { epoch } = this.#outbox;
    this.#inFlight.set(seq, { lane, sentAt: performance.now() });
    this.#sent[lane]++;
    const shift = this.#outbox.shiftOf(seq);
    const shifted = shift === 0 ? '' : `"shift":${shift},`;
    const payload = `{"epoch":"${epoch}","seq":${seq},"lane":"${lane}",${shifted}${batch.body}`;
    client.publish(topics.gatewayReadings(this.#options.gateway), payload, { qos: 1 }, (error) => {
      // An error is the end of the connection; the batch is sent again in the next one.
      if (error || this.#client !== client || this.#outbox.epoch !== epoch) return;
      this.#inFlight.delete(seq);
      this.#acknowledged++;
      this.#outbox.acknowledge(seq);
      this.#pump();
    });
  }

  /** One message of refused parts at a time, beside the places of the batches and at a pace of their own. */
  #sendRefused(client: MqttClient): void {
    const now = this.#deps.timer.elapsed();
    if (this.#refusedParts.waitMs(now) > 0 || this.#refusedBytes.waitMs(now) > 0) return;
    const next = this.#outbox.takeRefused();
    if (next === null) return;
    this.#refusedParts.spend(next.parts, now);
    this.#refusedBytes.spend(next.bytes, now);
    this.#refusedSentAt = performance.now();
    const { epoch } = this.#outbox;
    const topic = topics.gatewayRefused(this.#options.gateway);
    client.publish(topic, next.body, { qos: 1 }, (error) => {
      // As of a batch: what is not acknowledged is sent again in the next session.
      if (error || this.#client !== client || this.#outbox.epoch !== epoch) return;
      this.#refusedSentAt = null;
      this.#outbox.acknowledgeRefused(next.seqs);
      this.#pump();
    });
  }

  #command(client: MqttClient, topic: string, payload: Buffer): void {
    if (topic !== topics.gatewayCommands(this.#options.gateway)) return;
    this.#commands++;
    const result = answerCommand(payload, {
      at: this.#deps.timer.now(),
      version: this.#options.version,
    });
    client.publish(topics.gatewayResults(this.#options.gateway), JSON.stringify(result), {
      qos: 1,
    });
  }

  /** Ends a connection politely; one that does not follow is cut. */
  async #goodbye(client: MqttClient): Promise<void> {
    const cut = setTimeout(() => client.stream.destroy(), GOODBYE_MS);
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    if (client.connected) {
      const status: WireStatus = { online: false, at: formatTime(this.#deps.timer.now()) };
      const topic = topics.gatewayStatus(this.#options.gateway);
      const said = client.publishAsync(topic, JSON.stringify(status), { qos: 1, retain: true });
      // When it can no longer be sent, the will says the same.
      await Promise.race([said.catch(() => undefined), closed]);
    }
    // Waits for what is under way, until it is cut.
    client.end(!client.connected);
    await closed;
    clearTimeout(cut);
  }
}
