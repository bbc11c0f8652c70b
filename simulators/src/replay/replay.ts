/**
 * Replays measured CSV files as devices that speak our own wire, faster than real time: one connection a device,
 * a bounded window on each, and at the end exact counts and sums of what was acknowledged.
 */
import { SECOND, seededRandom, type Timer } from '@village/core';
import { Fleet, type FleetOptions, watch } from './fleet.ts';
import { type Mapping, RowMapper } from './mapping.ts';
import { byTurns, messagesOf, rowsOf, shuffle } from './messages.ts';
import { ReplayCounters, type ReplayReport } from './report.ts';

export interface ReplayOptions extends FleetOptions {
  readonly files: readonly string[];
  readonly mapping: Mapping;
  readonly timer: Timer;
  readonly signal: AbortSignal;
  /** Rows a second; as fast as they are acknowledged when absent. */
  readonly rate?: number;
  /** `random` holds all rows in memory, at most 5,000,000. */
  readonly order?: 'given' | 'random';
  readonly seed?: number;
  /** Gives up when nothing was acknowledged for so long; default a minute. */
  readonly stallMs?: number;
  /** Called now and then with rows acknowledged and bytes read. */
  readonly onProgress?: (rows: number, bytes: number) => void;
}

const PROGRESS_EVERY_ROWS = 2_000;

async function feed(
  options: ReplayOptions,
  fleet: Fleet,
  counters: ReplayCounters,
  signal: AbortSignal,
): Promise<void> {
  const { timer, rate, onProgress } = options;
  let bytes = 0;
  const onBytes = (count: number): void => {
    bytes += count;
  };
  const given = byTurns(
    options.files.map((file) => messagesOf(file, options.mapping, counters, onBytes, signal)),
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
  const counters = new ReplayCounters(mapping);
  const fleet = new Fleet(options);
  const stalled = new AbortController();
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, stalled.signal]);
  const startedAt = timer.elapsed();
  const watching = watch(fleet, timer, options.stallMs ?? 60 * SECOND, stalled, ended.signal);
  try {
    await feed(options, fleet, counters, signal);
  } finally {
    ended.abort();
    await watching;
    await fleet.close();
  }
  const seconds = (timer.elapsed() - startedAt) / SECOND;
  const { rows, rowsEmpty, rowsFaulty, cellsFaulty, firstFault, rowsSent, readings } = counters;
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
    columns: counters.columns(),
    devices: counters.devices(),
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
