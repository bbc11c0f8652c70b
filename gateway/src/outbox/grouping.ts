/** Rows on their way to the disk: grouped into batches of bounded size, each knowing who waits for it. */
import type { WireEvent, WireReading } from '@village/core';

export type Done = (error?: Error) => void;

/** What one frame gave, as text. */
export interface FrameRows {
  readonly reading: string | null;
  readonly events: readonly string[];
  readonly rows: number;
  /** Readings and events in it. */
  readonly readings: number;
  readonly bytes: number;
}

export interface Group {
  readonly readings: string[];
  readonly events: string[];
  readonly waiting: Done[];
  rows: number;
  count: number;
  bytes: number;
}

export const hasFrame = (row: WireReading | WireEvent | null): boolean => row?.frame !== undefined;

/** The same row without what the device said. */
export function withoutFrame<R extends WireReading | WireEvent>({
  frame: _frame,
  framing: _framing,
  ...row
}: R): R {
  return row as unknown as R;
}

/** The text of a frame's rows, and what they weigh. */
export function rowsOf(reading: WireReading | null, events: readonly WireEvent[]): FrameRows {
  const texts = events.map((event) => JSON.stringify(event));
  const row = reading === null ? null : JSON.stringify(reading);
  const all = row === null ? texts : [row, ...texts];
  return {
    reading: row,
    events: texts,
    rows: all.length,
    readings: events.length + (reading === null ? 0 : Object.keys(reading.values).length),
    bytes: all.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0),
  };
}

/** The inside of a batch's JSON object, from its readings to the closing brace. */
export function bodyOf(group: Group): string {
  const events = group.events.length === 0 ? '' : `,"events":[${group.events.join(',')}]`;
  return `"readings":[${group.readings.join(',')}]${events}}`;
}

export class Grouping {
  readonly #rowsMax: number;
  readonly #bytesMax: number;
  #groups: Group[] = [];
  #rows = 0;
  #bytes = 0;

  constructor(rowsMax: number, bytesMax: number) {
    this.#rowsMax = rowsMax;
    this.#bytesMax = bytesMax;
  }

  /** Rows not yet taken. */
  get rows(): number {
    return this.#rows;
  }

  /** Bytes not yet taken. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a group is full, so that waiting for more company is useless. */
  get full(): boolean {
    return this.#groups.length > 1;
  }

  /** The oldest groups, at most so many. */
  first(count: number): readonly Group[] {
    return this.#groups.slice(0, count);
  }

  add(rows: FrameRows, done: Done | undefined): void {
    let group = this.#groups.at(-1);
    if (
      group === undefined ||
      group.rows + rows.rows > this.#rowsMax ||
      group.bytes + rows.bytes > this.#bytesMax
    ) {
      group = { readings: [], events: [], waiting: [], rows: 0, count: 0, bytes: 0 };
      this.#groups.push(group);
    }
    if (rows.reading !== null) group.readings.push(rows.reading);
    group.events.push(...rows.events);
    if (done !== undefined) group.waiting.push(done);
    group.rows += rows.rows;
    group.count += rows.readings;
    group.bytes += rows.bytes;
    this.#rows += rows.rows;
    this.#bytes += rows.bytes;
  }

  /** Forgets groups that `first` gave, once they are durable. */
  remove(groups: readonly Group[]): void {
    this.#groups = this.#groups.slice(groups.length);
    for (const group of groups) {
      this.#rows -= group.rows;
      this.#bytes -= group.bytes;
    }
  }
}
