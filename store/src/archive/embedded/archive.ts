/** The embedded archive: Parquet files that DuckDB reads, with the manifest in the journal's database. */
import assert from 'node:assert/strict';
import { type DeviceEvent, HOUR, type OperationalError } from '@village/core';
import { Group, type RowBlock } from '../../journal/committed.ts';
import { type CommittedGroup, ROW } from '../../journal/contract.ts';
import { isShared, rowShape } from '../../journal/group.ts';
import type { JournalCore } from '../../journal/journal.ts';
import type {
  AggregateQuery,
  AggregateRow,
  Archive,
  ArchiveCounters,
  ArchiveHost,
  Completeness,
  CompletenessQuery,
  DeviceLocation,
  DeviceRows,
  EventQuery,
  ExportQuery,
  LackingQuery,
  LackingSpan,
  Maintenance,
  RangeManyQuery,
  RangeQuery,
  RangeRow,
  Weighed,
} from '../contract.ts';
import { Duck } from './duck/duck.ts';
import { backupTo, compact, retain } from './files/compaction.ts';
import { Flusher } from './files/flusher.ts';
import { ArchiveHealth } from './files/health.ts';
import { locate } from './locate.ts';
import { Memtable } from './memtable.ts';
import { ArchiveParts } from './parts.ts';
import { aggregate } from './query/aggregate.ts';
import { completeness } from './query/completeness.ts';
import { events } from './query/events.ts';
import { exportTo, joinParquet } from './query/export.ts';
import { range } from './query/range.ts';
import { rangeMany } from './query/range-many.ts';
import { weigh } from './query/weigh.ts';
import type { ArchiveSettings } from './settings.ts';
import { LOOK_MS, SpillLimit } from './spill.ts';

/** Rows sent to DuckDB and not yet in a table; beyond it the archive takes no more for the moment. */
const ROWS_QUEUED_MAX = 400_000;
/** Rows in memtables, as a multiple of the rows that start a flush; beyond it the archive takes no more. */
const MEMTABLE_FACTOR_MAX = 4;
/** The same for their memory: a flush needs as much again. */
const BYTES_FACTOR_MAX = 2;
/** Bytes of an event that count as one row on the way to DuckDB, and what it takes beside its text. */
const EVENT_ROW_BYTES = 128;
const EVENT_BYTES = 100;
const QUEUE_WAIT_MS = 5;
const MEMTABLE_WAIT_MS = 250;
const THREAD_WAIT_MS = 50;
/** Pause before the DuckDB thread is started again, doubled each time up to the longest. */
const RESTART_MS = 250;
const RESTART_MS_MAX = 30_000;
/** A thread that ran so long has nothing to do with the fault before. */
const STEADY_MS = 60_000;

/** An open archive: takes groups, keeps its thread running, and hands queries and care to the files beside this one. */
export class EmbeddedArchive extends ArchiveParts implements Archive {
  readonly engine = 'embedded';
  readonly health = new ArchiveHealth(this);
  readonly maintenance: Maintenance;
  readonly #flusher: Flusher;
  readonly #stop = new AbortController();
  #up: Promise<void> = Promise.resolve();
  #startedAt: number;
  #restartMs = RESTART_MS;

  constructor(settings: ArchiveSettings, journal: JournalCore, host: ArchiveHost, duck: Duck) {
    super(settings, journal, host, duck);
    this.#startedAt = settings.timer.elapsed();
    this.#adopt(duck);
    this.#flusher = new Flusher(this, this.#stop.signal);
    this.maintenance = {
      flush: () => this.#flusher.flush(),
      compact: (now) => this.maintain(() => compact(this, now)),
      check: (signal) => this.maintain(() => this.health.checkAll(signal)),
      backup: (folder) => this.maintain(() => backupTo(this, folder)),
    };
  }

