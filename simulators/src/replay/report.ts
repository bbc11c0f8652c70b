/** Exact counts and sums of everything that a replay reads, and so what must be stored. */
import { formatTime } from '@village/core';
import { DecimalSum, decimalText, plusDecimal, timesDecimal } from './decimal.ts';
import type { MappedRow, Mapping } from './mapping.ts';

/** What the columns held, and so what must be stored. */
export interface ColumnReport {
  readonly metric: string;
  /** Cells with a value; each is one reading. */
  readonly count: number;
  readonly missing: number;
  /** Exact sums of the cells as they stand in the files, and in the metric's unit. Of words: of their numbers. */
  readonly sum: string;
  readonly stored: string;
}

export interface ReplayReport {
  readonly name: 'replay';
  readonly files: number;
  readonly rows: number;
  /** Rows without any value, which are not sent. */
  readonly rowsEmpty: number;
  /** Rows whose time or device can't be understood, and cells that are no numbers. */
  readonly rowsFaulty: number;
  readonly cellsFaulty: number;
  readonly firstFault: string | null;
  readonly rowsSent: number;
  readonly rowsAcknowledged: number;
  readonly readings: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly columns: Readonly<Record<string, ColumnReport>>;
  readonly devices: Readonly<
    Record<string, { rows: number; readings: number; from: string; to: string }>
  >;
}

/** Counts and sums of everything read. */
export class ReplayCounters {
  readonly #mapping: Mapping;
  readonly #sums: DecimalSum[];
  readonly #counts: number[];
  readonly #missing: number[];
  readonly #devices = new Map<
    string,
    { rows: number; readings: number; from: number; to: number }
  >();
  rows = 0;
  rowsEmpty = 0;
  rowsFaulty = 0;
  cellsFaulty = 0;
  rowsSent = 0;
  readings = 0;
  firstFault: string | null = null;

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#sums = mapping.columns.map(() => new DecimalSum());
    this.#counts = mapping.columns.map(() => 0);
    this.#missing = mapping.columns.map(() => 0);
  }

  /** Notes a row; true when it has something to send. */
  add(row: MappedRow | null, place: () => string): boolean {
    this.rows++;
    if (row === null || row.faulty > 0) this.firstFault ??= place();
    if (row === null) {
      this.rowsFaulty++;
      return false;
    }
    this.cellsFaulty += row.faulty;
    let values = 0;
    row.texts.forEach((text, i) => {
      const held = text !== null && (this.#sums[i]?.add(text) ?? false);
      const counts = held ? this.#counts : this.#missing;
      counts[i] = (counts[i] ?? 0) + 1;
      if (held) values++;
    });
    if (values === 0) {
      this.rowsEmpty++;
      return false;
    }
    this.rowsSent++;
    this.readings += values;
    const device = this.#devices.get(row.device);
    if (device === undefined)
      this.#devices.set(row.device, { rows: 1, readings: values, from: row.at, to: row.at });
    else {
      device.rows++;
      device.readings += values;
      device.from = Math.min(device.from, row.at);
      device.to = Math.max(device.to, row.at);
    }
    return true;
  }

  columns(): Record<string, ColumnReport> {
    const reports: Record<string, ColumnReport> = {};
    this.#mapping.columns.forEach((column, i) => {
      const count = this.#counts[i] ?? 0;
      const sum = this.#sums[i]?.total() ?? { digits: 0n, scale: 0 };
      const offsets = timesDecimal(column.offset, { digits: BigInt(count), scale: 0 });
      reports[column.name] = {
        metric: column.metric,
        count,
        missing: this.#missing[i] ?? 0,
        sum: decimalText(sum),
        stored: decimalText(plusDecimal(timesDecimal(sum, column.factor), offsets)),
      };
    });
    return reports;
  }

  devices(): ReplayReport['devices'] {
    return Object.fromEntries(
      [...this.#devices].map(([id, { from, to, ...counts }]) => [
        id,
        { ...counts, from: formatTime(from), to: formatTime(to) },
      ]),
    );
  }
}
