/**
 * Replays measured CSV files as devices that speak our own wire, faster than real time: one connection a device,
 * a bounded window on each, and at the end exact counts and sums of what was acknowledged.
 */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import {
  formatTime,
  OperationalError,
  type Random,
  SECOND,
  seededRandom,
  type Timer,
  topics,
} from '@village/core';
import { parse } from 'csv-parse';
import { Uplink } from '../wires/mqtt/uplink.ts';
import { DecimalSum, decimalText, plusDecimal, timesDecimal } from './decimal.ts';
import { type MappedRow, type Mapping, RowMapper } from './mapping.ts';

export interface ReplayOptions {
  readonly files: readonly string[];
  readonly mapping: Mapping;
  readonly mqttUrl: string;
  /** Secret of a device, or undefined when it has none. */
  readonly secretOf: (device: string) => string | undefined;
  readonly timer: Timer;
  readonly signal: AbortSignal;
  /** Rows a second; as fast as they are acknowledged when absent. */
  readonly rate?: number;
  /** `random` holds all rows in memory, at most 5,000,000. */
  readonly order?: 'given' | 'random';
  readonly seed?: number;
  /** Messages on the way for each device. */
  readonly windowMax?: number;
  /** Gives up when nothing was acknowledged for so long; default a minute. */
  readonly stallMs?: number;
  /** Called now and then with rows acknowledged and bytes read. */
  readonly onProgress?: (rows: number, bytes: number) => void;
}

/** What the columns held, and so what must be stored. */
export interface ColumnReport {
  readonly metric: string;
  /** Cells with a value; each is one reading. */
  readonly count: number;
  readonly missing: number;
  /** Exact sums of the cells as they stand in the files, and in the metric's unit. Of words: of their numbers. */
  readonly sum: string;
  readonly stored: string;
}

export interface ReplayReport {
  readonly name: 'replay';
  readonly files: number;
  readonly rows: number;
  /** Rows without any value, which are not sent. */
  readonly rowsEmpty: number;
  /** Rows whose time or device can't be understood, and cells that are no numbers. */
  readonly rowsFaulty: number;
  readonly cellsFaulty: number;
  readonly firstFault: string | null;
  readonly rowsSent: number;
  readonly rowsAcknowledged: number;
  readonly readings: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  readonly columns: Readonly<Record<string, ColumnReport>>;
  readonly devices: Readonly<
    Record<string, { rows: number; readings: number; from: string; to: string }>
  >;
}

const ROWS_IN_MEMORY_MAX = 5_000_000;
/** Files read side by side. */
const FILES_OPEN_MAX = 32;
const QUEUE_MAX = 2_000;
const PROGRESS_EVERY_ROWS = 2_000;

/** Rows of a file, the header first; `.gz` is unpacked on the way. */
async function* rowsOf(
  file: string,
  delimiter: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  const source = createReadStream(file);
  source.on('data', (chunk) => onBytes(chunk.length));
  const parser = parse({ delimiter, bom: true, skip_empty_lines: true, relax_column_count: true });
  const stages = file.endsWith('.gz') ? [source, createGunzip(), parser] : [source, parser];
  // The parser's own errors and those before it all end the iteration below.
  const done = pipeline(stages, { signal });
  done.catch((error: Error) => parser.destroy(error));
  for await (const row of parser) yield row as string[];
  await done;
}

/** Counts and sums of everything read. */
class Tally {
  readonly #mapping: Mapping;
  readonly #sums: DecimalSum[];
  readonly #counts: number[];
  readonly #missing: number[];
  readonly #devices = new Map<
    string,
    { rows: number; readings: number; from: number; to: number }
  >();
  rows = 0;
  rowsEmpty = 0;
  rowsFaulty = 0;
  cellsFaulty = 0;
  rowsSent = 0;
  readings = 0;
  firstFault: string | null = null;

  constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.#sums = mapping.columns.map(() => new DecimalSum());
    this.#counts = mapping.columns.map(() => 0);
    this.#missing = mapping.columns.map(() => 0);
  }

  /** Notes a row; true when it has something to send. */
  add(row: MappedRow | null, place: () => string): boolean {
    this.rows++;
    if (row === null || row.faulty > 0) this.firstFault ??= place();
    if (row === null) {
      this.rowsFaulty++;
      return false;
    }
    this.cellsFaulty += row.faulty;
    let values = 0;
    row.texts.forEach((text, i) => {
      const held = text !== null && (this.#sums[i]?.add(text) ?? false);
      const counts = held ? this.#counts : this.#missing;
      counts[i] = (counts[i] ?? 0) + 1;
      if (held) values++;
    });
    if (values === 0) {
      this.rowsEmpty++;
      return false;
    }
    this.rowsSent++;
    this.readings += values;
    const device = this.#devices.get(row.device);
    if (device === undefined)
      this.#devices.set(row.device, { rows: 1, readings: values, from: row.at, to: row.at });
    else {
      device.rows++;
      device.readings += values;
      device.from = Math.min(device.from, row.at);
      device.to = Math.max(device.to, row.at);
    }
    return true;
  }

  columns(): Record<string, ColumnReport> {
    const reports: Record<string, ColumnReport> = {};
    this.#mapping.columns.forEach((column, i) => {
      const count = this.#counts[i] ?? 0;
      const sum = this.#sums[i]?.total() ?? { digits: 0n, scale: 0 };
      const offsets = timesDecimal(column.offset, { digits: BigInt(count), scale: 0 });
      reports[column.name] = {
        metric: column.metric,
        count,
        missing: this.#missing[i] ?? 0,
        sum: decimalText(sum),
        stored: decimalText(plusDecimal(timesDecimal(sum, column.factor), offsets)),
      };
    });
    return reports;
  }

  devices(): ReplayReport['devices'] {
    return Object.fromEntries(
      [...this.#devices].map(([id, { from, to, ...counts }]) => [
        id,
        { ...counts, from: formatTime(from), to: formatTime(to) },
      ]),
    );
  }
}

/** The connections, opened at a device's first row. */
class Fleet {
  readonly #options: ReplayOptions;
  readonly #uplinks = new Map<string, Uplink>();
  readonly #topics = new Map<string, string>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Undefined when the message could be queued at once, which spares a promise for each row. */
  send(device: string, payload: string, signal: AbortSignal): Promise<void> | undefined {
    const uplink = this.#uplinks.get(device) ?? this.#open(device);
    const topic = this.#topics.get(device) ?? topics.deviceReadings(device);
    if (uplink.full) return uplink.send(topic, payload, signal);
    uplink.offer(topic, payload);
    return undefined;
  }

