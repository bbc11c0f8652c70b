/**
 * The manifest: which archive files there are, which hours their rollups lack, and where devices are counted. It lies in
 * the journal's database, so that one transaction lists files and moves the archive's place.
 */
import type { JournalDb } from '../../../journal/journal-db.ts';

export const FILE_KINDS = ['day', 'month', 'rollup', 'events'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** One archive file, as the manifest knows it. */
export interface ArchiveFile {
  /** Relative to the store's folder, with `/`. */
  readonly path: string;
  readonly kind: FileKind;
  /** Layout number; -1 for events. */
  readonly layout: number;
  /** `yyyy-mm-dd` or `yyyy-mm`, by the clock of UTC+8. */
  readonly period: string;
  /** Event times, ms, both inclusive. */
  readonly first: number;
  readonly last: number;
  readonly rows: number;
  /** Serial of the newest memtable whose rows it holds: of two values of one reading the higher wins. */
  readonly ord: number;
  /** Metrics of the layout when it was written. */
  readonly metrics: number;
  /** Whether it repeats a (device, time) of an older file. */
  readonly repeats: boolean;
  readonly bytes: number;
  readonly crc: number;
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS areas(number INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS device_units(
  device INTEGER NOT NULL, since INTEGER NOT NULL, unit INTEGER NOT NULL, PRIMARY KEY(device, since)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files(
  path TEXT PRIMARY KEY, kind TEXT NOT NULL, layout INTEGER NOT NULL, period TEXT NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, rows INTEGER NOT NULL, ord INTEGER NOT NULL, metrics INTEGER NOT NULL,
  repeats INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL, readable INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS dirty(layout INTEGER NOT NULL, hour INTEGER NOT NULL, PRIMARY KEY(layout, hour)) WITHOUT ROWID;
`;

/** Typed access to the tables of the manifest. */
export class Manifest {
  readonly #db: JournalDb;

  constructor(db: JournalDb) {
    this.#db = db;
    db.sqlite.exec(SCHEMA);
  }

  /** The areas that rollups count a device in: the first since ever, each other from its time on. */
  setDeviceUnits(number: number, steps: readonly { since: number; unit: number }[]): void {
    const [first, ...later] = steps;
    this.#db.sql('UPDATE devices SET area = ? WHERE number = ?').run(first!.unit, number);
    this.#db.sql('DELETE FROM device_units WHERE device = ?').run(number);
    for (const { since, unit } of later)
      this.#db
        .sql('INSERT INTO device_units(device, since, unit) VALUES(?, ?, ?)')
        .run(number, since, unit);
  }

  /** By device number, the areas after the first. */
  laterUnits(): Map<number, { since: number; unit: number }[]> {
    const later = new Map<number, { since: number; unit: number }[]>();
    for (const row of this.#db.sql('SELECT * FROM device_units ORDER BY device, since').all()) {
      const device = row['device'] as number;
      const steps = later.get(device) ?? [];
      later.set(device, steps);
      steps.push({ since: row['since'] as number, unit: row['unit'] as number });
    }
    return later;
  }

  addArea(number: number, code: string): void {
    this.#db.sql('INSERT INTO areas(number, code) VALUES(?, ?)').run(number, code);
  }

  addFile(file: ArchiveFile): void {
    this.#db
      .sql(
        `INSERT INTO files(path, kind, layout, period, first, last, rows, ord, metrics, repeats, bytes, crc)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        file.path,
        file.kind,
        file.layout,
        file.period,
        file.first,
        file.last,
        file.rows,
        file.ord,
        file.metrics,
        file.repeats ? 1 : 0,
        file.bytes,
        file.crc,
      );
  }

  removeFile(path: string): void {
    this.#db.sql('DELETE FROM files WHERE path = ?').run(path);
  }

  /** Whether queries read the file; its entry stays, so that a loss stays known and a file can come back. */
  setReadable({ path, repeats }: ArchiveFile, readable: boolean): void {
    this.#db
      .sql('UPDATE files SET readable = ?, repeats = ? WHERE path = ?')
      .run(readable ? 1 : 0, repeats ? 1 : 0, path);
  }

  files(): { file: ArchiveFile; readable: boolean }[] {
    return this.#db
      .sql('SELECT * FROM files ORDER BY first, path')
      .all()
      .map((row) => ({ file: fileOf(row), readable: row['readable'] === 1 }));
  }

  addDirty(layout: number, hour: number): void {
    this.#db.sql('INSERT OR IGNORE INTO dirty(layout, hour) VALUES(?, ?)').run(layout, hour);
  }

  removeDirty(layout: number, hour: number): void {
    this.#db.sql('DELETE FROM dirty WHERE layout = ? AND hour = ?').run(layout, hour);
  }
}

function fileOf(row: Record<string, unknown>): ArchiveFile {
  return {
    path: row['path'] as string,
    kind: row['kind'] as FileKind,
    layout: row['layout'] as number,
    period: row['period'] as string,
    first: row['first'] as number,
    last: row['last'] as number,
    rows: row['rows'] as number,
    ord: row['ord'] as number,
    metrics: row['metrics'] as number,
    repeats: row['repeats'] === 1,
    bytes: row['bytes'] as number,
    crc: row['crc'] as number,
  };
}
