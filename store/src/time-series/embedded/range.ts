/** Questions about single devices: their readings, and which of those expected are there. */
import { OperationalError, qualityWord } from '@village/core';
import type { CompletenessHour, RangeQuery, RangeRow } from '../contract.ts';
import { ROW_FLAG } from '../contract.ts';
import { ask } from './ask.ts';
import type { Engine } from './engine.ts';
import { rowsOnce, type Source } from './sql.ts';

const HOUR_MS = 3_600_000;
/** Days and longer report intervals begin at midnight in Beijing. */
const SLOT_OFFSET_MS = 8 * HOUR_MS;
const HOURS_MAX = 20_000;
const LIMIT_MAX = 100_000;

/** The readings of one device under one of its profiles. */
function deviceSource(
  engine: Engine,
  device: number,
  span: { from: number; to: number },
  metrics: readonly string[] | undefined,
): Source {
  const layout = engine.layouts[engine.layoutOf[device]!]!;
  const spans = [span];
  return {
    folder: engine.folder,
    metrics: layout.metrics,
    files: engine.view.dataFiles(layout.number, spans),
    hot: engine.view.hotTables(layout.number, spans),
    spans,
    devices: [device],
    wanted: (metrics ?? layout.metrics)
      .map((metric) => layout.metricIndex.get(metric))
      .filter((index) => index !== undefined),
  };
}

/** Readings of one device by event time, each (device, metric, at) once; rows without a metric asked for are left out. */
export async function range(
  engine: Engine,
  query: RangeQuery,
  signal: AbortSignal | undefined,
): Promise<RangeRow[]> {
  const limit = Math.min(query.limit, LIMIT_MAX);
  if (!(query.from < query.to) || limit <= 0) return [];
  const numbers = engine.numbersOf.get(query.device) ?? [];
  const lists = await Promise.all(
    numbers.map((device) => rangeOf(engine, device, query, limit, signal)),
  );
  const rows = lists.length === 1 ? lists[0]! : lists.flat().sort((a, b) => a.at - b.at);
  return rows.slice(0, limit);
}

async function rangeOf(
  engine: Engine,
  device: number,
  query: RangeQuery,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<RangeRow[]> {
  const layout = engine.layouts[engine.layoutOf[device]!]!;
  const make = (): string => {
    const source = deviceSource(engine, device, query, query.metrics);
    const values = source.wanted.map((i) => `, c${i}, k${i}::DOUBLE`).join('');
    const present = source.wanted.map((i) => `c${i} IS NOT NULL`).join(' OR ') || 'false';
    return `SELECT ts::DOUBLE, lag::DOUBLE, flags::DOUBLE${values} FROM (${rowsOnce(source)})
      WHERE ${present} ORDER BY ts LIMIT ${limit}`;
  };
  const wanted = deviceSource(engine, device, query, query.metrics).wanted;
  const { rows, columns } = await ask(engine, make, signal);
  const [ts, lag, flags] = columns as Float64Array[];
  const list: RangeRow[] = [];
  for (let row = 0; row < rows; row++) {
    const values: Record<string, number> = {};
    const quality: Record<string, RangeRow['quality'][string]> = {};
    for (const [position, metric] of wanted.entries()) {
      const value = (columns[3 + position * 2] as Float64Array)[row]!;
      if (Number.isNaN(value)) continue;
      const key = layout.metrics[metric]!;
      values[key] = value;
      const code = (columns[4 + position * 2] as Float64Array)[row]!;
      if (code !== 0) quality[key] = qualityWord(code);
    }
    list.push({
      at: ts![row]!,
      receivedAt: ts![row]! + lag![row]!,
      lane: (flags![row]! & ROW_FLAG.backfill) === 0 ? 'live' : 'backfill',
      clockReplaced: (flags![row]! & ROW_FLAG.clockReplaced) !== 0,
      values,
      quality,
    });
  }
  return list;
}

/**
 * Expected against received, hour by hour. A report interval belongs to the hour in which it begins and counts as
 * expected when all of it lies in the span asked for.
 * @throws range-too-wide
 */
export async function completeness(
  engine: Engine,
  query: { device: string; from: number; to: number; reportEveryMs: number },
  signal: AbortSignal | undefined,
): Promise<CompletenessHour[]> {
  const { from, to, reportEveryMs: every } = query;
  if (!(from < to)) return [];
  const firstHour = Math.floor(from / HOUR_MS);
  const count = Math.ceil(to / HOUR_MS) - firstHour;
  if (count > HOURS_MAX || every < 1_000)
    throw new OperationalError('range-too-wide', `At most ${HOURS_MAX} hours can be asked for.`);
  const hours = Array.from({ length: count }, (_, i) => ({
    at: (firstHour + i) * HOUR_MS,
    expected: 0,
    received: 0,
    rows: 0,
    backfilled: 0,
  }));
  const hourOf = (at: number): (typeof hours)[number] | undefined =>
    hours[Math.floor(at / HOUR_MS) - firstHour];
  const firstSlot = Math.ceil((from + SLOT_OFFSET_MS) / every);
  const endSlot = Math.floor((to + SLOT_OFFSET_MS) / every);
  for (let slot = firstSlot; slot < endSlot; slot++)
    hourOf(slot * every - SLOT_OFFSET_MS)!.expected++;
  const numbers = engine.numbersOf.get(query.device) ?? [];
  if (numbers.length === 0) return hours;
  const make = (): string => {
    const parts = numbers.map((device) => rowsOnce(deviceSource(engine, device, query, [])));
    return `SELECT ((ts + ${SLOT_OFFSET_MS}) // ${every})::DOUBLE AS slot, (ts // ${HOUR_MS})::DOUBLE AS hour,
        count(*)::DOUBLE, sum(back)::DOUBLE
      FROM (SELECT ts, min(flags & ${ROW_FLAG.backfill}) AS back FROM (${parts.join(' UNION ALL ')}) GROUP BY ts)
      GROUP BY slot, hour`;
  };
  const { rows, columns } = await ask(engine, make, signal);
  const [slots, inHour, sums, backfilled] = columns as Float64Array[];
  const filled = new Set<number>();
  for (let row = 0; row < rows; row++) {
    const hour = hours[inHour![row]! - firstHour]!;
    hour.rows += sums![row]!;
    hour.backfilled += backfilled![row]!;
    const slot = slots![row]!;
    if (slot >= firstSlot && slot < endSlot) filled.add(slot);
  }
  for (const slot of filled) hourOf(slot * every - SLOT_OFFSET_MS)!.received++;
  return hours;
}
