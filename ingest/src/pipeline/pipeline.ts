/**
 * The pipeline of every message, whichever listener it came through: route → decode → check → append → acknowledge. What
 * can't be used becomes a dead letter with its reason and is acknowledged; only a store that can't write holds senders back.
 */
import { type Clock, type Lane, OperationalError } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { Principal, Registry } from '@village/registry';
import type { StoredDeadLetter, TimeSeriesStore } from '@village/store/time-series';
import type {
  Dialect,
  DialectFactory,
  DialectServices,
  Login,
  Reject,
} from '../dialects/dialect.ts';
import { builtinDialects } from '../dialects/index.ts';
import { type TopicRoute, TopicRouter } from '../dialects/topic-router.ts';
import { Counters, type PipelineCounters } from './counters.ts';
import { DeadLetters } from './dead-letters.ts';
import { type GatewayState, GatewayStates } from './gateway-states.ts';
import { type HttpSource, MessageContext } from './message-context.ts';
import { NotTaken, type NotTakenTopic } from './not-taken.ts';
import { Rows } from './rows.ts';
import { type Fields, lane as laneOf, list, object, parseJson, refuse, tooDeep } from './shape.ts';
import { takeRow, takeRows } from './wire-rows.ts';

/** What the pipeline uses of a store. */
export type PipelineStore = Pick<
  TimeSeriesStore,
  | 'latest'
  | 'layout'
  | 'device'
  | 'reserve'
  | 'unreserve'
  | 'event'
  | 'sequence'
  | 'sequenceDropped'
  | 'deadLetter'
  | 'frame'
  | 'note'
  | 'commitNow'
  | 'settle'
  | 'rowsPending'
  | 'frameBytesPending'
  | 'commitFault'
  | 'deadLetters'
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

export interface Rerun {
  readonly accepted: number;
  readonly refused: { readonly id: number; readonly reason: string; readonly message: string }[];
}

export interface PipelineOptions {
  readonly store: PipelineStore;
  readonly registry: Registry;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly clock: Clock;
  /** Rows put in and not yet durable, beyond which nothing more is taken. */
  readonly rowsPendingMax?: number;
  /** What is understood of topics and payloads; the built-in dialects when absent. */
  readonly dialects?: readonly DialectFactory[];
}

const ROWS_PENDING_MAX = 200_000;
/** Bytes of frames put in and not yet durable, beyond which nothing more is taken. */
const FRAME_BYTES_PENDING_MAX = 64 * 1024 * 1024;
/** Begins the source of a dead letter whose topic named nobody known; other sources have no colon but HTTP's. */
const BROKER = 'topic:';
/** Entries that one call runs again. */
const RERUN_MAX = 10_000;

/** Takes all messages in and puts them into the store as durable rows. */
export class Pipeline {
  readonly #store: PipelineStore;
  readonly #clock: Clock;
  readonly #rowsPendingMax: number;
  readonly #counters = new Counters();
  readonly #rows: Rows;
  readonly #deadLetters: DeadLetters;
  readonly #gateways = new GatewayStates();
  readonly #notTaken = new NotTaken();
  readonly #resultListeners = new Set<(gateway: string, result: unknown) => void>();
  readonly #dialects: readonly Dialect[];
  readonly #router: TopicRouter;
  readonly #registry: Registry;

