/**
 * The open group: rows that were put in and are not yet durable, one block of doubles per profile. Everything here runs
 * once for each row, so it allocates nothing.
 */
import assert from 'node:assert/strict';
import { type Layout, METRICS_PER_QUALITY_WORD, ROW } from './contract.ts';

/** Doubles that a block holds when it is new; grown by doubling. A full group of six metrics a row needs 16,670. */
const BLOCK_DOUBLES = 32_768;
/** Blocks kept for reuse; more are left to the collector. */
const POOL_BLOCKS = 64;

/** Profile ids become folder names. */
const PROFILE_PATTERN = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/;

/** How many quality words a row of so many metrics has. */
export function qualityWords(metrics: number): number {
  return Math.ceil(metrics / METRICS_PER_QUALITY_WORD);
}

/** Doubles in memory that threads share, so that a reader in another one needs no copy. */
function sharedDoubles(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(length * Float64Array.BYTES_PER_ELEMENT));
}

/** Whether other threads can read the block itself. */
export function isShared(block: Float64Array): boolean {
  return block.buffer instanceof SharedArrayBuffer;
}

/** Blocks of doubles that nobody reads any more, ready for the next group. */
export class BlockPool {
  #blocks: Float64Array[] = [];

  take(): Float64Array {
    return this.#blocks.pop() ?? sharedDoubles(BLOCK_DOUBLES);
  }

  give(block: Float64Array): void {
    if (this.#blocks.length < POOL_BLOCKS && block.length >= BLOCK_DOUBLES && isShared(block))
      this.#blocks.push(block);
  }
}

/** A profile's rows in the open group, and what is known of its devices. */
export class OpenLayout implements Layout {
  readonly profile: string;
  readonly number: number;
  readonly metrics: string[] = [];
  readonly metricIndex = new Map<string, number>();
  /** Device id to dense number, under this profile. */
  readonly devices = new Map<string, number>();
  stride: number = ROW.quality;
  valuesAt: number = ROW.quality;
  rows: Float64Array;
  count = 0;
  /** True while columns were added that no commit has made durable. */
  changed = false;
  readonly #pool: BlockPool;

  constructor(profile: string, number: number, pool: BlockPool) {
    assert(
      PROFILE_PATTERN.test(profile) && profile.length <= 128,
      `BUG: ${profile} is no profile id`,
    );
    this.profile = profile;
    this.number = number;
    this.#pool = pool;
    this.rows = pool.take();
  }

  /** Adds the metrics that are not there yet; rows already in the group get them as absent. */
  addMetrics(metrics: readonly string[]): void {
    const fresh = metrics.filter((metric) => !this.metricIndex.has(metric));
    if (fresh.length === 0) return;
    const before = { stride: this.stride, valuesAt: this.valuesAt, metrics: this.metrics.length };
    for (const metric of fresh) {
      if (this.metricIndex.has(metric)) continue;
      this.metricIndex.set(metric, this.metrics.length);
      this.metrics.push(metric);
    }
    this.valuesAt = ROW.quality + qualityWords(this.metrics.length);
    this.stride = this.valuesAt + this.metrics.length;
    this.changed = true;
    if (this.count > 0)
      this.rows = widenRows(this.rows, this.count, before, {
        stride: this.stride,
        valuesAt: this.valuesAt,
        metrics: this.metrics.length,
      });
  }

  grow(): void {
    const larger = sharedDoubles(Math.max(this.rows.length * 2, this.stride * 2));
    larger.set(this.rows.subarray(0, this.count * this.stride));
    this.rows = larger;
  }

  /**
   * Hands the group's rows over and starts a new group. Small groups are copied, so that thousands of tiny commits
   * don't each carry a large block.
   */
  take(): Float64Array {
    const used = this.count * this.stride;
    this.count = 0;
    if (used * 4 < this.rows.length) return this.rows.slice(0, used);
    const full = this.rows;
    this.rows = this.#pool.take();
    return full;
  }
}

/** The shape of a row: how wide it is, where values start, and how many there are. */
export interface RowShape {
  readonly stride: number;
  readonly valuesAt: number;
  readonly metrics: number;
}

/** The shape that rows of so many metrics have. */
export function rowShape(metrics: number): RowShape {
  const valuesAt = ROW.quality + qualityWords(metrics);
  return { stride: valuesAt + metrics, valuesAt, metrics };
}

/** The same rows with room for more metrics, the new ones absent. */
export function widenRows(
  rows: Float64Array,
  count: number,
  from: RowShape,
  to: RowShape,
): Float64Array {
  const wide = sharedDoubles(Math.max(BLOCK_DOUBLES, (count + 1) * to.stride));
  for (let row = 0; row < count; row++) {
    const source = row * from.stride;
    const target = row * to.stride;
    wide.set(rows.subarray(source, source + from.valuesAt), target);
    wide.set(rows.subarray(source + from.valuesAt, source + from.stride), target + to.valuesAt);
    wide.fill(Number.NaN, target + to.valuesAt + from.metrics, target + to.stride);
  }
  return wide;
}

/** Opens a row in the layout's block and returns where it starts. */
export function reserveRow(
  layout: OpenLayout,
  device: number,
  at: number,
  receivedAt: number,
  flags: number,
): number {
  const stride = layout.stride;
  const start = layout.count * stride;
  if (start + stride > layout.rows.length) layout.grow();
  const rows = layout.rows;
  rows[start] = at;
  rows[start + 1] = receivedAt;
  rows[start + 2] = device * 4 + flags;
  const values = start + layout.valuesAt;
  for (let i = start + ROW.quality; i < values; i++) rows[i] = 0;
  for (let i = values, end = start + stride; i < end; i++) rows[i] = Number.NaN;
  layout.count++;
  return start;
}
