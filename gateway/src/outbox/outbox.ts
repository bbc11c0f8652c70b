/**
 * What waits for the uplink, on disk: numbered batches, sent live first and backfill after, deleted when acknowledged,
 * bounded in bytes, with every loss counted and its numbers remembered.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type Lane,
  OperationalError,
  SECOND,
  type WireEvent,
  type WireReading,
} from '@village/core';
import type { Log } from '../run/log.ts';
import { setAside, type TakenOver, takeOver } from './damaged.ts';
import { type BatchHead, OutboxDatabase, outboxFault, type StoredBatch } from './database.ts';
import { bodyOf, type Done, entryOf, type Group, Grouping } from './grouping.ts';
import { LossLedger } from './losses.ts';
import { Reserve } from './reserve.ts';

export interface OutboxOptions {
  /** Most bytes of waiting batches. */
  readonly bytesMax: number;
  /** Hard limit of the database file, against faults of our own; well above `bytesMax`. */
  readonly fileBytesMax: number;
  /** Room put aside on the disk for the case that it is full. */
  readonly reserveBytes: number;
  /** A batch that is older than this when it is taken for sending goes as backfill, ms. */
  readonly freshMs: number;
  /** Most rows and bytes of one batch. */
  readonly rowsMax: number;
  readonly batchBytesMax: number;
  /** How long a first row waits for company when nobody waits for its acknowledgement, ms of the machine's time. */
  readonly lingerMs: number;
  /** The same when a device waits. */
  readonly ackWindowMs: number;
  /** Most rows and bytes held in memory while the disk refuses. */
  readonly pendingRowsMax: number;
  readonly pendingBytesMax: number;
}

const DEFAULTS: OutboxOptions = {
  bytesMax: 512 * 1024 * 1024,
  fileBytesMax: 1024 * 1024 * 1024,
  reserveBytes: 4 * 1024 * 1024,
  freshMs: 90 * SECOND,
  rowsMax: 500,
  batchBytesMax: 100_000,
  lingerMs: 200,
  ackWindowMs: 10,
  pendingRowsMax: 5_000,
  pendingBytesMax: 8 * 1024 * 1024,
};

export interface OutboxCounters {
  readonly epoch: string;
  /** Highest seq given. */
  readonly seq: number;
  /** Batches not acknowledged. */
  readonly waiting: { readonly live: number; readonly backfill: number };
  readonly bytes: number;
  /** Readings lost since the outbox was made, by cause. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly droppedSeq: readonly (readonly [from: number, to: number])[];
  readonly commits: number;
  readonly commitFailures: number;
  /** Rows accepted and not yet durable. */
  readonly pendingRows: number;
  /** Times a damaged database was moved aside since the start. */
  readonly replaced: number;
  /** Code of the fault that keeps it from writing, or null. */
  readonly fault: string | null;
}

const FILE = 'outbox.db';
const RETRY_MS = 1_000;
const REMOVE_MS = 100;