  constructor(options: PipelineOptions) {
    const { store, registry, profiles, dialects = builtinDialects } = options;
    this.#store = store;
    this.#registry = registry;
    this.#clock = options.clock;
    this.#rowsPendingMax = options.rowsPendingMax ?? ROWS_PENDING_MAX;
    this.#rows = new Rows(store, registry, profiles, this.#counters);
    this.#deadLetters = new DeadLetters(store, this.#counters);
    const services: DialectServices = {
      registry,
      profiles,
      rows: this.#rows,
      counters: this.#counters,
      gateways: this.#gateways,
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
  }

  /** Who signs in: a device or gateway by its id and secret, or whom a dialect knows by another sign. */
  authenticate(login: Login): Principal | undefined {
    const known = this.#registry.verify(login.username, login.password);
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

  /** False while the store can't write or is behind: senders are held back then, not answered. */
  ready(): boolean {
    const { commitFault, rowsPending, frameBytesPending } = this.#store;
    if (commitFault !== null) return false;
    return rowsPending < this.#rowsPendingMax && frameBytesPending < FRAME_BYTES_PENDING_MAX;
  }

  /** Takes one message; `done` runs when all of it is durable, as rows or as dead letters. */
  accept(message: Incoming, done: () => void): void {
    const { topic, receivedAt, payload } = message;
    this.#counters.messages++;
    const found = this.#router.find(topic);
    const sender = senderOf(message.principal, found);
    const context = new MessageContext(sender, topic, receivedAt, null, message.dup ?? false);
    try {
      take(found, payload, context, (row, _index, error) => this.#rejectRow(row, context, error));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const bytes = Buffer.from(payload);
      this.#deadLetters.add(
        { source: sourceOf(sender), device: null, topic, payload: bytes, receivedAt },
        error,
      );
    }
    this.#store.settle(done);
  }

  #rejectRow(row: unknown, context: MessageContext, error: OperationalError): void {
    const device = (row as { device?: unknown } | null)?.device;
    const text = tooDeep(row) ? '"nested too deep to be kept"' : JSON.stringify(row, visibly);
    this.#deadLetters.add(
      {
        source: sourceOf(context.sender),
        device: typeof device === 'string' ? device.slice(0, 64) : null,
        topic: context.topic,
        payload: Buffer.from(text),
        receivedAt: context.receivedAt,
      },
      error,
    );
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
  ): Promise<{ accepted: number; quarantined: RowFault[] }> {
    signal?.throwIfAborted();
    if (!this.ready())
      throw new OperationalError('store-busy', 'the store can take nothing now', { retry: true });
    const { readings, events, lane } = checkBody(object(body, ''));
    this.#counters.messages++;
    const sender = { kind: 'http', id: `http:${source.name}`, source } as const;
    const context = new MessageContext(sender, 'http', this.#clock(), lane, false);
    const quarantined: RowFault[] = [];
    const reject: Reject = (row, index, error) => {
      quarantined.push({ index, reason: error.code, message: error.message });
      this.#rejectRow(row, context, error);
    };
    takeRows(this.#rows, readings, events, context, reject, bytes);
    await this.#settled(signal);
    return { accepted: readings.length + events.length - quarantined.length, quarantined };
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
  async rerunQuarantine(ids?: readonly number[]): Promise<Rerun> {
    const open = this.#store.deadLetters({ limit: RERUN_MAX, state: 'open' });
    const wanted = ids === undefined ? null : new Set(ids);
    const accepted: number[] = [];
    const refused: { id: number; reason: string; message: string }[] = [];
    for (const entry of open) {
      if (wanted !== null && !wanted.has(entry.id)) continue;
      try {
        this.#rerun(entry);
        accepted.push(entry.id);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        refused.push({ id: entry.id, reason: error.code, message: error.message });
      }
    }
    await this.#settled(undefined);
    this.#store.resolveDeadLetters(accepted, 'rerun');
    return { accepted: accepted.length, refused };
  }

  /** Throws what is still wrong; rows before that are stored, and storing them once more does no harm. */
  #rerun(entry: StoredDeadLetter): void {
    const { source, topic, receivedAt, reason, message } = entry;
    const viaHttp = source.startsWith('http:');
    // Whoever sent it had no right to; that somebody else runs it again does not give it one.
    if (viaHttp && reason === 'not-your-device') throw new OperationalError(reason, message);
    const payload = Buffer.from(entry.payload);
    const found = this.#router.find(topic);
    const named = source.startsWith(BROKER) ? found?.dialect.speaker(found.route) : undefined;
    const context = new MessageContext(
      { kind: 'rerun', id: named?.id ?? source },
      topic,
      receivedAt,
      'backfill',
      false,
    );
    const reject: Reject = (_row, _index, error) => {
      throw error;
    };
    if (viaHttp) takeRow(this.#rows, object(parseJson(payload), ''), context, reject, payload);
    else take(found, payload, context, reject);
  }

  /** A gateway's session was ended, and its will with it: it is offline until it says otherwise. */
  gatewayGone(id: string, at: number): void {
    if (this.#gateways.all().has(id)) this.#gateways.set(id, { online: false, droppedSeq: [] }, at);
  }

  /** A session of a device or gateway began or ended. */
  session(type: 'connect' | 'disconnect', { kind, id }: Principal, at: number): void {
    this.#store.note({ type, at, subject: id, detail: { kind } });
  }

  /** A client said something on a topic that it may not use, or left a will there; it is acknowledged all the same. */
  ignored(principal: Principal, topic: string, cause: NotTakenTopic['cause']): void {
    this.#notTaken.note(principal, topic, cause, this.#clock());
  }

  /** What a client said that was not taken, since the start. */
  notTaken(principal: Principal): NotTakenTopic[] {
    return this.#notTaken.of(principal);
  }

  gateways(): ReadonlyMap<string, GatewayState> {
    return this.#gateways.all();
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

/** The sender's name on a dead letter. */
function sourceOf({ kind, id }: MessageContext['sender']): string {
  return kind === 'topic' ? `${BROKER}${id}` : id;
}

function take(
  found: TopicRoute | undefined,
  payload: Buffer,
  context: MessageContext,
  reject: Reject,
): void {
  if (found === undefined)
    refuse('unknown-topic', '', `nothing takes ${context.topic.slice(0, 200)}`);
  found.dialect.take(found.route, payload, context, reject);
}

/** JSON has no infinity: a row rejected for one must not be stored with a null that nobody sent. */
function visibly(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function checkBody(body: Fields): {
  readings: readonly unknown[];
  events: readonly unknown[];
  lane: Lane | null;
} {
  return {
    readings: list(body['readings'], 'readings', true),
    events: list(body['events'], 'events', true),
    lane: body['lane'] === undefined ? null : laneOf(body['lane'], 'lane'),
  };
}
