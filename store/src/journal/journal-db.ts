/**
 * The durable half of the store: one SQLite database with the log of group commits, the names behind the dense
 * numbers, the snapshot and the dead letters. The embedded archive keeps its manifest in it too. All calls are synchronous and short.
 */
import { mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { inTransaction, OperationalError, sqliteFault } from '@village/core';

/** Name of the database inside the store's folder. */
export const LOG_FILE = 'log.sqlite';

/** Key of the journal's own name in the table `state`. */
export const STATE_JOURNAL_ID = 'journal-id';

const PAGE_BYTES = 32_768;
/** Pages after which SQLite moves the write-ahead log into the database, about 16 MB. */
const CHECKPOINT_PAGES = 500;
/** Pages copied at once: what is committed meanwhile waits for them. */
const COPY_PAGES = 256;
/** What SQLite calls it when nothing is wrong. */
const NO_FAULT = 0;
/** How often a copy is begun that falls into a transaction each time. */
const COPY_TRIES = 100;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, body BLOB NOT NULL, committed_at INTEGER);
CREATE TABLE IF NOT EXISTS log_spans(
  first INTEGER PRIMARY KEY, last INTEGER NOT NULL, received_from INTEGER, received_to INTEGER, bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS holds(
  reader TEXT PRIMARY KEY, id INTEGER NOT NULL, lag_max INTEGER, missed_from INTEGER, cut_off INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS layouts(number INTEGER PRIMARY KEY, profile TEXT NOT NULL UNIQUE, metrics TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS devices(
  number INTEGER PRIMARY KEY, id TEXT NOT NULL, layout INTEGER NOT NULL, area INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value ANY) STRICT;
CREATE TABLE IF NOT EXISTS snapshots(layout INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS damaged(id INTEGER PRIMARY KEY, body BLOB NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine(
  id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, source TEXT NOT NULL, device TEXT,
  topic TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, payload BLOB NOT NULL,
  state TEXT NOT NULL DEFAULT 'open', part TEXT, key TEXT);
`;

/**
 * What the tables mean. It rises with a change that programs of before would read wrongly; they refuse such a log. Those before
 * the first number (0) don't look.
 */
export const LOG_FORMAT = 1;

/** Need columns that databases of before get after they are opened. */
const INDEXES = `
CREATE UNIQUE INDEX IF NOT EXISTS quarantine_key ON quarantine(key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS quarantine_sender ON quarantine(source, coalesce(device, ''));
`;

/**
 * Opens (or makes) the database of a store and takes it for this process alone.
 * @throws store-in-use when another process has it open, store-damaged when it is no database, store-newer when a later
 * version of this program has written it.
 */
export function openDatabase(folder: string): DatabaseSync {
  const db = new DatabaseSync(join(folder, LOG_FILE), { timeout: 1_000 });
  try {
    db.exec(
      `PRAGMA page_size=${PAGE_BYTES}; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
       PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}; PRAGMA cell_size_check=ON;`,
    );
    const format = formatOf(db);
    if (format > LOG_FORMAT)
      throw new OperationalError(
        'store-newer',
        `The log of ${folder} has format ${format}, this version knows those up to ${LOG_FORMAT}.`,
      );
    db.exec(SCHEMA);
    if (format < LOG_FORMAT) db.exec(`PRAGMA user_version=${LOG_FORMAT}`);
    addColumns(db);
    db.exec(INDEXES);
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

/** The format that a log has, 0 for one of before they were counted. */
export const formatOf = (db: DatabaseSync): number =>
  Number(db.prepare('PRAGMA user_version').get()?.['user_version']);

/** Columns that databases of before lack. */
function addColumns(db: DatabaseSync): void {
  for (const [table, column, type] of [
    ['log', 'committed_at', 'INTEGER'],
    ['quarantine', 'part', 'TEXT'],
    ['quarantine', 'key', 'TEXT'],
  ] as const) {
    const known = db.prepare(`PRAGMA table_info(${table})`).all();
    if (!known.some(({ name }) => name === column))
      db.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  }
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

  /** The highest number of a damaged log row that was moved away; 0 without any. */
  highestDamaged(): number {
    return Number(this.sql('SELECT max(id) AS id FROM damaged').get()?.['id'] ?? 0);
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

  state(key: string): string | number | undefined {
    return this.sql('SELECT value FROM state WHERE key = ?').get(key)?.['value'] as
      | string
      | number
      | undefined;
  }

  setState(key: string, value: string | number | Uint8Array): void {
    this.sql('INSERT OR REPLACE INTO state(key, value) VALUES(?, ?)').run(key, value);
  }

  /** Bytes of the database file. */
  bytes(): number {
    const pages = this.sqlite.prepare('PRAGMA page_count').get()?.['page_count'];
    return Number(pages) * PAGE_BYTES;
  }

  /** A consistent copy while writing goes on. It is another journal: the places of readers do not hold in it. */
  async copyTo(path: string): Promise<void> {
    for (let tries = 1; !(await this.#copied(path, tries < COPY_TRIES)); tries++) await turn();
    const copy = new DatabaseSync(path);
    try {
      copy.exec(`DELETE FROM state WHERE key = '${STATE_JOURNAL_ID}'; DELETE FROM holds`);
    } finally {
      copy.close();
    }
  }

  /**
   * Whether the copy was made; false where it may be begun again. SQLite copies between two transactions of its connection, and there
   * is no second one here: a copy whose first step falls into one ends at once, with a fault that says "not an error".
   */
  async #copied(path: string, mayBeginAgain: boolean): Promise<boolean> {
    try {
      await backup(this.sqlite, path, { rate: COPY_PAGES });
      return true;
    } catch (error) {
      if (mayBeginAgain && (error as { errcode?: unknown }).errcode === NO_FAULT) return false;
      throw error;
    }
  }

  /** The same into an empty folder, where a store can be opened on it. @throws folder-not-empty */
  async copyInto(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length > 0)
      throw new OperationalError('folder-not-empty', `${folder} is not empty.`);
    await this.copyTo(join(folder, LOG_FILE));
    const handle = await open(folder);
    await handle.sync().finally(() => handle.close());
  }

  close(): void {
    this.#statements.clear();
    this.sqlite.close();
  }
}
