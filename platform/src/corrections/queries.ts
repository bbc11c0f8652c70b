/**
 * The queries of an archive, answered with corrected readings. Where no statement meets what is asked for, the archive is
 * asked as it is; else only the devices and times concerned are read as rows and corrected here.
 */
import { BEIJING_OFFSET_MS, HOUR } from '@village/core';
import {
  AGGREGATE_ROWS_MAX,
  type AggregateQuery,
  type AggregateRow,
  type ArchiveQueries,
  answerTooLarge,
  type Completeness,
  type CompletenessHour,
  type CompletenessQuery,
  type CorrectedReading,
  type DeviceLocation,
  type DeviceSpan,
  type EventQuery,
  type ExportQuery,
  locationAt,
  type RangeManyQuery,
  type RangeQuery,
  type RangeRow,
  Slots,
  slotOf,
} from '@village/store/time-series';
import type { AsReceived, CorrectedRow } from './apply.ts';
import { correctedSpans } from './gathered.ts';
import { correctedMany } from './many.ts';
import { Budget, correctedRows } from './rows.ts';
import { joined, nearby, type Span, type StatementBook, shared } from './statement.ts';
import { Buckets, partsOf } from './sums.ts';

/** Readings as they were received, or with what was stated of them. */
export type View = 'received' | 'corrected';

/** A row of a view; `received` tells of readings that statements speak of what was received. */
export interface ViewRow extends RangeRow {
  readonly received?: Readonly<Record<string, AsReceived>>;
}

export interface ViewDeviceRows {
  readonly device: string;
  readonly rows: readonly ViewRow[];
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
  rangeMany(query: RangeManyQuery, signal?: AbortSignal): AsyncIterable<ViewDeviceRows>;
  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<ViewCompleteness>;
}

/** What is known of devices beside their readings. */
export interface DeviceBooks {
  /** Where it stands and has stood; undefined when nowhere. */
  locations(device: string): DeviceLocation | readonly DeviceLocation[] | undefined;
  /** The profile that it has now. */
  profile(device: string): string | undefined;
  /** How many there are, about. */
  count(): number;
}

const RANGE_MAX = 100_000;
/** Rows of devices that are taken from the archive to find the top of them. */
const UNCUT_MAX = 100_000;

