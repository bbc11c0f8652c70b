/**
 * The pipeline every message takes, whichever listener it came through: way → decode → check → append → acknowledge.
 * What can't be used is kept aside with its reason and acknowledged; only a store that can't write holds senders back.
 */
import { type Clock, type Lane, OperationalError } from '@village/core';
import { type DeviceProfile, decode } from '@village/device-profiles';
import type { StoredDeadLetter, TimeSeriesStore } from '@village/store/time-series';
import { deviceOf, mayUse, type Way, Ways } from '../dialects/topic-router.ts';
import { checkStatus, type GatewayState, Gateways } from '../dialects/village/gateways.ts';
import type { Principal, Registry } from '../registry.ts';
import { Counters, type PipelineCounters } from './counters.ts';
import { Quarantine } from './dead-letters.ts';
import { type HttpSource, Journey } from './message-context.ts';
import { type Entry, Rows } from './rows.ts';
import {
  lane as checkLane,
  type Fields,
  integer,
  list,
  object,
  Place,
  parseJson,
  refuse,
  TOP,
  textIn,
  tooDeep,
} from './shape.ts';

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
  | 'settle'
  | 'rowsPending'
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
  /** Marked by the protocol as sent again. */
  readonly dup?: boolean;
}

export interface RowFault {
  /** Place in `readings`, or in `events` counted on from its end. */
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
}

const ROWS_PENDING_MAX = 200_000;
/** Entries that one call runs again. */
const RERUN_MAX = 10_000;

/** Keeps a bad row of a list aside; told what is wrong with it. */
type Aside = (row: unknown, index: number, error: OperationalError) => void;

/** How one message is taken; says with an OperationalError why it can't be. */
type Take<Name extends Way['name']> = (
  way: Extract<Way, { name: Name }>,
  payload: Buffer,
  journey: Journey,
  aside: Aside,
) => void;

