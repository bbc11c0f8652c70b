/**
 * Frames that were refused in part, on their way to the county: a lane beside the batches, which is bounded by itself and gives
 * up its oldest, so that it never costs readings their place. What it gives up is counted by cause, durably.
 */
import type { WireRefused } from '@village/core';
import type { OutboxDatabase, StoredRefused } from './database.ts';
import type { Done } from './grouping.ts';

/** Not yet on disk, at most. */
const PENDING_MAX = 1_000;
const PENDING_BYTES_MAX = 2 * 1024 * 1024;
/** From so many on they do not wait for company. */
const PENDING_MANY = 100;
/** Of one message to the county. */
const ENTRIES_MAX = 50;
const PARTS_MAX = 100;
const BYTES_MAX = 150_000;

interface Pending {
  readonly text: string;
  readonly bytes: number;
  readonly done: Done | undefined;
}

/** A message of refused parts. */
export interface RefusedMessage {
  readonly seqs: readonly number[];
  readonly body: string;
  /** Its parts, and the bytes of frames that the county keeps of them: each part has the whole frame. */
  readonly parts: number;
  readonly bytes: number;
}

export class RefusedLane {
  readonly #bytesMax: number;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  /** Acknowledged, or not to be used, and not yet deleted. */
  readonly #settled = new Set<number>();
  #entries = 0;
  #bytes = 0;
  #underWay: ReadonlySet<number> = new Set();
  /** Frames given up since the outbox was made, by cause. */
  readonly #dropped = new Map<string, number>();
  #droppedChanged = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Begins with what a file holds; what was given up before it was replaced counts on. */
  load(db: OutboxDatabase): void {
    this.#settled.clear();
    this.#underWay = new Set();
    this.#measure(db);
    if (this.#dropped.size > 0) this.#droppedChanged = true;
    for (const [cause, count] of db.refusedLosses())
      if (!this.#dropped.has(cause)) this.#dropped.set(cause, count);
  }

  #measure(db: OutboxDatabase): void {
    const { entries, bytes } = db.refusedSize();
    this.#entries = entries;
    this.#bytes = bytes;
  }

  get waiting(): number {
    return this.#entries - this.#settled.size;
  }

  get dropped(): ReadonlyMap<string, number> {
    return this.#dropped;
  }

  get hasWork(): boolean {
    return this.#pending.length > 0 || this.#settled.size > 0 || this.#droppedChanged;
  }

  get isPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Whether what is pending should go to disk at once. */
  get crowded(): boolean {
    return this.#pending.length >= PENDING_MANY;
  }

  /** Numbers that may be deleted. */
  get deletable(): readonly number[] {
    return [...this.#settled];
  }

  /** False when there is no room. */
  add(text: string, done: Done | undefined): boolean {
    const bytes = Buffer.byteLength(text);
    if (this.#pending.length >= PENDING_MAX || this.#pendingBytes + bytes > PENDING_BYTES_MAX)
      return false;
    this.#pending.push({ text, bytes, done });
    this.#pendingBytes += bytes;
    return true;
  }

  countLost(cause: string, frames: number): void {
    if (frames <= 0) return;
    this.#dropped.set(cause, (this.#dropped.get(cause) ?? 0) + frames);
    this.#droppedChanged = true;
  }

  /**
   * What the next transaction is to do: what is pending, what is settled, and the oldest beyond the limit. Where all does not
   * fit, one may.
   */
  change(db: OutboxDatabase, one: boolean): RefusedChange {
    const pending = one ? this.#pending.slice(0, 1) : this.#pending;
    const remove = new Set(this.#settled);
    let given = 0;
    if (this.#bytes + this.#pendingBytes > this.#bytesMax) {
      // More than the limit asks for, so that this is not done at each; what is under way may be at the county already.
      for (const { seq } of db.oldestRefused(Math.ceil(this.#entries / 4))) {
        if (this.#underWay.has(seq)) continue;
        if (!remove.has(seq)) given++;
        remove.add(seq);
      }
    }
    const losses = new Map(this.#dropped);
    if (given > 0) losses.set('outbox-full', (losses.get('outbox-full') ?? 0) + given);
    return {
      texts: pending.map(({ text }) => text),
      remove: [...remove],
      given,
      pending,
      losses: given > 0 || this.#droppedChanged ? losses : undefined,
    };
  }

  /** After the transaction; whoever waits for it is told by `done` of the change. */
  changed(db: OutboxDatabase, change: RefusedChange): void {
    this.#pending = this.#pending.slice(change.pending.length);
    this.#pendingBytes = this.#pending.reduce((sum, { bytes }) => sum + bytes, 0);
    this.countLost('outbox-full', change.given);
    this.#droppedChanged = false;
    this.deleted(db, change.remove);
  }

  deleted(db: OutboxDatabase, seqs: readonly number[]): void {
    for (const seq of seqs) this.#settled.delete(seq);
    this.#measure(db);
  }

  /** The oldest that wait, as a message; null when none does, or when some are under way. */
  take(db: OutboxDatabase): RefusedMessage | null {
    if (this.#underWay.size > 0 || this.waiting <= 0) return null;
    const chosen: StoredRefused[] = [];
    let size = 0;
    let parts = 0;
    let bytes = 0;
    for (const one of db.oldestRefused(ENTRIES_MAX + this.#settled.size)) {
      if (this.#settled.has(one.seq)) continue;
      if (one.text === null) {
        this.#settled.add(one.seq);
        this.countLost('entry-corrupt', 1);
        continue;
      }
      const own = partsOf(one.text);
      size += Buffer.byteLength(one.text) + 1;
      const full = chosen.length >= ENTRIES_MAX || parts + own.count > PARTS_MAX;
      if (chosen.length > 0 && (full || size > BYTES_MAX)) break;
      parts += own.count;
      bytes += own.count * own.bytes;
      chosen.push(one);
    }
    if (chosen.length === 0) return null;
    const seqs = chosen.map(({ seq }) => seq);
    this.#underWay = new Set(seqs);
    const body = `{"refused":[${chosen.map(({ text }) => text).join(',')}]}`;
    return { seqs, body, parts, bytes };
  }

  acknowledge(seqs: readonly number[]): void {
    for (const seq of seqs) if (this.#underWay.has(seq)) this.#settled.add(seq);
    this.#underWay = new Set();
  }

  /** Nothing is under way any more. */
  forgetSession(): void {
    this.#underWay = new Set();
  }

  /** The outbox closes: whoever still waits hears the error. */
  close(fault: Error): void {
    for (const { done } of this.#pending.splice(0)) done?.(fault);
  }
}

/** How many parts an entry has, and the bytes of its frame. */
function partsOf(text: string): { readonly count: number; readonly bytes: number } {
  const { parts, frame } = JSON.parse(text) as WireRefused;
  return { count: parts.length, bytes: Math.ceil((frame.length * 3) / 4) };
}

export interface RefusedChange {
  readonly texts: readonly string[];
  readonly remove: readonly number[];
  /** How many of them were not acknowledged. */
  readonly given: number;
  readonly pending: readonly Pending[];
  /** What was given up in all, by cause, when that has changed. */
  readonly losses: ReadonlyMap<string, number> | undefined;
}
