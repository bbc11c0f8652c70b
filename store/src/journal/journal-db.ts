/**
 * The durable half of the store: one SQLite database with the log of group commits, the names behind the dense
 * numbers, the manifest of archive files and the dead letters. All calls are synchronous and short.
 */
import { join } from 'node:path';
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite';
import { inTransaction, OperationalError, sqliteFault } from '@village/core';

/** Name of the database inside the store's folder. */
export const LOG_FILE = 'log.sqlite';

/** Key of the journal's own name in the table `state`. */
export const STATE_JOURNAL_ID = 'journal-id';

const PAGE_BYTES = 32_768;
/** Pages after which SQLite moves the write-ahead log into the database, about 16 MB. */
const CHECKPOINT_PAGES = 500;

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
CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, body BLOB NOT NULL, committed_at INTEGER);
CREATE TABLE IF NOT EXISTS log_spans(
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, received_from INTEGER, received_to INTEGER, bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS holds(
  reader TEXT PRIMARY KEY, id INTEGER NOT NULL, lag_max INTEGER, missed_from INTEGER, cut_off INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS layouts(number INTEGER PRIMARY KEY, profile TEXT NOT NULL UNIQUE, metrics TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS devices(
  number INTEGER PRIMARY KEY, id TEXT NOT NULL, layout INTEGER NOT NULL, area INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS areas(number INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS device_units(
  device INTEGER NOT NULL, since INTEGER NOT NULL, unit INTEGER NOT NULL, PRIMARY KEY(device, since)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files(
  path TEXT PRIMARY KEY, kind TEXT NOT NULL, layout INTEGER NOT NULL, period TEXT NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, rows INTEGER NOT NULL, ord INTEGER NOT NULL, metrics INTEGER NOT NULL,
  repeats INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL, readable INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value ANY) STRICT;
CREATE TABLE IF NOT EXISTS snapshots(layout INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS dirty(layout INTEGER NOT NULL, hour INTEGER NOT NULL, PRIMARY KEY(layout, hour)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS damaged(id INTEGER PRIMARY KEY, body BLOB NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine(
  id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, source TEXT NOT NULL, device TEXT,
  topic TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, payload BLOB NOT NULL,
  state TEXT NOT NULL DEFAULT 'open');
`;

/**
 * Opens (or makes) the database of a store and takes it for this process alone.
 * @throws store-in-use when another process has it open, store-damaged when it is no database.
 */
export function openDatabase(folder: string): DatabaseSync {
  const db = new DatabaseSync(join(folder, LOG_FILE), { timeout: 1_000 });
  try {
    db.exec(
      `PRAGMA page_size=${PAGE_BYTES}; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
       PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}; PRAGMA cell_size_check=ON;`,
    );
    db.exec(SCHEMA);
    addColumns(db);
    return db;
  } catch (cause) {
    db.close();
    const fault = sqliteFault(cause);
    if (fault === 'corrupt')
      throw new OperationalError(
        'store-damaged',
        `The database of ${folder} is damaged: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    if (fault === 'in-use')
      throw new OperationalError('store-in-use', `Another process has ${folder} open.`, { cause });
    throw cause;
  }
}

/** Columns that databases of before lack. */
function addColumns(db: DatabaseSync): void {
  const known = db.prepare('PRAGMA table_info(log)').all();
  if (!known.some((column) => column['name'] === 'committed_at'))
    db.exec('ALTER TABLE log ADD COLUMN committed_at INTEGER');
}

/** Typed access to the database; nothing outside this file writes SQL for SQLite. */
export class JournalDb {
  readonly sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(sqlite: DatabaseSync) {
    this.sqlite = sqlite;
  }

  /** A prepared statement, made once for each text. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.sqlite.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /** Runs `work` in one transaction; rolls back and throws on when it fails. */
  transaction<T>(work: () => T): T {
    return inTransaction(this.sqlite, work);
  }

  append(id: number, body: Uint8Array, committedAt: number): void {
    this.sql('INSERT INTO log(id, body, committed_at) VALUES(?, ?, ?)').run(id, body, committedAt);
  }

  /** The log row with this id or the next one there is. */
  next(id: number): { id: number; body: Uint8Array; committedAt: number | null } | null {
    const row = this.sql(
      'SELECT id, body, committed_at FROM log WHERE id >= ? ORDER BY id LIMIT 1',
    ).get(id);
    if (row === undefined) return null;
    return {
      id: row['id'] as number,
      body: row['body'] as Uint8Array,
      committedAt: row['committed_at'] as number | null,
    };
  }

  /** Moves a damaged log row where no reader and no trim finds it. */
  setAside(id: number, body: Uint8Array, reason: string): void {
    this.transaction(() => {
      this.sql('INSERT OR REPLACE INTO damaged(id, body, reason) VALUES(?, ?, ?)').run(
        id,
        body,
        reason,
      );
      this.sql('DELETE FROM log WHERE id = ?').run(id);
    });
  }

  /** Deletes up to `limit` log rows that nobody needs, oldest first; returns how many. */
  trim(upTo: number, limit: number): number {
    const { changes } = this.sql(
      'DELETE FROM log WHERE id IN (SELECT id FROM log WHERE id <= ? ORDER BY id LIMIT ?)',
    ).run(upTo, limit);
    return Number(changes);
  }

  setLayout(number: number, profile: string, metrics: readonly string[]): void {
    this.sql(
      `INSERT INTO layouts(number, profile, metrics) VALUES(?, ?, ?)
       ON CONFLICT(number) DO UPDATE SET metrics = excluded.metrics`,
    ).run(number, profile, JSON.stringify(metrics));
  }

  addDevice(number: number, id: string, layout: number, area: number): void {
    this.sql('INSERT INTO devices(number, id, layout, area) VALUES(?, ?, ?, ?)').run(
      number,
      id,
      layout,
      area,
    );
  }

  /** The areas that rollups count a device in: the first since ever, each other from its time on. */
  setDeviceUnits(number: number, steps: readonly { since: number; unit: number }[]): void {
    const [first, ...later] = steps;
    this.sql('UPDATE devices SET area = ? WHERE number = ?').run(first!.unit, number);
    this.sql('DELETE FROM device_units WHERE device = ?').run(number);
    for (const { since, unit } of later)
      this.sql('INSERT INTO device_units(device, since, unit) VALUES(?, ?, ?)').run(
        number,
        since,
        unit,
      );
  }

  /** By device number, the areas after the first. */
  laterUnits(): Map<number, { since: number; unit: number }[]> {
    const later = new Map<number, { since: number; unit: number }[]>();
    for (const row of this.sql('SELECT * FROM device_units ORDER BY device, since').all()) {
      const device = row['device'] as number;
      const steps = later.get(device) ?? [];
      later.set(device, steps);
      steps.push({ since: row['since'] as number, unit: row['unit'] as number });
    }
    return later;
  }

  addArea(number: number, code: string): void {
    this.sql('INSERT INTO areas(number, code) VALUES(?, ?)').run(number, code);
  }

  state(key: string): string | number | undefined {
    return this.sql('SELECT value FROM state WHERE key = ?').get(key)?.['value'] as
      | string
      | number
      | undefined;
  }

  setState(key: string, value: string | number | Uint8Array): void {
    this.sql('INSERT OR REPLACE INTO state(key, value) VALUES(?, ?)').run(key, value);
  }

  addFile(file: ArchiveFile): void {
    this.sql(
      `INSERT INTO files(path, kind, layout, period, first, last, rows, ord, metrics, repeats, bytes, crc)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ).run(
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
    this.sql('DELETE FROM files WHERE path = ?').run(path);
  }

  /** Whether queries read the file; its entry stays, so that a loss stays known and a file can come back. */
  setReadable({ path, repeats }: ArchiveFile, readable: boolean): void {
    this.sql('UPDATE files SET readable = ?, repeats = ? WHERE path = ?').run(
      readable ? 1 : 0,
      repeats ? 1 : 0,
      path,
    );
  }

  files(): { file: ArchiveFile; readable: boolean }[] {
    return this.sql('SELECT * FROM files ORDER BY first, path')
      .all()
      .map((row) => ({ file: fileOf(row), readable: row['readable'] === 1 }));
  }

  addDirty(layout: number, hour: number): void {
    this.sql('INSERT OR IGNORE INTO dirty(layout, hour) VALUES(?, ?)').run(layout, hour);
  }

  removeDirty(layout: number, hour: number): void {
    this.sql('DELETE FROM dirty WHERE layout = ? AND hour = ?').run(layout, hour);
  }

  /** Bytes of the database file. */
  bytes(): number {
    const pages = this.sqlite.prepare('PRAGMA page_count').get()?.['page_count'];
    return Number(pages) * PAGE_BYTES;
  }

  /** A consistent copy while writing goes on. It is another journal: the places of readers do not hold in it. */
  async copyTo(path: string): Promise<void> {
    await backup(this.sqlite, path, { rate: 256 });
    const copy = new DatabaseSync(path);
    try {
      copy.exec(`DELETE FROM state WHERE key = '${STATE_JOURNAL_ID}'; DELETE FROM holds`);
    } finally {
      copy.close();
    }
  }

  close(): void {
    this.#statements.clear();
    this.sqlite.close();
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
