/**
 * Puts readings of devices into the store's open group: the innermost step on the way of a reading, so it allocates
 * nothing for each row. Looks up a device once and keeps what it needs until the registry gives another object.
 */
import { type Device, type Lane, qualityCode } from '@village/core';
import type { Decoded, DeviceProfile } from '@village/device-profiles';
import {
  type Appender,
  type Layout,
  METRICS_PER_QUALITY_WORD,
  ROW,
  ROW_FLAG,
  type TimeSeriesStore,
} from '@village/store/time-series';
import type { Registry } from '../registry.ts';
import type { Counters } from './counters.ts';
import { absurd, type Clockless, GivenTimes, NEWS_MS, REMEMBER_MS } from './event-time.ts';
import { type Fields, objectIn, type Place, refuse, textIn, time, tooDeep } from './shape.ts';

const IMPLAUSIBLE = qualityCode('implausible') ?? 0;
const DETAIL_CHARACTERS_MAX = 4096;

/** A registered device with all that a row needs. */
export interface Entry extends Clockless {
  readonly device: Device;
  readonly profile: DeviceProfile;
  readonly layout: Layout;
  readonly number: number;
  /** Column of each metric key; `low` and `high` are by column. */
  readonly columns: ReadonlyMap<string, number>;
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** Readings put in since `takeStored`. */
  fresh: number;
}

/** When a message came; `lane` null means that the device itself sent it: what is late is then backfill. */
export interface Arrival {
  readonly receivedAt: number;
  readonly lane: Lane | null;
  /** Marked as sent again by the protocol. */
  readonly dup: boolean;
}

type RowStore = Appender & Pick<TimeSeriesStore, 'latest'>;

