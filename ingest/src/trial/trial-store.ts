/** A store of the pipeline that stores nothing: it remembers what one message would have put in. */
import { bug, type DeviceEvent, type Quality, qualityWord } from '@village/core';
import {
  type DeadLetter,
  type Layout,
  METRICS_PER_QUALITY_WORD,
  ROW,
  type StoredDeadLetter,
} from '@village/store/time-series';
import type { PipelineStore } from '../pipeline/pipeline.ts';

const ROWS_AT_FIRST = 16;

export interface TrialReading {
  readonly at: number;
  readonly metric: string;
  readonly value: number;
  readonly quality: Quality;
}

const nothing = (): void => undefined;

class TrialLayout implements Layout {
  readonly number = 1;
  readonly profile: string;
  readonly metrics: readonly string[];
  readonly metricIndex: ReadonlyMap<string, number>;
  readonly stride: number;
  readonly valuesAt: number;
  rows: Float64Array;
  count = 0;

  constructor(profile: string, metrics: readonly string[]) {
    this.profile = profile;
    this.metrics = metrics;
    this.metricIndex = new Map(metrics.map((metric, column) => [metric, column]));
    this.valuesAt = ROW.quality + Math.ceil(metrics.length / METRICS_PER_QUALITY_WORD);
    this.stride = this.valuesAt + metrics.length;
    this.rows = new Float64Array(ROWS_AT_FIRST * this.stride);
  }

  reserve(at: number): number {
    const start = this.count * this.stride;
    if (start + this.stride > this.rows.length) {
      const larger = new Float64Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    this.rows.fill(0, start, start + this.valuesAt);
    this.rows.fill(Number.NaN, start + this.valuesAt, start + this.stride);
    this.rows[start] = at;
    this.count++;
    return start;
  }

  *readings(): Generator<TrialReading> {
    for (let row = 0; row < this.count; row++) {
      const start = row * this.stride;
      for (const [column, metric] of this.metrics.entries()) {
        const value = this.rows[start + this.valuesAt + column] ?? Number.NaN;
        if (Number.isNaN(value)) continue;
        const word = this.rows[start + ROW.quality + Math.floor(column / METRICS_PER_QUALITY_WORD)];
        const code = Math.floor((word ?? 0) / 16 ** (column % METRICS_PER_QUALITY_WORD)) % 16;
        yield { at: this.rows[start] ?? Number.NaN, metric, value, quality: qualityWord(code) };
      }
    }
  }
}

/** Holds the one entry that is tried. */
export class TrialStore implements PipelineStore {
  readonly events: DeviceEvent[] = [];
  /** What would be kept aside in turn. */
  readonly refused: DeadLetter[] = [];
  readonly #layouts = new Map<string, TrialLayout>();
  readonly #entry: StoredDeadLetter;
  readonly committedAt = 0;
  readonly rowsPending = 0;
  readonly frameBytesPending = 0;
  readonly commitFault = null;

  constructor(entry: StoredDeadLetter) {
    this.#entry = entry;
  }

  *readings(): Generator<TrialReading> {
    for (const layout of this.#layouts.values()) yield* layout.readings();
  }

  layout(profile: string, metrics: readonly string[]): Layout {
    const known = this.#layouts.get(profile);
    if (known !== undefined) return known;
    const made = new TrialLayout(profile, metrics);
    this.#layouts.set(profile, made);
    return made;
  }

  reserve(layout: Layout, _device: number, at: number): number {
    return (layout as TrialLayout).reserve(at);
  }

  unreserve(layout: Layout): void {
    if (layout.count === 0) bug('no row to take back');
    layout.count--;
  }

  event(event: DeviceEvent): void {
    this.events.push(event);
  }

  deadLetter(entry: DeadLetter): void {
    this.refused.push(entry);
  }

  lookThroughDeadLetters(): { entries: StoredDeadLetter[]; looked: number; next: null } {
    return { entries: [this.#entry], looked: 1, next: null };
  }

  deadLetterById(id: number): StoredDeadLetter | null {
    return id === this.#entry.id ? this.#entry : null;
  }

  settle(done: () => void): void {
    done();
  }

  device = (): number => 1;
  remembered = (): [key: string, value: number][] => [];
  sequences = (): [] => [];
  commitNow = (): Promise<void> => Promise.resolve();
  // What leaves traces elsewhere leaves none here.
  remember = nothing;
  spoke = nothing;
  sequence = nothing;
  sequenceDropped = nothing;
  frame = nothing;
  note = nothing;
  resolveDeadLetters = nothing;
}
