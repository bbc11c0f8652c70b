/**
 * The thread that owns DuckDB: appends committed rows to in-memory tables and runs the SQL it is sent. It decides
 * nothing; an error while appending ends it, since the log still holds every row. It goes when its queries have ended: a
 * thread that leaves while DuckDB works for it takes the whole process along.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import {
  BIGINT,
  DOUBLE,
  type DuckDBAppender,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  INTEGER,
} from '@duckdb/node-api';
import { rowShape } from '../../../journal/group.ts';
import type {
  Answer,
  Column,
  Columns,
  EventRow,
  LocationColumns,
  Request,
  WorkerOptions,
} from './messages.ts';
import { CHUNK_ROWS, RowChunk, setBigInt } from './row-chunk.ts';
import { difference, knownRows, METRICS, ROWS } from './self-test.ts';

const options = workerData as WorkerOptions;
assert(parentPort !== null, 'BUG: the worker runs on the main thread');
const port = parentPort;

/** Where the rows of a table are filled in. */
interface TableColumns {
  readonly chunk: RowChunk;
  readonly ts: Int32Array;
  readonly devices: Int32Array;
  readonly lags: Int32Array;
  readonly flags: Int32Array;
  readonly words: readonly Int32Array[];
  readonly values: readonly Float64Array[];
}

function columnsOf(chunk: RowChunk, metrics: number): TableColumns {
  const whole = (column: number): Int32Array => chunk.column(column) as Int32Array;
  const words = rowShape(metrics).valuesAt - 3;
  return {
    chunk,
    ts: whole(0),
    devices: whole(1),
    lags: whole(2),
    flags: whole(3),
    words: Array.from({ length: words }, (_, word) => whole(4 + word)),
    values: Array.from(
      { length: metrics },
      (_, metric) => chunk.column(4 + words + metric) as Float64Array,
    ),
  };
}

/** A table of readings and the batches that wait to fill a whole chunk. */
interface Table {
  readonly name: string;
  readonly metrics: number;
  readonly columns: TableColumns;
  readonly appender: DuckDBAppender;
  waiting: { readonly rows: Float64Array; readonly count: number; readonly number: number }[];
  /** Rows of the first waiting batch that are in the table already. */
  begun: number;
  waitingRows: number;
  unflushed: boolean;
}

const tables = new Map<string, Table>();
const running = new Map<number, DuckDBConnection>();
/** Queries that have not ended, those without a connection yet included. */
const answering = new Set<Promise<void>>();
/** Set once the thread is on its way out: what it is sent is not looked at any more. */
let leaving = false;
/** How often queries that don't end are interrupted once more, ms. */
const INTERRUPT_EVERY_MS = 50;
const idle: DuckDBConnection[] = [];
let tasks: Promise<void> = Promise.resolve();

const instance = await DuckDBInstance.create(':memory:', {
  threads: String(options.threads),
  memory_limit: `${options.memoryLimitMb}MB`,
  temp_directory: options.spillFolder,
  max_temp_directory_size: `${options.spillLimitMb}MB`,
  preserve_insertion_order: 'true',
  // The system keeps what is read often; DuckDB would keep it once more, of files that are long gone too.
  enable_external_file_cache: 'false',
});
const writer = await instance.connect();
await writer.run(
  `SET parquet_metadata_cache = true;
   CREATE TABLE locations(dev INTEGER, since DOUBLE, until DOUBLE, county INTEGER, township INTEGER, village INTEGER);
   CREATE TABLE devices(dev INTEGER, id VARCHAR, profile VARCHAR);`,
);
const names = await writer.createAppender('devices');

function tell(answer: Answer, transfer: ArrayBuffer[] = []): void {
  port.postMessage(answer, transfer);
}

async function create(name: string, metrics: number): Promise<void> {
  const words = rowShape(metrics).valuesAt - 3;
  const columns = ['ts BIGINT', 'dev INTEGER', 'lag BIGINT', 'flags INTEGER'];
  const types: DuckDBType[] = [BIGINT, INTEGER, BIGINT, INTEGER];
  for (let word = 0; word < words; word++) {
    columns.push(`q${word} BIGINT`);
    types.push(BIGINT);
  }
  for (let metric = 0; metric < metrics; metric++) {
    columns.push(`c${metric} DOUBLE`);
    types.push(DOUBLE);
  }
  await writer.run(`CREATE TABLE ${name}(${columns.join(', ')})`);
  const appender = await writer.createAppender(name);
  tables.set(name, {
    name,
    metrics,
    columns: columnsOf(new RowChunk(types), metrics),
    appender,
    waiting: [],
    begun: 0,
    waitingRows: 0,
    unflushed: false,
  });
}