export class Rows {
  readonly #store: RowStore;
  readonly #registry: Registry;
  readonly #profiles: ReadonlyMap<string, DeviceProfile>;
  readonly #counters: Counters;
  readonly #entries = new Map<string, Entry>();
  readonly #times = new GivenTimes();
  /** Entries with fresh readings. */
  #stored: Entry[] = [];

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
  }

  /** The entry of a registered device. @throws unknown-device, unknown-profile */
  entry(id: string, place: Place): Entry {
    const device = this.#registry.device(id);
    const known = this.#entries.get(id);
    if (known !== undefined && known.device === device) return known;
    if (device === undefined) {
      this.#entries.delete(id);
      refuse('unknown-device', place.of('device'), `no device ${id.slice(0, 64)} is registered`);
    }
    const made = this.#makeEntry(device, place, known?.lastGiven ?? 0);
    this.#entries.set(id, made);
    return made;
  }

  #makeEntry(device: Device, place: Place, lastGiven: number): Entry {
    const profile = this.#profiles.get(device.profile);
    if (profile === undefined)
      refuse(
        'unknown-profile',
        place.of('device'),
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
    return { device, profile, layout, number, columns, low, high, lastGiven, fresh: 0 };
  }

  #count(entry: Entry, readings: number): void {
    this.#counters.rows++;
    this.#counters.readings += readings;
    if (entry.fresh === 0) this.#stored.push(entry);
    entry.fresh += readings;
  }

  /** How many readings each device had put in since the last call; one device may come twice. */
  takeStored(): { readonly device: string; readonly readings: number }[] {
    const stored = this.#stored.map((entry) => {
      const readings = entry.fresh;
      entry.fresh = 0;
      return { device: entry.device.id, readings };
    });
    this.#stored = [];
    return stored;
  }

  /** Opens a row; returns where it starts in `layout.rows`. */
  #open(entry: Entry, at: number, replaced: boolean, arrival: Arrival): number {
    const { receivedAt, lane } = arrival;
    let flags = replaced ? ROW_FLAG.clockReplaced : 0;
    if (replaced) this.#counters.clockReplaced++;
    if (lane === 'backfill' || (lane === null && receivedAt - at > NEWS_MS)) {
      flags |= ROW_FLAG.backfill;
      this.#counters.backfilled++;
    }
    return this.#store.reserve(entry.layout, entry.number, at, receivedAt, flags);
  }

  /**
   * Stores one reading object of our own wire (`at`, `values`, `quality`), all of it or nothing.
   * @throws bad-time, not-an-object, unknown-metric, value-not-a-number, unknown-quality, no-values
   */
  put(entry: Entry, reading: Fields, arrival: Arrival, place: Place): void {
    let at = time(reading, 'at', place);
    const values = objectIn(reading, 'values', place);
    const quality = reading['quality'] === undefined ? null : objectIn(reading, 'quality', place);
    const replaced = absurd(at, arrival.receivedAt);
    if (replaced) {
      if (tooDeep(reading)) refuse('nested-too-deep', place.of(''), 'nested too deep');
      at = this.#times.give(entry, at, JSON.stringify(reading), arrival.receivedAt, {
        before: () => this.#givenBefore(entry, arrival, Object.entries(values)),
      });
    }
    const base = this.#open(entry, at, replaced, arrival);
    try {
      this.#count(entry, this.#fill(entry, base, values, quality, place));
    } catch (error) {
      this.#store.unreserve(entry.layout);
      throw error;
    }
  }

  /**
   * The time that a message sent again was given before a restart: the store's newest values of the device tell it, when
   * all that the message holds came together and was dated by us. What was sent again after something newer came is lost
   * to this, and stored under another time.
   */
  #givenBefore(
    entry: Entry,
    { dup, receivedAt }: Arrival,
    values: readonly (readonly [metric: string, value: unknown])[],
  ): number | null {
    if (!dup) return null;
    const latest = new Map(this.#store.latest(entry.device.id).map((one) => [one.metric, one]));
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

  #fill(entry: Entry, base: number, values: Fields, quality: Fields | null, place: Place): number {
    const { layout, columns, low, high } = entry;
    const { rows } = layout;
    const valuesAt = base + layout.valuesAt;
    let count = 0;
    for (const key in values) {
      const column = columns.get(key);
      if (column === undefined)
        refuse(
          'unknown-metric',
          place.of(`values.${key.slice(0, 64)}`),
          `${entry.profile.id} has no such metric`,
        );
      const value = values[key];
      if (typeof value !== 'number' || !Number.isFinite(value))
        refuse('value-not-a-number', place.of(`values.${key}`), 'not a finite number');
      rows[valuesAt + column] = value;
      count++;
      let code = 0;
      if (quality !== null) code = codeOf(quality, key, place);
      if (code === 0 && !(value >= (low[column] ?? 0) && value <= (high[column] ?? 0))) {
        code = IMPLAUSIBLE;
        this.#counters.implausible++;
      }
      if (code !== 0) setQuality(layout, base, column, code);
    }
    if (count === 0) refuse('no-values', place.of('values'), 'holds no value');
    if (quality !== null)
      for (const key in quality)
        if (!Object.hasOwn(values, key))
          refuse('unknown-metric', place.of(`quality.${key.slice(0, 64)}`), 'has no value');
    return count;
  }

  /** Stores what `decode` made of a device's own frame; `content` tells one frame from another. */
  putDecoded(entry: Entry, decoded: Decoded, arrival: Arrival, content: () => string): void {
    const { receivedAt } = arrival;
    const claimed = decoded.at;
    const replaced = claimed !== null && absurd(claimed, receivedAt);
    let at = claimed ?? 0;
    // A frame without any time is told from one sent again by the protocol's mark alone: sensors repeat values.
    if (replaced || claimed === null)
      at = this.#times.give(entry, at, content(), receivedAt, {
        fresh: claimed === null && !arrival.dup,
        before: () =>
          this.#givenBefore(
            entry,
            arrival,
            decoded.readings.map(({ metric, value }) => [metric, value]),
          ),
      });
    if (decoded.readings.length > 0) {
      const { layout } = entry;
      const base = this.#open(entry, at, replaced, arrival);
      for (const { metric, value, quality } of decoded.readings) {
        const column = entry.columns.get(metric);
        const code = qualityCode(quality);
        if (column === undefined || code === undefined || !Number.isFinite(value))
          throw new Error(`BUG: ${entry.profile.id} decoded ${metric} ${value} ${quality}`);
        layout.rows[base + layout.valuesAt + column] = value;
        if (code === IMPLAUSIBLE) this.#counters.implausible++;
        if (code !== 0) setQuality(layout, base, column, code);
      }
      this.#count(entry, decoded.readings.length);
    }
    for (const { type, detail } of decoded.events) this.#event(entry, type, detail, at, arrival);
  }

  /** Stores one event object of our own wire. @throws bad-time, not-a-text, not-an-object, detail-too-large */
  putEvent(entry: Entry, event: Fields, arrival: Arrival, place: Place): void {
    let at = time(event, 'at', place);
    const type = textIn(event, 'type', place, 64);
    const detail = event['detail'] === undefined ? {} : objectIn(event, 'detail', place);
    if (tooDeep(detail)) refuse('nested-too-deep', place.of('detail'), 'nested too deep');
    const content = JSON.stringify(detail);
    if (content.length > DETAIL_CHARACTERS_MAX)
      refuse(
        'detail-too-large',
        place.of('detail'),
        `more than ${DETAIL_CHARACTERS_MAX} characters`,
      );
    if (absurd(at, arrival.receivedAt)) {
      at = this.#times.give(entry, at, `${type} ${content}`, arrival.receivedAt);
      this.#counters.clockReplaced++;
    }
    this.#event(entry, type, detail, at, arrival);
  }

  #event(entry: Entry, type: string, detail: Fields, at: number, arrival: Arrival): void {
    const { receivedAt, lane } = arrival;
    const late = lane === 'backfill' || (lane === null && receivedAt - at > NEWS_MS);
    const device = entry.device.id;
    this.#store.event({ device, at, receivedAt, type, detail }, late ? 'backfill' : 'live');
    this.#counters.events++;
  }
}

function codeOf(quality: Fields, key: string, place: Place): number {
  // Its own field, not one that every object has.
  if (!Object.hasOwn(quality, key)) return 0;
  const word = quality[key];
  const code = typeof word === 'string' ? qualityCode(word) : undefined;
  if (code === undefined) refuse('unknown-quality', place.of(`quality.${key}`), 'no quality word');
  return code;
}

function setQuality(layout: Layout, base: number, column: number, code: number): void {
  const word = base + ROW.quality + Math.floor(column / METRICS_PER_QUALITY_WORD);
  layout.rows[word] = (layout.rows[word] ?? 0) + code * 16 ** (column % METRICS_PER_QUALITY_WORD);
}
