/** Readings of a test as the journal gives them to its readers. */
import { type Lane, type Quality, qualityCode } from '@village/core';
import type { CommittedRows } from '@village/store/time-series';

/** Readings of one device at one time. */
export interface TestReading {
  readonly device: string;
  readonly at: number;
  readonly lane: Lane;
  readonly clockWrong: boolean;
  /** By metric. */
  readonly values: ReadonlyMap<string, { readonly value: number; readonly quality: Quality }>;
}

export class TestBlock implements CommittedRows {
  readonly profile: string;
  readonly metrics: readonly string[];
  readonly #rows: readonly TestReading[];
  readonly #receivedAt: number;

  constructor(
    profile: string,
    metrics: readonly string[],
    rows: readonly TestReading[],
    receivedAt: number,
  ) {
    this.profile = profile;
    this.metrics = metrics;
    this.#rows = rows;
    this.#receivedAt = receivedAt;
  }

  get count(): number {
    return this.#rows.length;
  }

  #of(row: number): TestReading {
    return this.#rows[row] as TestReading;
  }

  #value(row: number, metric: number) {
    return this.#of(row).values.get(this.metrics[metric] as string);
  }

  device(row: number): string {
    return this.#of(row).device;
  }

  at(row: number): number {
    return this.#of(row).at;
  }

  receivedAt(): number {
    return this.#receivedAt;
  }

  lane(row: number): Lane {
    return this.#of(row).lane;
  }

  clockReplaced(row: number): boolean {
    return this.#of(row).clockWrong;
  }

  value(row: number, metric: number): number {
    return this.#value(row, metric)?.value ?? Number.NaN;
  }

  quality(row: number, metric: number): Quality {
    return this.#value(row, metric)?.quality ?? 'good';
  }
}

export const codeOf = (quality: Quality): number => qualityCode(quality) as number;