/** Where the next row to append stands in the waiting batches. */
interface BatchCursor {
  batch: number;
  row: number;
}

/** Moves up to a chunk of rows from the waiting batches into the table. */
function appendChunk(table: Table, cursor: BatchCursor): void {
  const { stride, valuesAt } = rowShape(table.metrics);
  const count = Math.min(CHUNK_ROWS, table.waitingRows);
  const { chunk, ts, devices, lags, flags, words, values } = table.columns;
  for (let row = 0; row < count; row++) {
    let batch = table.waiting[cursor.batch]!;
    if (cursor.row === batch.count) {
      batch = table.waiting[++cursor.batch]!;
      cursor.row = 0;
    }
    const rows = batch.rows;
    const start = cursor.row++ * stride;
    const at = rows[start]!;
    const device = rows[start + 2]!;
    setBigInt(ts, row, at);
    devices[row] = Math.floor(device / 4);
    setBigInt(lags, row, rows[start + 1]! - at);
    flags[row] = device % 4;
    for (let word = 0; word < words.length; word++)
      setBigInt(words[word]!, row, rows[start + 3 + word]!);
    for (let metric = 0; metric < values.length; metric++)
      values[metric]![row] = rows[start + valuesAt + metric]!;
  }
  table.appender.appendDataChunk(chunk.filled(count));
  table.waitingRows -= count;
  table.unflushed = true;
}

/** Appends what waits; only whole chunks unless `all`. */
function drain(table: Table, all: boolean): void {
  if (table.waitingRows === 0 || (!all && table.waitingRows < CHUNK_ROWS)) return;
  const before = table.waitingRows;
  const cursor: BatchCursor = { batch: 0, row: table.begun };
  while (table.waitingRows > 0 && (all || table.waitingRows >= CHUNK_ROWS))
    appendChunk(table, cursor);
  const last = table.waiting[cursor.batch]!;
  const ended = cursor.row === last.count;
  const done = table.waiting.splice(0, ended ? cursor.batch + 1 : cursor.batch);
  table.begun = ended ? 0 : cursor.row;
  tell({
    kind: 'appended',
    count: before - table.waitingRows,
    blocks: done.map(({ number }) => number),
  });
}

/** Makes everything that was sent visible to queries. */
function flushAll(): void {
  for (const table of tables.values()) {
    drain(table, true);
    if (!table.unflushed) continue;
    table.appender.flushSync();
    table.unflushed = false;
  }
}

async function addEvents(name: string, rows: readonly EventRow[]): Promise<void> {
  await writer.run(
    `CREATE TABLE IF NOT EXISTS ${name}(ts BIGINT, received BIGINT, device VARCHAR, type VARCHAR, detail VARCHAR)`,
  );
  const appender = await writer.createAppender(name);
  for (const row of rows) {
    appender.appendBigInt(BigInt(row.at));
    appender.appendBigInt(BigInt(row.receivedAt));
    appender.appendVarchar(row.device);
    appender.appendVarchar(row.type);
    appender.appendVarchar(row.detail);
    appender.endRow();
  }
  appender.closeSync();
}

async function setLocations(locations: LocationColumns): Promise<void> {
  await writer.run(
    'CREATE OR REPLACE TABLE locations(dev INTEGER, since DOUBLE, until DOUBLE, county INTEGER, township INTEGER, village INTEGER)',
  );
  const appender = await writer.createAppender('locations');
  const { device, since, until, county, township, village } = locations;
  const columns = [device, since, until, county, township, village];
  const types = [INTEGER, DOUBLE, DOUBLE, INTEGER, INTEGER, INTEGER];
  for (let start = 0; start < locations.device.length; start += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, locations.device.length - start);
    const chunk = DuckDBDataChunk.create(types, count);
    chunk.setColumns(columns.map((column) => Array.from(column.subarray(start, start + count))));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function addDevices(
  numbers: readonly number[],
  ids: readonly string[],
  profiles: readonly string[],
): void {
  for (const [index, number] of numbers.entries()) {
    names.appendInteger(number);
    names.appendVarchar(ids[index]!);
    names.appendVarchar(profiles[index]!);
    names.endRow();
  }
  names.flushSync();
}

async function readColumns(connection: DuckDBConnection, sql: string): Promise<Columns> {
  const result = await connection.run(sql);
  const chunks = await result.fetchAllChunks();
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0);
  const types = result.columnTypes();
  const columns: Column[] = types.map((type, column) => {
    if (type !== DOUBLE)
      return chunks.flatMap((chunk) => chunk.getColumnValues(column).map(asText));
    const values = new Float64Array(rows);
    let at = 0;
    for (const chunk of chunks) {
      const vector = chunk.getColumnVector(column);
      for (let row = 0; row < chunk.rowCount; row++) {
        const value = vector.getItem(row);
        values[at++] = typeof value === 'number' ? value : Number.NaN;
      }
    }
    return values;
  });
  return { rows, columns };
}

