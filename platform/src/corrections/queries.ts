/**
 * The queries of an archive, answered with corrected readings. Where no statement meets what is asked for, the archive is
 * asked as it is; else only the devices and times concerned are read as rows and corrected here.
 */
import { DAY, HOUR } from '@village/core';
import {
  type AggregateQuery,
  type AggregateRow,
  type ArchiveQueries,
  type Completeness,
  type CompletenessHour,
  type CompletenessQuery,
  type CorrectedReading,
  type DeviceLocation,
  type DeviceSpan,
  type EventQuery,
  type ExportQuery,
  locationAt,
  type RangeQuery,
  type RangeRow,
  Slots,
  slotOf,
} from '@village/store/time-series';
import type { AsReceived, CorrectedRow } from './apply.ts';
import { Budget, correctedRows } from './rows.ts';
import { joined, type Span, type StatementBook, shared } from './statement.ts';
import { Buckets, partsOf } from './sums.ts';

/** Readings as they were received, or with what was stated of them. */
export type View = 'received' | 'corrected';

/** A row of a view; `received` tells of readings that statements speak of what was received. */
export interface ViewRow extends RangeRow {
  readonly received?: Readonly<Record<string, AsReceived>>;
}

export interface ViewHour extends CompletenessHour {
  /** Of the intervals received, how many hold a row with a reading that nobody stated to be invalid. */
  readonly valid: number;
}

export interface ViewCompleteness extends Completeness {
  readonly hours: readonly ViewHour[];
}

/** The queries of a view. */
export interface ViewQueries extends ArchiveQueries {
  range(query: RangeQuery, signal?: AbortSignal): Promise<ViewRow[]>;
  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<ViewCompleteness>;
}

/** What is known of devices beside their readings. */
export interface DeviceBooks {
  /** Where it stands and has stood; undefined when nowhere. */
  locations(device: string): DeviceLocation | readonly DeviceLocation[] | undefined;
  /** The profile that it has now. */
  profile(device: string): string | undefined;
}

const RANGE_MAX = 100_000;
const NEAR_MS = DAY;

/** An archive's answers as they are, with what the view adds. */
export function receivedQueries(archive: ArchiveQueries): ViewQueries {
  return {
    range: (query, signal) => archive.range(query, signal),
    aggregate: (query, signal) => archive.aggregate(query, signal),
    events: (query, signal) => archive.events(query, signal),
    exportTo: (path, format, query, signal) => archive.exportTo(path, format, query, signal),
    completeness: async (query, signal) => allValid(await archive.completeness(query, signal)),
  };
}

const allValid = (answer: Completeness): ViewCompleteness => ({
  ...answer,
  hours: answer.hours.map((hour) => ({ ...hour, valid: hour.received })),
});

export class CorrectedQueries implements ViewQueries {
  readonly #archive: ArchiveQueries;
  readonly #book: () => StatementBook;
  readonly #devices: DeviceBooks;

  constructor(archive: ArchiveQueries, book: () => StatementBook, devices: DeviceBooks) {
    this.#archive = archive;
    this.#book = book;
    this.#devices = devices;
  }

