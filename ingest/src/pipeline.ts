/**
 * The pipeline every message takes, whichever listener it came through: route → decode → check → append → acknowledge.
 * What can't be used is kept aside with its reason and acknowledged; only a store that can't write holds senders back.
 */
import { type Clock, type Device, type Lane, OperationalError } from '@village/core';
import { type DeviceProfile, decode, TopicIndex } from '@village/device-profiles';
import type { StoredQuarantineEntry, TimeSeriesStore } from '@village/store/time-series';
import { Counters, type PipelineCounters } from './counters.ts';
import { checkStatus, type GatewayState, Gateways } from './gateways.ts';
import { Quarantine } from './quarantine.ts';
import type { Principal, Registry } from './registry.ts';
import { type Entry, Rows } from './rows.ts';
import {
  lane as checkLane,
  type Fields,
  integer,
  list,
  object,
  parseJson,
  refuse,
  text,
} from './shape.ts';

/** What the pipeline uses of a store. */
export type PipelineStore = Pick<
  TimeSeriesStore,
  | 'layout'
  | 'device'
  | 'reserve'
  | 'unreserve'
  | 'event'
  | 'sequence'
  | 'sequenceDropped'
  | 'quarantine'
  | 'settle'
  | 'rowsPending'
  | 'commitFault'
  | 'quarantined'
  | 'resolveQuarantined'
>;

export interface Incoming {
  readonly principal: Principal;
  readonly topic: string;
  /** Not kept beyond the call. */
  readonly payload: Buffer;
  readonly receivedAt: number;
}

/** Who sends through HTTP: a name for the records, and the devices it may write. */
export interface HttpSource {
  readonly name: string;
  allows(device: Device): boolean;
}

export interface RowFault {
  /** Place in `readings`, or in `events` counted on from its end. */
  readonly index: number;
  readonly reason: string;
  readonly message: string;
}

export interface PipelineOptions {
  readonly store: PipelineStore;
  readonly registry: Registry;
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly clock: Clock;
}

/** One message on its way; `strict` throws what is wrong with a row instead of keeping it aside. */
interface Journey {
  readonly source: string;
  readonly topic: string;
  readonly receivedAt: number;
  readonly strict: boolean;
  /** Whether the sender may speak for a device. */
  readonly allows: (device: Device) => boolean;
}

type Route = (message: Incoming, journey: Journey) => boolean;

const DEVICES = 'village/v1/devices/';
const GATEWAYS = 'village/v1/gateways/';
const READINGS = '/readings';

