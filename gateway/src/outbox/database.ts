/**
 * The outbox's file: SQLite, WAL, synchronous FULL. Every call here is one durable transaction or one read; what to keep,
 * send and drop is decided in outbox.ts.
 */
import { randomBytes } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { bug, inTransaction, OperationalError, sqliteFault } from '@village/core';
import { type Memory, type MemoryKind, MemoryTable, memoryTable } from './memory.ts';

/** A batch as it goes in: `body` is the inside of the JSON object that follows epoch, seq and lane. */
export interface NewBatch {
  readonly madeAt: number;
  readonly rows: number;
  readonly readings: number;
  readonly body: string;
}

export interface BatchHead {
  readonly seq: number;
  readonly madeAt: number;
  readonly rows: number;
  readonly readings: number;
  readonly bytes: number;
}

export interface StoredBatch extends BatchHead {
  readonly body: string;
}

/** What the losses of this outbox are, kept with it. */
export interface Losses {
  /** Readings by cause. */
  readonly readings: ReadonlyMap<string, number>;
  /** Inclusive seq ranges, lowest first. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

export interface Change {
  readonly remove: readonly number[];
  readonly insert: readonly NewBatch[];
  /** Written when given. */
  readonly losses: Losses | undefined;
  /** Frames refused in part, as JSON, and those to be deleted. */
  readonly refused?: readonly string[];
  readonly removeRefused?: readonly number[];
  /** Frames of that kind that were given up in all, by cause; written when given. */
  readonly refusedLosses?: ReadonlyMap<string, number> | undefined;
  readonly remember?: readonly Memory[];
}

/** A frame refused in part that waits; null when its text is not what it was. */
export interface StoredRefused {
  readonly seq: number;
  readonly text: string | null;
}

const PAGE_BYTES = 8_192;
/** The log goes into the file at this length (1 MB): on a full disk that is what the file still lacks, see reserve.ts. */
const LOG_PAGES = 128;

/** Begins the keys of `meta` under which frames refused in part are counted that were given up. */
const LOST_REFUSED = 'lost-refused:';

