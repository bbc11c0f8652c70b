/**
 * Puts readings of devices into the store's open group: the innermost step on the way of a reading, so it allocates
 * nothing for each row. Looks up a device once and keeps what it needs until the registry gives another object.
 */
import {
  type ClockOffset,
  canBeTrue,
  type Device,
  DeviceClock,
  EVENT_DETAIL_CHARACTERS_MAX,
  GivenTimes,
  type OwnClock,
  qualityCode,
} from '@village/core';
import { type Decoded, type DeviceProfile, isEvidence } from '@village/device-profiles';
import type { RepeatedKey } from '@village/device-profiles/mqtt';
import type { Registry } from '@village/registry';
import { type Appender, ROW_FLAG, type TimeSeriesStore } from '@village/store/time-series';
import type { Counters } from './counters.ts';
import type { GatewayClocks } from './gateway-clocks.ts';
import { type KeptFrame, KeptFrames } from './kept-frames.ts';
import type { Arrival, MessageContext } from './message-context.ts';
import type { RegisteredDevice } from './registered-device.ts';
import { partsOfTwice, RowFaults, type RowParts, takenOf } from './row-parts.ts';
import { isHistory, refuseTime } from './row-times.ts';
import { codeOf, setQuality, valueFault } from './row-values.ts';
import {
  type Fields,
  fault,
  isAbsent,
  type MessagePath,
  objectIn,
  refuse,
  textIn,
  time,
  tooDeep,
} from './shape.ts';

const IMPLAUSIBLE = qualityCode('implausible') ?? 0;

type RowStore = Appender & Pick<TimeSeriesStore, 'remembered' | 'spoke'>;

/** A value took the place of another one that the device had said for the same time. */
type OnReplaced = (device: string, metric: string, at: number, receivedAt: number) => void;

export class Rows {
  readonly #store: RowStore;
  readonly #registry: Registry;
  readonly #profiles: ReadonlyMap<string, DeviceProfile>;
  readonly #counters: Counters;
  readonly #onReplaced: OnReplaced;
  readonly #devices = new Map<string, RegisteredDevice>();
  readonly #ownClock: OwnClock | null;
  readonly #gatewayClocks: GatewayClocks;
  readonly #times: GivenTimes;
  /** What times of devices were corrected by when the process began. */
  readonly #corrections: ReadonlyMap<string, number>;
  readonly #frames: KeptFrames;
  /** Devices with readings since `takeStored`. */
  #withNewReadings: RegisteredDevice[] = [];

