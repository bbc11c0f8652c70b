/**
 * Expected against received, hour by hour, and the silences by their real times. Nothing is expected before a device's
 * first row: what is not connected yet is not missing.
 */
import { BEIJING_OFFSET_MS, gapAfterMs, HOUR } from '@village/core';
import { ROW_FLAG } from '../../../journal/contract.ts';
import { cut, ends, Slots } from '../../completeness/slots.ts';
import { type Completeness, type CompletenessQuery, GAPS_MAX } from '../../contract.ts';
import type { Columns } from '../duck/messages.ts';
import type { ArchiveParts } from '../parts.ts';
import type { Span } from '../view.ts';
import { deviceSource, readsOf } from './range.ts';
import { runQuery } from './run-query.ts';
import { rowsOnce } from './sql.ts';

/** The first column of each row of the answer says what the row tells. */
const PART = { hour: 0, edges: 1, gap: 2, received: 3 } as const;

/**
 * Rows of each hour and how many intervals that begin in it hold any, a row an hour each however often a device speaks; first and last
 * row, and silences, in the span and a gap's length around it.
 */
function querySql(
  archive: ArchiveParts,
  query: CompletenessQuery,
  numbers: readonly number[],
  slots: Slots,
): string {
  const { from, to, reportEveryMs: every } = query;
  const gap = gapAfterMs(every);
  const around = { from: from - gap, to: to + gap };
  const parts = numbers.map((device) => rowsOnce(deviceSource(archive, device, around, [])));
  return `WITH once AS MATERIALIZED (
      SELECT ts, min(flags & ${ROW_FLAG.backfill}) AS back FROM (${parts.join(' UNION ALL ')}) GROUP BY ts),
    silent AS (
      SELECT prev, ts, count(*) OVER () AS n
      FROM (SELECT lag(ts) OVER (ORDER BY ts) AS prev, ts FROM once)
      WHERE ts - prev > ${gap} AND ts > ${from} AND prev < ${to})
    SELECT ${PART.hour}::DOUBLE, (ts // ${HOUR})::DOUBLE AS hour, count(*)::DOUBLE, sum(back)::DOUBLE
      FROM once WHERE ts >= ${from} AND ts < ${to} GROUP BY hour
    UNION ALL SELECT ${PART.received}::DOUBLE, ((slot * ${every} - ${BEIJING_OFFSET_MS}) // ${HOUR})::DOUBLE AS hour,
        count(*)::DOUBLE, 0
      FROM (SELECT DISTINCT (ts + ${BEIJING_OFFSET_MS}) // ${every} AS slot FROM once WHERE ts >= ${from} AND ts < ${to})
      WHERE slot >= ${slots.first} AND slot < ${slots.end} GROUP BY hour
    UNION ALL SELECT ${PART.edges}::DOUBLE, min(ts)::DOUBLE, max(ts)::DOUBLE, 0 FROM once HAVING count(*) > 0
    UNION ALL SELECT * FROM (
      SELECT ${PART.gap}::DOUBLE, prev::DOUBLE, ts::DOUBLE, n::DOUBLE FROM silent ORDER BY ts DESC LIMIT ${GAPS_MAX})`;
}

/** Puts the answer's rows where they belong. */
function read(columns: Columns, slots: Slots): { edges: Span | null; gaps: Span[]; count: number } {
  const [part, first, second, third] = columns.columns as Float64Array[];
  let edges: Span | null = null;
  const gaps: Span[] = [];
  let count = 0;
  for (let row = 0; row < columns.rows; row++) {
    const [one, two] = [first![row]!, second![row]!];
    if (part![row] === PART.hour) slots.count(one, two, third![row]!);
    else if (part![row] === PART.received) slots.receive(one, two);
    else if (part![row] === PART.edges) edges = { from: one, to: two };
    else {
      gaps.push({ from: one, to: two });
      count = third![row]!;
    }
  }
  gaps.sort((a, b) => a.from - b.from);
  return { edges, gaps, count };
}

/**
 * Completeness of one device. A report interval belongs to the hour in which it begins and counts as expected when all
 * of it lies in the span asked for and the device had been heard before it was over.
 * @throws range-too-wide
 */
export async function completeness(
  archive: ArchiveParts,
  query: CompletenessQuery,
  signal: AbortSignal | undefined,
): Promise<Completeness> {
  const numbers = archive.numbersOf.get(query.device) ?? [];
  const { latest } = archive;
  const since = Math.min(...numbers.map((number) => latest.oldestAt(number)));
  const firstAt = Number.isFinite(since) ? since : null;
  if (!(query.from < query.to)) return { hours: [], gaps: [], gapCount: 0, since: firstAt };
  const slots = new Slots(query, since);
  if (since >= query.to) return { hours: slots.hours, gaps: [], gapCount: 0, since: firstAt };
  const columns = await runQuery(
    archive,
    () => querySql(archive, query, numbers, slots),
    readsOf(archive, numbers, query),
    signal,
  );
  const found = read(columns, slots);
  const newest = Math.max(...numbers.map((number) => latest.newestAt(number)));
  const known = Number.isFinite(newest) ? newest : Number.NEGATIVE_INFINITY;
  const outer = ends(found.edges, query, since, known).filter((gap) => gap !== null);
  const gaps = [...found.gaps.map((gap) => cut(gap, query)), ...outer]
    .filter((gap) => gap !== null)
    .sort((a, b) => a.from - b.from);
  return {
    hours: slots.hours,
    gaps: gaps.slice(-GAPS_MAX),
    gapCount: found.count + outer.length,
    since: firstAt,
  };
}
