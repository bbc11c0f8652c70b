/**
 * Group commit: what arrives within a few milliseconds shares one durable write, then every waiting acknowledgement is
 * called, in order. While the disk refuses, the group is kept and tried again, and nobody is called.
 */
import { statfsSync } from 'node:fs';
import type { DeviceEvent, Lane } from '@village/core';
import { OperationalError } from '@village/core';
import type { Appender, DeadLetter, Layout } from '../archive/contract.ts';
import type { EmbeddedArchive } from '../archive/embedded/archive.ts';
import { emptyNotes, GroupEncoder, type GroupNotes, hasNotes, type RowSection } from './codec.ts';
import { type OpenLayout, reserveRow } from './group.ts';

/** Rows sent to DuckDB and not yet in a table; beyond it commits wait. */
const ROWS_QUEUED_MAX = 400_000;
/** unflushed rows, as a multiple of the rows that start a flush; beyond it commits wait. */
const MEMTABLE_FACTOR_MAX = 4;
const RETRY_MS_MAX = 5_000;
const STATFS_EVERY_MS = 2_000;
/** Commits whose durations are kept. */
const DURATIONS = 1_000;

/** The writing half of the store. */
export class Writer implements Appender {
  readonly #archive: EmbeddedArchive;
  readonly #onCommit: () => void;
  readonly #encoder = new GroupEncoder();
  readonly #durations = new Float64Array(DURATIONS);
  #callbacks: (() => void)[] = [];
  #notes: GroupNotes = emptyNotes();
  #deadLetters: DeadLetter[] = [];
  #newDevices: { number: number; id: string; layout: number; unit: number }[] = [];
  #readingsOpen = 0;
  #rowsOpen = 0;
  #scheduled = false;
  /** By the timer's `elapsed`, as all of these times. */
  #lastCommitAt = Number.NEGATIVE_INFINITY;
  #retryMs = 0;
  #closed = false;
  #diskCheckedAt = Number.NEGATIVE_INFINITY;
  #diskLow = false;
  commitFault: Error | null = null;

  constructor(archive: EmbeddedArchive, onCommit: () => void) {
    this.#archive = archive;
    this.#onCommit = onCommit;
  }

  get rowsPending(): number {
    return this.#rowsOpen;
  }

  layout(profile: string, metrics: readonly string[]): Layout {
    const layout = this.#archive.layoutByProfile.get(profile) ?? this.#archive.addLayout(profile);
    layout.addMetrics(metrics);
    return layout;
  }

  device(id: string, layout: Layout): number {
    const open = layout as OpenLayout;
    const known = open.devices.get(id);
    if (known !== undefined) return known;
    const number = this.#archive.layoutOf.length;
    this.#archive.addDevice(number, id, open, 0);
    const unit = this.#archive.locations.unit(number);
    this.#archive.unitOf[number] = unit;
    this.#newDevices.push({ number, id, layout: open.number, unit });
    return number;
  }

  reserve(layout: Layout, device: number, at: number, receivedAt: number, flags: number): number {
    const open = layout as OpenLayout;
    this.#rowsOpen++;
    this.#readingsOpen += open.metrics.length;
    return reserveRow(open, device, at, receivedAt, flags);
  }

  unreserve(layout: Layout): void {
    if (layout.count === 0) throw new Error('BUG: no row to take back');
    layout.count--;
    this.#rowsOpen--;
    this.#readingsOpen -= layout.metrics.length;
  }

  event(event: DeviceEvent, lane: Lane): void {
    this.#notes.events.push({ event, lane });
    this.#readingsOpen++;
  }

  sequence(gateway: string, epoch: string, seq: number): void {
    this.#notes.sequences.push({ gateway, epoch, seq });
  }

  sequenceDropped(
    gateway: string,
    epoch: string,
    ranges: readonly (readonly [number, number])[],
  ): void {
    this.#notes.dropped.push({ gateway, epoch, ranges });
  }

  deadLetter(entry: DeadLetter): void {
    // A copy: the payload is the caller's again when the message has been settled.
    this.#deadLetters.push({ ...entry, payload: entry.payload.slice() });
  }

