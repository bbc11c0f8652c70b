/**
 * Puts readings of devices into the store's open group: the innermost step on the way of a reading, so it allocates
 * nothing for each row. Looks up a device once and keeps what it needs until the registry gives another object.
 */
import { type Device, type Lane, OperationalError, qualityCode } from '@village/core';
import type { Decoded, DeviceProfile } from '@village/device-profiles';
import {
  type Appender,
  type Layout,
  METRICS_PER_QUALITY_WORD,
  ROW,
  ROW_FLAG,
} from '@village/store/time-series';
import type { Counters } from './counters.ts';
import { absurd, NEWS_MS, ReplacedTimes } from './event-time.ts';
import type { Registry } from './registry.ts';
import { type Fields, object, refuse, text, time } from './shape.ts';

const IMPLAUSIBLE = qualityCode('implausible') ?? 0;
const DETAIL_BYTES_MAX = 4096;

/** A registered device with all that a row needs. */
export interface Entry {
  readonly device: Device;
  readonly profile: DeviceProfile;
  readonly layout: Layout;
  readonly number: number;
  /** Column of each metric key; `low` and `high` are by column. */
  readonly columns: ReadonlyMap<string, number>;
  readonly low: Float64Array;
  readonly high: Float64Array;
  replaced: ReplacedTimes | null;
}

export class Rows {
  readonly #store: Appender;
  readonly #registry: Registry;
  readonly #profiles: ReadonlyMap<string, DeviceProfile>;
  readonly #counters: Counters;
  readonly #entries = new Map<string, Entry>();

  constructor(
    store: Appender,
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
  entry(id: string, place: string): Entry {
    const device = this.#registry.device(id);
    const known = this.#entries.get(id);
    if (known !== undefined && known.device === device) return known;
    if (device === undefined) {
      this.#entries.delete(id);
      refuse('unknown-device', place, `no device ${id.slice(0, 64)} is registered`);
    }
    const made = this.#makeEntry(device, place, known);
    this.#entries.set(id, made);
    return made;
  }

  #makeEntry(device: Device, place: string, before: Entry | undefined): Entry {
    const profile = this.#profiles.get(device.profile);
    if (profile === undefined)
      refuse(
        'unknown-profile',
        place,
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
    return {
      device,
      profile,
      layout,
      number: this.#store.device(device.id, layout),
      columns,
      low,
      high,
      replaced: before?.replaced ?? null,
    };
  }

  /** Opens a row at the device's time, or at the receive time where its clock can't be right. */
  #open(entry: Entry, at: number, receivedAt: number, lane: Lane | null): number {
    let flags = 0;
    let when = at;
    if (absurd(at, receivedAt)) {
      entry.replaced ??= new ReplacedTimes();
      when = entry.replaced.replace(at, receivedAt);
      flags = ROW_FLAG.clockReplaced;
      this.#counters.clockReplaced++;
    }
    if (lane === 'backfill' || (lane === null && receivedAt - when > NEWS_MS))
      flags |= ROW_FLAG.backfill;
    return this.#store.reserve(entry.layout, entry.number, when, receivedAt, flags);
  }

