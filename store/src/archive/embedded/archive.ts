/** The embedded archive: Parquet files that DuckDB reads, with the manifest in the journal's database. */
import assert from 'node:assert/strict';
import { type DeviceEvent, HOUR, type OperationalError } from '@village/core';
import { Group, type RowBlock } from '../../journal/committed.ts';
import { type CommittedGroup, ROW } from '../../journal/contract.ts';
import { BlockPool, type OpenLayout, rowShape } from '../../journal/group.ts';
import type { JournalCore } from '../../journal/journal.ts';
import type { JournalDb } from '../../journal/journal-db.ts';
import type { Latest } from '../../journal/latest.ts';
import type { Names } from '../../journal/names.ts';
import { STATE_SEALED_UP_TO } from '../../journal/snapshot.ts';
import type {
  AggregateQuery,
  AggregateRow,
  Archive,
  ArchiveCounters,
  ArchiveHost,
  Completeness,
  CompletenessQuery,
  DeviceLocation,
  EventQuery,
  ExportQuery,
  LackingQuery,
  LackingSpan,
  Maintenance,
  RangeQuery,
  RangeRow,
} from '../contract.ts';
import { Duck } from './duck/duck.ts';
import { backupTo, compact, retain } from './files/compaction.ts';
import { Flusher } from './files/flusher.ts';
import { ArchiveHealth } from './files/health.ts';
import { type ArchiveFile, Manifest } from './files/manifest.ts';
import { locate } from './locate.ts';
import { DeviceLocations, NOWHERE } from './locations.ts';
import { Generation, Memtable } from './memtable.ts';
import { aggregate } from './query/aggregate.ts';
import { completeness } from './query/completeness.ts';
import { events } from './query/events.ts';
import { exportTo } from './query/export.ts';
import { range } from './query/range.ts';
import type { ArchiveSettings } from './settings.ts';
import type { UnitSteps } from './units.ts';
import { Pins, View } from './view.ts';

/** Rows sent to DuckDB and not yet in a table; beyond it the archive takes no more for the moment. */
const ROWS_QUEUED_MAX = 400_000;
/** Rows in memtables, as a multiple of the rows that start a flush; beyond it the archive takes no more. */
const MEMTABLE_FACTOR_MAX = 4;
const QUEUE_WAIT_MS = 5;
const MEMTABLE_WAIT_MS = 250;
const THREAD_WAIT_MS = 50;
/** Pause before the DuckDB thread is started again, doubled each time up to the longest. */
const RESTART_MS = 250;
const RESTART_MS_MAX = 30_000;
/** A thread that ran so long has nothing to do with the fault before. */
const STEADY_MS = 60_000;
/** Doubles below which a copy of its own is cheaper than a pooled block. */
const COPY_DOUBLES = 4_096;

/** Figures that only ever rise while the archive is open. */
export interface ArchiveTotals {
  rowsFlushed: number;
  flushes: number;
  flushFailures: number;
  filesUnreadable: number;
  restarts: number;
}

function* hoursOf(file: ArchiveFile): Generator<number> {
  for (let hour = Math.floor(file.first / HOUR); hour * HOUR <= file.last; hour++) yield hour;
}

/** An open archive: the parts that the files beside this one work on, and the contract's methods. */
export class EmbeddedArchive implements Archive {
  readonly engine = 'embedded';
  readonly settings: ArchiveSettings;
  readonly db: JournalDb;
  readonly manifest: Manifest;
  readonly names: Names;
  readonly latest: Latest;
  readonly host: ArchiveHost;
  readonly pool = new BlockPool();
  readonly locations = new DeviceLocations();
  readonly view = new View();
  readonly pins = new Pins();
  readonly health = new ArchiveHealth(this);
  /** By dense device number: the areas that rollups count it in. */
  readonly unitsOf: UnitSteps[] = [];
  /** The same as the database has it. */
  readonly savedUnitsOf: UnitSteps[] = [];
  readonly totals: ArchiveTotals = {
    rowsFlushed: 0,
    flushes: 0,
    flushFailures: 0,
    filesUnreadable: 0,
    restarts: 0,
  };
  readonly maintenance: Maintenance;
  readonly #flusher: Flusher;
  duck: Duck;
  /** Serial of the next memtable. */
  nextSerial = 1;
  /** Number of the next generation, and with it of the next archive files. */
  nextGeneration = 1;
  /** The last group whose rows are all in files. */
  sealedUpTo: number;
  /** The last group taken. */
  takenUpTo: number;
  /** Rises when a device moved to another township, so that a rollup under way notices. */
  moves = 0;
  /** By dense device number: newest event time of all rows taken; a row that is not newer may be a repetition. */
  newestAt: Float64Array;
  /** The same as of `sealedUpTo` or a little later. */
  newestAtSealed: Float64Array;
  #namesSent = 0;
  #maintaining: Promise<unknown> = Promise.resolve();
  readonly #stop = new AbortController();
  #up: Promise<void> = Promise.resolve();
  #startedAt: number;
  #restartMs = RESTART_MS;

  constructor(settings: ArchiveSettings, journal: JournalCore, host: ArchiveHost, duck: Duck) {
    this.settings = settings;
    this.db = journal.db;
    this.manifest = new Manifest(journal.db);
    this.names = journal.names;
    this.latest = journal.latestValues;
    this.host = host;
    this.duck = duck;
    this.#startedAt = settings.timer.elapsed();
    this.sealedUpTo = Number(this.db.state(STATE_SEALED_UP_TO) ?? 0);
    this.takenUpTo = this.sealedUpTo;
    this.newestAtSealed = journal.newestAtSealed;
    this.newestAt = this.newestAtSealed.slice();
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
    duck.onBlock = (block) => this.pool.give(block);
  }

