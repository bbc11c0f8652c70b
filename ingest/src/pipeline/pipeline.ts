/**
 * The pipeline of every message, whichever listener it came through: route → decode → check → append → acknowledge. What
 * can't be used becomes a dead letter with its reason and is acknowledged; only a store that can't write holds senders back.
 */
import {
  type ClockFault,
  type ClockOffset,
  formatTime,
  type Lane,
  OperationalError,
  type OwnClock,
  type Timer,
} from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Principal, Registry } from '@village/registry';
import type { TimeSeriesStore } from '@village/store/time-series';
import type {
  Dialect,
  DialectFactory,
  DialectServices,
  Login,
  Reject,
  RejectedPart,
} from '../dialects/dialect.ts';
import { builtinDialects } from '../dialects/index.ts';
import { type TopicRoute, TopicRouter, takeMessage } from '../dialects/topic-router.ts';
import { Counters, type PipelineCounters } from './counters.ts';
import { DeadLetters, keptRow, type Refused } from './dead-letters.ts';
import { GatewayClocks } from './gateway-clocks.ts';
import { type GatewayState, GatewayStates } from './gateway-states.ts';
import { type HttpSource, MessageContext, sourceOf } from './message-context.ts';
import { NotTaken, type NotTakenPart, type NotTakenTopic } from './not-taken.ts';
import { Pace } from './pace.ts';
import { Rows } from './rows.ts';
import { type Rerun, RunAgain } from './run-again.ts';
import {
  type Fields,
  isAbsent,
  lane as laneOf,
  list,
  type MessagePath,
  object,
  TOP,
} from './shape.ts';
import { takeRows } from './wire-rows.ts';

/** What the pipeline uses of a store. */
export type PipelineStore = Pick<
  TimeSeriesStore,
  | 'remember'
  | 'remembered'
  | 'layout'
  | 'device'
  | 'reserve'
  | 'unreserve'
  | 'spoke'
  | 'event'
  | 'sequence'
  | 'sequences'
  | 'sequenceDropped'
  | 'deadLetter'
  | 'frame'
  | 'note'
  | 'commitNow'
  | 'settle'
  | 'committedAt'
  | 'rowsPending'
  | 'frameBytesPending'
  | 'commitFault'
  | 'lookThroughDeadLetters'
  | 'deadLetterById'
  | 'resolveDeadLetters'
>;

export interface Incoming {
  readonly principal: Principal;
  readonly topic: string;
  /** Not kept beyond the call. */
  readonly payload: Buffer;
  readonly receivedAt: number;
  /** Marked as a repeat by the protocol. */
  readonly dup?: boolean;
}

export interface RowFault {
  /** Position in `readings`, or in `events` counted on from the end of the readings. */
  readonly index: number;
  readonly reason: string;
  readonly message: string;
}

/** A row that is stored under another time than it said, since that can't be true. */
export interface Redated {
  /** As of a fault. */
  readonly index: number;
  readonly at: string;
}

export interface HttpAnswer {
  readonly accepted: number;
  readonly quarantined: RowFault[];
  /** Absent when every row kept its time. */
  readonly redated?: Redated[];
}

export interface PipelineOptions {
  readonly store: PipelineStore;
  readonly registry: Registry;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly timer: Timer;
  /** Whether stamps may be taken from the timer; always when absent. */
  readonly ownClock?: OwnClock;
  /** Rows put in and not yet durable, beyond which nothing more is taken. */
  readonly rowsPendingMax?: number;
  /** What is understood of topics and payloads; the built-in dialects when absent. */
  readonly dialects?: readonly DialectFactory[];
}

const ROWS_PENDING_MAX = 200_000;
/** Bytes of frames put in and not yet durable, beyond which nothing more is taken. */
const FRAME_BYTES_PENDING_MAX = 64 * 1024 * 1024;
/** Takes all messages in and puts them into the store as durable rows. */
export class Pipeline {
  readonly #store: PipelineStore;
  readonly #timer: Timer;
  readonly #ownClock: OwnClock | null;
  readonly #rowsPendingMax: number;
  readonly #counters = new Counters();
  readonly #rows: Rows;
  readonly #deadLetters: DeadLetters;
  readonly #pace = new Pace();
  /** Ends the waiting of acknowledgements. */
  readonly #leaving = new AbortController();
  readonly #gateways = new GatewayStates();
  readonly #gatewayClocks: GatewayClocks;
  readonly #notTaken = new NotTaken();
  readonly #resultListeners = new Set<(gateway: string, result: unknown) => void>();
  readonly #dialects: readonly Dialect[];
  readonly #router: TopicRouter;
  readonly #runAgain: RunAgain;
  readonly #registry: Registry;

