/** Rows of one profile as columns, so that each rule goes through them in one loop. */
import { qualityCode } from '@village/core';
import type { CommittedRows } from '@village/store/time-series';

/** The values of one metric by row; NaN where a row does not carry it. Codes of qualities are null where all are good. */
export interface Column {
  readonly values: Float64Array;
  readonly codes: Uint8Array | null;
}

/** Rows that rules are to judge, in the order in which they came. */
export interface Batch {
  readonly profile: string;
  readonly metrics: readonly string[];
  readonly count: number;
  /** Number of each row's device; -1 of one that is not known. */
  readonly devices: Int32Array;
  readonly at: Float64Array;
  /** 1 of rows that pages nobody whatever they say; null when all are of the past and none is late. */
  readonly backfill: Uint8Array | null;
  /** Set to 1 by rules for which a row came too late to be judged. */
  readonly late: Uint8Array;
  column(metric: number): Column;
}

const GOOD = 0;

/** A block of the journal; columns are read when a rule first asks for them, and kept for the next. */
export class BlockBatch implements Batch {
  readonly profile: string;
  readonly metrics: readonly string[];
  readonly count: number;
  readonly devices: Int32Array;
  readonly at: Float64Array;
  readonly backfill: Uint8Array;
  readonly late: Uint8Array;
  readonly #block: CommittedRows;
  readonly #columns = new Map<number, Column>();

  constructor(block: CommittedRows, numberOf: (device: string) => number) {
    const { count } = block;
    this.#block = block;
    this.profile = block.profile;
    this.metrics = block.metrics;
    this.count = count;
    this.devices = new Int32Array(count);
    this.at = new Float64Array(count);
    this.backfill = new Uint8Array(count);
    this.late = new Uint8Array(count);
    for (let row = 0; row < count; row++) {
      this.devices[row] = numberOf(block.device(row));
      this.at[row] = block.at(row);
      if (block.lane(row) === 'backfill') this.backfill[row] = 1;
    }
  }

  column(metric: number): Column {
    const known = this.#columns.get(metric);
    if (known !== undefined) return known;
    const column = this.#read(metric);
    this.#columns.set(metric, column);
    return column;
  }

  #read(metric: number): Column {
    const block = this.#block;
    const values = new Float64Array(this.count);
    let codes: Uint8Array | null = null;
    for (let row = 0; row < this.count; row++) {
      const value = block.value(row, metric);
      values[row] = value;
      if (Number.isNaN(value)) continue;
      const word = block.quality(row, metric);
      if (word === 'good') continue;
      codes ??= new Uint8Array(this.count).fill(GOOD);
      codes[row] = qualityCode(word) as number;
    }
    return { values, codes };
  }
}