/** An archive's answers as they are, with what the view adds. */
export function receivedQueries(archive: ArchiveQueries): ViewQueries {
  return {
    range: (query, signal) => archive.range(query, signal),
    rangeMany: (query, signal) => archive.rangeMany(query, signal),
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

  rangeMany(query: RangeManyQuery, signal?: AbortSignal): AsyncIterable<ViewDeviceRows> {
    const book = this.#book();
    return book.size === 0
      ? this.#archive.rangeMany(query, signal)
      : correctedMany(this.#archive, book, query, signal);
  }

  async aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]> {
    const book = this.#book();
    const isCut = this.#isCut(query);
    const spans = this.#concerned(book, query, isCut);
    if (spans.length === 0 || query.aggregates.length === 0)
      return this.#archive.aggregate(query, signal);
    const buckets = new Buckets(query);
    await this.#add(book, buckets, query, spans, signal);
    const { top, ...all } = query;
    // Rows of devices are whole on one side or the other, so the archive's top holds its part of the answer's.
    const cut = top === undefined || !isCut ? {} : { top };
    const parts = partsOf(query.aggregates);
    const rows = isWhole(query, spans)
      ? []
      : await this.#archive.aggregate(
          { ...all, ...cut, aggregates: parts, without: [...(query.without ?? []), ...spans] },
          signal,
        );
    const answer = buckets.joined(rows, query);
    if (answer.length > AGGREGATE_ROWS_MAX) throw answerTooLarge();
    return answer;
  }

  /** Devices and times of which an aggregate has to be computed here. */
  #concerned(book: StatementBook, query: AggregateQuery, isCut: boolean): DeviceSpan[] {
    const metrics = query.columns.map(({ metric }) => metric);
    const devices = query.device === undefined ? book.devicesAround(query) : [query.device];
    return devices.flatMap((device) => {
      const spans = book.touched(device, metrics, query);
      if (spans.length === 0) return [];
      if (query.area !== undefined && !this.#everIn(device, query.area)) return [];
      const wide = isCut ? joined(spans.map((span) => atBorders(span, query))) : spans;
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

  /** Whether the archive gives only the top of a device's rows, since all would be too many to take. */
  #isCut({ top, groupBy, from, to, everyMs }: AggregateQuery): boolean {
    if (top === undefined || groupBy !== 'device') return false;
    const buckets = (to - from) / everyMs + 2;
    return buckets * this.#devices.count() > UNCUT_MAX;
  }

  async #add(
    book: StatementBook,
    buckets: Buckets,
    query: AggregateQuery,
    spans: readonly DeviceSpan[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const budget = new Budget();
    for (const { profile, metric } of query.columns) {
      const asked = {
        ...{ metrics: [metric], profile },
        spans: spans.flatMap(({ device, from, to }) =>
          book.maybeValid(device, metric, { from, to }).map((span) => ({ device, ...span })),
        ),
        // What came from other devices counts under the profile that the device has now.
        others: (device: string) => this.#devices.profile(device) === profile,
      };
      const found = correctedSpans(this.#archive, book, asked, () => budget, signal);
      for await (const { device, rows } of found) {
        const histories = this.#histories(device);
        for (const row of rows) {
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
    let passed = 0;
    const concerned = answer.hours.filter(({ at }) => {
      const reach = reachOf(at);
      while (passed < touched.length && touched[passed]!.to <= reach.from) passed++;
      return passed < touched.length && touched[passed]!.from < reach.to;
    });
    const { device, reportEveryMs: every } = query;
    const slots = new Slots(query, answer.since);
    const elsewhere = new Set<number>();
    const budget = new Budget();
    const spans = joined(concerned.map(({ at }) => reachOf(at))).flatMap((span) => {
      const inside = shared(span, query);
      return inside === null ? [] : [{ device, ...inside }];
    });
    const found = correctedSpans(this.#archive, book, { spans }, () => budget, signal);
    for await (const { rows } of found)
      for (const row of rows) {
        const { at, values, quality } = row;
        if (Object.keys(values).every((metric) => quality[metric] === 'invalid')) continue;
        const slot = slotOf(at, every);
        if (Object.keys(values).some((metric) => slot === slotIfOwn(query, row, metric)))
          slots.fill(slot, Math.floor(at / HOUR), 1, 0);
        else elsewhere.add(slot);
      }
    const moved: DeviceSpan[] = [];
    for (const slot of [...elsewhere].sort((a, b) => a - b)) addInterval(moved, query, slot);
    // Where what is valid was moved to, nothing need have been received.
    for await (const { rows } of this.#archive.rangeMany({ spans: moved }, signal))
      for (const { at } of rows) slots.fill(slotOf(at, every), Math.floor(at / HOUR), 1, 0);
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
    const spans = [...query.devices]
      .sort()
      .flatMap((device) =>
        nearby(book.touched(device, query.metrics, query)).map((span) => ({ device, ...span })),
      );
    const readings = (of: readonly DeviceSpan[]) => this.#readings(book, of, query.metrics, signal);
    async function* correctedInOrder(): AsyncGenerator<CorrectedReading> {
      for (const span of spans) yield* readings([span]);
    }
    return this.#archive.exportTo(
      path,
      format,
      { ...query, without: spans, corrected: readings(spans), correctedInOrder },
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
    const asked = { spans, ...(metrics === undefined ? {} : { metrics }) };
    const found = correctedSpans(this.#archive, book, asked, () => new Budget(), signal);
    for await (const { device, rows } of found)
      for (const row of rows)
        for (const [metric, value] of Object.entries(row.values).sort(byKey)) {
          const quality = row.quality[metric] ?? 'good';
          const { at, receivedAt, lane } = row;
          const original = row.received[metric] ?? { device, at, value, quality, statements: [] };
          yield { device, metric, at, value, quality, lane, receivedAt, original };
        }
  }
}

/** The report interval in which a reading was received; undefined when it is another device's. */
function slotIfOwn(
  { device, reportEveryMs }: CompletenessQuery,
  { at, received }: CorrectedRow,
  metric: string,
): number | undefined {
  const was = received[metric];
  if (was !== undefined && was.device !== device) return undefined;
  return slotOf(was?.at ?? at, reportEveryMs);
}

/** Adds a report interval to spans in order of time, of which it is the last. */
function addInterval(
  spans: DeviceSpan[],
  { device, from, to, reportEveryMs }: CompletenessQuery,
  slot: number,
): void {
  const start = Math.max(from, slot * reportEveryMs - BEIJING_OFFSET_MS);
  const end = Math.min(to, (slot + 1) * reportEveryMs - BEIJING_OFFSET_MS);
  const last = spans.at(-1);
  if (last !== undefined && last.to >= start)
    spans[spans.length - 1] = { device, from: last.from, to: Math.max(last.to, end) };
  else spans.push({ device, from: start, to: end });
}

const byKey = ([one]: [string, number], [other]: [string, number]): number =>
  one < other ? -1 : 1;

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