  constructor(
    store: RowStore,
    registry: Registry,
    profiles: ReadonlyMap<string, DeviceProfile>,
    counters: Counters,
    {
      ownClock,
      gatewayClocks,
      onReplaced,
    }: { ownClock: OwnClock | null; gatewayClocks: GatewayClocks; onReplaced: OnReplaced },
  ) {
    this.#gatewayClocks = gatewayClocks;
    this.#ownClock = ownClock;
    this.#onReplaced = onReplaced;
    this.#store = store;
    this.#registry = registry;
    this.#profiles = profiles;
    this.#counters = counters;
    this.#frames = new KeptFrames(store);
    this.#times = new GivenTimes(
      (key, at) => store.remember('given-time', key, at),
      store.remembered('given-time'),
    );
    this.#corrections = new Map(store.remembered('clock'));
  }

  /** A registered device with what its rows need. @throws unknown-device, unknown-profile */
  device(id: string, path: MessagePath): RegisteredDevice {
    const device = this.#registry.device(id);
    const known = this.#devices.get(id);
    if (known !== undefined && known.device === device) return known;
    if (device === undefined) {
      this.#devices.delete(id);
      refuse('unknown-device', path.of('device'), `no device ${id.slice(0, 64)} is registered`);
    }
    const made = this.#register(device, path, known);
    this.#devices.set(id, made);
    return made;
  }

  /** The same, for a message whose sender must be allowed to speak for it. @throws not-your-device as well */
  deviceFor(id: string, context: MessageContext, path: MessagePath): RegisteredDevice {
    const registered = this.device(id, path);
    if (!context.allows(registered.device))
      refuse('not-your-device', path.of('device'), `${context.sender.id} does not speak for ${id}`);
    return registered;
  }

  #register(
    device: Device,
    path: MessagePath,
    known: Pick<RegisteredDevice, 'lastGiven' | 'clock' | 'correction'> = this.#unheard(device.id),
  ): RegisteredDevice {
    const profile = this.#profiles.get(device.profile);
    if (profile === undefined)
      refuse(
        'unknown-profile',
        path.of('device'),
        `device ${device.id} has profile ${device.profile}, which is not loaded`,
      );
    const layout = this.#store.layout(
      profile.id,
      profile.metrics.map((metric) => metric.key),
    );
    const columns = new Map<string, number>();
    const low = new Float64Array(layout.metrics.length).fill(Number.NEGATIVE_INFINITY);
    const high = new Float64Array(layout.metrics.length).fill(Number.POSITIVE_INFINITY);
    for (const metric of profile.metrics) {
      const column = layout.metricIndex.get(metric.key);
      if (column === undefined)
        throw new Error(`BUG: the layout of ${profile.id} lacks ${metric.key}`);
      columns.set(metric.key, column);
      low[column] = metric.range[0];
      high[column] = metric.range[1];
    }
    const number = this.#store.device(device.id, layout);
    const { lastGiven, clock, correction } = known;
    const said = { at: Number.NaN, values: new Float64Array(layout.metrics.length) };
    const shape = { layout, number, columns, low, high, said, ofSpans: spansOf(profile) };
    const timedAs = `${layout.number}/${number}`;
    return { device, profile, ...shape, timedAs, lastGiven, clock, correction, newReadings: 0 };
  }

  /** The device tells the present by its clock, which may be held against ours. */
  #heard(registered: RegisteredDevice, told: number, receivedAt: number): void {
    registered.clock.note(told, receivedAt);
    this.#ownClock?.told(registered.device.id, told, receivedAt);
  }

  /** A device has said something of which nothing may be of use: it is there all the same. */
  spoke(registered: RegisteredDevice | undefined, { spoken, receivedAt }: Arrival): void {
    if (registered !== undefined && spoken) this.#store.spoke(registered.number, receivedAt);
  }

  #unheard(id: string): Pick<RegisteredDevice, 'lastGiven' | 'clock' | 'correction'> {
    const correction = this.#corrections.get(id) ?? 0;
    return { lastGiven: 0, clock: new DeviceClock(correction), correction };
  }

  /** Whether a row's time is of the gateway's clock: the gateway's own, or what it made of a time by that clock. */
  #byGateway({ profile }: RegisteredDevice, row: Fields, { relayed }: MessageContext): boolean {
    if (!relayed) return false;
    return !profile.tellsTime || row['redated'] === true || row['stamped'] === true;
  }

  /** A time that a gateway stamped, as if its clock were right. One of a clock that was not set stays, to be replaced. */
  stampedAt({ device, profile }: RegisteredDevice, told: number, arrival: MessageContext): number {
    const { gateway } = device;
    if (gateway === null || told < profile.earliest) return told;
    const ahead = this.#gatewayClocks.ahead(gateway, arrival.batch);
    return asThen(told, ahead, arrival);
  }

  /** A time of the device's clock, corrected where that is wanted of it. */
  #corrected(registered: RegisteredDevice, told: number, arrival: Arrival): number {
    const { device, clock } = registered;
    if (device.clock !== 'correct' || !arrival.ownTimes) return told;
    const correction = clock.correction(device.gateway !== null);
    if (correction !== registered.correction) {
      registered.correction = correction;
      this.#store.remember('clock', device.id, correction);
    }
    return asThen(told, correction, arrival);
  }

  /** What is known of a device's clock; null when it has told no time since the start. */
  clock(id: string): ClockOffset | null {
    return this.#devices.get(id)?.clock.offset ?? null;
  }

  #count(registered: RegisteredDevice, readings: number): void {
    this.#counters.rows++;
    this.#counters.readings += readings;
    if (registered.newReadings === 0) this.#withNewReadings.push(registered);
    registered.newReadings += readings;
  }

  /** How many readings each device had put in since the last call; one device may come twice. */
  takeStored(): { readonly device: string; readonly readings: number }[] {
    const stored = this.#withNewReadings.map((registered) => {
      const readings = registered.newReadings;
      registered.newReadings = 0;
      return { device: registered.device.id, readings };
    });
    this.#withNewReadings = [];
    return stored;
  }

  /** Opens a row and returns where it starts in `layout.rows`. */
  #open(
    registered: RegisteredDevice,
    at: number,
    redated: boolean,
    isLate: boolean,
    { receivedAt }: Arrival,
  ): number {
    let flags = redated ? ROW_FLAG.clockReplaced : 0;
    if (redated) this.#counters.clockReplaced++;
    if (isLate) {
      flags |= ROW_FLAG.backfill;
      this.#counters.backfilled++;
    }
    return this.#store.reserve(registered.layout, registered.number, at, receivedAt, flags);
  }

  /**
   * Stores one reading object of our own wire (`at`, `values`, `quality`). A value that is none costs itself and is handed
   * back; a row of which nothing is left is refused whole.
   * @throws bad-time, time-too-early, time-ahead, not-an-object, unknown-channel, unknown-metric, value-not-a-number,
   * unknown-quality, no-values
   */
  put(
    registered: RegisteredDevice,
    reading: Fields,
    arrival: MessageContext,
    path: MessagePath,
    bytes: () => Uint8Array | undefined,
    repeated: readonly RepeatedKey[] = [],
  ): RowParts | null {
    // A device that has no clock says so by telling no time.
    const untold = arrival.own && isAbsent(reading['at']);
    const told = untold ? null : time(reading, 'at', path);
    const values = objectIn(reading, 'values', path);
    const quality = isAbsent(reading['quality']) ? null : objectIn(reading, 'quality', path);
    const redated = arrival.relayed && reading['redated'] === true;
    const byGateway = this.#byGateway(registered, reading, arrival);
    const tells = told !== null && arrival.spoken && !byGateway;
    if (tells && tellsNow(registered, () => Object.keys(values)))
      this.#heard(registered, told, arrival.receivedAt);
    let at = Number.NaN;
    if (told !== null)
      at = byGateway
        ? this.stampedAt(registered, told, arrival)
        : this.#corrected(registered, told, arrival);
    const replaced = !canBeTrue(at, arrival.receivedAt, registered.profile.earliest);
    if (replaced) {
      if (tooDeep(reading)) refuse('nested-too-deep', path.of(''), 'nested too deep');
      if (arrival.posted && told !== null) refuseTime(registered, told, path);
      const content = JSON.stringify(reading);
      at = this.#times.give(registered, told, content, arrival.receivedAt, arrival);
    }
    const isLate =
      isHistory(registered, told ?? at, at, arrival) ||
      (arrival.relayed && reading['late'] === true);
    const isRedated = redated || (told !== null && at !== told);
    const base = this.#open(registered, at, isRedated, isLate, arrival);
    let parts: RowParts['parts'];
    try {
      parts = this.#fill(registered, base, values, quality, path)?.parts ?? NO_PARTS;
    } catch (error) {
      this.#store.unreserve(registered.layout);
      throw error;
    }
    this.#noteReplaced(registered, at, base, arrival);
    if (replaced) arrival.redated(path, at);
    this.spoke(registered, arrival);
    if (registered.profile.evidence === 'all')
      this.#frames.keepRow(registered, at, arrival, reading, bytes);
    if (repeated.length > 0)
      parts = [...parts, ...partsOfTwice(repeated, (key) => registered.columns.has(key), path)];
    return parts.length === 0 ? null : { at, taken: takenOf(values, parts), parts };
  }

  /**
   * Tells when a row takes the place of other values of the same time: the later write wins, and a device whose sources say
   * two things in one second would lose one in silence. What is posted anew is meant so.
   */
  #noteReplaced(
    { device, layout, said }: RegisteredDevice,
    at: number,
    base: number,
    { receivedAt, posted }: MessageContext,
  ): void {
    if (posted) return;
    const { values } = said;
    const first = base + layout.valuesAt;
    if (said.at !== at) values.fill(Number.NaN);
    said.at = at;
    for (let column = 0; column < values.length; column++) {
      const value = layout.rows[first + column] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      const before = values[column] as number;
      values[column] = value;
      if (value === before || Number.isNaN(before)) continue;
      this.#counters.replaced++;
      this.#onReplaced(device.id, layout.metrics[column] ?? '', at, receivedAt);
    }
  }

  #fill(
    registered: RegisteredDevice,
    base: number,
    values: Fields,
    quality: Fields | null,
    path: MessagePath,
  ): RowFaults | null {
    const { layout, columns, low, high } = registered;
    const { rows } = layout;
    const valuesAt = base + layout.valuesAt;
    let count = 0;
    let faults: RowFaults | null = null;
    for (const key in values) {
      const value = values[key];
      if (value === null) continue;
      const column = columns.get(key);
      let code: number | undefined = 0;
      if (quality !== null) code = codeOf(quality, key);
      if (
        column === undefined ||
        typeof value !== 'number' ||
        !Number.isFinite(value) ||
        code === undefined
      ) {
        const known = column !== undefined;
        faults ??= new RowFaults();
        faults.note(key, () => valueFault(registered, key, known, value, path));
        continue;
      }
      rows[valuesAt + column] = value;
      count++;
      if (code === 0 && !(value >= (low[column] ?? 0) && value <= (high[column] ?? 0))) {
        code = IMPLAUSIBLE;
        this.#counters.implausible++;
      }
      if (code !== 0) setQuality(layout, base, column, code);
    }
    if (count === 0)
      throw faults?.first?.error ?? fault('no-values', path.of('values'), 'holds no value');
    this.#count(registered, count);
    if (quality !== null)
      for (const key in quality)
        if (!Object.hasOwn(values, key) && quality[key] !== null) {
          faults ??= new RowFaults();
          faults.note(key, () => {
            const place = `quality.${key.slice(0, 64)}`;
            const error = fault('unknown-metric', path.of(place), 'has no value');
            return { known: columns.has(key), place, error };
          });
        }
    return faults;
  }

  /** Stores what `decode` made of a device's own frame, and says under which time; `content` tells one frame from another. */
  putDecoded(
    registered: RegisteredDevice,
    decoded: Decoded,
    arrival: MessageContext,
    content: () => string,
    frame?: () => KeptFrame,
  ): number {
    const { receivedAt } = arrival;
    const claimed = decoded.at;
    const metrics = () => decoded.readings.map(({ metric }) => metric);
    if (claimed !== null && arrival.spoken && tellsNow(registered, metrics))
      this.#heard(registered, claimed, receivedAt);
    let at = claimed === null ? Number.NaN : this.#corrected(registered, claimed, arrival);
    if (!canBeTrue(at, receivedAt, registered.profile.earliest))
      at = this.#times.give(registered, claimed, content(), receivedAt, arrival);
    const isLate = isHistory(registered, claimed ?? at, at, arrival);
    if (decoded.readings.length > 0) {
      const { layout } = registered;
      const isRedated = claimed !== null && at !== claimed;
      const base = this.#open(registered, at, isRedated, isLate, arrival);
      for (const { metric, value, quality } of decoded.readings) {
        const column = registered.columns.get(metric);
        const code = qualityCode(quality);
        if (column === undefined || code === undefined || !Number.isFinite(value))
          throw new Error(`BUG: ${registered.profile.id} decoded ${metric} ${value} ${quality}`);
        layout.rows[base + layout.valuesAt + column] = value;
        if (code === IMPLAUSIBLE) this.#counters.implausible++;
        if (code !== 0) setQuality(layout, base, column, code);
      }
      this.#noteReplaced(registered, at, base, arrival);
      this.#count(registered, decoded.readings.length);
    }
    this.spoke(registered, arrival);
    for (const { type, detail } of decoded.events)
      this.#event(registered, type, detail, at, isLate, arrival);
    if (frame !== undefined && isEvidence(registered.profile, decoded))
      this.#frames.keepFrame(registered, at, arrival, frame());
    return at;
  }

  /** Stores one event object of our own wire. @throws bad-time, time-too-early, time-ahead, not-a-text, not-an-object, detail-too-large */
  putEvent(
    registered: RegisteredDevice,
    event: Fields,
    arrival: MessageContext,
    path: MessagePath,
    bytes: () => Uint8Array | undefined,
  ): void {
    const told = time(event, 'at', path);
    const type = textIn(event, 'type', path, 64);
    const detail = isAbsent(event['detail']) ? {} : objectIn(event, 'detail', path);
    if (tooDeep(detail)) refuse('nested-too-deep', path.of('detail'), 'nested too deep');
    const content = JSON.stringify(detail);
    if (content.length > EVENT_DETAIL_CHARACTERS_MAX)
      refuse(
        'detail-too-large',
        path.of('detail'),
        `more than ${EVENT_DETAIL_CHARACTERS_MAX} characters`,
      );
    const byGateway = this.#byGateway(registered, event, arrival);
    if (arrival.spoken && !byGateway) this.#heard(registered, told, arrival.receivedAt);
    let at = byGateway
      ? this.stampedAt(registered, told, arrival)
      : this.#corrected(registered, told, arrival);
    if (!canBeTrue(at, arrival.receivedAt, registered.profile.earliest)) {
      if (arrival.posted) refuseTime(registered, told, path);
      at = this.#times.give(registered, told, `${type} ${content}`, arrival.receivedAt, arrival);
      arrival.redated(path, at);
    }
    if (at !== told) this.#counters.clockReplaced++;
    const isLate =
      isHistory(registered, told, at, arrival) || (arrival.relayed && event['late'] === true);
    this.#event(registered, type, detail, at, isLate, arrival);
    if (registered.profile.evidence !== 'none')
      this.#frames.keepRow(registered, at, arrival, event, bytes);
  }

  #event(
    registered: RegisteredDevice,
    type: string,
    detail: Fields,
    at: number,
    isLate: boolean,
    arrival: Arrival,
  ): void {
    const { receivedAt } = arrival;
    const device = registered.device.id;
    this.spoke(registered, arrival);
    this.#store.event({ device, at, receivedAt, type, detail }, isLate ? 'backfill' : 'live');
    this.#counters.events++;
  }
}

/** Metrics that speak of a span which was over before they were sent. */
const spansOf = ({ metrics }: DeviceProfile): ReadonlySet<string> =>
  new Set(metrics.filter(({ span }) => span !== 'instant').map(({ key }) => key));

/** Whether the time of a row is that of its sending, as far as its metrics say. */
const tellsNow = ({ ofSpans }: RegisteredDevice, metrics: () => readonly string[]): boolean =>
  ofSpans.size === 0 || !metrics().every((key) => ofSpans.has(key));

/** Corrected, except what is run again and came in time as it was: its clock was another then. */
function asThen(told: number, ahead: number, { again, receivedAt }: Arrival): number {
  const late = receivedAt - told;
  return again && Math.abs(late) < Math.abs(late + ahead) ? told : told - ahead;
}

const NO_PARTS: RowParts['parts'] = [];
