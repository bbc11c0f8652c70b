/**
 * Sizes and receive times of stretches of the log, coarse and in memory: how many bytes wait for a reader, and when
 * what it missed was received, without a look at the groups themselves.
 */
import type { MissedSpan } from './contract.ts';
import type { JournalDb } from './journal-db.ts';

/** A stretch is full at so many groups or bytes. */
const GROUPS = 256;
const BYTES = 1024 * 1024;

interface Stretch {
  first: number;
  last: number;
  /** Least and greatest receive time of its rows and events; Infinity and −Infinity without any. */
  from: number;
  to: number;
  bytes: number;
}

/** What `Latest` and the events of one group say about receive times. */
export interface GroupSize {
  readonly id: number;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** The stretches of the groups that are in the log. */
export class LogSpans {
  #stretches: Stretch[] = [];
  #bytes = 0;
  /** Stretches from here on are not saved. */
  #unsaved = 0;

  /** Bytes of all groups in the log. */
  get bytes(): number {
    return this.#bytes;
  }

  restore(db: JournalDb): number {
    for (const row of db.sql('SELECT * FROM log_spans ORDER BY first').all()) {
      const stretch = {
        first: row['first'] as number,
        last: row['last'] as number,
        from: (row['received_from'] as number | null) ?? Number.POSITIVE_INFINITY,
        to: (row['received_to'] as number | null) ?? Number.NEGATIVE_INFINITY,
        bytes: row['bytes'] as number,
      };
      this.#stretches.push(stretch);
      this.#bytes += stretch.bytes;
    }
    this.#unsaved = this.#stretches.length;
    return this.#stretches.at(-1)?.last ?? 0;
  }

  /** Notes a group; true when a stretch became full. */
  note({ id, bytes, from, to }: GroupSize): boolean {
    this.#bytes += bytes;
    let last = this.#stretches.at(-1);
    const full = last === undefined || this.#stretches.length === this.#unsaved || isFull(last);
    if (full || last === undefined) {
      last = { first: id, last: id, from, to, bytes: 0 };
      this.#stretches.push(last);
    }
    last.last = id;
    last.from = Math.min(last.from, from);
    last.to = Math.max(last.to, to);
    last.bytes += bytes;
    return isFull(last);
  }

  /** Whether `save` has something to write. */
  get hasUnsaved(): boolean {
    const next = this.#stretches[this.#unsaved];
    return next !== undefined && isFull(next);
  }

  /** Writes the full stretches, inside a transaction; `saved` must follow its success. */
  save(db: JournalDb): void {
    const insert = db.sql(
      'INSERT OR REPLACE INTO log_spans(first, last, received_from, received_to, bytes) VALUES(?, ?, ?, ?, ?)',
    );
    for (let i = this.#unsaved; i < this.#stretches.length; i++) {
      const { first, last, from, to, bytes } = this.#stretches[i]!;
      if (!isFull(this.#stretches[i]!)) break;
      insert.run(first, last, finite(from), finite(to), bytes);
    }
  }

  saved(): void {
    while (this.hasUnsaved) this.#unsaved++;
  }

  /** Bytes of the groups after this one, to within a stretch. */
  bytesAfter(group: number): number {
    let bytes = 0;
    for (let i = this.#stretches.length - 1; i >= 0 && this.#stretches[i]!.first > group; i--)
      bytes += this.#stretches[i]!.bytes;
    return bytes;
  }

  /** When the groups after this one were received; null when none holds a row or an event. */
  receivedAfter(group: number): MissedSpan | null {
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    for (let i = this.#stretches.length - 1; i >= 0 && this.#stretches[i]!.last > group; i--) {
      from = Math.min(from, this.#stretches[i]!.from);
      to = Math.max(to, this.#stretches[i]!.to);
    }
    return from <= to ? { from, to } : null;
  }

  /** Forgets the stretches that end at or before a group, inside a transaction or after it. */
  trim(db: JournalDb, upTo: number): void {
    const gone = this.#stretches.filter((stretch) => stretch.last <= upTo).length;
    if (gone === 0) return;
    db.sql('DELETE FROM log_spans WHERE last <= ?').run(upTo);
    for (const stretch of this.#stretches.splice(0, gone)) this.#bytes -= stretch.bytes;
    this.#unsaved = Math.max(0, this.#unsaved - gone);
  }
}

const isFull = ({ first, last, bytes }: Stretch): boolean =>
  last - first + 1 >= GROUPS || bytes >= BYTES;

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