  /** Begins what runs by itself; called once everything is restored. */
  start(): void {
    this.#flusher.start();
  }

  get durableUpTo(): number {
    return this.sealedUpTo;
  }

  get folder(): string {
    return this.settings.folder;
  }

  get layouts(): readonly OpenLayout[] {
    return this.names.layouts;
  }

  get layoutByProfile(): ReadonlyMap<string, OpenLayout> {
    return this.names.layoutByProfile;
  }

  get numbersOf(): ReadonlyMap<string, readonly number[]> {
    return this.names.numbersOf;
  }

  get layoutOf(): readonly number[] {
    return this.names.layoutOf;
  }

  /** Takes notice of the devices that came up since the last call. */
  syncDevices(): void {
    for (let number = this.locations.devices; number < this.names.devices; number++) {
      this.locations.addDevice(number, this.names.id(number));
      this.unitsOf[number] = this.locations.units(number);
      this.savedUnitsOf[number] = NOWHERE;
    }
  }

  beginGeneration(): Generation {
    const generation = new Generation(this.nextGeneration++, this.settings.timer.elapsed());
    this.view.generations.push(generation);
    return generation;
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
    await this.#room(signal);
    this.syncDevices();
    for (const group of groups) {
      assert(group instanceof Group, 'BUG: the embedded archive reads its own journal');
      assert(group.id > this.takenUpTo, 'BUG: the groups came out of order');
      for (const block of group.rows) this.#takeRows(block);
      if (group.events.length > 0) this.#takeEvents(group);
      this.takenUpTo = group.id;
    }
    this.#flusher.flushWhenFull();
    return this.sealedUpTo;
  }

  /** Waits until the DuckDB thread runs and has room. */
  async #room(signal: AbortSignal | undefined): Promise<void> {
    const { timer, flushRows } = this.settings;
    for (;;) {
      this.#stop.signal.throwIfAborted();
      // It is being started again, for as long as that takes.
      if (this.duck.dead !== null) await timer.sleep(THREAD_WAIT_MS, signal);
      else if (this.rowsInMemtable > flushRows * MEMTABLE_FACTOR_MAX)
        await timer.sleep(MEMTABLE_WAIT_MS, signal);
      else if (this.duck.rowsQueued > ROWS_QUEUED_MAX) await timer.sleep(QUEUE_WAIT_MS, signal);
      else return;
    }
  }

  #takeRows({ layout, metricCount, count, block }: RowBlock): void {
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
    this.duck.append(table.name, this.#copy(block, count * stride), count);
  }

  /** The block is other readers' too; DuckDB's thread gets a copy. */
  #copy(block: Float64Array, doubles: number): Float64Array {
    if (doubles < COPY_DOUBLES) return block.slice(0, doubles);
    const copy = this.pool.take();
    if (copy.length < doubles) return block.slice(0, doubles);
    copy.set(block.subarray(0, doubles));
    return copy;
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
    open.events += group.events.length;
    this.duck.send({
      kind: 'events',
      table: open.eventsName,
      rows: group.events.map(({ event }) => ({
        at: event.at,
        receivedAt: event.receivedAt,
        device: event.device,
        type: event.type,
        detail: JSON.stringify(event.detail),
      })),
    });
  }

  get rowsInMemtable(): number {
    return this.view.generations.reduce((sum, generation) => sum + generation.rows, 0);
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
    this.#namesSent = 0;
    this.locations.resend();
  }

  range(query: RangeQuery, signal?: AbortSignal): Promise<RangeRow[]> {
    return range(this, query, signal);
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
    await this.#maintaining;
    await this.duck.close();
  }

  /** Runs maintenance jobs one after the other, so that the manifest changes in one place at a time. */
  maintain<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#maintaining.then(work, work);
    this.#maintaining = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** The number of the next archive file, durable with the transaction that lists the file. */
  takeFileNumber(): number {
    return this.nextGeneration++;
  }

  /** All hours of a file have to be computed again: the durable half. */
  saveDirty(file: ArchiveFile): void {
    for (const hour of hoursOf(file)) this.manifest.addDirty(file.layout, hour);
  }

  /** The half of `saveDirty` in memory. */
  showDirty(file: ArchiveFile): void {
    for (const hour of hoursOf(file)) this.view.addDirty(file.layout, hour);
  }

  /** Sends the names of devices that came up since the last call; before every query that joins them. */
  sendNames(): void {
    const from = this.#namesSent;
    this.#namesSent = this.names.devices;
    const numbers = Array.from({ length: this.#namesSent - from }, (_, i) => from + i);
    if (numbers.length === 0) return;
    this.duck.send({
      kind: 'devices',
      numbers,
      ids: numbers.map((number) => this.names.id(number)),
      profiles: numbers.map((number) => this.layouts[this.layoutOf[number]!]!.profile),
    });
  }

  /** Sends the locations to DuckDB when they changed; before every query that joins them. */
  sendLocations(): void {
    const locations = this.locations.takeColumns();
    if (locations !== null) this.duck.send({ kind: 'locations', locations });
  }
}