  /**
   * Stores one reading object of our own wire (`at`, `values`, `quality`), all of it or nothing.
   * `lane` null means that a device sent it itself: late is then backfill.
   * @throws bad-time, not-an-object, unknown-metric, value-not-a-number, unknown-quality, no-values
   */
  put(entry: Entry, reading: Fields, receivedAt: number, lane: Lane | null, place: string): void {
    const at = time(reading['at'], `${place}at`);
    const values = object(reading['values'], `${place}values`);
    const quality =
      reading['quality'] === undefined ? null : object(reading['quality'], `${place}quality`);
    const { layout } = entry;
    const base = this.#open(entry, at, receivedAt, lane);
    try {
      let count = 0;
      const { rows, valuesAt } = layout;
      for (const key in values) {
        const column = entry.columns.get(key);
        if (column === undefined)
          refuse(
            'unknown-metric',
            `${place}values.${key.slice(0, 64)}`,
            `${entry.profile.id} has no such metric`,
          );
        const value = values[key];
        if (typeof value !== 'number' || !Number.isFinite(value))
          refuse('value-not-a-number', `${place}values.${key}`, 'not a finite number');
        rows[base + valuesAt + column] = value;
        count++;
        let code = quality === null ? 0 : this.#code(quality[key], `${place}quality.${key}`);
        if (
          code === 0 &&
          !(value >= (entry.low[column] ?? 0) && value <= (entry.high[column] ?? 0))
        )
          code = IMPLAUSIBLE;
        if (code !== 0) setQuality(layout, base, column, code);
      }
      if (count === 0) refuse('no-values', `${place}values`, 'holds no value');
      if (quality !== null)
        for (const key in quality)
          if (!Object.hasOwn(values, key))
            refuse('unknown-metric', `${place}quality.${key.slice(0, 64)}`, 'has no value');
    } catch (error) {
      this.#store.unreserve(layout);
      throw error;
    }
    this.#counters.rows++;
  }

  #code(word: unknown, place: string): number {
    if (word === undefined) return 0;
    const code = typeof word === 'string' ? qualityCode(word) : undefined;
    if (code === undefined) refuse('unknown-quality', place, 'not a quality word');
    return code;
  }

  /** Stores what `decode` made of a device's own frame. */
  putDecoded(entry: Entry, decoded: Decoded, receivedAt: number, lane: Lane | null): void {
    const at = decoded.at ?? receivedAt;
    if (decoded.readings.length > 0) {
      const { layout } = entry;
      const base = this.#open(entry, at, receivedAt, lane);
      for (const { metric, value, quality } of decoded.readings) {
        const column = entry.columns.get(metric);
        if (column === undefined)
          throw new Error(`BUG: ${entry.profile.id} decoded ${metric}, which is no metric of it`);
        layout.rows[base + layout.valuesAt + column] = value;
        const code = qualityCode(quality) ?? 0;
        if (code !== 0) setQuality(layout, base, column, code);
      }
      this.#counters.rows++;
    }
    for (const { type, detail } of decoded.events)
      this.#event(entry, type, detail, at, receivedAt, lane);
  }

  /** Stores one event object of our own wire. @throws bad-time, not-a-text, not-an-object, detail-too-large */
  putEvent(
    entry: Entry,
    event: Fields,
    receivedAt: number,
    lane: Lane | null,
    place: string,
  ): void {
    const at = time(event['at'], `${place}at`);
    const type = text(event['type'], `${place}type`, 64);
    const detail = event['detail'] === undefined ? {} : object(event['detail'], `${place}detail`);
    if (JSON.stringify(detail).length > DETAIL_BYTES_MAX)
      throw new OperationalError(
        'detail-too-large',
        `${place}detail: more than ${DETAIL_BYTES_MAX} characters`,
      );
    this.#event(entry, type, detail, at, receivedAt, lane);
  }

  #event(
    entry: Entry,
    type: string,
    detail: Fields,
    at: number,
    receivedAt: number,
    lane: Lane | null,
  ): void {
    let when = at;
    if (absurd(at, receivedAt)) {
      entry.replaced ??= new ReplacedTimes();
      when = entry.replaced.replace(at, receivedAt);
      this.#counters.clockReplaced++;
    }
    const late = lane === 'backfill' || (lane === null && receivedAt - when > NEWS_MS);
    this.#store.event(
      { device: entry.device.id, at: when, receivedAt, type, detail },
      late ? 'backfill' : 'live',
    );
    this.#counters.events++;
  }
}

function setQuality(layout: Layout, base: number, column: number, code: number): void {
  const word = base + ROW.quality + Math.floor(column / METRICS_PER_QUALITY_WORD);
  layout.rows[word] = (layout.rows[word] ?? 0) + code * 16 ** (column % METRICS_PER_QUALITY_WORD);
}
