/** The parts of an open embedded archive that queries, flushes and care of its files share. */
import { HOUR } from '@village/core';
import type { OpenLayout } from '../../journal/group.ts';
import type { JournalCore } from '../../journal/journal.ts';
import type { JournalDb } from '../../journal/journal-db.ts';
import type { Latest } from '../../journal/latest.ts';
import type { Names } from '../../journal/names.ts';
import { STATE_SEALED_UP_TO } from '../../journal/snapshot.ts';
import type { ArchiveHost } from '../contract.ts';
import type { Duck } from './duck/duck.ts';
import { type ArchiveFile, Manifest } from './files/manifest.ts';
import { DeviceLocations, NOWHERE } from './locations.ts';
import { Generation } from './memtable.ts';
import type { ArchiveSettings } from './settings.ts';
import type { UnitSteps } from './units.ts';
import { Pins, type Span, View } from './view.ts';

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

/** Of what a query needs all readings. */
export interface Reads {
  /** Numbers of layouts; -1 for events. */
  readonly layouts: Iterable<number>;
  readonly span: Span;
}

/** What others need of the health of files; `files/health.ts` says how each is done. */
export interface FileHealth {
  noteQuery(reads: Reads): void;
  examine(
    read: readonly ArchiveFile[],
    message: string,
    signal: AbortSignal | undefined,
  ): Promise<number>;
  isWhole(file: ArchiveFile): Promise<boolean>;
  isolated(what: string, work: () => Promise<void>): Promise<void>;
  bringBack(bytesMax?: number): Promise<string[]>;
  forget(files: readonly ArchiveFile[]): Promise<void>;
  restoreSetAside(file: ArchiveFile): Promise<void>;
  bringBackAtStart(): Promise<string[]>;
}

/** Everything that several files of this folder work on; who may change what is said in the file that does. */
export abstract class ArchiveParts {
  readonly settings: ArchiveSettings;
  readonly db: JournalDb;
  readonly manifest: Manifest;
  readonly names: Names;
  readonly latest: Latest;
  readonly host: ArchiveHost;
  readonly locations = new DeviceLocations();
  readonly view = new View();
  readonly pins = new Pins();
  /** Set by who puts the archive together. */
  abstract readonly health: FileHealth;
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

  constructor(settings: ArchiveSettings, journal: JournalCore, host: ArchiveHost, duck: Duck) {
    this.settings = settings;
    this.db = journal.db;
    this.manifest = new Manifest(journal.db);
    this.names = journal.names;
    this.latest = journal.latestValues;
    this.host = host;
    this.duck = duck;
    this.sealedUpTo = Number(this.db.state(STATE_SEALED_UP_TO) ?? 0);
    this.takenUpTo = this.sealedUpTo;
    this.newestAtSealed = journal.newestAtSealed;
    this.newestAt = this.newestAtSealed.slice();
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

  get rowsInMemtable(): number {
    return this.view.generations.reduce((sum, generation) => sum + generation.rows, 0);
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

  /** Resolves when no maintenance is under way. */
  async maintained(): Promise<void> {
    await this.#maintaining;
  }

  /** A new thread knows neither names nor locations. */
  resend(): void {
    this.#namesSent = 0;
    this.locations.resend();
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