/** One way from bytes to durable rows for everything that is said to this server. */
export class Pipeline {
  readonly #store: PipelineStore;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #rowsPendingMax: number;
  readonly #counters = new Counters();
  readonly #rows: Rows;
  readonly #quarantine: Quarantine;
  readonly #gateways = new Gateways();
  readonly #resultListeners = new Set<(gateway: string, result: unknown) => void>();
  readonly #ways: Ways;
  /** The one list of what can be said, and who takes it. */
  readonly #takes: { readonly [Name in Way['name']]: Take<Name> } = {
    device: (way, payload, journey) => this.#takeReading(way.id, payload, journey),
    gateway: (way, payload, journey, aside) => this.#takeBatch(way.id, payload, journey, aside),
    status: (way, payload, journey) => this.#takeStatus(way.id, payload, journey),
    result: (way, payload) => this.#takeResult(way.id, payload),
    profile: (way, payload, journey) => this.#takeFrame(way, payload, journey),
    unknown: (_way, _payload, journey) =>
      refuse('unknown-topic', '', `nothing takes ${journey.topic.slice(0, 200)}`),
  };

  constructor(options: PipelineOptions) {
    const { store, registry, profiles } = options;
    this.#store = store;
    this.#registry = registry;
    this.#clock = options.clock;
    this.#rowsPendingMax = options.rowsPendingMax ?? ROWS_PENDING_MAX;
    this.#rows = new Rows(store, registry, profiles, this.#counters);
    this.#quarantine = new Quarantine(store, this.#counters);
    this.#ways = new Ways(profiles.values());
  }

  /** Whether a client may publish to a topic at all; what it says there is checked by `accept`. */
  mayPublish(principal: Principal, topic: string): boolean {
    return mayUse(this.#ways.of(topic), principal, this.#registry);
  }

  /** False while the store can't write or is behind: senders are held back then, not answered. */
  ready(): boolean {
    return this.#store.commitFault === null && this.#store.rowsPending < this.#rowsPendingMax;
  }

  /** Takes one message; `done` runs when all of it is durable, or kept aside durably. */
  accept(message: Incoming, done: () => void): void {
    const { principal, topic, receivedAt, payload } = message;
    this.#counters.messages++;
    const journey = new Journey(principal, topic, receivedAt, null, message.dup ?? false);
    try {
      this.#take(payload, journey, (row, _index, error) => this.#keepRow(row, journey, error));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const bytes = Buffer.from(payload);
      this.#quarantine.keep(
        { source: principal.id, device: null, topic, payload: bytes, receivedAt },
        error,
      );
    }
    this.#store.settle(done);
  }

  #take(payload: Buffer, journey: Journey, aside: Aside): void {
    const way = this.#ways.of(journey.topic);
    const take = this.#takes[way.name] as Take<Way['name']>;
    take(way, payload, journey, aside);
  }

  #takeReading(id: string, payload: Buffer, journey: Journey): void {
    const reading = object(parseJson(payload), '');
    if (reading['device'] !== undefined && reading['device'] !== id)
      refuse('not-your-device', 'device', `the topic is that of ${id}`);
    this.#rows.put(this.#entry(id, journey, TOP), reading, journey, TOP);
  }

  #takeBatch(id: string, payload: Buffer, journey: Journey, aside: Aside): void {
    const batch = object(parseJson(payload), '');
    const again = journey.sender.kind === 'again';
    // Rows of a batch are kept aside one by one, and run again the same way.
    if (again && batch['readings'] === undefined) {
      this.#takeKept(batch, journey, aside);
      return;
    }
    const epoch = textIn(batch, 'epoch', TOP, 64);
    const seq = integer(batch['seq'], 'seq', 1);
    const lane = checkLane(batch['lane'], 'lane');
    const readings = list(batch['readings'], 'readings');
    const events = list(batch['events'], 'events', true);
    this.#store.sequence(id, epoch, seq);
    this.#takeRows(readings, events, journey.on(lane), aside);
  }

  /** A row or an event that was kept aside alone. */
  #takeKept(row: Fields, journey: Journey, aside: Aside): void {
    if (row['type'] === undefined) this.#takeRows([row], [], journey, aside);
    else this.#takeRows([], [row], journey, aside);
  }

  /** Stores rows and events one by one; a bad one is kept aside alone. Returns how many were. */
  #takeRows(
    readings: readonly unknown[],
    events: readonly unknown[],
    journey: Journey,
    aside: Aside,
  ): void {
    const place = new Place('readings');
    for (let n = 0; n < readings.length; n++) {
      place.index = n;
      try {
        const fields = object(readings[n], place);
        const id = textIn(fields, 'device', place, 64);
        this.#rows.put(this.#entry(id, journey, place), fields, journey, place);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        aside(readings[n], n, error);
      }
    }
    if (events.length > 0) this.#takeEvents(events, readings.length, journey, aside);
  }

  #takeEvents(events: readonly unknown[], first: number, journey: Journey, aside: Aside): void {
    const place = new Place('events');
    for (let n = 0; n < events.length; n++) {
      place.index = n;
      try {
        const fields = object(events[n], place);
        const id = textIn(fields, 'device', place, 64);
        this.#rows.putEvent(this.#entry(id, journey, place), fields, journey, place);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        aside(events[n], first + n, error);
      }
    }
  }

  #takeStatus(id: string, payload: Buffer, journey: Journey): void {
    const status = checkStatus(parseJson(payload));
    const { epoch, droppedSeq } = status;
    this.#counters.statuses++;
    // What is run again is no news of how the gateway stands.
    if (journey.sender.kind !== 'again') this.#gateways.set(id, status, journey.receivedAt);
    if (epoch !== undefined && droppedSeq !== undefined && droppedSeq.length > 0)
      this.#store.sequenceDropped(id, epoch, droppedSeq);
  }

  #takeResult(id: string, payload: Buffer): void {
    const result = object(parseJson(payload), '');
    for (const listener of this.#resultListeners) listener(id, result);
  }

  #takeFrame(
    { owner }: Extract<Way, { name: 'profile' }>,
    payload: Buffer,
    journey: Journey,
  ): void {
    const device = deviceOf(this.#registry, owner);
    if (device === undefined)
      refuse(
        'unknown-device',
        'topic',
        `no ${owner.profile.id} with address ${owner.address.slice(0, 64)} is registered`,
      );
    const entry = this.#entry(device.id, journey, TOP);
    const frame = { protocol: 'mqtt', topic: journey.topic, payload } as const;
    const decoded = decode(entry.profile, frame, { options: device.options });
    this.#rows.putDecoded(entry, decoded, journey, () => payload.toString('latin1'));
  }

  #entry(id: string, journey: Journey, place: Place): Entry {
    const entry = this.#rows.entry(id, place);
    if (!journey.allows(entry.device))
      refuse(
        'not-your-device',
        place.of('device'),
        `${journey.sender.id} does not speak for ${id}`,
      );
    return entry;
  }

  #keepRow(row: unknown, journey: Journey, error: OperationalError): void {
    const device = (row as { device?: unknown } | null)?.device;
    const text = tooDeep(row) ? '"nested too deep to be kept"' : JSON.stringify(row, visibly);
    this.#quarantine.keep(
      {
        source: journey.sender.id,
        device: typeof device === 'string' ? device.slice(0, 64) : null,
        topic: journey.topic,
        payload: Buffer.from(text),
        receivedAt: journey.receivedAt,
      },
      error,
    );
  }

  /**
   * `POST /api/v1/readings`: `{readings, events?, lane?}`. Resolves when all of it is durable.
   * Rejects with the signal's reason when that comes first: it may be stored then, and sending it again does no harm.
   * @throws store-busy (retry) while nothing can be taken; not-an-object, not-a-list, too-many-rows, unknown-lane
   */
  async acceptHttp(
    body: unknown,
    source: HttpSource,
    signal?: AbortSignal,
  ): Promise<{ accepted: number; quarantined: RowFault[] }> {
    signal?.throwIfAborted();
    if (!this.ready())
      throw new OperationalError('store-busy', 'the store can take nothing now', { retry: true });
    const { readings, events, lane } = checkBody(object(body, ''));
    this.#counters.messages++;
    const sender = { kind: 'http', id: `http:${source.name}`, source } as const;
    const journey = new Journey(sender, 'http', this.#clock(), lane, false);
    const quarantined: RowFault[] = [];
    this.#takeRows(readings, events, journey, (row, index, error) => {
      quarantined.push({ index, reason: error.code, message: error.message });
      this.#keepRow(row, journey, error);
    });
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
   * Runs kept-aside entries again, after a profile was mended or a device registered; what is stored now is history
   * (backfill lane) with its first receive time. All open entries when `ids` is absent, at most 10,000 a call.
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
    const journey = new Journey(
      { kind: 'again', id: source },
      topic,
      receivedAt,
      'backfill',
      false,
    );
    const aside: Aside = (_row, _index, error) => {
      throw error;
    };
    if (viaHttp) this.#takeKept(object(parseJson(payload), ''), journey, aside);
    else this.#take(payload, journey, aside);
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

/** JSON has no infinity: what was refused for it must not be kept as a null that nobody sent. */
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
    lane: body['lane'] === undefined ? null : checkLane(body['lane'], 'lane'),
  };
}