function asText(value: unknown): string | null {
  return value === null ? null : String(value);
}

async function query(id: number, sql: string): Promise<void> {
  const connection = idle.pop() ?? (await instance.connect());
  running.set(id, connection);
  try {
    const result = await readColumns(connection, sql);
    const transfer = result.columns.flatMap((column) =>
      column instanceof Float64Array ? [column.buffer as ArrayBuffer] : [],
    );
    tell({ kind: 'result', id, result }, transfer);
  } catch (error) {
    tell({ kind: 'failed', id, message: error instanceof Error ? error.message : String(error) });
  } finally {
    running.delete(id);
    idle.push(connection);
  }
}

function begin(answer: Promise<void>): void {
  answering.add(answer);
  void answer.finally(() => answering.delete(answer));
}

/** Says why it ends, ends its queries, and leaves. */
async function leave(error: unknown): Promise<void> {
  if (leaving) return;
  leaving = true;
  tell({ kind: 'leaving', reason: error instanceof Error ? error.message : String(error) });
  while (answering.size > 0) {
    for (const connection of running.values()) connection.interrupt();
    await Promise.race([Promise.all(answering), delay(INTERRUPT_EVERY_MS)]);
  }
  process.exit(1);
}

async function drop(dropped: readonly string[]): Promise<void> {
  for (const name of dropped) {
    const table = tables.get(name);
    assert(!table?.waitingRows, `BUG: ${name} is dropped before its rows are in files`);
    table?.appender.closeSync();
    tables.delete(name);
    await writer.run(`DROP TABLE IF EXISTS ${name}`);
  }
}

async function close(): Promise<void> {
  flushAll();
  for (const table of tables.values()) table.appender.closeSync();
  names.closeSync();
  for (const connection of idle) connection.closeSync();
  writer.closeSync();
  instance.closeSync();
  port.close();
}

/** Writes known rows on the way that all rows go and reads them back. Returns what differs, or null. */
async function selfTest(): Promise<string | null> {
  const name = 'self_test';
  await create(name, METRICS);
  const table = tables.get(name)!;
  table.waiting.push({ rows: knownRows(), count: ROWS, number: 0 });
  table.waitingRows = ROWS;
  try {
    appendChunk(table, { batch: 0, row: 0 });
    table.appender.flushSync();
    const fault = difference(await readColumns(writer, `SELECT * FROM ${name}`));
    if (fault === null) await drop([name]);
    return fault;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Handles one message; changes of tables are done one after the other, in the order in which they came. */
async function handle(request: Request): Promise<void> {
  switch (request.kind) {
    case 'create':
      return create(request.table, request.metrics);
    case 'append': {
      const table = tables.get(request.table);
      assert(table !== undefined, `BUG: rows for ${request.table}, which was not made`);
      table.waiting.push({ rows: request.rows, count: request.count, number: request.number });
      table.waitingRows += request.count;
      drain(table, false);
      return;
    }
    case 'events':
      await addEvents(request.table, request.rows);
      tell({ kind: 'appended', count: request.count, blocks: [] });
      return;
    case 'drop':
      return drop(request.tables);
    case 'locations':
      return setLocations(request.locations);
    case 'devices':
      addDevices(request.numbers, request.ids, request.profiles);
      return;
    case 'query':
      flushAll();
      // Not awaited: queries run beside each other and beside appends.
      begin(query(request.id, request.sql));
      return;
    case 'cancel':
      running.get(request.id)?.interrupt();
      return;
    case 'close':
      return close();
  }
}

const fault = await selfTest();
if (fault === null) {
  port.on('message', (request: Request) => {
    tasks = tasks.then(() => (leaving ? undefined : handle(request))).catch(leave);
  });
  tell({ kind: 'ready' });
} else {
  tables.clear();
  tell({ kind: 'unfit', reason: fault });
  await close();
}
