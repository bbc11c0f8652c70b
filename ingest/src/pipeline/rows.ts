/**
 * Puts readings of devices into the store's open group: the innermost step on the way of a reading, so it allocates
 * nothing for each row. Looks up a device once and keeps what it needs until the registry gives another object.
 */
import { type Device, EVENT_DETAIL_CHARACTERS_MAX, qualityCode } from '@village/core';
import {
  type Decoded,
  type DeviceProfile,
  type Frame,
  frameKept,
  isEvidence,
} from '@village/device-profiles';
import type { Registry } from '@village/registry';
import {
  type Appender,
  type Layout,
  METRICS_PER_QUALITY_WORD,
  ROW,
  ROW_FLAG,
  type TimeSeriesStore,
} from '@village/store/time-series';
import type { Counters } from './counters.ts';
import { absurd, GivenTimes, NEWS_MS, REMEMBER_MS } from './event-time.ts';
import { KeptFrames } from './kept-frames.ts';
import type { Arrival, MessageContext } from './message-context.ts';
import type { RegisteredDevice } from './registered-device.ts';
import { type Fields, type MessagePath, objectIn, refuse, textIn, time, tooDeep } from './shape.ts';

const IMPLAUSIBLE = qualityCode('implausible') ?? 0;

type RowStore = Appender & Pick<TimeSeriesStore, 'latest'>;

export class Rows {
  readonly #store: RowStore;
  readonly #registry: Registry;
  readonly #profiles: ReadonlyMap<string, DeviceProfile>;
  readonly #counters: Counters;
  readonly #devices = new Map<string, RegisteredDevice>();
  readonly #times = new GivenTimes();
  readonly #frames: KeptFrames;
  /** Devices with readings since `takeStored`. */
  #withNewReadings: RegisteredDevice[] = [];

  constructor(
    store: RowStore,
    registry: Registry,
    profiles: ReadonlyMap<string, DeviceProfile>,
    counters: Counters,
  ) {
    this.#store = store;
    this.#registry = registry;
    this.#profiles = profiles;
    this.#counters = counters;
    this.#frames = new KeptFrames(store);
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
    const made = this.#register(device, path, known?.lastGiven ?? 0);
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

  #register(device: Device, path: MessagePath, lastGiven: number): RegisteredDevice {
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
    return { device, profile, layout, number, columns, low, high, lastGiven, newReadings: 0 };
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
  #open(registered: RegisteredDevice, at: number, replaced: boolean, arrival: Arrival): number {
    const { receivedAt, lane } = arrival;
    let flags = replaced ? ROW_FLAG.clockReplaced : 0;
    if (replaced) this.#counters.clockReplaced++;
    if (lane === 'backfill' || (lane === null && receivedAt - at > NEWS_MS)) {
      flags |= ROW_FLAG.backfill;
      this.#counters.backfilled++;
    }
    return this.#store.reserve(registered.layout, registered.number, at, receivedAt, flags);
  }

