/**
 * What becomes of a damaged outbox: its files are kept for somebody to look at, and the batches in it that are whole,
 * each proven by its sum, are taken over into a new one.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { OperationalError, sqliteFault } from '@village/core';
import { isWholeRefused, type NewBatch, type OutboxDatabase } from './database.ts';

/** Damaged databases kept to look at; older ones make room. */
const KEPT = 2;
/** Batches of one transaction while they are taken over. */
const SLICE = 64;
const ENDS = ['', '-wal', '-shm'];

/** Gives the files of a database the next free name of damaged ones in its folder; that name. */
export function keepBeside(folder: string, file: string): string {
  const numbers = readdirSync(folder)
    .map((name) => Number(/^outbox-damaged-(\d+)\.db$/.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => a - b);
  const name = `outbox-damaged-${(numbers.at(-1) ?? 0) + 1}.db`;
  for (const end of ENDS)
    if (existsSync(join(folder, file + end)))
      renameSync(join(folder, file + end), join(folder, name + end));
  for (const old of numbers.slice(0, Math.max(0, numbers.length + 1 - KEPT)))
    for (const end of ENDS) rmSync(join(folder, `outbox-damaged-${old}.db${end}`), { force: true });
  return name;
}

/** What was in a damaged outbox; `lost` is null when nobody can tell. */
export interface Saved {
  readonly saved: number;
  readonly lost: number | null;
}

/** In readings, and in frames refused in part. */
export interface TakenOver extends Saved {
  readonly refused: Saved;
}

/**
 * Copies the whole batches of a damaged database, in their order and with their times, under new numbers. As many as the
 * new outbox may hold, the newest when not all of them fit; no more once the disk refuses.
 */
export function takeOver(path: string, into: OutboxDatabase, bytesMax: number): TakenOver {
  const db = attempt(() => new DatabaseSync(path, { readOnly: true }));
  if (db === null) return { saved: 0, lost: null, refused: { saved: 0, lost: null } };
  try {
    const sum = attempt(() =>
      db.prepare('SELECT coalesce(sum(readings), 0) AS n FROM batch').get(),
    );
    let saved = 0;
    for (const slice of slices(db, bytesMax)) {
      if (!written(into, slice)) break;
      saved += slice.reduce((all, batch) => all + batch.readings, 0);
    }
    const lost = sum === null ? null : Number(sum?.['n']) - saved;
    return { saved, lost, refused: takeOverRefused(db, into) };
  } finally {
    db.close();
  }
}

/** The frames refused in part that are whole; they are within their own limit. */
function takeOverRefused(db: DatabaseSync, into: OutboxDatabase): Saved {
  const count = attempt(() => db.prepare('SELECT count(*) AS n FROM refused').get());
  const next = attempt(() =>
    db.prepare('SELECT * FROM refused WHERE seq > ? ORDER BY seq LIMIT 1'),
  );
  let saved = 0;
  let texts: string[] = [];
  for (let at = 0; next !== null; ) {
    const row = attempt(() => next.get(at));
    if (row === null || row === undefined) break;
    at = Number(row['seq']);
    if (isWholeRefused(row['text'], row['bytes'], row['crc'])) texts.push(row['text']);
    if (texts.length < SLICE) continue;
    if (!written(into, [], texts)) break;
    saved += texts.length;
    texts = [];
  }
  if (texts.length > 0 && written(into, [], texts)) saved += texts.length;
  return { saved, lost: count === null ? null : Number(count?.['n']) - saved };
}

function written(
  into: OutboxDatabase,
  insert: readonly NewBatch[],
  refused: readonly string[] = [],
): boolean {
  try {
    into.write({ remove: [], insert, losses: undefined, refused });
    return true;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return false;
  }
}

interface Row {
  readonly seq: number;
  readonly made_at: number;
  readonly rows: number;
  readonly readings: number;
  readonly bytes: number;
  readonly crc: number;
}

/** Asks a damaged database; null when the damage is where the answer lies. */
function attempt<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch (error) {
    // Every fault of SQLite has its code; anything else is a bug.
    if (sqliteFault(error) === null) throw error;
    return null;
  }
}

function* slices(db: DatabaseSync, bytesMax: number): Generator<NewBatch[]> {
  const body = attempt(() => db.prepare('SELECT text FROM body WHERE seq = ?'));
  if (body === null) return;
  const rows = heads(db);
  let excess = rows.reduce((sum, row) => sum + row.bytes, 0) - bytesMax;
  let slice: NewBatch[] = [];
  for (const row of rows) {
    if (excess > 0) {
      excess -= row.bytes;
      continue;
    }
    const text = attempt(() => body.get(row.seq))?.['text'];
    if (typeof text !== 'string' || crc32(text) !== row.crc) continue;
    slice.push({ madeAt: row.made_at, rows: row.rows, readings: row.readings, body: text });
    if (slice.length < SLICE) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** What can be read of the list of batches: from its start up to the damage, and from its end back to it. */
function heads(db: DatabaseSync): Row[] {
  const walk = (where: string, order: string, from: number): Row[] => {
    const next = attempt(() =>
      db.prepare(`SELECT seq, made_at, rows, readings, bytes, crc FROM batch
        WHERE seq ${where} ? ORDER BY seq ${order} LIMIT 1`),
    );
    const found: Row[] = [];
    for (let at = from; next !== null; ) {
      const row = attempt(() => next.get(at) as unknown as Row | undefined);
      if (row === null || row === undefined) break;
      at = row.seq;
      found.push(row);
    }
    return found;
  };
  const forwards = walk('>', 'ASC', 0);
  const last = forwards.at(-1)?.seq ?? 0;
  const behind = walk('<', 'DESC', Number.MAX_SAFE_INTEGER).filter((row) => row.seq > last);
  return [...forwards, ...behind.reverse()];
}
