/**
 * The batches that wait for their acknowledgement: which lane each is of, which are under way, which may be deleted. What is
 * in the file is asked of the database; this holds only what a session needs, and the sums.
 */
import type { Clock, Lane } from '@village/core';
import type { BatchHead, OutboxDatabase, StoredBatch } from './database.ts';

export class WaitingBatches {
  readonly #now: Clock;
  /** A batch that is older than this when it is taken for sending is backfill, ms. */
  readonly #freshMs: number;
  #seq = 0;
  /** Over the batches not acknowledged. */
  #batches = 0;
  #bytes = 0;
  #readings = 0;
  /** Batches up to this seq are backfill, and how many of them wait. */
  #agedSeq = 0;
  #agedBatches = 0;
  /** Sent in this session and not acknowledged. */
  readonly #underWay = new Map<number, BatchHead>();
  /** Acknowledged and not yet deleted. */
  readonly #acknowledged = new Set<number>();
  #cursor: Record<Lane, number> = { live: 0, backfill: 0 };

  constructor(now: Clock, freshMs: number) {
    this.#now = now;
    this.#freshMs = freshMs;
  }

  /** Highest seq given. */
  get seq(): number {
    return this.#seq;
  }

  get lanes(): Record<Lane, number> {
    return { live: this.#batches - this.#agedBatches, backfill: this.#agedBatches };
  }

  get bytes(): number {
    return this.#bytes;
  }

  get readings(): number {
    return this.#readings;
  }

  /** Numbers that may be deleted. */
  get acknowledged(): readonly number[] {
    return [...this.#acknowledged];
  }

  /** Whether anything may be deleted. */
  get deletable(): boolean {
    return this.#acknowledged.size > 0;
  }

  /** Whether anything is sent and not acknowledged. */
  get sending(): boolean {
    return this.#underWay.size > 0;
  }

  /** Begins with what a file holds; a session must be started after it. */
  load(db: OutboxDatabase): void {
    const totals = db.totals();
    this.#seq = totals.seq;
    this.#batches = totals.batches;
    this.#bytes = totals.bytes;
    this.#readings = totals.readings;
    this.#agedSeq = 0;
    this.#agedBatches = 0;
    this.#acknowledged.clear();
  }

  /** Nothing is under way any more: everything not acknowledged is to be sent again, once `rewind` is called. */
  forgetSession(): void {
    this.#underWay.clear();
  }

  rewind(): void {
    this.#cursor = { live: this.#agedSeq, backfill: 0 };
  }

  /**
   * Turns batches that have waited too long into backfill, and what lies before them. A batch from the future was made
   * before the clock was set back, nobody knows when: it is old too. @throws outbox-corrupt, outbox-refuses
   */
  age(db: OutboxDatabase): void {
    const now = this.#now();
    const aged = db.agedAfter(this.#agedSeq, now - this.#freshMs, now + this.#freshMs);
    if (aged.seq === 0) return;
    let acknowledged = 0;
    for (const seq of this.#acknowledged)
      if (seq > this.#agedSeq && seq <= aged.seq) acknowledged++;
    this.#agedSeq = aged.seq;
    this.#agedBatches += aged.batches - acknowledged;
  }

  /**
   * Takes the next batch of a lane for sending; null when none waits. `damaged` hears of a batch whose bytes are not what
   * they were: it counts as acknowledged. @throws outbox-corrupt, outbox-refuses
   */
  take(db: OutboxDatabase, lane: Lane, damaged: (head: BatchHead) => void): StoredBatch | null {
    const upTo = lane === 'live' ? this.#seq : this.#agedSeq;
    if (lane === 'live') this.#cursor.live = Math.max(this.#cursor.live, this.#agedSeq);
    while (this.#cursor[lane] < upTo) {
      const found = db.next(this.#cursor[lane], upTo);
      this.#cursor[lane] = found?.seq ?? upTo;
      if (found === null) break;
      if (lane === 'live' && this.#stale(found.madeAt)) {
        this.age(db);
        this.#cursor.live = Math.max(this.#cursor.live, this.#agedSeq);
        continue;
      }
      if (this.#underWay.has(found.seq) || this.#acknowledged.has(found.seq)) continue;
      this.#underWay.set(found.seq, found);
      if (found.body !== null) return { ...found, body: found.body };
      this.#settle(found);
      damaged(found);
    }
    return null;
  }

  #stale(madeAt: number): boolean {
    const age = this.#now() - madeAt;
    return age >= this.#freshMs || age < -this.#freshMs;
  }

  /** False for a number of an earlier session, which counts for nothing. */
  acknowledge(seq: number): boolean {
    const head = this.#underWay.get(seq);
    if (head !== undefined) this.#settle(head);
    return head !== undefined;
  }

  #settle(head: BatchHead): void {
    this.#underWay.delete(head.seq);
    this.#acknowledged.add(head.seq);
    this.#discount(head);
  }

  #discount(head: BatchHead): void {
    this.#batches--;
    this.#bytes -= head.bytes;
    this.#readings -= head.readings;
    if (head.seq <= this.#agedSeq) this.#agedBatches--;
  }

  /** Acknowledged batches have been deleted. */
  deleted(acknowledged: readonly number[]): void {
    for (const seq of acknowledged) this.#acknowledged.delete(seq);
  }

  /** Batches have been given up to make room. */
  dropped(heads: readonly BatchHead[]): void {
    for (const head of heads) this.#discount(head);
  }

  /** Batches have been inserted under these numbers. */
  inserted(
    batches: readonly { readonly readings: number }[],
    bytes: number,
    numbers: readonly number[],
  ): void {
    this.#batches += batches.length;
    this.#bytes += bytes;
    this.#readings += batches.reduce((sum, batch) => sum + batch.readings, 0);
    this.#seq = numbers.at(-1) ?? this.#seq;
  }

  /** The first of those that are not acknowledged; null when there is none. @throws outbox-corrupt, outbox-refuses */
  first(db: OutboxDatabase): BatchHead | null {
    for (let after = 0; ; ) {
      const heads = db.heads(after);
      const found = heads.find(({ seq }) => !this.#acknowledged.has(seq));
      if (found !== undefined) return found;
      const last = heads.at(-1);
      if (last === undefined) return null;
      after = last.seq;
    }
  }

  /** The oldest batches that are not under way, enough to free so many bytes. */
  oldest(db: OutboxDatabase, bytes: number): BatchHead[] {
    const chosen: BatchHead[] = [];
    let free = 0;
    let after = 0;
    while (free < bytes) {
      const heads = db.heads(after);
      if (heads.length === 0) break;
      for (const head of heads) {
        after = head.seq;
        if (free >= bytes || this.#underWay.has(head.seq) || this.#acknowledged.has(head.seq))
          continue;
        chosen.push(head);
        free += head.bytes;
      }
    }
    return chosen;
  }
}