  #open(device: string): Uplink {
    const secret = this.#options.secretOf(device);
    if (secret === undefined)
      throw new OperationalError('no-secret', `There is no secret for ${device}`);
    const uplink = new Uplink({
      url: this.#options.mqttUrl,
      id: device,
      secret,
      windowMax: this.#options.windowMax ?? 256,
      queueMax: QUEUE_MAX,
      reconnectMs: 500,
    });
    this.#uplinks.set(device, uplink);
    this.#topics.set(device, topics.deviceReadings(device));
    return uplink;
  }

  get acknowledged(): number {
    let sum = 0;
    for (const uplink of this.#uplinks.values()) sum += uplink.counters.acknowledged;
    return sum;
  }

  get lastFault(): string | null {
    for (const { lastFault } of this.#uplinks.values()) if (lastFault !== null) return lastFault;
    return null;
  }

  get waiting(): number {
    let sum = 0;
    for (const uplink of this.#uplinks.values()) sum += uplink.waiting;
    return sum;
  }

  async drained(signal: AbortSignal): Promise<void> {
    for (const uplink of this.#uplinks.values()) await uplink.drained(signal);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#uplinks.values()].map((uplink) => uplink.close()));
  }
}

/** Aborts with `broker-silent` when messages wait and none is acknowledged for too long. */
async function watch(
  fleet: Fleet,
  timer: Timer,
  stallMs: number,
  stalled: AbortController,
  ended: AbortSignal,
): Promise<void> {
  let before = -1;
  let since = timer.elapsed();
  while (!ended.aborted) {
    const { acknowledged } = fleet;
    if (acknowledged !== before || fleet.waiting === 0) since = timer.elapsed();
    before = acknowledged;
    if (timer.elapsed() - since > stallMs) {
      const why = fleet.lastFault === null ? '' : ` Last fault: ${fleet.lastFault}.`;
      stalled.abort(
        new OperationalError(
          'broker-silent',
          `Nothing was acknowledged for ${stallMs / 1000} s; ${fleet.waiting} messages wait.${why}`,
          { retry: true },
        ),
      );
      return;
    }
    try {
      await timer.sleep(SECOND / 4, ended);
    } catch (error) {
      if (!ended.aborted) throw error;
    }
  }
}

/** A row of a file, with something to say. */
interface Message {
  readonly device: string;
  readonly payload: string;
}

/** Every row of a file that has something to say, counted on the way. */
async function* messagesOf(
  file: string,
  options: ReplayOptions,
  tally: Tally,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  let mapper: RowMapper | undefined;
  let line = 0;
  for await (const cells of rowsOf(file, options.mapping.delimiter, onBytes, signal)) {
    line++;
    if (mapper === undefined) {
      mapper = new RowMapper(options.mapping, file, cells);
      continue;
    }
    const row = mapper.map(cells);
    if (!tally.add(row, () => `${file} row ${line}: ${cells.join(',').slice(0, 200)}`)) continue;
    if (row === null) continue;
    const { device, at, values } = row;
    yield { device, payload: JSON.stringify({ device, at: formatTime(at), values }) };
  }
  if (mapper === undefined) throw new OperationalError('empty-file', `${file} has no header`);
}

/**
 * One item of each source by turns, some sources at a time: stations send side by side, as they do, and none is held to
 * what the broker takes from one client.
 */
async function* byTurns<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const waiting = [...sources];
  let open = waiting.splice(0, FILES_OPEN_MAX);
  try {
    while (open.length > 0) {
      const ended = new Set<AsyncGenerator<T>>();
      for (const source of open) {
        const item = await source.next();
        if (item.done === true) ended.add(source);
        else yield item.value;
      }
      if (ended.size > 0)
        open = [...open.filter((one) => !ended.has(one)), ...waiting.splice(0, ended.size)];
    }
  } finally {
    for (const source of open) await source.return(undefined);
  }
}

async function* shuffle<T>(items: AsyncGenerator<T>, random: Random): AsyncGenerator<T> {
  const all: T[] = [];
  for await (const item of items) {
    if (all.length >= ROWS_IN_MEMORY_MAX)
      throw new OperationalError('too-many-rows', `Random order holds ${ROWS_IN_MEMORY_MAX} rows`);
    all.push(item);
  }
  for (let left = all.length; left > 0; left--) {
    const pick = Math.floor(random() * left);
    yield all[pick] as T;
    all[pick] = all[left - 1] as T;
    all.length = left - 1;
  }
}

async function feed(
  options: ReplayOptions,
  fleet: Fleet,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const { timer, rate, onProgress } = options;
  let bytes = 0;
  const onBytes = (count: number): void => {
    bytes += count;
  };
  const given = byTurns(
    options.files.map((file) => messagesOf(file, options, tally, onBytes, signal)),
  );
  const items =
    options.order === 'random' ? shuffle(given, seededRandom(options.seed ?? 1)) : given;
  const startedAt = timer.elapsed();
  let sent = 0;
  for await (const { device, payload } of items) {
    signal.throwIfAborted();
    const ahead = rate === undefined ? 0 : startedAt + (sent / rate) * SECOND - timer.elapsed();
    if (ahead > 10) await timer.sleep(ahead, signal);
    const wait = fleet.send(device, payload, signal);
    if (wait !== undefined) await wait;
    sent++;
    if (sent % PROGRESS_EVERY_ROWS === 0) onProgress?.(fleet.acknowledged, bytes);
  }
  await fleet.drained(signal);
  onProgress?.(fleet.acknowledged, bytes);
}

/**
 * Sends every row of the files and waits until all are acknowledged.
 * @throws bad-mapping, no-secret, empty-file, too-many-rows, broker-silent, and the file system's errors.
 */
export async function replayFiles(options: ReplayOptions): Promise<ReplayReport> {
  const { timer, files, mapping } = options;
  const tally = new Tally(mapping);
  const fleet = new Fleet(options);
  const stalled = new AbortController();
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, stalled.signal]);
  const startedAt = timer.elapsed();
  const watching = watch(fleet, timer, options.stallMs ?? 60 * SECOND, stalled, ended.signal);
  try {
    await feed(options, fleet, tally, signal);
  } finally {
    ended.abort();
    await watching;
    await fleet.close();
  }
  const seconds = (timer.elapsed() - startedAt) / SECOND;
  const { rows, rowsEmpty, rowsFaulty, cellsFaulty, firstFault, rowsSent, readings } = tally;
  return {
    name: 'replay',
    files: files.length,
    rows,
    rowsEmpty,
    rowsFaulty,
    cellsFaulty,
    firstFault,
    rowsSent,
    rowsAcknowledged: fleet.acknowledged,
    readings,
    seconds,
    rowsPerSecond: Math.round(rowsSent / Math.max(seconds, 0.001)),
    columns: tally.columns(),
    devices: tally.devices(),
  };
}

/** The devices that the files speak of, in order of appearance. Sends nothing. */
export async function replayDevices(
  options: Pick<ReplayOptions, 'files' | 'mapping' | 'signal'>,
): Promise<string[]> {
  const ids = new Set<string>();
  for (const file of options.files) {
    let mapper: RowMapper | undefined;
    for await (const cells of rowsOf(file, options.mapping.delimiter, () => 0, options.signal)) {
      if (mapper === undefined) mapper = new RowMapper(options.mapping, file, cells);
      else {
        const row = mapper.map(cells);
        if (row !== null) ids.add(row.device);
      }
    }
  }
  return [...ids];
}
