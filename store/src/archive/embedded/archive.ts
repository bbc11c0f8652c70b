/** The parts of an open store and the books that several of them keep; the work itself is in the files beside it. */
import { HOUR, type Timer } from '@village/core';
import type { GroupNotes, RowSection } from '../../journal/codec.ts';
import type { DeadLetters } from '../../journal/dead-letters.ts';
import { type BlockPool, OpenLayout } from '../../journal/group.ts';
import type { ArchiveFile, JournalDb } from '../../journal/journal-db.ts';
import { Latest } from '../../journal/latest.ts';
import { Sequences } from '../../journal/sequences.ts';
import type { Duck } from './duck/duck.ts';
import { DeviceLocations } from './locations.ts';
import { Generation, Memtable } from './memtable.ts';
import { Pins, View } from './view.ts';

/** Tells the operator; `detail` is for the structured log. */
export type Report = (
  level: 'info' | 'warn' | 'error',
  message: string,
  detail?: Readonly<Record<string, unknown>>,
) => void;

/** How a store is opened. */
export interface EmbeddedOptions {
  readonly folder: string;
  readonly timer: Timer;
  /** How long a group waits for company after the last commit, ms. */
  readonly windowMs?: number;
  /** Readings after which a group is committed at once. */
  readonly readingsPerCommit?: number;
  readonly flushRows?: number;
  readonly flushEveryMs?: number;
  /** A month's archive file of so many rows is full: later days of the month go into another. */
  readonly partRows?: number;
  /** Memory of DuckDB; the process needs about as much again. */
  readonly memoryLimitMb?: number;
  readonly threads?: number;
  /** Free disk space below which nothing is acknowledged any more. */
  readonly diskReserveBytes?: number;
  readonly deadLettersMax?: number;
  readonly deadLetterBytesMax?: number;
  readonly log?: Report;
}

/** Options with their defaults. */
export type Settings = Required<EmbeddedOptions>;

/** The defaults of the options. */
export function settingsOf(options: EmbeddedOptions): Settings {
  return {
    windowMs: 5,
    readingsPerCommit: 10_000,
    flushRows: 1_000_000,
    flushEveryMs: 900_000,
    partRows: 8_000_000,
    memoryLimitMb: 1024,
    threads: 2,
    diskReserveBytes: 512 * 1024 * 1024,
    deadLettersMax: 10_000,
    deadLetterBytesMax: 64 * 1024 * 1024,
    log: () => undefined,
    ...options,
  };
}

/** Figures that only ever rise while the store is open. */
export interface StoreTotals {
  rows: number;
  readings: number;
  commits: number;
  commitFailures: number;
  rowsFlushed: number;
  flushes: number;
  flushFailures: number;
  filesUnreadable: number;
  logRowsDamaged: number;
}

function* hoursOf(file: ArchiveFile): Generator<number> {
  for (let hour = Math.floor(file.first / HOUR); hour * HOUR <= file.last; hour++) yield hour;
}

/** An open store's parts. */
export class EmbeddedArchive {
  readonly settings: Settings;
  readonly db: JournalDb;
  readonly duck: Duck;
  readonly pool: BlockPool;
  readonly deadLetters: DeadLetters;
  readonly latest = new Latest();
  readonly sequences = new Sequences();
  readonly locations = new DeviceLocations();
  readonly view = new View();
  readonly pins = new Pins();
  readonly layouts: OpenLayout[] = [];
  readonly layoutByProfile = new Map<string, OpenLayout>();
  /** Device id to its dense numbers, one for each profile it had. */
  readonly numbersOf = new Map<string, number[]>();
  /** By dense device number. */
  readonly layoutOf: number[] = [];
  /** By dense device number: the area that its rollups count it in. */
  readonly unitOf: number[] = [];
  readonly totals: StoreTotals = {
    rows: 0,
    readings: 0,
    commits: 0,
    commitFailures: 0,
    rowsFlushed: 0,
    flushes: 0,
    flushFailures: 0,
    filesUnreadable: 0,
    logRowsDamaged: 0,
  };
  /** Serial of the next memtable. */
  nextSerial = 1;
  /** Number of the next generation, and with it of the next archive files. */
  nextGeneration = 1;
  /** Id of the newest durable log row. */
  logId = 0;
  /** Rises when a device moved to another township, so that a rollup under way notices. */
  moves = 0;
  #namesSent = 0;
  #maintenance: Promise<unknown> = Promise.resolve();