  #adopt(duck: Duck): void {
    duck.onDeath = this.#died;
  }

  /** Begins what runs by itself; called once everything is restored. */
  start(): void {
    this.#flusher.start();
    // Its end is that of the archive.
    this.#boundSpill().catch(() => undefined);
  }

  async #boundSpill(): Promise<void> {
    const { duck, keptFree, timer, log } = this.settings;
    const { spillFolder: folder, spillLimitMb: limitMb } = duck;
    const limit = new SpillLimit({ folder, limitMb, keptFree });
    for (;;) {
      await limit.look(this.duck).catch((error: Error) => {
        // The thread is being started again, or has no turn for it: the next look is soon.
        if (!this.#stop.signal.aborted)
          log('info', 'what queries may spill was not looked at', { reason: error.message });
      });
      await timer.sleep(LOOK_MS, this.#stop.signal);
    }
  }

  get durableUpTo(): number {
    return this.sealedUpTo;
  }

  /** The table that takes rows of the layout with so many metrics now. */
  #memtable(layout: number, metrics: number): Memtable {
    const { open } = this.view;
    const last = open.tables.findLast((table) => table.layout === layout);
    if (last !== undefined && last.metrics === metrics) return last;
    const table = new Memtable(this.nextSerial++, layout, metrics);
    open.tables.push(table);
    this.duck.send({ kind: 'create', table: table.name, metrics });
    return table;
  }

  async take(groups: readonly CommittedGroup[], signal?: AbortSignal): Promise<number> {
    for (const group of groups) {
      assert(group instanceof Group, 'BUG: the embedded archive reads its own journal');
      await this.#room(signal);
      // A flush that ended while the thread was started again holds it already.
      if (group.id <= this.takenUpTo) continue;
      this.syncDevices();
      for (const block of group.rows) this.#takeRows(group, block);
      if (group.events.length > 0) this.#takeEvents(group);
      this.takenUpTo = group.id;
      this.#flusher.flushWhenFull();
    }
    return this.sealedUpTo;
  }

  /** Waits until the DuckDB thread runs and has room. */
  async #room(signal: AbortSignal | undefined): Promise<void> {
    const { timer } = this.settings;
    for (;;) {
      this.#stop.signal.throwIfAborted();
      // It is being started again, for as long as that takes.
      if (this.duck.dead !== null) await timer.sleep(THREAD_WAIT_MS, signal);
      else if (this.#memtablesFull) {
        // Rows that came while a flush ran may be too many by themselves, and no further row will start theirs.
        this.#flusher.flushSoon();
        await timer.sleep(MEMTABLE_WAIT_MS, signal);
      } else if (this.duck.rowsQueued > ROWS_QUEUED_MAX) await timer.sleep(QUEUE_WAIT_MS, signal);
      else return;
    }
  }

  get #memtablesFull(): boolean {
    const { flushRows, flushBytes } = this.settings;
    if (this.rowsInMemtable > flushRows * MEMTABLE_FACTOR_MAX) return true;
    const bytes = this.view.generations.reduce((sum, generation) => sum + generation.bytes, 0);
    return bytes > flushBytes * BYTES_FACTOR_MAX;
  }

  #takeRows(group: Group, { layout, metricCount, count, block }: RowBlock): void {
    const table = this.#memtable(layout, metricCount);
    const { stride } = rowShape(metricCount);
    for (let row = 0, start = 0; row < count; row++, start += stride) {
      const at = block[start]!;
      const device = Math.floor(block[start + ROW.device]! / 4);
      if (device >= this.newestAt.length) this.#grow(device);
      const late = at <= this.newestAt[device]!;
      table.note(at, Math.floor(at / HOUR), late);
      if (!late) this.newestAt[device] = at;
    }
    // A block of this thread's own is copied as it is sent; a shared one is kept until DuckDB's thread has read it.
    const release = isShared(block) ? () => group.release() : undefined;
    if (release !== undefined) group.retain();
    this.duck.append(table.name, block, count, release);
  }

  #grow(device: number): void {
    const grown = new Float64Array(Math.max(1_024, this.newestAt.length * 2, device + 1)).fill(
      Number.NEGATIVE_INFINITY,
    );
    grown.set(this.newestAt);
    this.newestAt = grown;
  }

  #takeEvents(group: CommittedGroup): void {
    const { open } = this.view;
    const rows = group.events.map(({ event }) => ({
      at: event.at,
      receivedAt: event.receivedAt,
      device: event.device,
      type: event.type,
      detail: JSON.stringify(event.detail),
    }));
    let bytes = 0;
    for (const { detail } of rows) bytes += EVENT_BYTES + 2 * Buffer.byteLength(detail);
    open.events += rows.length;
    open.eventBytes += bytes;
    this.duck.addEvents(open.eventsName, rows, Math.ceil(bytes / EVENT_ROW_BYTES));
  }

  /** The DuckDB thread ended: what it held is in the journal, and is taken again once a new one runs. */
  readonly #died = (error: OperationalError): void => {
    if (this.#stop.signal.aborted) return;
    this.settings.log('error', 'the query engine ended and is started again', {
      code: error.code,
      reason: error.message,
    });
    this.#up = this.#restart();
    this.#up.catch(() => undefined);
    this.host.lost(error);
  };

  async #restart(): Promise<void> {
    const { timer, log } = this.settings;
    if (timer.elapsed() - this.#startedAt > STEADY_MS) this.#restartMs = RESTART_MS;
    for (;;) {
      await timer.sleep(this.#restartMs, this.#stop.signal);
      this.#restartMs = Math.min(RESTART_MS_MAX, this.#restartMs * 2);
      // What the old one still holds is memory that the next one needs.
      while (!this.duck.isGone) await timer.sleep(THREAD_WAIT_MS, this.#stop.signal);
      try {
        await this.maintain(() => this.#replaceThread());
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) throw error;
        log('error', 'the query engine could not be started', { reason: (error as Error).message });
      }
    }
  }

  async #replaceThread(): Promise<void> {
    const { duck } = this.settings;
    this.duck = await Duck.start(duck);
    this.#adopt(this.duck);
    this.#startedAt = this.settings.timer.elapsed();
    this.totals.restarts++;
    this.view.generations = [];
    this.beginGeneration();
    this.newestAt = this.newestAtSealed.slice();
    this.takenUpTo = this.sealedUpTo;
    this.resend();
  }

  range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]> {
    return range(this, query, signal);
  }

  rangeMany(query: RangeManyQuery, signal?: AbortSignal): AsyncIterable<DeviceRows> {
    return rangeMany(this, query, signal);
  }

  aggregate(query: AggregateQuery, signal?: AbortSignal): Promise<AggregateRow[]> {
    return aggregate(this, query, signal);
  }

  completeness(query: CompletenessQuery, signal?: AbortSignal): Promise<Completeness> {
    return completeness(this, query, signal);
  }

  events(query: EventQuery, signal?: AbortSignal): Promise<DeviceEvent[]> {
    return events(this, query, signal);
  }

  exportTo(
    path: string,
    format: 'csv' | 'parquet',
    query: ExportQuery,
    signal?: AbortSignal,
  ): Promise<{ rows: number }> {
    return exportTo(this, path, format, query, signal);
  }

  joinParquet(paths: readonly string[], path: string, signal?: AbortSignal): Promise<void> {
    return joinParquet(this, paths, path, signal);
  }

  weigh(weighed: Weighed): number {
    return weigh(this, weighed);
  }

  retain(before: number): Promise<{ files: number }> {
    return this.maintain(() => retain(this, before));
  }

  locate(locations: ReadonlyMap<string, DeviceLocation | readonly DeviceLocation[]>): void {
    locate(this, locations);
  }

  lacking({ of, from, to }: LackingQuery): LackingSpan[] {
    const layouts =
      of === 'events' ? [-1] : of.map((profile) => this.layoutByProfile.get(profile)?.number ?? -2);
    return layouts
      .flatMap((layout) => this.view.setAsideIn(layout, [{ from, to }]))
      .map(({ first, last, rows }) => ({ from: first, to: last + 1, rows }))
      .sort((a, b) => a.from - b.from);
  }

  counters(): ArchiveCounters {
    const rows = this.rowsInMemtable;
    return {
      rowsNotDurable: rows,
      archiveBytes: this.view.files.reduce((sum, file) => sum + file.bytes, 0),
      own: { ...this.totals, ...this.health.counters(), rowsInMemtable: rows },
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#flusher.ended();
    await this.#up.catch(() => undefined);
    await this.maintained();
    await this.duck.close();
  }
}
