/** The books of the rows that are not yet flushed: which DuckDB tables hold them, and what is known of their times. */

import { qualityWords } from '../../journal/group.ts';

/** Rows for which DuckDB takes memory in each column, however few there are, and bytes of a value and its validity. */
const ROWS_LEAST = 2_048;
const VALUE_BYTES = 9;
/** Columns beside quality words and values: ts, dev, lag, flags. */
const HEAD_COLUMNS = 4;

/** One in-memory table of the worker: rows of one layout, one generation and one set of columns. */
export class Memtable {
  /** Rises with every table; of two values of one reading the one in the higher table is the later. */
  readonly serial: number;
  readonly layout: number;
  readonly metrics: number;
  rows = 0;
  /** Span of the event times, ms, both inclusive. */
  first = Number.POSITIVE_INFINITY;
  last = Number.NEGATIVE_INFINITY;
  /** Span of those rows that came after a newer one of their device: only these can repeat an older row. */
  lateFirst = Number.POSITIVE_INFINITY;
  lateLast = Number.NEGATIVE_INFINITY;
  /** Hours since 1970 that hold rows. */
  readonly hours = new Set<number>();
  #hour = Number.NaN;

  constructor(serial: number, layout: number, metrics: number) {
    this.serial = serial;
    this.layout = layout;
    this.metrics = metrics;
  }

  note(at: number, hour: number, late: boolean): void {
    this.rows++;
    if (at < this.first) this.first = at;
    if (at > this.last) this.last = at;
    if (hour !== this.#hour) {
      this.#hour = hour;
      this.hours.add(hour);
    }
    if (!late) return;
    if (at < this.lateFirst) this.lateFirst = at;
    if (at > this.lateLast) this.lateLast = at;
  }

  /** About how much memory it takes. */
  get bytes(): number {
    const columns = HEAD_COLUMNS + qualityWords(this.metrics) + this.metrics;
    return Math.max(ROWS_LEAST, this.rows) * columns * VALUE_BYTES;
  }

  /** Name of the table in DuckDB. */
  get name(): string {
    return `memtable_${this.serial}`;
  }

  mayRepeat(from: number, to: number): boolean {
    return this.lateFirst < to && this.lateLast >= from;
  }
}

/** Everything between two flushes. */
export class Generation {
  readonly number: number;
  /** By the timer's `elapsed`. */
  readonly startedAt: number;
  /** Highest log id whose rows are in here; set when the generation is closed. */
  sealedUpTo = 0;
  /** By device number: newest event time of all rows taken when it was closed. */
  newestAt = new Float64Array(0);
  readonly tables: Memtable[] = [];
  events = 0;
  eventBytes = 0;

  constructor(number: number, startedAt: number) {
    this.number = number;
    this.startedAt = startedAt;
  }

  get rows(): number {
    return this.tables.reduce((sum, table) => sum + table.rows, 0);
  }

  /** About how much memory its tables take. */
  get bytes(): number {
    return this.tables.reduce((sum, table) => sum + table.bytes, this.eventBytes);
  }

  get eventsName(): string {
    return `events_${this.number}`;
  }
}