  settle(done: () => void): void {
    if (this.#closed) throw new OperationalError('store-closed', 'The store is closed.');
    this.#callbacks.push(done);
    if (this.#readingsOpen >= this.#archive.settings.readingsPerCommit && this.#retryMs === 0) {
      const callbacks = this.#commit();
      // Not at once: the caller is in the middle of a message, and of its own loop over more of them.
      if (callbacks !== null) queueMicrotask(() => this.#call(callbacks));
      return;
    }
    this.#schedule();
  }

  /** Plans the next commit: with what else this turn of the event loop brings when idle, else at the window's end. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const { windowMs, timer } = this.#archive.settings;
    const wait =
      this.#retryMs > 0 ? this.#retryMs : this.#lastCommitAt + windowMs - timer.elapsed();
    if (wait <= 0) setImmediate(() => this.#run());
    else void timer.sleep(wait).then(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const callbacks = this.#commit();
    if (callbacks !== null) this.#call(callbacks);
  }

  #call(callbacks: readonly (() => void)[]): void {
    for (const done of callbacks) done();
  }

  /** Commits the open group; null when it is still open. Resolves nothing by itself. */
  #commit(): (() => void)[] | null {
    const { timer } = this.#archive.settings;
    const held = this.#held();
    if (held !== null) {
      this.#refused(held.fault, held.waitMs);
      return null;
    }
    const sections = this.#sections();
    const started = performance.now();
    const work = this.#hasWork(sections);
    try {
      if (work) this.#write(sections);
    } catch (cause) {
      this.#archive.deadLetters.forget();
      this.#archive.totals.commitFailures++;
      this.#refused(
        new OperationalError('commit-failed', `The log refuses: ${(cause as Error).message}`, {
          retry: true,
          cause,
        }),
        Math.min(RETRY_MS_MAX, Math.max(100, this.#retryMs * 2)),
      );
      return null;
    }
    if (work) {
      this.#durations[this.#archive.totals.commits++ % DURATIONS] = performance.now() - started;
      this.#lastCommitAt = timer.elapsed();
    }
    return this.#committed(sections);
  }

  #sections(): RowSection[] {
    return this.#archive.layouts
      .filter((layout) => layout.count > 0)
      .map((layout) => ({
        layout: layout.number,
        metrics: layout.metrics.length,
        count: layout.count,
        rows: layout.rows,
      }));
  }

  #hasWork(sections: readonly RowSection[]): boolean {
    return (
      sections.length > 0 ||
      hasNotes(this.#notes) ||
      this.#deadLetters.length > 0 ||
      this.#newDevices.length > 0 ||
      this.#archive.layouts.some((layout) => layout.changed)
    );
  }

  #write(sections: readonly RowSection[]): void {
    const { db, deadLetters, layouts, logId } = this.#archive;
    const body = this.#encoder.encode(sections, this.#notes);
    const changed = layouts.filter((layout) => layout.changed);
    if (changed.length + this.#newDevices.length + this.#deadLetters.length === 0)
      db.append(logId + 1, body);
    else
      db.transaction(() => {
        db.append(logId + 1, body);
        for (const layout of changed) db.setLayout(layout.number, layout.profile, layout.metrics);
        for (const { number, id, layout, unit } of this.#newDevices)
          db.addDevice(number, id, layout, unit);
        if (this.#deadLetters.length > 0) deadLetters.add(this.#deadLetters);
      });
    deadLetters.settle();
    this.#archive.logId = logId + 1;
  }

  /** After a successful commit: the group becomes visible and a new one begins. */
  #committed(sections: readonly RowSection[]): (() => void)[] {
    const { layouts } = this.#archive;
    const taken = sections.map((section) => ({
      ...section,
      rows: layouts[section.layout]!.take(),
    }));
    const notes = this.#notes;
    const callbacks = this.#callbacks;
    for (const layout of layouts) layout.changed = false;
    this.#notes = emptyNotes();
    this.#callbacks = [];
    this.#deadLetters = [];
    this.#newDevices = [];
    this.#readingsOpen = 0;
    this.#rowsOpen = 0;
    this.#retryMs = 0;
    if (this.commitFault !== null) {
      this.#archive.settings.log('info', 'commits succeed again');
      this.commitFault = null;
    }
    this.#archive.take(taken, notes);
    this.#onCommit();
    return callbacks;
  }

  #refused(fault: OperationalError | null, waitMs: number): void {
    if (fault !== null && this.commitFault?.message !== fault.message)
      this.#archive.settings.log('error', fault.message, { code: fault.code });
    this.commitFault = fault ?? this.commitFault;
    this.#retryMs = waitMs;
    this.#schedule();
  }

  /** Why a commit has to wait, or null. A backlog of the query engine is no fault, only a pause. */
  #held(): { fault: OperationalError | null; waitMs: number } | null {
    const { settings, duck, rowsInMemtable } = this.#archive;
    if (duck.dead !== null) return { fault: duck.dead, waitMs: 250 };
    if (duck.rowsQueued > ROWS_QUEUED_MAX) return { fault: null, waitMs: 5 };
    if (rowsInMemtable > settings.flushRows * MEMTABLE_FACTOR_MAX)
      return {
        fault: new OperationalError('seal-behind', 'Too many rows are not flushed yet.', {
          retry: true,
        }),
        waitMs: 250,
      };
    const now = settings.timer.elapsed();
    if (now - this.#diskCheckedAt >= STATFS_EVERY_MS || this.#diskLow) {
      this.#diskCheckedAt = now;
      const { bavail, bsize } = statfsSync(settings.folder);
      this.#diskLow = bavail * bsize < settings.diskReserveBytes;
    }
    if (!this.#diskLow) return null;
    return {
      fault: new OperationalError('disk-reserve', 'The disk is full but for its reserve.', {
        retry: true,
      }),
      waitMs: 1_000,
    };
  }

  /** Commits now and resolves when all that was put in is durable. */
  commitNow(): Promise<void> {
    return new Promise((resolve) => {
      this.#callbacks.push(resolve);
      const callbacks = this.#retryMs === 0 ? this.#commit() : null;
      if (callbacks === null) this.#schedule();
      else this.#call(callbacks);
    });
  }

  /**
   * One last commit; afterwards nothing is taken any more.
   * @throws commit-failed, disk-reserve, seal-behind when it can't be made; nothing was acknowledged then.
   */
  close(): void {
    const callbacks = this.#commit();
    this.#closed = true;
    if (callbacks === null && (this.#rowsOpen > 0 || hasNotes(this.#notes)))
      throw (
        this.commitFault ??
        new OperationalError('commit-failed', 'The last group could not be committed.', {
          retry: true,
        })
      );
    this.#call(callbacks ?? []);
  }

  commitSeconds(): { p50: number; p99: number; max: number } {
    const count = Math.min(DURATIONS, this.#archive.totals.commits);
    if (count === 0) return { p50: 0, p99: 0, max: 0 };
    const sorted = this.#durations.slice(0, count).sort();
    const at = (share: number): number =>
      sorted[Math.min(count - 1, Math.floor(count * share))]! / 1000;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}