  constructor(options: PipelineOptions) {
    const { store, registry, profiles, dialects = builtinDialects } = options;
    this.#store = store;
    this.#registry = registry;
    this.#timer = options.timer;
    this.#ownClock = options.ownClock ?? null;
    this.#rowsPendingMax = options.rowsPendingMax ?? ROWS_PENDING_MAX;
    this.#gatewayClocks = new GatewayClocks({
      remember: (key, correction) => store.remember('clock', key, correction),
      remembered: store.remembered('clock'),
      elapsed: options.timer.elapsed,
      sequences: (gateway, epoch) => store.sequences(gateway).find((one) => one.epoch === epoch),
    });
    this.#rows = new Rows(store, registry, profiles, this.#counters, {
      ownClock: this.#ownClock,
      gatewayClocks: this.#gatewayClocks,
      onReplaced: (device, metric, at, now) =>
        this.#notTaken.notePart(
          device,
          { cause: 'value-replaced', metric, place: formatTime(at) },
          now,
        ),
    });
    this.#deadLetters = new DeadLetters(store, this.#counters, this.#pace);
    const services: DialectServices = {
      registry,
      profiles,
      rows: this.#rows,
      counters: this.#counters,
      gateways: this.#gateways,
      heardClock: (id, at, receivedAt, status) => {
        this.#ownClock?.told(id, at, receivedAt);
        this.#gatewayClocks.told(id, at, receivedAt, status);
      },
      mayHandOver: ({ id }) => {
        const fault = this.#pace.faultOf(id);
        if (fault === null) return;
        this.#counters.refusedFlooded++;
        throw fault;
      },
      sequence: (gateway, epoch, seq) => store.sequence(gateway, epoch, seq),
      sequenceDropped: (gateway, epoch, ranges) => store.sequenceDropped(gateway, epoch, ranges),
      gatewayResult: (gateway, result) => {
        for (const listener of this.#resultListeners) listener(gateway, result);
      },
    };
    this.#dialects = dialects.map((make) => make(services));
    this.#gateways.onStatus(({ id, at, online, epoch, version }) =>
      store.note({ type: 'gateway-status', at, subject: id, detail: { online, epoch, version } }),
    );
    this.#router = new TopicRouter(this.#dialects);
    this.#runAgain = new RunAgain({
      store,
      router: this.#router,
      rows: this.#rows,
      reject: (...rejected) => this.#reject(...rejected),
      settled: () => this.#settled(undefined),
    });
  }

  /** Who signs in: a device or gateway by its id and secret, or by its id and the key of its certificate, or whom a dialect knows by another sign. */
  authenticate(login: Login): Principal | undefined {
    const { username, password, certificate } = login;
    const byKey = certificate ? this.#registry.verifyKey(username, certificate.key) : undefined;
    const known = byKey ?? this.#registry.verify(username, password);
    if (known !== undefined) return known;
    for (const dialect of this.#dialects) {
      const principal = dialect.authenticate?.(login);
      if (principal !== undefined) return principal;
    }
    return undefined;
  }

  /** Whether a client may publish to a topic at all; `accept` checks what it says there. */
  mayPublish(principal: Principal, topic: string): boolean {
    const found = this.#router.find(topic);
    return found?.dialect.mayPublish(principal, found.route) ?? false;
  }

  maySubscribe(principal: Principal, filter: string): boolean {
    return this.#dialects.some((dialect) => dialect.maySubscribe(principal, filter));
  }

  /** MQTT filters that cover the topics of all dialects, for a subscription at an external broker. */
  filters(): readonly string[] {
    return [...new Set(this.#dialects.flatMap((dialect) => dialect.filters))];
  }

  /** Why our own clock can't be right: nothing is taken then, since it would get a wrong stamp. */
  get clockFault(): ClockFault | null {
    return this.#ownClock?.fault(this.#timer.now(), this.#store.committedAt) ?? null;
  }

  /** False while the store can't write or is behind: senders are held back then, not answered. */
  ready(): boolean {
    const { commitFault, rowsPending, frameBytesPending } = this.#store;
    if (commitFault !== null || this.clockFault !== null) return false;
    return rowsPending < this.#rowsPendingMax && frameBytesPending < FRAME_BYTES_PENDING_MAX;
  }

  /**
   * Takes one message; `done` runs when all of it is durable, as rows or as dead letters. With an error it runs when nothing
   * of it was taken, and its sender is to come again.
   */
  accept(message: Incoming, done: (error?: Error) => void): void {
    const { topic, receivedAt, payload } = message;
    this.#counters.messages++;
    const found = this.#router.find(topic);
    const sender = senderOf(message.principal, found);
    const context = new MessageContext(sender, topic, receivedAt, null, message.dup ?? false);
    if (sender.kind === 'gateway')
      this.#gateways.noteHeard(sender.id, { at: receivedAt, elapsed: this.#timer.elapsed() });
    try {
      takeMessage(found, payload, context, (row, _index, error, part) =>
        this.#reject(row, context, error, part),
      );
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (error.retry) {
        done(error);
        return;
      }
      const named = sender.kind === 'device' ? sender : found?.dialect.speaker(found.route);
      const id = named?.kind === 'device' ? named.id : null;
      const device = this.#refusedWhole(id, context, error.code) ? id : null;
      if (device !== null && error.code !== 'unknown-profile')
        this.#rows.spoke(this.#rows.device(device, TOP), context);
      this.#deadLetters.add(
        { source: sourceOf(sender), device, topic, payload: Buffer.from(payload), receivedAt },
        error,
        this.#timer.elapsed(),
      );
    }
    this.#settle(context, done);
  }

  /** What a device said is refused as a whole, which its page tells. False when its sender does not speak for it. */
  #refusedWhole(id: string | null, context: MessageContext, cause: string): boolean {
    const device = id === null ? undefined : this.#registry.device(id);
    if (device === undefined || !context.allows(device)) return false;
    this.#notTaken.notePart(device.id, { cause, metric: null, place: '' }, context.receivedAt);
    return true;
  }

  /** `done` runs once all is durable, and not before the sender is within its pace. */
  #settle({ sender, paced }: MessageContext, done: () => void): void {
    const source = sourceOf(sender);
    const { elapsed, sleep } = this.#timer;
    const waitMs = paced ? this.#pace.waitMs(source, elapsed()) : 0;
    if (waitMs === 0) {
      this.#store.settle(done);
      return;
    }
    this.#counters.refusedHeld++;
    const release = this.#pace.hold(source, elapsed());
    // An end of the waiting is no fault: what was sent is stored.
    const waited = sleep(waitMs, this.#leaving.signal).catch(() => undefined);
    this.#store.settle(() => {
      void waited.then(() => {
        release();
        done();
      });
    });
  }

  /** Acknowledges what is durable without holding anybody back any longer. */
  leave(): void {
    this.#leaving.abort();
  }

  /** Keeps a row that can't be stored, or the part of a row or frame. */
  #reject(
    row: unknown,
    context: MessageContext,
    error: OperationalError,
    rejected?: RejectedPart,
  ): void {
    const { sender, topic, receivedAt, paced } = context;
    const source = sourceOf(sender);
    if (rejected === undefined) {
      const named = (row as { device?: unknown } | null)?.device;
      const device = typeof named === 'string' ? named.slice(0, 64) : null;
      this.#refusedWhole(device, context, error.code);
      const whole: Refused = { source, device, topic, payload: keptRow(row), receivedAt };
      this.#deadLetters.add(
        { ...whole, ...(paced ? { flood: 'pace' } : {}) },
        error,
        this.#timer.elapsed(),
      );
      return;
    }
    const { device, payload = keptRow(row), byGateway = false, ...part } = rejected;
    const { metric, place } = part;
    if (!byGateway)
      this.#notTaken.notePart(device, { cause: error.code, metric, place }, receivedAt);
    const flood = paced ? 'pace' : 'sample';
    const kept: Refused = { source, device, topic, payload, receivedAt, part, flood };
    this.#deadLetters.add(kept, error, this.#timer.elapsed());
  }

  /**
   * `POST /api/v1/readings`: `{readings, events?, lane?}`, and the bytes that said so. Resolves when all of it is durable.
   * Rejects with the signal's reason when that comes first: it may be stored then, and sending it again does no harm.
   * @throws store-busy (retry) while nothing can be taken; not-an-object, not-a-list, too-many-rows, unknown-lane
   */
  async acceptHttp(
    body: unknown,
    source: HttpSource,
    { bytes = null, signal }: { bytes?: Uint8Array | null; signal?: AbortSignal } = {},
  ): Promise<HttpAnswer> {
    signal?.throwIfAborted();
    if (this.clockFault !== null)
      throw new OperationalError('clock-wrong', "the server's clock can't be right", {
        retry: true,
      });
    if (!this.ready())
      throw new OperationalError('store-busy', 'the store can take nothing now', { retry: true });
    const { readings, events, lane } = checkBody(object(body, ''));
    this.#counters.messages++;
    const moved: Redated[] = [];
    const redated = ({ list: of, index }: MessagePath, at: number): void => {
      moved.push({ index: of === 'events' ? readings.length + index : index, at: formatTime(at) });
    };
    const sender = { kind: 'http', id: `http:${source.name}`, source, redated } as const;
    const context = new MessageContext(sender, 'http', this.#timer.now(), lane, false);
    const quarantined: RowFault[] = [];
    let accepted = readings.length + events.length;
    const reject: Reject = (row, index, error, part) => {
      quarantined.push({ index, reason: error.code, message: error.message });
      if (part === undefined) accepted--;
      this.#reject(row, context, error, part);
    };
    takeRows(this.#rows, readings, events, context, reject, bytes, body);
    await this.#settled(signal);
    return { accepted, quarantined, ...(moved.length === 0 ? {} : { redated: moved }) };
  }

  #settled(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(signal?.reason);
      signal?.addEventListener('abort', aborted, { once: true });
      this.#store.settle(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      });
    });
  }

  /**
   * Runs dead letters again, after a profile was mended or a device registered. What is stored then is backfill with its
   * first receive time. All open entries when `ids` is absent, at most 10,000 a call.
   */
  rerunQuarantine(ids?: readonly number[]): Promise<Rerun> {
    return this.#runAgain.run(ids);
  }

  /** A gateway's session was ended, and its will with it: it is offline until it says otherwise. */
  gatewayGone(id: string, at: number): void {
    this.#gateways.gone(id, at);
  }

  /** A session of a device or gateway began or ended. */
  session(type: 'connect' | 'disconnect', { kind, id }: Principal, at: number): void {
    if (kind === 'gateway' && type === 'connect') {
      this.#gatewayClocks.connected(id, at);
      this.#gateways.connected(id);
    } else if (kind === 'gateway') this.#gateways.disconnected(id, at);
    this.#store.note({ type, at, subject: id, detail: { kind } });
  }

  /** A client said something on a topic that it may not use, or left a will there; it is acknowledged all the same. */
  ignored(principal: Principal, topic: string, cause: NotTakenTopic['cause']): void {
    this.#notTaken.note(principal, topic, cause, this.#timer.now());
  }

  /** What a client said that was not taken, since the start. */
  notTaken(principal: Principal): NotTakenTopic[] {
    return this.#notTaken.of(principal);
  }

  /** Parts of a device's frames that were refused here, since the start. */
  notTakenParts(device: string): NotTakenPart[] {
    return this.#notTaken.partsOf(device);
  }

  /** What is known of a device's clock; null when it has told no time since the start. */
  clockOf(device: string): ClockOffset | null {
    return this.#rows.clock(device);
  }

  /** What is known of a gateway's clock; null when it has told no time since the start. */
  clockOfGateway(gateway: string): ClockOffset | null {
    return this.#gatewayClocks.offset(gateway);
  }

  gateways(): ReadonlyMap<string, GatewayState> {
    return this.#gateways.all();
  }

  /** The ids of those that have spoken since the start, also of those that never tell their status. */
  spokenGateways(): ReadonlySet<string> {
    return this.#gateways.spoken();
  }

  /** When a gateway handed something over last, by the server's clock, and how long ago that is, ms; null when it has not since the start. */
  gatewayHeard(id: string): { readonly at: number; readonly agoMs: number } | null {
    const heard = this.#gateways.heard(id);
    return heard && { at: heard.at, agoMs: this.#timer.elapsed() - heard.elapsed };
  }

  /** Calls `listener`, which must not throw, at each status of a gateway, will included; returns what ends that. */
  onGatewayStatus(listener: (state: GatewayState) => void): () => void {
    return this.#gateways.onStatus(listener);
  }

  /** Calls `listener`, which must not throw, with each answer of a gateway to a command; returns what ends that. */
  onGatewayResult(listener: (gateway: string, result: unknown) => void): () => void {
    this.#resultListeners.add(listener);
    return () => this.#resultListeners.delete(listener);
  }

  /**
   * How many readings (one value of one metric) each device had taken since the last call, on every way and lane and
   * repeats included; one device may come twice.
   */
  takeStored(): { readonly device: string; readonly readings: number }[] {
    return this.#rows.takeStored();
  }

  counters(): PipelineCounters {
    return this.#counters;
  }
}

/** Who speaks: the client itself, or whom the topic names where the broker says nothing else. */
function senderOf(principal: Principal, found: TopicRoute | undefined): Principal {
  if (principal.kind !== 'topic') return principal;
  return found?.dialect.speaker(found.route) ?? principal;
}

function checkBody(body: Fields): {
  readings: readonly unknown[];
  events: readonly unknown[];
  lane: Lane | null;
} {
  return {
    readings: list(body['readings'], 'readings', true),
    events: list(body['events'], 'events', true),
    lane: isAbsent(body['lane']) ? null : laneOf(body['lane'], 'lane'),
  };
}
