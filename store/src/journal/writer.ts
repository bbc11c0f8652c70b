/**
 * Group commit: what arrives within a few milliseconds shares one durable write, then every waiting acknowledgement is
 * called, in order. While the disk refuses, the group is kept and tried again, and nobody is called.
 */
import { statfsSync } from 'node:fs';
import type { DeviceEvent, Lane } from '@village/core';
import { OperationalError } from '@village/core';
import { emptyNotes, GroupEncoder, type GroupNotes, hasNotes, type RowSection } from './codec.ts';
import {
  type Appender,
  type DeadLetter,
  FRAME_BYTES_MAX,
  FRAME_TEXTS_MAX,
  type Layout,
  type ReceivedFrame,
  type RememberedKind,
  type SystemEvent,
} from './contract.ts';
import type { DeadLetters } from './dead-letters.ts';
import { FrameBudget } from './frame-budget.ts';
import { textsAbout, weightOf } from './frame-section.ts';
import { type OpenLayout, reserveRow } from './group.ts';
import type { JournalDb } from './journal-db.ts';
import type { Names } from './names.ts';
import type { JournalSettings } from './settings.ts';
import type { LogSpans } from './spans.ts';

const RETRY_MS_MAX = 5_000;
const STATFS_EVERY_MS = 2_000;
/** System events that wait for a disk that refuses. */
const SYSTEM_EVENTS_MAX = 100_000;
/** Bytes of frames after which a group is committed at once. */
const FRAME_BYTES_PER_COMMIT = 4 * 1024 * 1024;
/** Commits whose durations are kept. */
const DURATIONS = 1_000;

/** What one commit wrote. */
export interface Committed {
  readonly id: number;
  readonly committedAt: number;
  /** Bytes in the log. */
  readonly bytes: number;
  /** Their blocks are the receiver's from now on. */
  readonly sections: readonly RowSection[];
  readonly notes: GroupNotes;
  readonly frames: readonly ReceivedFrame[];
}

/** What the writer needs of its journal. */
export interface WriterHost {
  readonly settings: JournalSettings;
  readonly db: JournalDb;
  readonly names: Names;
  readonly letters: DeadLetters;
  readonly spans: LogSpans;
  /** The newest durable group. */
  readonly head: number;
  readonly committedAt: number;
  /** Why no commit may be made now, or null. */
  held(): OperationalError | null;
  /** The group is durable; acknowledgements follow. */
  committed(group: Committed): void;
}

/** The writing half of the journal. */
export class Writer implements Appender {
  readonly #host: WriterHost;
  readonly #encoder = new GroupEncoder();
  readonly frameBudget: FrameBudget;
  readonly #durations = new Float64Array(DURATIONS);
  #callbacks: (() => void)[] = [];
  #notes: GroupNotes = emptyNotes();
  #deadLetters: DeadLetter[] = [];
  #frames: ReceivedFrame[] = [];
  #frameBytesOpen = 0;
  #newDevices: { number: number; id: string; layout: number }[] = [];
  #readingsOpen = 0;
  #rowsOpen = 0;
  #scheduled = false;
  /** By the timer's `elapsed`, as all of these times. */
  #lastCommitAt = Number.NEGATIVE_INFINITY;
  #retryMs = 0;
  #closed = false;
  #diskCheckedAt = Number.NEGATIVE_INFINITY;
  #diskLow = false;
  #commits = 0;
  commitFailures = 0;
  /** Frames made durable, and those that were too large. */
  frames = 0;
  framesTooLarge = 0;
  /** System events that came while too many waited, or after the end. */
  systemEventsDropped = 0;
  commitFault: Error | null = null;

  constructor(host: WriterHost) {
    this.#host = host;
    this.frameBudget = new FrameBudget(host.settings.frameBytesPerDay);
    this.frameBudget.restore(host.db);
  }

  get commits(): number {
    return this.#commits;
  }