  constructor(
    settings: Settings,
    db: JournalDb,
    duck: Duck,
    pool: BlockPool,
    deadLetters: DeadLetters,
  ) {
    this.settings = settings;
    this.db = db;
    this.duck = duck;
    this.pool = pool;
    this.deadLetters = deadLetters;
  }

  get folder(): string {
    return this.settings.folder;
  }

  addLayout(profile: string): OpenLayout {
    const layout = new OpenLayout(profile, this.layouts.length, this.pool);
    this.layouts.push(layout);
    this.layoutByProfile.set(profile, layout);
    return layout;
  }

  /** Enters a device under its number in all books but the database. */
  addDevice(number: number, id: string, layout: OpenLayout, unit: number): void {
    layout.devices.set(id, number);
    this.layoutOf[number] = layout.number;
    this.unitOf[number] = unit;
    const numbers = this.numbersOf.get(id);
    if (numbers === undefined) this.numbersOf.set(id, [number]);
    else numbers.push(number);
    this.locations.addDevice(number, id);
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

  /** Makes a durable group visible: latest values, memtables, sequences. Takes the blocks of rows over. */
  take(sections: readonly RowSection[], notes: GroupNotes): void {
    for (const { layout, metrics, count, rows } of sections) {
      if (count === 0) continue;
      const table = this.#memtable(layout, metrics);
      this.totals.readings += this.latest.apply(layout, metrics, rows, count, table);
      this.totals.rows += count;
      this.duck.append(table.name, rows, count);
    }
    for (const { gateway, epoch, seq } of notes.sequences) this.sequences.see(gateway, epoch, seq);
    for (const { gateway, epoch, ranges } of notes.dropped)
      this.sequences.drop(gateway, epoch, ranges);
    if (notes.events.length === 0) return;
    const { open } = this.view;
    open.events += notes.events.length;
    this.duck.send({
      kind: 'events',
      table: open.eventsName,
      rows: notes.events.map(({ event }) => ({
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

  /** Runs maintenance jobs one after the other, so that the manifest changes in one location at a time. */
  maintain<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#maintenance.then(work, work);
    this.#maintenance = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when no maintenance is under way. */
  async quiet(): Promise<void> {
    await this.#maintenance;
  }

  /** The number of the next archive file, durable with the transaction that lists the file. */
  takeFileNumber(): number {
    return this.nextGeneration++;
  }

  /** All hours of a rollup file have to be computed again. */
  markDirty(file: ArchiveFile): void {
    this.saveDirty(file);
    this.showDirty(file);
  }

  /** The durable half of `markDirty`. */
  saveDirty(file: ArchiveFile): void {
    for (const hour of hoursOf(file)) this.db.addDirty(file.layout, hour);
  }

  /** The half of `markDirty` in memory. */
  showDirty(file: ArchiveFile): void {
    for (const hour of hoursOf(file)) this.view.addDirty(file.layout, hour);
  }

  /** Sends the names of devices that came up since the last call; before every query that joins them. */
  sendNames(): void {
    const from = this.#namesSent;
    this.#namesSent = this.layoutOf.length;
    const numbers = Array.from({ length: this.#namesSent - from }, (_, i) => from + i);
    if (numbers.length === 0) return;
    this.duck.send({
      kind: 'devices',
      numbers,
      ids: numbers.map((number) => this.locations.id(number)),
      profiles: numbers.map((number) => this.layouts[this.layoutOf[number]!]!.profile),
    });
  }

  /** Sends the locations to DuckDB when they changed; before every query that joins them. */
  sendLocations(): void {
    const locations = this.locations.takeColumns();
    if (locations !== null) this.duck.send({ kind: 'locations', locations });
  }
}