  /**
   * Stores one reading object of our own wire (`at`, `values`, `quality`), all of it or nothing.
   * @throws bad-time, not-an-object, unknown-metric, value-not-a-number, unknown-quality, no-values
   */
  put(
    registered: RegisteredDevice,
    reading: Fields,
    arrival: MessageContext,
    path: MessagePath,
    bytes: () => Uint8Array | undefined,
  ): void {
    let at = time(reading, 'at', path);
    const values = objectIn(reading, 'values', path);
    const quality = reading['quality'] === undefined ? null : objectIn(reading, 'quality', path);
    const replaced = absurd(at, arrival.receivedAt);
    if (replaced) {
      if (tooDeep(reading)) refuse('nested-too-deep', path.of(''), 'nested too deep');
      at = this.#times.give(registered, at, JSON.stringify(reading), arrival.receivedAt, {
        before: () => this.#givenBefore(registered, arrival, Object.entries(values)),
      });
    }
    const base = this.#open(registered, at, replaced, arrival);
    try {
      this.#count(registered, this.#fill(registered, base, values, quality, path));
    } catch (error) {
      this.#store.unreserve(registered.layout);
      throw error;
    }
    if (registered.profile.evidence === 'all')
      this.#frames.keepRow(registered, at, arrival, reading, bytes);
  }

  /**
   * The time that a repeated message was given before a restart. The newest values of the device show it when all values
   * of the message came together and were dated by us. A repeat that follows newer values is not recognised and is stored
   * under another time.
   */
  #givenBefore(
    registered: RegisteredDevice,
    { dup, receivedAt }: Arrival,
    values: readonly (readonly [metric: string, value: unknown])[],
  ): number | null {
    if (!dup) return null;
    const latest = new Map(
      this.#store.latest(registered.device.id).map((one) => [one.metric, one]),
    );
    let at: number | null = null;
    for (const [metric, value] of values) {
      const one = latest.get(metric);
      // A device's own time lies before its receipt, one given by us never does.
      if (one === undefined || one.value !== value || one.at < one.receivedAt) return null;
      if (at !== null && one.at !== at) return null;
      at = one.at;
    }
    return at !== null && Math.abs(receivedAt - at) < REMEMBER_MS ? at : null;
  }

  #fill(
    registered: RegisteredDevice,
    base: number,
    values: Fields,
    quality: Fields | null,
    path: MessagePath,
  ): number {
    const { layout, columns, low, high } = registered;
    const { rows } = layout;
    const valuesAt = base + layout.valuesAt;
    let count = 0;
    for (const key in values) {
      const column = columns.get(key);
      if (column === undefined)
        refuse(
          'unknown-metric',
          path.of(`values.${key.slice(0, 64)}`),
          `${registered.profile.id} has no such metric`,
        );
      const value = values[key];
      if (typeof value !== 'number' || !Number.isFinite(value))
        refuse('value-not-a-number', path.of(`values.${key}`), 'not a finite number');
      rows[valuesAt + column] = value;
      count++;
      let code = 0;
      if (quality !== null) code = codeOf(quality, key, path);
      if (code === 0 && !(value >= (low[column] ?? 0) && value <= (high[column] ?? 0))) {
        code = IMPLAUSIBLE;
        this.#counters.implausible++;
      }
      if (code !== 0) setQuality(layout, base, column, code);
    }
    if (count === 0) refuse('no-values', path.of('values'), 'holds no value');
    if (quality !== null)
      for (const key in quality)
        if (!Object.hasOwn(values, key))
          refuse('unknown-metric', path.of(`quality.${key.slice(0, 64)}`), 'has no value');
    return count;
  }

  /** Stores what `decode` made of a device's own frame; `content` tells one frame from another. */
  putDecoded(
    registered: RegisteredDevice,
    decoded: Decoded,
    arrival: MessageContext,
    content: () => string,
    frame?: Frame,
  ): void {
    const { receivedAt } = arrival;
    const claimed = decoded.at;
    const replaced = claimed !== null && absurd(claimed, receivedAt);
    let at = claimed ?? 0;
    // Only the protocol's mark shows that a frame without a time is a repeat: sensors repeat values.
    if (replaced || claimed === null)
      at = this.#times.give(registered, at, content(), receivedAt, {
        isNew: claimed === null && !arrival.dup,
        before: () =>
          this.#givenBefore(
            registered,
            arrival,
            decoded.readings.map(({ metric, value }) => [metric, value]),
          ),
      });
    if (decoded.readings.length > 0) {
      const { layout } = registered;
      const base = this.#open(registered, at, replaced, arrival);
      for (const { metric, value, quality } of decoded.readings) {
        const column = registered.columns.get(metric);
        const code = qualityCode(quality);
        if (column === undefined || code === undefined || !Number.isFinite(value))
          throw new Error(`BUG: ${registered.profile.id} decoded ${metric} ${value} ${quality}`);
        layout.rows[base + layout.valuesAt + column] = value;
        if (code === IMPLAUSIBLE) this.#counters.implausible++;
        if (code !== 0) setQuality(layout, base, column, code);
      }
      this.#count(registered, decoded.readings.length);
    }
    for (const { type, detail } of decoded.events)
      this.#event(registered, type, detail, at, arrival);
    if (frame !== undefined && isEvidence(registered.profile, decoded))
      this.#frames.keepFrame(registered, at, arrival, frameKept(registered.profile, frame));
  }

  /** Stores one event object of our own wire. @throws bad-time, not-a-text, not-an-object, detail-too-large */
  putEvent(
    registered: RegisteredDevice,
    event: Fields,
    arrival: MessageContext,
    path: MessagePath,
    bytes: () => Uint8Array | undefined,
  ): void {
    let at = time(event, 'at', path);
    const type = textIn(event, 'type', path, 64);
    const detail = event['detail'] === undefined ? {} : objectIn(event, 'detail', path);
    if (tooDeep(detail)) refuse('nested-too-deep', path.of('detail'), 'nested too deep');
    const content = JSON.stringify(detail);
    if (content.length > EVENT_DETAIL_CHARACTERS_MAX)
      refuse(
        'detail-too-large',
        path.of('detail'),
        `more than ${EVENT_DETAIL_CHARACTERS_MAX} characters`,
      );
    if (absurd(at, arrival.receivedAt)) {
      at = this.#times.give(registered, at, `${type} ${content}`, arrival.receivedAt);
      this.#counters.clockReplaced++;
    }
    this.#event(registered, type, detail, at, arrival);
    if (registered.profile.evidence !== 'none')
      this.#frames.keepRow(registered, at, arrival, event, bytes);
  }

  #event(
    registered: RegisteredDevice,
    type: string,
    detail: Fields,
    at: number,
    arrival: Arrival,
  ): void {
    const { receivedAt, lane } = arrival;
    const late = lane === 'backfill' || (lane === null && receivedAt - at > NEWS_MS);
    const device = registered.device.id;
    this.#store.event({ device, at, receivedAt, type, detail }, late ? 'backfill' : 'live');
    this.#counters.events++;
  }
}

function codeOf(quality: Fields, key: string, path: MessagePath): number {
  // Its own field, not one that every object has.
  if (!Object.hasOwn(quality, key)) return 0;
  const word = quality[key];
  const code = typeof word === 'string' ? qualityCode(word) : undefined;
  if (code === undefined) refuse('unknown-quality', path.of(`quality.${key}`), 'no quality word');
  return code;
}

function setQuality(layout: Layout, base: number, column: number, code: number): void {
  const word = base + ROW.quality + Math.floor(column / METRICS_PER_QUALITY_WORD);
  layout.rows[word] = (layout.rows[word] ?? 0) + code * 16 ** (column % METRICS_PER_QUALITY_WORD);
}
