/** A committed group in memory: what its readers see, and the count of those that still read it. */
import assert from 'node:assert/strict';
import { type DeviceEvent, type Lane, type Quality, qualityWord } from '@village/core';
import type { GroupNotes, RowSection } from './codec.ts';
import {
  type CommittedGroup,
  type CommittedRows,
  type ReceivedFrame,
  ROW,
  ROW_FLAG,
  type SystemEvent,
} from './contract.ts';
import { type BlockPool, rowShape } from './group.ts';
import { qualityAt } from './latest.ts';
import type { Names } from './names.ts';

/** Bytes that a group takes in memory besides its rows. */
const GROUP_BYTES = 512;

/** Rows of one profile; archives of this package read the block itself, and never write it or hand it over. */
export class RowBlock implements CommittedRows {
  readonly layout: number;
  readonly metricCount: number;
  readonly count: number;
  readonly block: Float64Array;
  readonly #names: Names;
  readonly #stride: number;
  readonly #valuesAt: number;

  constructor({ layout, metrics, count, rows }: RowSection, names: Names) {
    this.layout = layout;
    this.metricCount = metrics;
    this.count = count;
    this.block = rows;
    this.#names = names;
    const shape = rowShape(metrics);
    this.#stride = shape.stride;
    this.#valuesAt = shape.valuesAt;
  }

  get profile(): string {
    return this.#names.layouts[this.layout]!.profile;
  }

  get metrics(): readonly string[] {
    const { metrics } = this.#names.layouts[this.layout]!;
    return metrics.length === this.metricCount ? metrics : metrics.slice(0, this.metricCount);
  }

  #head(row: number): number {
    return this.block[row * this.#stride + ROW.device]!;
  }

  device(row: number): string {
    return this.#names.id(Math.floor(this.#head(row) / 4));
  }

  at(row: number): number {
    return this.block[row * this.#stride + ROW.at]!;
  }

  receivedAt(row: number): number {
    return this.block[row * this.#stride + ROW.receivedAt]!;
  }

  lane(row: number): Lane {
    return (this.#head(row) & ROW_FLAG.backfill) === 0 ? 'live' : 'backfill';
  }

  clockReplaced(row: number): boolean {
    return (this.#head(row) & ROW_FLAG.clockReplaced) !== 0;
  }

  value(row: number, metric: number): number {
    return this.block[row * this.#stride + this.#valuesAt + metric]!;
  }

  quality(row: number, metric: number): Quality {
    return qualityWord(qualityAt(this.block, row * this.#stride + ROW.quality, metric));
  }
}

/** One group; its blocks go back to the pool when the last reader has let go. */
export class Group implements CommittedGroup {
  readonly id: number;
  readonly committedAt: number;
  readonly rows: readonly RowBlock[];
  readonly rowCount: number;
  readonly events: readonly { readonly event: DeviceEvent; readonly lane: Lane }[];
  readonly system: readonly SystemEvent[];
  readonly frames: readonly ReceivedFrame[];
  readonly damaged: boolean;
  /** Bytes in memory. */
  readonly bytes: number;
  readonly #pool: BlockPool;
  #readers = 1;

  constructor(
    id: number,
    committedAt: number,
    content: {
      readonly rows: readonly RowBlock[];
      readonly notes: GroupNotes;
      readonly frames: readonly ReceivedFrame[];
      /** Bytes in the log: what is no row is notes. */
      readonly logBytes: number;
      readonly damaged?: boolean;
    },
    pool: BlockPool,
  ) {
    this.id = id;
    this.committedAt = committedAt;
    this.rows = content.rows;
    this.events = content.notes.events;
    this.system = content.notes.system ?? [];
    this.frames = content.frames;
    this.damaged = content.damaged ?? false;
    let rowCount = 0;
    let bytes = GROUP_BYTES * (1 + this.events.length + this.frames.length) + content.logBytes;
    for (const { count, block, metricCount } of this.rows) {
      rowCount += count;
      bytes += block.byteLength - count * rowShape(metricCount).stride * 8;
    }
    this.rowCount = rowCount;
    this.bytes = bytes;
    this.#pool = pool;
  }

  retain(): this {
    assert(this.#readers > 0, 'BUG: a group is read again after it was let go');
    this.#readers++;
    return this;
  }

  release(): void {
    assert(this.#readers > 0, 'BUG: a group is let go twice');
    if (--this.#readers === 0) for (const { block } of this.rows) this.#pool.give(block);
  }
}