/** @throws outbox-refuses */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new OperationalError(
      'outbox-refuses',
      `the outbox's folder can't be made: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

export class Outbox {
  readonly #folder: string;
  readonly #options: OutboxOptions;
  readonly #now: Clock;
  readonly #log: Log;
  readonly #pending: Grouping;
  readonly #reserve: Reserve;
  /** The disk is full: the reserve is given up, and the file keeps its size. */
  #tight = false;
  #db: OutboxDatabase;
  #lost: LossLedger;
  #lostChanged = false;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, by performance.now(). */
  #timerAt = Number.POSITIVE_INFINITY;
  #commitMs = 0;
  #commits = 0;
  #commitFailures = 0;
  #replaced = 0;
  #fault: OperationalError | null = null;
  #closed = false;

  #seq = 0;
  /** Over the batches not acknowledged. */
  #batches = 0;
  #bytes = 0;
  #readings = 0;
  /** Batches up to this seq are backfill, and how many of them wait. */
  #agedSeq = 0;
  #agedBatches = 0;

  /** Sent in this session and not acknowledged. */
  readonly #taken = new Map<number, BatchHead>();
  /** Acknowledged and not yet deleted. */
  readonly #acknowledged = new Set<number>();
  #cursor: Record<Lane, number> = { live: 0, backfill: 0 };

  /** Called when there may be something new to send. */
  onWaiting: () => void = () => undefined;

  /**
   * Opens the outbox of a folder; a damaged one is set aside, and a new one begun with what is whole in it.
   * @throws outbox-refuses
   */
  constructor(
    folder: string,
    deps: { now: Clock; log: Log },
    options: Partial<OutboxOptions> = {},
  ) {
    this.#folder = folder;
    this.#options = { ...DEFAULTS, ...options };
    this.#now = deps.now;
    this.#log = deps.log;
    this.#pending = new Grouping(this.#options.rowsMax, this.#options.batchBytesMax);
    makeFolder(folder);
    this.#reserve = new Reserve(folder, this.#options.reserveBytes);
    const { db, damaged } = this.#open();
    this.#db = db;
    const losses = db.losses();
    this.#lost = new LossLedger(losses.readings, losses.ranges);
    this.#load();
    if (damaged !== null) this.#countLost('outbox-corrupt', { readings: damaged.lost ?? 0 });
    if (!this.#reserve.keep()) this.#log.warn({ folder }, 'the disk of the outbox is nearly full');
  }

  get epoch(): string {
    return this.#db.epoch;
  }

  /**
   * Takes what one frame gave. `done` is called once it is durable, or with the error when the sender should come again;
   * without `done` a refusal is counted as a loss. False when refused: too large, or the disk refuses and memory is full.
   */
  put(reading: WireReading | null, events: readonly WireEvent[], done?: Done): boolean {
    const entry = entryOf(reading, events);
    if (entry.bytes > this.#options.batchBytesMax) {
      // A repeat would be as large: it is acknowledged, and counted as the loss that it is.
      this.#countLost('row-too-large', entry);
      done?.();
      return false;
    }
    const { pendingRowsMax, pendingBytesMax } = this.#options;
    if (
      this.#closed ||
      this.#pending.rows + entry.rows > pendingRowsMax ||
      this.#pending.bytes + entry.bytes > pendingBytesMax
    ) {
      const fault =
        this.#fault ??
        new OperationalError('outbox-busy', 'the outbox does not keep up', { retry: true });
      if (done === undefined) this.#countLost(fault.code, entry);
      else done(fault);
      return false;
    }
    this.#pending.add(entry, done);
    this.#schedule(
      this.#pending.full ? 0 : done === undefined ? this.#options.lingerMs : this.#ackWindow(),
    );
    return true;
  }

  /** Begins sending anew: everything not acknowledged is to be sent again. */
  startSession(): void {
    this.#taken.clear();
    this.age();
    this.#cursor = { live: this.#agedSeq, backfill: 0 };
  }

  /**
   * Turns batches that have waited too long into backfill, and what lies before them; false when the file can't be read. A
   * batch from the future was made before the clock was set back, nobody knows when: it is old too.
   */
  age(): boolean {
    return this.#guarded(false, () => {
      const { freshMs } = this.#options;
      const now = this.#now();
      const aged = this.#db.agedAfter(this.#agedSeq, now - freshMs, now + freshMs);
      if (aged.seq === 0) return true;
      let acknowledged = 0;
      for (const seq of this.#acknowledged)
        if (seq > this.#agedSeq && seq <= aged.seq) acknowledged++;
      this.#agedSeq = aged.seq;
      this.#agedBatches += aged.batches - acknowledged;
      return true;
    });
  }

  /** Takes the next batch of a lane for sending; null when none waits. */
  take(lane: Lane): StoredBatch | null {
    return this.#guarded(null, () => {
      const upTo = lane === 'live' ? this.#seq : this.#agedSeq;
      if (lane === 'live') this.#cursor.live = Math.max(this.#cursor.live, this.#agedSeq);
      while (this.#cursor[lane] < upTo) {
        const found = this.#db.next(this.#cursor[lane], upTo);
        this.#cursor[lane] = found?.seq ?? upTo;
        if (found === null) break;
        if (lane === 'live' && this.#stale(found.madeAt)) {
          this.age();
          this.#cursor.live = Math.max(this.#cursor.live, this.#agedSeq);
          continue;
        }
        if (this.#taken.has(found.seq) || this.#acknowledged.has(found.seq)) continue;
        this.#taken.set(found.seq, found);
        if (found.body !== null) return { ...found, body: found.body };
        this.#forget(found);
        this.#lost.number(found.seq, false);
        this.#countLost('batch-corrupt', found);
      }
      return null;
    });
  }

  #stale(madeAt: number): boolean {
    const age = this.#now() - madeAt;
    return age >= this.#options.freshMs || age < -this.#options.freshMs;
  }

  /** The other side has it durably: it leaves the outbox. Unknown numbers (of an earlier session) are ignored. */
  acknowledge(seq: number): void {
    const head = this.#taken.get(seq);
    if (head !== undefined) this.#forget(head);
  }

  counters(): OutboxCounters {
    if (!this.#closed) this.age();
    return {
      epoch: this.epoch,
      seq: this.#seq,
      waiting: { live: this.#batches - this.#agedBatches, backfill: this.#agedBatches },
      bytes: this.#bytes,
      dropped: Object.fromEntries(this.#lost.readings),
      droppedSeq: this.#lost.ranges,
      commits: this.#commits,
      commitFailures: this.#commitFailures,
      pendingRows: this.#pending.rows,
      replaced: this.#replaced,
      fault: this.#fault?.code ?? null,
    };
  }

  /** Writes what is pending and closes the file; whoever then still waits is told to come again. */
  close(): void {
    this.#commit();
    this.#closed = true;
    clearTimeout(this.#timer);
    const fault =
      this.#fault ?? new OperationalError('outbox-closed', 'the gateway stops', { retry: true });
    for (const group of this.#pending.first(Number.POSITIVE_INFINITY))
      for (const done of group.waiting) done(fault);
    this.#db.close();
  }

  #open(): { db: OutboxDatabase; damaged: TakenOver | null } {
    const path = join(this.#folder, FILE);
    try {
      return { db: new OutboxDatabase(path, this.#options.fileBytesMax), damaged: null };
    } catch (error) {
      const fault = outboxFault(error);
      if (fault.code !== 'outbox-corrupt') throw fault;
      this.#replaced++;
      const kept = setAside(this.#folder, FILE);
      const db = new OutboxDatabase(path, this.#options.fileBytesMax);
      const damaged = takeOver(join(this.#folder, kept), db, this.#options.bytesMax);
      this.#log.error({ code: fault.code, kept, ...damaged }, `a new outbox: ${fault.message}`);
      return { db, damaged };
    }
  }

  #load(): void {
    const totals = this.#db.totals();
    this.#seq = totals.seq;
    this.#batches = totals.batches;
    this.#bytes = totals.bytes;
    this.#readings = totals.readings;
    this.#agedSeq = 0;
    this.#agedBatches = 0;
    this.#acknowledged.clear();
    this.startSession();
  }

  /** Opens the file anew while running; what waited in it and can't be read any more is lost, and counted. */
  #replace(): void {
    const before = this.#readings;
    this.#db.close();
    const { db, damaged } = this.#open();
    this.#db = db;
    if (damaged !== null) this.#lost = new LossLedger(this.#lost.readings, []);
    this.#load();
    if (damaged === null) return;
    this.#countLost('outbox-corrupt', { readings: Math.max(0, before - damaged.saved) });
  }

  /** Runs a read; a damaged file is replaced, a refusing one is reported, and `otherwise` is the answer. */
  #guarded<T>(otherwise: T, read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#failed(outboxFault(error));
      return otherwise;
    }
  }

  #failed(fault: OperationalError): void {
    this.#commitFailures++;
    if (fault.code === 'outbox-corrupt') this.#replace();
    if (this.#fault === null) this.#log.error({ code: fault.code }, fault.message);
    this.#fault = fault;
    this.#schedule(RETRY_MS);
  }

  #countLost(cause: string, what: { readonly readings: number }): void {
    this.#lost.count(cause, what.readings);
    this.#lostChanged = true;
    this.#schedule(RETRY_MS);
  }

  #forget(head: BatchHead): void {
    this.#taken.delete(head.seq);
    this.#acknowledged.add(head.seq);
    this.#discount(head);
    this.#schedule(REMOVE_MS);
  }

  #discount(head: BatchHead): void {
    this.#batches--;
    this.#bytes -= head.bytes;
    this.#readings -= head.readings;
    if (head.seq <= this.#agedSeq) this.#agedBatches--;
  }

  /** A slow disk gets larger groups, so that at most a third of the time goes into waiting for it. */
  #ackWindow(): number {
    return Math.max(this.#options.ackWindowMs, 2 * this.#commitMs);
  }

  #schedule(ms: number): void {
    if (!this.#closed) this.#setTimer(this.#fault === null ? ms : RETRY_MS);
  }

  #setTimer(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => this.#commit(), ms);
  }

  #commit(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.POSITIVE_INFINITY;
    // Where all does not fit, one batch may, and room comes as batches are sent.
    const groups = this.#pending.first(this.#fault === null ? Number.POSITIVE_INFINITY : 1);
    if (groups.length === 0 && this.#acknowledged.size === 0 && !this.#lostChanged) return;
    const start = performance.now();
    this.#loosen();
    try {
      this.#write(groups);
    } catch (error) {
      this.#failed(outboxFault(error));
      this.#tighten();
      this.#removeOnly();
      return;
    }
    this.#commits++;
    this.#commitMs = 0.8 * this.#commitMs + 0.2 * (performance.now() - start);
    this.#pending.remove(groups);
    if (this.#pending.rows > 0) this.#setTimer(0);
    else if (this.#fault !== null) {
      this.#log.info({ was: this.#fault.code }, 'the outbox writes again');
      this.#fault = null;
    }
    for (const group of groups) for (const done of group.waiting) done();
    if (groups.length > 0) this.onWaiting();
  }

  /** One transaction: deletes what was acknowledged, makes room, inserts what is pending. */
  #write(groups: readonly Group[]): void {
    const made = this.#now();
    const insert = groups.map((group) => ({
      madeAt: made,
      rows: group.rows,
      readings: group.count,
      body: bodyOf(group),
    }));
    const bytes = insert.reduce((sum, batch) => sum + Buffer.byteLength(batch.body), 0);
    const drops = this.#oldest(this.#bytes + bytes - this.#options.bytesMax);
    const lost = this.#lost.copy();
    for (const head of drops) {
      lost.number(head.seq, this.#taken.size === 0);
      lost.count('outbox-full', head.readings);
    }
    const acknowledged = [...this.#acknowledged];
    const numbers = this.#db.write({
      remove: [...acknowledged, ...drops.map((head) => head.seq)],
      insert,
      losses: drops.length > 0 || this.#lostChanged ? lost : undefined,
    });
    for (const seq of acknowledged) this.#acknowledged.delete(seq);
    for (const head of drops) this.#discount(head);
    this.#lost = lost;
    this.#lostChanged = false;
    this.#batches += insert.length;
    this.#bytes += bytes;
    this.#readings += insert.reduce((sum, batch) => sum + batch.readings, 0);
    this.#seq = numbers.at(-1) ?? this.#seq;
  }

  /**
   * On a full disk: the reserve makes room to put the log into the file, which grows no more. From then on what is deleted
   * makes room in the file for what comes, and neither needs the disk.
   */
  #tighten(): void {
    if (this.#fault?.code !== 'outbox-refuses') return;
    if (!this.#tight) {
      if (!this.#reserve.scarce) return;
      this.#tight = true;
      this.#reserve.give();
      this.#guarded(undefined, () => this.#db.limit('now'));
      this.#log.warn({}, 'the disk is full: the outbox keeps the size it has');
    }
    this.#guarded(false, () => this.#db.checkpoint());
  }

  #loosen(): void {
    if (!this.#tight || !this.#reserve.ample) return;
    this.#tight = false;
    this.#db.limit(this.#options.fileBytesMax);
    this.#reserve.keep();
    this.#log.info({}, 'the disk has room again');
  }

  /** On a full disk deleting may still succeed where inserting does not, and makes room for it. */
  #removeOnly(): void {
    const acknowledged = [...this.#acknowledged];
    if (acknowledged.length === 0 || this.#fault?.code !== 'outbox-refuses') return;
    try {
      this.#db.write({ remove: acknowledged, insert: [], losses: undefined });
      for (const seq of acknowledged) this.#acknowledged.delete(seq);
    } catch (error) {
      this.#log.warn({ code: outboxFault(error).code }, 'the outbox can not even delete');
    }
  }

  /** The oldest batches that are not under way, enough to free so many bytes. */
  #oldest(bytes: number): BatchHead[] {
    const chosen: BatchHead[] = [];
    let free = 0;
    let after = 0;
    while (free < bytes) {
      const heads = this.#db.heads(after);
      if (heads.length === 0) break;
      for (const head of heads) {
        after = head.seq;
        if (free >= bytes || this.#taken.has(head.seq) || this.#acknowledged.has(head.seq))
          continue;
        chosen.push(head);
        free += head.bytes;
      }
    }
    return chosen;
  }
}