  async range(query: RangeQuery, signal?: AbortSignal): Promise<ViewRow[]> {
    const book = this.#book();
    if (book.touched(query.device, query.metrics, query).length === 0)
      return this.#archive.range(query, signal);
    const limit = Math.min(query.limit, RANGE_MAX);
    const rows: CorrectedRow[] = [];
    if (limit <= 0) return rows;
    const asked = { ...query, wanted: limit };
    for await (const batch of correctedRows(this.#archive, book, asked, new Budget(), signal)) {
      rows.push(...batch);
      if (rows.length >= limit) break;
    }
    return rows.slice(0, limit);
  }

  async aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]> {
    const book = this.#book();
    const spans = this.#concerned(book, query);
    if (spans.length === 0 || query.aggregates.length === 0)
      return this.#archive.aggregate(query, signal);
    const buckets = new Buckets(query);
    const budget = new Budget();
    for (const span of spans) await this.#add(book, buckets, query, span, budget, signal);
    const { top, ...all } = query;
    // Rows of devices are whole on one side or the other, so the archive's top holds its part of the answer's.
    const cut = top === undefined || query.groupBy !== 'device' ? {} : { top };
    const parts = partsOf(query.aggregates);
    const rows = isWhole(query, spans)
      ? []
      : await this.#archive.aggregate(
          { ...all, ...cut, aggregates: parts, without: [...(query.without ?? []), ...spans] },
          signal,
        );
    return buckets.joined(rows, query);
  }

  /** Devices and times of which an aggregate has to be computed here. */
  #concerned(book: StatementBook, query: AggregateQuery): DeviceSpan[] {
    const metrics = query.columns.map(({ metric }) => metric);
    const devices = query.device === undefined ? book.devices() : [query.device];
    return devices.flatMap((device) => {
      if (query.area !== undefined && !this.#everIn(device, query.area)) return [];
      const spans = book.touched(device, metrics, query);
      const wide =
        query.top !== undefined && query.groupBy === 'device'
          ? joined(spans.map((span) => atBorders(span, query)))
          : spans;
      return nearby(wide).map((span) => ({ device, ...span }));
    });
  }

  #everIn(device: string, area: string): boolean {
    return this.#histories(device).some((one) => within(one, area));
  }

  #histories(device: string): readonly DeviceLocation[] {
    const given = this.#devices.locations(device);
    if (given === undefined) return [];
    return Array.isArray(given) ? (given as readonly DeviceLocation[]) : [given as DeviceLocation];
  }

  async #add(
    book: StatementBook,
    buckets: Buckets,
    query: AggregateQuery,
    { device, from, to }: DeviceSpan,
    budget: Budget,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const histories = this.#histories(device);
    const present = this.#devices.profile(device);
    for (const { profile, metric } of query.columns) {
      // What came from other devices counts under the profile that the device has now.
      const others = profile === present;
      for (const span of book.maybeValid(device, metric, { from, to })) {
        const asked = { device, metrics: [metric], profile, others, ...span };
        for await (const batch of correctedRows(this.#archive, book, asked, budget, signal))
          for (const row of batch) {
            const value = row.values[metric];
            if (value === undefined || row.quality[metric] !== undefined) continue;
            const here = histories.length === 0 ? undefined : locationAt(histories, row.at);
            if (query.area !== undefined && (here === undefined || !within(here, query.area)))
              continue;
            buckets.add(row.at, groupOf(device, here, query.groupBy), value);
          }
      }
    }
  }

  /** What was received is counted by the archive; how much of it is valid, here. */
  async completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<ViewCompleteness> {
    const answer = allValid(await this.#archive.completeness(query, signal));
    const book = this.#book();
    const touched = book.touched(query.device, undefined, query);
    if (touched.length === 0 || answer.since === null) return answer;
    // Intervals that begin in an hour may end in a later one.
    const reachOf = (at: number): Span => ({ from: at, to: at + HOUR + query.reportEveryMs });
    const concerned = answer.hours.filter(({ at }) =>
      touched.some((span) => shared(span, reachOf(at)) !== null),
    );
    const slots = new Slots(query, answer.since);
    const budget = new Budget();
    for (const span of joined(concerned.map(({ at }) => reachOf(at)))) {
      const inside = shared(span, query);
      if (inside === null) continue;
      const asked = { device: query.device, ...inside };
      for await (const batch of correctedRows(this.#archive, book, asked, budget, signal))
        for (const { at, values, quality } of batch)
          if (Object.keys(values).some((metric) => quality[metric] !== 'invalid'))
            slots.fill(slotOf(at, query.reportEveryMs), Math.floor(at / HOUR), 1, 0);
    }
    const counted = new Map(slots.hours.map(({ at, received }) => [at, received]));
    const recount = new Set(concerned.map(({ at }) => at));
    return {
      ...answer,
      hours: answer.hours.map((hour) =>
        recount.has(hour.at) ? { ...hour, valid: counted.get(hour.at) ?? hour.valid } : hour,
      ),
    };
  }

  events(query: EventQuery, signal?: AbortSignal): ReturnType<ArchiveQueries['events']> {
    return this.#archive.events(query, signal);
  }

  /** Each reading with what was received beside it. */
  exportTo(
    path: string,
    format: 'csv' | 'parquet',
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<{ rows: number }> {
    const book = this.#book();
    const spans = query.devices.flatMap((device) =>
      nearby(book.touched(device, query.metrics, query)).map((span) => ({ device, ...span })),
    );
    const readings = this.#readings(book, spans, query.metrics, signal);
    return this.#archive.exportTo(
      path,
      format,
      { ...query, without: spans, corrected: readings },
      signal,
    );
  }

  async *#readings(
    book: StatementBook,
    spans: readonly DeviceSpan[],
    metrics: readonly string[] | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<CorrectedReading> {
    // Files are as large as they are asked for, so each span has a budget of its own.
    for (const { device, from, to } of spans) {
      const asked = { device, from, to, ...(metrics === undefined ? {} : { metrics }) };
      for await (const batch of correctedRows(this.#archive, book, asked, new Budget(), signal))
        for (const row of batch)
          for (const [metric, value] of Object.entries(row.values)) {
            const quality = row.quality[metric] ?? 'good';
            const { at, receivedAt, lane } = row;
            const original = row.received[metric] ?? { device, at, value, quality, statements: [] };
            yield { device, metric, at, value, quality, lane, receivedAt, original };
          }
    }
  }
}

const within = ({ county, township, village }: DeviceLocation, area: string): boolean =>
  county === area || township === area || village === area;

function groupOf(
  device: string,
  location: DeviceLocation | undefined,
  groupBy: AggregateQuery['groupBy'],
): string | null {
  if (groupBy === 'device') return device;
  return groupBy === 'none' ? null : (location?.[groupBy] ?? null);
}

/** Spans that lie near each other as one: to ask once more costs as much as to read the rows between. */
function nearby(spans: readonly Span[]): Span[] {
  const half = NEAR_MS / 2;
  const wider = joined(spans.map(({ from, to }) => ({ from: from - half, to: to + half })));
  return wider.map(({ from, to }) => ({ from: from + half, to: to - half }));
}

/** The span as far as the buckets reach that it meets. */
function atBorders({ from, to }: Span, query: AggregateQuery): Span {
  const { everyMs, offsetMs } = query;
  const start = Math.floor((from + offsetMs) / everyMs) * everyMs - offsetMs;
  const end = Math.ceil((to + offsetMs) / everyMs) * everyMs - offsetMs;
  return { from: Math.max(start, query.from), to: Math.min(end, query.to) };
}

/** Whether nothing is left for the archive. */
const isWhole = (query: AggregateQuery, spans: readonly DeviceSpan[]): boolean =>
  query.device !== undefined && spans.some(({ from, to }) => from <= query.from && to >= query.to);
