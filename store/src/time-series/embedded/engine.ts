/** The parts of an open store and the books that several of them keep; the work itself is in the files beside it. */
import { HOUR, type Timer } from '@village/core';
import type { GroupNotes, RowSection } from './codec.ts';
import type { Duck } from './duck.ts';
import { type BlockPool, OpenLayout } from './group.ts';
import { Generation, HotTable } from './hot.ts';
import { Latest } from './latest.ts';
import type { ArchiveFile, Log } from './log.ts';
import { Places } from './places.ts';
import type { Quarantine } from './quarantine.ts';
import { Sequences } from './sequences.ts';
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
  readonly sealRows?: number;
  readonly sealEveryMs?: number;
  /** A month's archive file of so many rows is full: later days of the month go into another. */
  readonly partRows?: number;
  /** Memory of DuckDB; the process needs about as much again. */
  readonly memoryLimitMb?: number;
  readonly threads?: number;
  /** Free disk space below which nothing is acknowledged any more. */
  readonly diskReserveBytes?: number;
  readonly quarantineEntriesMax?: number;
  readonly quarantineBytesMax?: number;
  readonly log?: Report;
}

/** Options with their defaults. */
export type Settings = Required<EmbeddedOptions>;

/** The defaults of the options. */
export function settingsOf(options: EmbeddedOptions): Settings {
  return {
    windowMs: 5,
    readingsPerCommit: 10_000,
    sealRows: 1_000_000,
    sealEveryMs: 900_000,
    partRows: 8_000_000,
    memoryLimitMb: 1024,
    threads: 2,
    diskReserveBytes: 512 * 1024 * 1024,
    quarantineEntriesMax: 10_000,
    quarantineBytesMax: 64 * 1024 * 1024,
    log: () => undefined,
    ...options,
  };
}

/** Figures that only ever rise while the store is open. */
export interface Tally {
  rows: number;
  readings: number;
  commits: number;
  commitFailures: number;
  rowsSealed: number;
  seals: number;
  sealFailures: number;
  filesUnreadable: number;
  logRowsDamaged: number;
}

function* hoursOf(file: ArchiveFile): Generator<number> {
  for (let hour = Math.floor(file.first / HOUR); hour * HOUR <= file.last; hour++) yield hour;
}

/** An open store's parts. */
export class Engine {
  readonly settings: Settings;
  readonly log: Log;
  readonly duck: Duck;
  readonly pool: BlockPool;
  readonly quarantine: Quarantine;
  readonly latest = new Latest();
  readonly sequences = new Sequences();
  readonly places = new Places();
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
  readonly tally: Tally = {
    rows: 0,
    readings: 0,
    commits: 0,
    commitFailures: 0,
    rowsSealed: 0,
    seals: 0,
    sealFailures: 0,
    filesUnreadable: 0,
    logRowsDamaged: 0,
  };
  /** Serial of the next hot table. */
  nextSerial = 1;
  /** Number of the next generation, and with it of the next archive files. */
  nextGeneration = 1;
  /** Id of the newest durable log row. */
  logId = 0;
  /** Rises when a device moved to another township, so that a rollup under way notices. */
  moves = 0;
  #namesSent = 0;
  #maintenance: Promise<unknown> = Promise.resolve();

  constructor(settings: Settings, log: Log, duck: Duck, pool: BlockPool, quarantine: Quarantine) {
    this.settings = settings;
    this.log = log;
    this.duck = duck;
    this.pool = pool;
    this.quarantine = quarantine;
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
    this.places.addDevice(number, id);
  }

  beginGeneration(): Generation {
    const generation = new Generation(this.nextGeneration++, this.settings.timer.now());
    this.view.generations.push(generation);
    return generation;
  }

  /** The table that takes rows of the layout with so many metrics now. */
  #hotTable(layout: number, metrics: number): HotTable {
    const { open } = this.view;
    const last = open.tables.findLast((table) => table.layout === layout);
    if (last !== undefined && last.metrics === metrics) return last;
    const table = new HotTable(this.nextSerial++, layout, metrics);
    open.tables.push(table);
    this.duck.send({ kind: 'create', table: table.name, metrics });
    return table;
  }

  /** Makes a durable group visible: latest values, hot tables, sequences. Takes the blocks of rows over. */
  take(sections: readonly RowSection[], notes: GroupNotes): void {
    for (const { layout, metrics, count, rows } of sections) {
      if (count === 0) continue;
      const table = this.#hotTable(layout, metrics);
      this.tally.readings += this.latest.apply(layout, metrics, rows, count, table);
      this.tally.rows += count;
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

  get rowsHot(): number {
    return this.view.generations.reduce((sum, generation) => sum + generation.rows, 0);
  }

  /** Runs maintenance jobs one after the other, so that the manifest changes in one place at a time. */
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
    for (const hour of hoursOf(file)) this.log.addDirty(file.layout, hour);
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
      ids: numbers.map((number) => this.places.id(number)),
      profiles: numbers.map((number) => this.layouts[this.layoutOf[number]!]!.profile),
    });
  }

  /** Sends the places to DuckDB when they changed; before every query that joins them. */
  sendPlaces(): void {
    const places = this.places.takeColumns();
    if (places !== null) this.duck.send({ kind: 'places', places });
  }
}
