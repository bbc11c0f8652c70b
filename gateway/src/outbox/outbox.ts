/**
 * What waits for the uplink, on disk: numbered batches, sent live first and backfill after, deleted when acknowledged,
 * bounded in bytes, with every loss counted and its numbers remembered.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Clock,
  type Lane,
  OperationalError,
  type WireEvent,
  type WireReading,
  type WireRefused,
} from '@village/core';
import type { Log } from '../run/log.ts';
import { ClockStates } from './clock-states.ts';
import { keepBeside, type TakenOver, takeOver } from './damaged.ts';
import { OutboxDatabase, outboxFault, type StoredBatch } from './database.ts';
import {
  bodyOf,
  type Done,
  type Group,
  Grouping,
  hasFrame,
  rowsOf,
  withoutFrame,
} from './grouping.ts';
import { LossLedger } from './losses.ts';
import type { Memory, MemoryKind } from './memory.ts';
import { OUTBOX_DEFAULTS, type OutboxCounters, type OutboxOptions } from './options.ts';
import { type RefusedChange, RefusedLane, type RefusedMessage } from './refused-lane.ts';
import { Reserve } from './reserve.ts';
import { WaitingBatches } from './waiting.ts';

const FILE = 'outbox.db';
const RETRY_MS = 1_000;
const REMOVE_MS = 100;

const busy = (): OperationalError =>
  new OperationalError('outbox-busy', 'the outbox does not keep up', { retry: true });

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
  #framesDropped = 0;

  readonly #waiting: WaitingBatches;
  readonly #refused: RefusedLane;
  readonly #clock = new ClockStates();
  /** To be remembered with the next rows. */
  #memory: Memory[] = [];

  /** Called when there may be something new to send. */
  onWaiting: () => void = () => undefined;

  /**
   * Opens the outbox of a folder; a damaged one is kept beside a new one, which takes over what is whole in it.
   * @throws outbox-refuses
   */
  constructor(
    folder: string,
    deps: { now: Clock; log: Log },
    options: Partial<OutboxOptions> = {},
  ) {
    this.#folder = folder;
    this.#options = { ...OUTBOX_DEFAULTS, ...options };
    this.#now = deps.now;
    this.#log = deps.log;
    this.#pending = new Grouping(this.#options.rowsMax, this.#options.batchBytesMax);
    this.#waiting = new WaitingBatches(deps.now, this.#options.freshMs);
    this.#refused = new RefusedLane(this.#options.refusedBytesMax);
    makeFolder(folder);
    this.#reserve = new Reserve(folder, this.#options.reserveBytes);
    const { db, damaged } = this.#open();
    this.#db = db;
    const losses = db.losses();
    this.#lost = new LossLedger(losses.readings, losses.ranges);
    this.#load();
    if (damaged !== null) {
      this.#countLost('outbox-corrupt', { readings: damaged.lost ?? 0 });
      this.#refused.countLost('outbox-corrupt', damaged.refused.lost ?? 0);
    }
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
    let rows = rowsOf(reading, events);
    if (rows.bytes > this.#options.batchBytesMax && [reading, ...events].some(hasFrame)) {
      // Rather what was made of the frame alone than nothing.
      this.#framesDropped++;
      rows = rowsOf(reading === null ? null : withoutFrame(reading), events.map(withoutFrame));
    }
    if (rows.bytes > this.#options.batchBytesMax) {
      // A repeat would be as large: it is acknowledged, and counted as the loss that it is.
      this.#countLost('row-too-large', rows);
      done?.();
      return false;
    }
    const { pendingRowsMax, pendingBytesMax } = this.#options;
    if (
      this.#closed ||
      this.#pending.rows + rows.rows > pendingRowsMax ||
      this.#pending.bytes + rows.bytes > pendingBytesMax
    ) {
      const fault = this.#fault ?? busy();
      if (done === undefined) this.#countLost(fault.code, rows);
      else done(fault);
      return false;
    }
    this.#pending.add(rows, done);
    this.#schedule(
      this.#pending.full ? 0 : done === undefined ? this.#options.lingerMs : this.#ackWindow(),
    );
    return true;
  }

  /**
   * Takes a frame that was refused in part, for the lane beside the batches. `done` is called once it is durable, or with the
   * error when the sender should come again; without `done` what has no room is counted.
   */
  refuse(entry: WireRefused, done?: Done): void {
    if (this.#closed || !this.#refused.add(JSON.stringify(entry), done)) {
      const fault = this.#fault ?? busy();
      if (done === undefined) {
        this.#refused.countLost(fault.code, 1);
        this.#schedule(RETRY_MS);
      } else done(fault);
      return;
    }
    const { lingerMs } = this.#options;
    this.#schedule(this.#refused.crowded ? 0 : done === undefined ? lingerMs : this.#ackWindow());
  }

  /**
   * Keeps a number over a restart, durable with the rows that are put in next. While the disk refuses only the newest are
   * kept, as many as rows may wait.
   */
  remember(kind: MemoryKind, key: string, value: number): void {
    if (this.#memory.length >= this.#options.pendingRowsMax) this.#memory.shift();
    this.#memory.push({ kind, key, value });
  }

  /** What was remembered when the outbox was opened, the newest last. */
  remembered(kind: MemoryKind): [key: string, value: number][] {
    return this.#guarded([], () => this.#db.remembered(kind));
  }

  /** The gateway's clock was set: what was put in so far is stamped by the former one. While the disk refuses, what waits for it is not told. */
  clockSet(ms: number): void {
    this.#commit();
    const key = this.#clock.set(this.#waiting.seq, ms);
    if (key !== null) this.remember('clock-set', key, ms);
  }

  /** The first number that this run of the gateway gave. */
  get ownFrom(): number {
    return this.#clock.from;
  }

  /** By how much the gateway's clock was set since it stamped a batch, ms. */
  shiftOf(seq: number): number {
    return this.#clock.shiftOf(seq);
  }

  /** The next message of that lane; null while none waits or one is under way. */
  takeRefused(): RefusedMessage | null {
    const message = this.#guarded(null, () => this.#refused.take(this.#db));
    if (this.#refused.hasWork) this.#schedule(REMOVE_MS);
    return message;
  }

  acknowledgeRefused(seqs: readonly number[]): void {
    this.#refused.acknowledge(seqs);
    this.#schedule(REMOVE_MS);
  }

  /** Begins sending anew: everything not acknowledged is to be sent again. */
  startSession(): void {
    this.#waiting.forgetSession();
    this.#refused.forgetSession();
    this.age();
    this.#waiting.rewind();
  }

  /** Turns batches that have waited too long into backfill; false when the file can't be read. */
  age(): boolean {
    return this.#guarded(false, () => {
      this.#waiting.age(this.#db);
      return true;
    });
  }

  /** Takes the next batch of a lane for sending; null when none waits. */
  take(lane: Lane): StoredBatch | null {
    return this.#guarded(null, () =>
      this.#waiting.take(this.#db, lane, (head) => {
        this.#lost.number(head.seq, false);
        this.#countLost('batch-corrupt', head);
        this.#schedule(REMOVE_MS);
      }),
    );
  }

  /** The other side has it durably: it leaves the outbox. Unknown numbers (of an earlier session) are ignored. */
  acknowledge(seq: number): void {
    if (this.#waiting.acknowledge(seq)) this.#schedule(REMOVE_MS);
  }

  /**
   * How long the oldest batch has waited, ms, by a clock that was set meanwhile too; null when none waits, when the file can't be
   * read, and of one from the future: nobody knows when that was made.
   */
  oldestMs(): number | null {
    const first = this.#guarded(null, () => this.#waiting.first(this.#db));
    if (first === null) return null;
    const age = this.#now() - first.madeAt - this.shiftOf(first.seq);
    return age < 0 ? null : age;
  }

  counters(): OutboxCounters {
    if (!this.#closed) this.age();
    return {
      epoch: this.epoch,
      seq: this.#waiting.seq,
      waiting: this.#waiting.lanes,
      bytes: this.#waiting.bytes,
      dropped: Object.fromEntries(this.#lost.readings),
      droppedSeq: this.#lost.ranges,
      commits: this.#commits,
      commitFailures: this.#commitFailures,
      pendingRows: this.#pending.rows,
      refusedWaiting: this.#refused.waiting,
      refusedDropped: Object.fromEntries(this.#refused.dropped),
      framesDropped: this.#framesDropped,
      replaced: this.#replaced,
      fault: this.#fault?.code ?? null,
    };
  }

  /** Writes what is pending and closes the file; whoever still waits gets an error and comes again. */
  close(): void {
    this.#commit();
    this.#closed = true;
    clearTimeout(this.#timer);
    const fault =
      this.#fault ?? new OperationalError('outbox-closed', 'the gateway stops', { retry: true });
    for (const group of this.#pending.first(Number.POSITIVE_INFINITY))
      for (const done of group.waiting) done(fault);
    this.#refused.close(fault);
    this.#db.close();
  }

  #open(): { db: OutboxDatabase; damaged: TakenOver | null } {
    const path = join(this.#folder, FILE);
    // SQLite takes such a file for a new one: file systems leave one behind when the power fails.
    if (statSync(path, { throwIfNoEntry: false })?.size === 0)
      this.#log.error(
        { code: 'outbox-corrupt', lost: null },
        'a new outbox: its file was empty, and what it held is lost',
      );
    try {
      return { db: new OutboxDatabase(path, this.#options.fileBytesMax), damaged: null };
    } catch (error) {
      const fault = outboxFault(error);
      if (fault.code !== 'outbox-corrupt') throw fault;
      this.#replaced++;
      const kept = keepBeside(this.#folder, FILE);
      const db = new OutboxDatabase(path, this.#options.fileBytesMax);
      const damaged = takeOver(join(this.#folder, kept), db, this.#options.bytesMax);
      this.#log.error({ code: fault.code, kept, ...damaged }, `a new outbox: ${fault.message}`);
      return { db, damaged };
    }
  }

  #load(): void {
    this.#waiting.load(this.#db);
    this.#refused.load(this.#db);
    this.#clock.begin(this.#waiting.seq, this.#db.remembered('clock-set'));
    this.startSession();
  }

  /** Opens the file anew while running; what waited in it and can't be read any more is lost, and counted. */
  #replace(): void {
    const before = this.#waiting.readings;
    const refusedBefore = this.#refused.waiting;
    this.#db.close();
    const { db, damaged } = this.#open();
    this.#db = db;
    if (damaged !== null) this.#lost = new LossLedger(this.#lost.readings, []);
    this.#load();
    if (damaged === null) return;
    this.#countLost('outbox-corrupt', { readings: Math.max(0, before - damaged.saved) });
    this.#refused.countLost('outbox-corrupt', refusedBefore - damaged.refused.saved);
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
    // While the disk refuses, what room comes is for readings first.
    const refusing = this.#refused.hasWork && (this.#fault === null || groups.length === 0);
    if (groups.length === 0 && !this.#waiting.deletable && !this.#lostChanged && !refusing) return;
    const start = performance.now();
    this.#loosen();
    let refused: RefusedChange | null;
    try {
      refused = refusing ? this.#refused.change(this.#db, this.#fault !== null) : null;
      this.#write(groups, refused);
      if (refused !== null) this.#refused.changed(this.#db, refused);
    } catch (error) {
      this.#failed(outboxFault(error));
      this.#tighten();
      this.#removeOnly();
      return;
    }
    this.#commits++;
    this.#commitMs = 0.8 * this.#commitMs + 0.2 * (performance.now() - start);
    this.#pending.remove(groups);
    if (this.#pending.rows > 0 || this.#refused.isPending) this.#setTimer(0);
    else if (this.#fault !== null) {
      this.#log.info({ was: this.#fault.code }, 'the outbox writes again');
      this.#fault = null;
    }
    for (const group of groups) for (const done of group.waiting) done();
    for (const { done } of refused?.pending ?? []) done?.();
    if (groups.length > 0 || refused !== null) this.onWaiting();
  }

  /** One transaction: deletes what was acknowledged, makes room, inserts what is pending. */
  #write(groups: readonly Group[], refused: RefusedChange | null): void {
    const made = this.#now();
    const insert = groups.map((group) => ({
      madeAt: made,
      rows: group.rows,
      readings: group.count,
      body: bodyOf(group),
    }));
    const bytes = insert.reduce((sum, batch) => sum + Buffer.byteLength(batch.body), 0);
    const excess = this.#waiting.bytes + bytes - this.#options.bytesMax;
    const drops = this.#waiting.oldest(this.#db, excess);
    const lost = this.#lost.copy();
    for (const head of drops) {
      lost.number(head.seq, !this.#waiting.sending);
      lost.count('outbox-full', head.readings);
    }
    const { acknowledged } = this.#waiting;
    const remember = this.#memory;
    const numbers = this.#db.write({
      remember,
      remove: [...acknowledged, ...drops.map((head) => head.seq)],
      insert,
      losses: drops.length > 0 || this.#lostChanged ? lost : undefined,
      ...(refused === null
        ? {}
        : {
            refused: refused.texts,
            removeRefused: refused.remove,
            refusedLosses: refused.losses,
          }),
    });
    this.#memory = [];
    this.#waiting.deleted(acknowledged);
    this.#waiting.dropped(drops);
    this.#waiting.inserted(insert, bytes, numbers);
    this.#lost = lost;
    this.#lostChanged = false;
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
    const { acknowledged } = this.#waiting;
    const { deletable } = this.#refused;
    if (acknowledged.length + deletable.length === 0) return;
    if (this.#fault?.code !== 'outbox-refuses') return;
    try {
      const remove = { remove: acknowledged, removeRefused: deletable };
      this.#db.write({ ...remove, insert: [], losses: undefined });
      this.#waiting.deleted(acknowledged);
      this.#refused.deleted(this.#db, deletable);
    } catch (error) {
      this.#log.warn({ code: outboxFault(error).code }, 'the outbox can not even delete');
    }
  }
}