  get rowsPending(): number {
    return this.#rowsOpen;
  }

  get frameBytesPending(): number {
    return this.#frameBytesOpen;
  }

  layout(profile: string, metrics: readonly string[]): Layout {
    const { names } = this.#host;
    const layout = names.layoutByProfile.get(profile) ?? names.addLayout(profile);
    layout.addMetrics(metrics);
    return layout;
  }

  device(id: string, layout: Layout): number {
    const open = layout as OpenLayout;
    const known = open.devices.get(id);
    if (known !== undefined) return known;
    const { names } = this.#host;
    const number = names.devices;
    names.addDevice(number, id, open);
    this.#newDevices.push({ number, id, layout: open.number });
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

  remember(kind: RememberedKind, key: string, value: number): void {
    this.#notes.remembered ??= [];
    this.#notes.remembered.push([kind, key, value]);
  }

  deadLetter(entry: DeadLetter): void {
    // A copy: the payload is the caller's again when the message has been settled.
    this.#deadLetters.push({ ...entry, payload: entry.payload.slice() });
  }

  frame(frame: ReceivedFrame): void {
    if (frame.payload.length > FRAME_BYTES_MAX || textsAbout(frame) > FRAME_TEXTS_MAX) {
      this.framesTooLarge++;
      return;
    }
    if (!this.frameBudget.admits(frame, this.#host.settings.timer.now())) return;
    this.#frames.push({ ...frame, payload: new Uint8Array(frame.payload) });
    this.#frameBytesOpen += weightOf(frame);
  }

  note(event: SystemEvent): void {
    const pending = this.#notes.system ?? [];
    if (this.#closed || pending.length >= SYSTEM_EVENTS_MAX) {
      this.systemEventsDropped++;
      return;
    }
    // While the disk refuses, the last tick says all that those before it did.
    const last = pending.at(-1);
    if (event.type === 'platform-tick' && last?.type === 'platform-tick') pending.pop();
    pending.push(event);
    this.#schedule();
  }

  settle(done: () => void): void {
    if (this.#closed) throw new OperationalError('store-closed', 'The store is closed.');
    this.#callbacks.push(done);
    const full =
      this.#readingsOpen >= this.#host.settings.readingsPerCommit ||
      this.#frameBytesOpen >= FRAME_BYTES_PER_COMMIT;
    if (full && this.#retryMs === 0) {
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
    const { windowMs, timer } = this.#host.settings;
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
    const { timer, mayStamp } = this.#host.settings;
    const held = this.#held();
    if (held !== null) {
      this.#refused(held.fault, held.waitMs);
      return null;
    }
    const sections = this.#sections();
    const started = performance.now();
    const work = this.#hasWork(sections);
    let bytes = 0;
    const { committedAt: stamped } = this.#host;
    const now = timer.now();
    const committedAt = mayStamp(now, stamped) ? Math.max(now, stamped) : stamped;
    try {
      if (work) bytes = this.#write(sections, committedAt);
    } catch (cause) {
      this.#host.letters.forget();
      this.commitFailures++;
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
      this.#durations[this.#commits++ % DURATIONS] = performance.now() - started;
      this.#lastCommitAt = timer.elapsed();
    }
    return this.#committed(sections, work ? { bytes, committedAt } : null);
  }

  #sections(): RowSection[] {
    return this.#host.names.layouts
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
      this.#frames.length > 0 ||
      this.#deadLetters.length > 0 ||
      this.#newDevices.length > 0 ||
      this.#host.names.layouts.some((layout) => layout.changed)
    );
  }

  #write(sections: readonly RowSection[], committedAt: number): number {
    const { db, letters, names, spans, head } = this.#host;
    const body = this.#encoder.encode(sections, this.#notes, this.#frames);
    const changed = names.layouts.filter((layout) => layout.changed);
    const more = changed.length + this.#newDevices.length + this.#deadLetters.length;
    const { frameBudget: budget } = this;
    if (more === 0 && !spans.hasUnsaved && !budget.hasUnsaved)
      db.append(head + 1, body, committedAt);
    else
      db.transaction(() => {
        db.append(head + 1, body, committedAt);
        spans.save(db);
        if (budget.hasUnsaved) budget.save(db);
        for (const layout of changed) db.setLayout(layout.number, layout.profile, layout.metrics);
        // Where a device stands is known to the archive alone.
        for (const { number, id, layout } of this.#newDevices) db.addDevice(number, id, layout, 0);
        if (this.#deadLetters.length > 0) letters.add(this.#deadLetters);
      });
    letters.settle();
    spans.saved();
    budget.saved();
    return body.length;
  }

  /** After a successful commit: the group becomes visible and a new one begins. */
  #committed(
    sections: readonly RowSection[],
    written: { readonly bytes: number; readonly committedAt: number } | null,
  ): (() => void)[] {
    const { layouts } = this.#host.names;
    const taken = sections.map((section) => ({
      ...section,
      rows: layouts[section.layout]!.take(),
    }));
    const notes = this.#notes;
    const frames = this.#frames;
    const callbacks = this.#callbacks;
    for (const layout of layouts) layout.changed = false;
    this.#notes = emptyNotes();
    this.#callbacks = [];
    this.#deadLetters = [];
    this.#frames = [];
    this.#frameBytesOpen = 0;
    this.frames += frames.length;
    this.#newDevices = [];
    this.#readingsOpen = 0;
    this.#rowsOpen = 0;
    this.#retryMs = 0;
    if (this.commitFault !== null) {
      this.#host.settings.log('info', 'commits succeed again');
      this.commitFault = null;
    }
    if (written !== null)
      this.#host.committed({ id: this.#host.head + 1, ...written, sections: taken, notes, frames });
    return callbacks;
  }

  #refused(fault: OperationalError, waitMs: number): void {
    if (this.commitFault?.message !== fault.message)
      this.#host.settings.log('error', fault.message, { code: fault.code });
    this.commitFault = fault;
    this.#retryMs = waitMs;
    this.#schedule();
  }

  /** Why a commit has to wait, or null. */
  #held(): { fault: OperationalError; waitMs: number } | null {
    const { settings } = this.#host;
    const fault = this.#host.held();
    if (fault !== null) return { fault, waitMs: 250 };
    const now = settings.timer.elapsed();
    if (now - this.#diskCheckedAt >= STATFS_EVERY_MS || this.#diskLow) {
      this.#diskCheckedAt = now;
      try {
        const { bavail, bsize } = statfsSync(settings.folder);
        this.#diskLow = bavail * bsize < settings.diskReserveBytes;
      } catch (cause) {
        // Asked again at the next commit.
        this.#diskLow = true;
        const message = `The disk can't be asked for its room: ${(cause as Error).message}`;
        const fault = new OperationalError('commit-failed', message, { retry: true, cause });
        return { fault, waitMs: 1_000 };
      }
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
   * @throws commit-failed, disk-reserve, journal-full when it can't be made; nothing was acknowledged then.
   */
  close(): void {
    const callbacks = this.#commit();
    this.#closed = true;
    if (
      callbacks === null &&
      (this.#rowsOpen > 0 || this.#frames.length > 0 || hasNotes(this.#notes))
    )
      throw (
        this.commitFault ??
        new OperationalError('commit-failed', 'The last group could not be committed.', {
          retry: true,
        })
      );
    this.#call(callbacks ?? []);
  }

  commitSeconds(): { p50: number; p99: number; max: number } {
    const count = Math.min(DURATIONS, this.#commits);
    if (count === 0) return { p50: 0, p99: 0, max: 0 };
    const sorted = this.#durations.slice(0, count).sort();
    const at = (share: number): number =>
      sorted[Math.min(count - 1, Math.floor(count * share))]! / 1000;
    return { p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}