const tables = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, made_at INTEGER NOT NULL, rows INTEGER NOT NULL,
    readings INTEGER NOT NULL, bytes INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS body (seq INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS refused (seq INTEGER PRIMARY KEY AUTOINCREMENT, bytes INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS lost_readings (cause TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS lost_seq (first INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT;
${memoryTable}`;

/**
 * A fault of SQLite as ours: `outbox-corrupt` when the file can't be trusted, else `outbox-refuses` (disk full, I/O
 * error), which may pass. Anything that is no SQLite fault is a bug and is thrown on.
 */
export function outboxFault(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error;
  const fault = sqliteFault(error);
  if (fault === null) throw error;
  const message = (error as Error).message;
  if (fault === 'corrupt')
    return new OperationalError('outbox-corrupt', `the outbox is damaged: ${message}`, {
      cause: error,
    });
  return new OperationalError('outbox-refuses', `the outbox can't be written: ${message}`, {
    retry: true,
    cause: error,
  });
}

type Row = Record<string, number | string>;

/** Whether a refused frame's text is what it was; before it had a sum it was JSON at least. */
export function isWholeRefused(text: unknown, bytes: unknown, crc: unknown): text is string {
  if (typeof text !== 'string' || Buffer.byteLength(text) !== bytes) return false;
  if (typeof crc === 'number') return crc32(text) === crc;
  try {
    return Array.isArray((JSON.parse(text) as { parts?: unknown } | null)?.parts);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

const headOf = (row: Row): BatchHead => ({
  seq: Number(row['seq']),
  madeAt: Number(row['made_at']),
  rows: Number(row['rows']),
  readings: Number(row['readings']),
  bytes: Number(row['bytes']),
});

export class OutboxDatabase {
  readonly epoch: string;
  readonly #db: DatabaseSync;
  readonly #insertHead: StatementSync;
  readonly #insertBody: StatementSync;
  readonly #removeHead: StatementSync;
  readonly #removeBody: StatementSync;
  readonly #next: StatementSync;
  readonly #body: StatementSync;
  readonly #heads: StatementSync;
  readonly #memory: MemoryTable;

  /**
   * Opens or makes the file.
   * @throws outbox-corrupt, outbox-refuses
   */
  constructor(path: string, fileBytesMax: number) {
    try {
      this.#db = new DatabaseSync(path);
    } catch (error) {
      throw outboxFault(error);
    }
    try {
      this.#db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = ${LOG_PAGES};`);
      const check = this.#db.prepare('PRAGMA quick_check(1)').get() as Row | undefined;
      const answer = check === undefined ? 'no answer' : String(Object.values(check)[0]);
      if (answer !== 'ok')
        throw new OperationalError('outbox-corrupt', `the outbox is damaged: ${answer}`);
      this.#db.exec(tables);
      this.#addSumOfRefused();
      this.epoch = this.#openEpoch();
      // Only now: a file of an earlier version that is as large as it may be gets its new tables all the same.
      this.limit(fileBytesMax);
      this.#memory = new MemoryTable(this.#db);
      this.#insertHead = this.#db.prepare(
        'INSERT INTO batch (made_at, rows, readings, bytes, crc) VALUES (?, ?, ?, ?, ?)',
      );
      this.#insertBody = this.#db.prepare('INSERT INTO body (seq, text) VALUES (?, ?)');
      this.#removeHead = this.#db.prepare('DELETE FROM batch WHERE seq = ?');
      this.#removeBody = this.#db.prepare('DELETE FROM body WHERE seq = ?');
      this.#next = this.#db.prepare(
        'SELECT seq, made_at, rows, readings, bytes, crc FROM batch WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1',
      );
      this.#body = this.#db.prepare('SELECT text FROM body WHERE seq = ?');
      this.#heads = this.#db.prepare(
        'SELECT seq, made_at, rows, readings, bytes FROM batch WHERE seq > ? ORDER BY seq LIMIT 64',
      );
    } catch (error) {
      this.#db.close();
      throw outboxFault(error);
    }
  }

  #openEpoch(): string {
    const found = this.#db.prepare("SELECT value FROM meta WHERE key = 'epoch'").get() as
      | Row
      | undefined;
    if (found !== undefined) return String(found['value']);
    const epoch = randomBytes(8).toString('hex');
    this.#db.prepare("INSERT INTO meta (key, value) VALUES ('epoch', ?)").run(epoch);
    return epoch;
  }

  /** Files of an earlier version have no sum beside what was refused, and go on without for what is in them. */
  #addSumOfRefused(): void {
    const columns = this.#db.prepare('PRAGMA table_info(refused)').all() as unknown as Row[];
    if (columns.some((column) => column['name'] === 'crc')) return;
    this.#db.exec('ALTER TABLE refused ADD COLUMN crc INTEGER');
  }

  /** Sums over what is stored, and the highest seq ever given. */
  totals(): { batches: number; bytes: number; readings: number; seq: number } {
    const sums = this.#db
      .prepare(
        'SELECT count(*) AS n, coalesce(sum(bytes), 0) AS b, coalesce(sum(readings), 0) AS r FROM batch',
      )
      .get() as Row;
    const last = this.#db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'batch'").get() as
      | Row
      | undefined;
    return {
      batches: Number(sums['n']),
      bytes: Number(sums['b']),
      readings: Number(sums['r']),
      seq: last === undefined ? 0 : Number(last['seq']),
    };
  }

  losses(): { readings: Map<string, number>; ranges: [number, number][] } {
    const causes = this.#db
      .prepare('SELECT cause, count FROM lost_readings')
      .all() as unknown as Row[];
    const ranges = this.#db
      .prepare('SELECT first, last FROM lost_seq ORDER BY first')
      .all() as unknown as Row[];
    return {
      readings: new Map(causes.map((row) => [String(row['cause']), Number(row['count'])])),
      ranges: ranges.map((row) => [Number(row['first']), Number(row['last'])]),
    };
  }

  /**
   * One transaction; the numbers that the inserted batches got.
   * @throws outbox-refuses, outbox-corrupt; nothing has changed then.
   */
  write(change: Change): number[] {
    try {
      return inTransaction(this.#db, () => {
        for (const seq of change.remove) {
          this.#removeHead.run(seq);
          this.#removeBody.run(seq);
        }
        const numbers = change.insert.map((batch) => this.#insert(batch));
        this.#writeRefused(change.refused ?? [], change.removeRefused ?? []);
        this.#writeRefusedLosses(change.refusedLosses ?? new Map());
        if (change.losses !== undefined) this.#writeLosses(change.losses);
        this.#memory.write(change.remember ?? []);
        return numbers;
      });
    } catch (error) {
      throw outboxFault(error);
    }
  }

  #insert(batch: NewBatch): number {
    const bytes = Buffer.byteLength(batch.body);
    const head = this.#insertHead.run(
      batch.madeAt,
      batch.rows,
      batch.readings,
      bytes,
      crc32(batch.body),
    );
    const seq = Number(head.lastInsertRowid);
    this.#insertBody.run(seq, batch.body);
    return seq;
  }

  #writeRefused(texts: readonly string[], remove: readonly number[]): void {
    if (texts.length === 0 && remove.length === 0) return;
    const drop = this.#db.prepare('DELETE FROM refused WHERE seq = ?');
    for (const seq of remove) drop.run(seq);
    const insert = this.#db.prepare('INSERT INTO refused (bytes, text, crc) VALUES (?, ?, ?)');
    for (const text of texts) insert.run(Buffer.byteLength(text), text, crc32(text));
  }

  #writeRefusedLosses(losses: ReadonlyMap<string, number>): void {
    if (losses.size === 0) return;
    const put = this.#db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
    for (const [cause, count] of losses) put.run(LOST_REFUSED + cause, String(count));
  }

  /** What was remembered of a kind, the newest last. @throws outbox-refuses, outbox-corrupt */
  remembered(kind: MemoryKind): [key: string, value: number][] {
    try {
      return this.#memory.read(kind);
    } catch (error) {
      throw outboxFault(error);
    }
  }

  /** Frames refused in part that were given up, by cause. @throws outbox-refuses, outbox-corrupt */
  refusedLosses(): Map<string, number> {
    try {
      const rows = this.#db
        .prepare('SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?')
        .all(LOST_REFUSED.length, LOST_REFUSED) as unknown as Row[];
      return new Map(
        rows.map(({ key, value }) => [String(key).slice(LOST_REFUSED.length), Number(value)]),
      );
    } catch (error) {
      throw outboxFault(error);
    }
  }

  /** Frames refused in part that wait: how many, and their bytes. @throws outbox-refuses, outbox-corrupt */
  refusedSize(): { entries: number; bytes: number } {
    try {
      const row = this.#db
        .prepare('SELECT count(*) AS n, coalesce(sum(bytes), 0) AS b FROM refused')
        .get() as Row;
      return { entries: Number(row['n']), bytes: Number(row['b']) };
    } catch (error) {
      throw outboxFault(error);
    }
  }

  /** The oldest of them. @throws outbox-refuses, outbox-corrupt */
  oldestRefused(limit: number): StoredRefused[] {
    try {
      const rows = this.#db
        .prepare('SELECT seq, bytes, text, crc FROM refused ORDER BY seq LIMIT ?')
        .all(limit) as unknown as Row[];
      return rows.map(({ seq, bytes, text, crc }) => ({
        seq: Number(seq),
        text: isWholeRefused(text, bytes, crc) ? text : null,
      }));
    } catch (error) {
      throw outboxFault(error);
    }
  }

  #writeLosses(losses: Losses): void {
    this.#db.exec('DELETE FROM lost_readings; DELETE FROM lost_seq');
    const cause = this.#db.prepare('INSERT INTO lost_readings (cause, count) VALUES (?, ?)');
    for (const [name, count] of losses.readings) cause.run(name, count);
    const range = this.#db.prepare('INSERT INTO lost_seq (first, last) VALUES (?, ?)');
    for (const [first, last] of losses.ranges) range.run(first, last);
  }

  /**
   * The first batch with after < seq ≤ upTo, or null; `body` is null when its bytes do not have their sum any more.
   * @throws outbox-corrupt, outbox-refuses
   */
  next(
    after: number,
    upTo: number,
  ): (Omit<StoredBatch, 'body'> & { readonly body: string | null }) | null {
    try {
      const head = this.#next.get(after, upTo) as Row | undefined;
      if (head === undefined) return null;
      const text = (this.#body.get(Number(head['seq'])) as Row | undefined)?.['text'];
      const whole = typeof text === 'string' && crc32(text) === head['crc'];
      return { ...headOf(head), body: whole ? text : null };
    } catch (error) {
      throw outboxFault(error);
    }
  }

  /** Up to 64 batches behind a seq, lowest first, without their bodies. */
  heads(after: number): BatchHead[] {
    try {
      return (this.#heads.all(after) as unknown as Row[]).map(headOf);
    } catch (error) {
      throw outboxFault(error);
    }
  }

  /**
   * The highest seq behind `after` made no later than `until` or after `from` (0 when none), and how many batches lie up
   * to it.
   */
  agedAfter(after: number, until: number, from: number): { seq: number; batches: number } {
    try {
      const highest = this.#db
        .prepare(
          'SELECT max(seq) AS seq FROM batch WHERE seq > ? AND (made_at <= ? OR made_at > ?)',
        )
        .get(after, until, from) as unknown as { seq: number | null };
      if (highest.seq === null) return { seq: 0, batches: 0 };
      const count = this.#db
        .prepare('SELECT count(*) AS n FROM batch WHERE seq > ? AND seq <= ?')
        .get(after, highest.seq) as Row | undefined;
      return { seq: highest.seq, batches: Number((count ?? bug('count without a row'))['n']) };
    } catch (error) {
      throw outboxFault(error);
    }
  }

  /** The file may grow to so many bytes; `now`: it keeps the size it has. */
  limit(bytes: number | 'now'): void {
    const pages =
      bytes === 'now'
        ? Number((this.#db.prepare('PRAGMA page_count').get() as Row)['page_count'])
        : Math.ceil(bytes / PAGE_BYTES);
    this.#db.exec(`PRAGMA max_page_count = ${pages}`);
  }

  /** Puts the log into the file, so that it begins anew in its own place; false when there is no room even for that. */
  checkpoint(): boolean {
    try {
      const row = this.#db.prepare('PRAGMA wal_checkpoint(RESTART)').get() as Row | undefined;
      return row?.['busy'] === 0;
    } catch (error) {
      if (outboxFault(error).code === 'outbox-refuses') return false;
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}