/** The id between a topic's prefix and its suffix, or null. */
function idIn(topic: string, prefix: string, suffix: string): string | null {
  if (!topic.startsWith(prefix) || !topic.endsWith(suffix)) return null;
  const id = topic.slice(prefix.length, topic.length - suffix.length);
  return id.includes('/') ? null : id;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #counters = new Counters();
  readonly #rows: Rows;
  readonly #quarantine: Quarantine;
  readonly #gateways = new Gateways();
  readonly #topics: TopicIndex;
  /** The one list of ways in; the first that knows the topic takes the message. */
  readonly #routes: readonly Route[];

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#rows = new Rows(options.store, options.registry, options.profiles, this.#counters);
    this.#quarantine = new Quarantine(options.store, this.#counters);
    this.#topics = new TopicIndex([...options.profiles.values()]);
    this.#routes = [
      (message, journey) => this.#deviceReadings(message, journey),
      (message, journey) => this.#gatewayReadings(message, journey),
      (message, journey) => this.#gatewayStatus(message, journey),
      (message, journey) => this.#profileTopic(message, journey),
    ];
  }

  /** Whether a client may publish to a topic at all; what it says there is checked by `accept`. */
  mayPublish(principal: Principal, topic: string): boolean {
    const { kind, id } = principal;
    if (
      kind === 'device' &&
      topic.length === DEVICES.length + id.length + READINGS.length &&
      idIn(topic, DEVICES, READINGS) === id
    )
      return true;
    if (topic.startsWith('village/'))
      return (
        kind === 'gateway' &&
        ['/readings', '/status', '/results'].some((end) => idIn(topic, GATEWAYS, end) === id)
      );
    const found = this.#topics.find(topic);
    if (found === undefined) return false;
    // A network server may bring devices that are not registered yet: they are kept aside under their name.
    if (kind === 'gateway') return true;
    return this.#options.registry.byAddress(found.profile.id, found.address)?.id === id;
  }

  /** Takes one message; `done` runs when all of it is durable, or kept aside durably. */
  accept(message: Incoming, done: () => void): void {
    const { principal, topic, receivedAt } = message;
    this.#counters.messages++;
    const journey: Journey = {
      source: principal.id,
      topic,
      receivedAt,
      strict: false,
      allows: allowedTo(principal),
    };
    try {
      this.#run(message, journey);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      const { source } = journey;
      this.#quarantine.keep(
        { source, device: null, topic, payload: Buffer.from(message.payload), receivedAt },
        error,
      );
    }
    this.#options.store.settle(done);
  }

  #run(message: Incoming, journey: Journey): void {
    for (const route of this.#routes) if (route(message, journey)) return;
    throw new OperationalError(
      'unknown-topic',
      `no profile and no rule takes ${message.topic.slice(0, 200)}`,
    );
  }

  #deviceReadings(message: Incoming, journey: Journey): boolean {
    const id = idIn(message.topic, DEVICES, READINGS);
    if (id === null) return false;
    const reading = object(parseJson(message.payload), '');
    if (reading['device'] !== undefined && reading['device'] !== id)
      refuse('not-your-device', 'device', `the topic is that of ${id}`);
    this.#rows.put(this.#entry(id, journey, ''), reading, journey.receivedAt, null, '');
    return true;
  }

  #gatewayReadings(message: Incoming, journey: Journey): boolean {
    const id = idIn(message.topic, GATEWAYS, READINGS);
    if (id === null) return false;
    const batch = object(parseJson(message.payload), '');
    const epoch = text(batch['epoch'], 'epoch', 64);
    const seq = integer(batch['seq'], 'seq', 1);
    const lane = checkLane(batch['lane'], 'lane');
    const readings = list(batch['readings'], 'readings');
    const events = list(batch['events'], 'events', true);
    this.#options.store.sequence(id, epoch, seq);
    this.#each(readings, events, lane, journey);
    return true;
  }

  /** Stores rows and events one by one; a bad one is kept aside alone. */
  #each(
    readings: readonly unknown[],
    events: readonly unknown[],
    lane: Lane | null,
    journey: Journey,
  ): RowFault[] {
    const faults: RowFault[] = [];
    const one = (value: unknown, index: number, name: 'readings' | 'events'): void => {
      const place = `${name}[${name === 'readings' ? index : index - readings.length}].`;
      try {
        const fields = object(value, place.slice(0, -1));
        const entry = this.#entry(
          text(fields['device'], `${place}device`, 64),
          journey,
          `${place}device`,
        );
        if (name === 'readings') this.#rows.put(entry, fields, journey.receivedAt, lane, place);
        else this.#rows.putEvent(entry, fields, journey.receivedAt, lane, place);
      } catch (error) {
        if (!(error instanceof OperationalError) || journey.strict) throw error;
        faults.push({ index, reason: error.code, message: error.message });
        this.#keepRow(value, journey, error);
      }
    };
    for (let n = 0; n < readings.length; n++) one(readings[n], n, 'readings');
    for (let n = 0; n < events.length; n++) one(events[n], readings.length + n, 'events');
    return faults;
  }

  #keepRow(value: unknown, journey: Journey, error: OperationalError): void {
    const device = (value as { device?: unknown } | null)?.device;
    this.#quarantine.keep(
      {
        source: journey.source,
        device: typeof device === 'string' ? device.slice(0, 64) : null,
        topic: journey.topic,
        payload: Buffer.from(JSON.stringify(value)),
        receivedAt: journey.receivedAt,
      },
      error,
    );
  }

  #gatewayStatus(message: Incoming, journey: Journey): boolean {
    const id = idIn(message.topic, GATEWAYS, '/status');
    if (id === null) return idIn(message.topic, GATEWAYS, '/results') !== null;
    const status = checkStatus(parseJson(message.payload));
    this.#gateways.set(id, status, journey.receivedAt);
    if (
      status.epoch !== undefined &&
      status.droppedSeq !== undefined &&
      status.droppedSeq.length > 0
    )
      this.#options.store.sequenceDropped(id, status.epoch, status.droppedSeq);
    return true;
  }

  #profileTopic(message: Incoming, journey: Journey): boolean {
    const found = this.#topics.find(message.topic);
    if (found === undefined) return false;
    const device = this.#options.registry.byAddress(found.profile.id, found.address);
    if (device === undefined)
      throw new OperationalError(
        'unknown-device',
        `no ${found.profile.id} with address ${found.address.slice(0, 64)} is registered`,
      );
    const entry = this.#entry(device.id, journey, 'topic');
    const frame = { protocol: 'mqtt', topic: message.topic, payload: message.payload } as const;
    this.#rows.putDecoded(
      entry,
      decode(entry.profile, frame, { options: device.options }),
      journey.receivedAt,
      null,
    );
    return true;
  }

  #entry(id: string, journey: Journey, place: string): Entry {
    const entry = this.#rows.entry(id, place);
    if (!journey.allows(entry.device))
      refuse('not-your-device', place, `${journey.source} does not speak for ${id}`);
    return entry;
  }

  /**
   * `POST /api/v1/readings`: `{readings, events?, lane?}`. Resolves when all of it is durable.
   * @throws an OperationalError when the body itself has not that shape
   */
  acceptHttp(
    body: unknown,
    source: HttpSource,
  ): Promise<{ accepted: number; quarantined: RowFault[] }> {
    const { readings, events, lane } = checkBody(object(body, ''));
    this.#counters.messages++;
    const journey: Journey = {
      source: `http:${source.name}`,
      topic: 'http',
      receivedAt: this.#options.clock(),
      strict: false,
      allows: (device) => source.allows(device),
    };
    const quarantined = this.#each(readings, events, lane, journey);
    const accepted = readings.length + events.length - quarantined.length;
    return new Promise((resolve) =>
      this.#options.store.settle(() => resolve({ accepted, quarantined })),
    );
  }

  /**
   * Runs kept-aside entries again, after a profile was mended or a device registered; what is stored now is history
   * (backfill lane) with its first receive time. All open entries when `ids` is absent, at most 10,000 a call.
   */
  rerunQuarantine(
    ids?: readonly number[],
  ): Promise<{ accepted: number; refused: { id: number; reason: string; message: string }[] }> {
    const { store } = this.#options;
    const wanted = ids === undefined ? null : new Set(ids);
    const open = store
      .quarantined({ limit: 10_000, state: 'open' })
      .filter((entry) => wanted?.has(entry.id) ?? true);
    const accepted: number[] = [];
    const refused: { id: number; reason: string; message: string }[] = [];
    for (const entry of open) {
      try {
        this.#rerun(entry);
        accepted.push(entry.id);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        refused.push({ id: entry.id, reason: error.code, message: error.message });
      }
    }
    return new Promise((resolve) =>
      store.settle(() => {
        store.resolveQuarantined(accepted, 'rerun');
        resolve({ accepted: accepted.length, refused });
      }),
    );
  }

  #rerun(entry: StoredQuarantineEntry): void {
    const payload = Buffer.from(entry.payload);
    const gateway = idIn(entry.topic, GATEWAYS, READINGS);
    // Whoever reruns answers for HTTP entries; a device's own topic can only carry itself.
    const allows = (device: Device): boolean => gateway === null || device.gateway === gateway;
    const journey: Journey = {
      source: entry.source,
      topic: entry.topic,
      receivedAt: entry.receivedAt,
      strict: true,
      allows,
    };
    if (gateway === null && entry.topic !== 'http') {
      const principal: Principal = { kind: 'device', id: entry.source };
      this.#run({ principal, topic: entry.topic, payload, receivedAt: entry.receivedAt }, journey);
      return;
    }
    const kept = object(parseJson(payload), '') as Fields;
    if (Array.isArray(kept['readings'])) {
      const whole = checkBody(kept);
      this.#each(whole.readings, whole.events, 'backfill', journey);
    } else if (kept['type'] === undefined) this.#each([kept], [], 'backfill', journey);
    else this.#each([], [kept], 'backfill', journey);
  }

  gateways(): ReadonlyMap<string, GatewayState> {
    return this.#gateways.all();
  }

  counters(): PipelineCounters {
    return this.#counters;
  }
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

/** A device speaks for itself, a gateway for the devices that name it. */
function allowedTo(principal: Principal): (device: Device) => boolean {
  return principal.kind === 'device'
    ? (device) => device.id === principal.id
    : (device) => device.gateway === principal.id;
}
