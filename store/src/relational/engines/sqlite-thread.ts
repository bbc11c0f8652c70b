/**
 * A thread with one connection to SQLite, so that no wait for the disk holds up acknowledgements. Write-ahead log, every
 * commit on disk: a credential that was handed out must not be forgotten by a power cut.
 */
import { backup, DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Answer, Request, Result, SqliteFault, ThreadOptions } from './sqlite-messages.ts';

/** Prepared statements kept; beyond that all are forgotten. */
const STATEMENTS_MAX = 500;
/** At once: a copy by parts begins anew whenever somebody has written between two of them. */
const ALL_PAGES = 2 ** 31 - 1;
/** The longest wait for another process that writes, ms. */
const BUSY_MS = 5_000;

const port = parentPort;
if (port === null) throw new Error('BUG: this file is the entry of a thread');
const say = (answer: Answer): void => port.postMessage(answer);

const faultOf = (error: unknown): SqliteFault => {
  const { message, errcode } = error as { message?: unknown; errcode?: unknown };
  return {
    message: typeof message === 'string' ? message : String(error),
    ...(typeof errcode === 'number' ? { errcode } : {}),
  };
};

function open({ file, reads }: ThreadOptions): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_MS });
  writeAhead(database);
  database.exec('pragma synchronous = full; pragma foreign_keys = on; pragma trusted_schema = off');
  if (reads) database.exec('pragma query_only = on');
  return database;
}

const BUSY = 5;
const AGAIN_MS = 20;

/** Where several open a new file at once, SQLite gives up at once and waits for nobody: this waits instead. */
function writeAhead(database: DatabaseSync): void {
  const still = new Int32Array(new SharedArrayBuffer(4));
  for (const until = performance.now() + BUSY_MS; ; Atomics.wait(still, 0, 0, AGAIN_MS))
    try {
      database.exec('pragma journal_mode = wal');
      return;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== BUSY || performance.now() > until)
        throw error;
    }
}

const statements = new Map<string, { statement: StatementSync; reads: boolean }>();

function prepare(
  database: DatabaseSync,
  text: string,
): { statement: StatementSync; reads: boolean } {
  const known = statements.get(text);
  if (known !== undefined) return known;
  const statement = database.prepare(text);
  const made = { statement, reads: statement.columns().length > 0 };
  if (statements.size >= STATEMENTS_MAX) statements.clear();
  statements.set(text, made);
  return made;
}

function run(database: DatabaseSync, text: string, values: readonly unknown[]): Result {
  // A transaction that its owner could not end, because the owner was cut off, must not swallow the next.
  if (text.startsWith('begin') && database.isTransaction) database.exec('rollback');
  const { statement, reads } = prepare(database, text);
  const given = values as SQLInputValue[];
  if (reads) return { rows: statement.all(...given) };
  const { changes, lastInsertRowid } = statement.run(...given);
  return { rows: [], changes, insertId: lastInsertRowid };
}

async function answer(database: DatabaseSync, request: Request): Promise<void> {
  const { id } = request;
  try {
    if ('sql' in request)
      say({ kind: 'result', id, result: run(database, request.sql, request.values) });
    else {
      await backup(database, request.copyTo, { rate: ALL_PAGES });
      say({ kind: 'result', id, result: { rows: [] } });
    }
  } catch (error) {
    say({ kind: 'fault', id, fault: faultOf(error) });
  }
}

try {
  // It gives way to nobody: who writes holds up all others who do, and on what is read wait sign-ins and the work behind figures.
  const database = open(workerData as ThreadOptions);
  port.on('message', (request: Request | 'close') => {
    if (request === 'close') {
      statements.clear();
      database.close();
      port.close();
    } else void answer(database, request);
  });
  say({ kind: 'ready' });
} catch (error) {
  say({ kind: 'fault', id: null, fault: faultOf(error) });
  port.close();
}
