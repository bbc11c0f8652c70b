/**
 * What statements do to readings: the one definition, used for every engine. Kinds apply in the order clock, device, factor,
 * offset, validity; within a kind in order of value, so that it never matters which was said first.
 */
import type { Quality } from '@village/core';
import type { RangeRow } from '@village/store/time-series';
import type { Statement, StatementBook } from './statement.ts';

/** Of one reading that statements changed: what was received. */
export interface AsReceived {
  readonly device: string;
  readonly at: number;
  readonly value: number;
  readonly quality: Quality;
  /** Statements that speak of it, by number. */
  readonly statements: readonly number[];
}

/** A row in which statements have been applied. */
export interface CorrectedRow extends RangeRow {
  /** By metric, for those of which a statement speaks. */
  readonly received: Readonly<Record<string, AsReceived>>;
}

/** One reading on its way to the place where it belongs. */
export interface Placed {
  readonly device: string;
  readonly metric: string;
  readonly at: number;
  readonly value: number;
  readonly quality: Quality;
  /** The row that it was received in. */
  readonly row: RangeRow;
  readonly from: string;
  readonly statements: readonly number[];
}

const byValue = (a: Statement, b: Statement): number => (a.value ?? 0) - (b.value ?? 0);

/** The statements of each kind that speak of a reading, in order of value. */
function speaking(
  statements: readonly Statement[],
  metric: string,
): Record<Statement['kind'], Statement[]> {
  const found: Record<Statement['kind'], Statement[]> = {
    invalid: [],
    offset: [],
    factor: [],
    reassign: [],
    'shift-clock': [],
    accept: [],
  };
  for (const statement of statements)
    if (statement.metric === null || statement.metric === metric)
      found[statement.kind].push(statement);
  for (const list of Object.values(found)) list.sort(byValue);
  return found;
}

function reading(
  device: string,
  row: RangeRow,
  metric: string,
  statements: readonly Statement[],
): Placed {
  const raw = row.values[metric] as number;
  const quality = row.quality[metric] ?? 'good';
  const all = speaking(statements, metric);
  const at = all['shift-clock'].reduce((sum, { value }) => sum + (value ?? 0), row.at);
  // Two that name different devices are refused; should they meet all the same, the first by name counts.
  const [target = device] = all.reassign.map((one) => one.target as string).sort();
  const scaled = all.factor.reduce((product, { value }) => product * (value ?? 1), raw);
  const value = all.offset.reduce((sum, { value: more }) => sum + (more ?? 0), scaled);
  const valid = Number.isFinite(value);
  const ids = Object.values(all).flat();
  return {
    device: target,
    metric,
    at,
    value: valid ? value : raw,
    quality:
      all.invalid.length > 0 || !valid ? 'invalid' : all.accept.length > 0 ? 'good' : quality,
    row,
    from: device,
    statements: ids.map(({ id }) => id).sort((a, b) => a - b),
  };
}

/** Where the readings of a row belong and what they are worth. */
export function placed(book: StatementBook, device: string, row: RangeRow): Placed[] {
  const here = book.of(device).filter(({ from, to }) => row.at >= from && row.at < to);
  return Object.keys(row.values).map((metric) => reading(device, row, metric, here));
}

/** Which of two readings that meet stays: the one that was there, then one of the same device, then by where it came from. */
function precedes(a: Placed, b: Placed): boolean {
  const rank = (one: Placed): number =>
    one.from !== one.device ? 2 : one.row.at !== one.at ? 1 : 0;
  const order = rank(a) - rank(b);
  if (order !== 0) return order < 0;
  return a.from === b.from ? a.row.at < b.row.at : a.from < b.from;
}

/** One row of all readings that belong to one device and time; each metric stands once. */
export function rowOf(readings: readonly Placed[]): CorrectedRow {
  const staying = new Map<string, Placed>();
  for (const one of readings) {
    const other = staying.get(one.metric);
    if (other === undefined || precedes(one, other)) staying.set(one.metric, one);
  }
  const all = [...staying.values()].sort((a, b) => (a.metric < b.metric ? -1 : 1));
  const rows = all.map(({ row }) => row);
  return {
    at: readings[0]!.at,
    receivedAt: Math.min(...rows.map(({ receivedAt }) => receivedAt)),
    lane: rows.some(({ lane }) => lane === 'live') ? 'live' : 'backfill',
    clockReplaced: rows.every(({ clockReplaced }) => clockReplaced),
    values: Object.fromEntries(all.map(({ metric, value }) => [metric, value])),
    quality: Object.fromEntries(
      all
        .filter(({ quality }) => quality !== 'good')
        .map(({ metric, quality }) => [metric, quality]),
    ),
    received: Object.fromEntries(
      all
        .filter(({ statements }) => statements.length > 0)
        .map(({ metric, from, row, statements }) => [
          metric,
          {
            device: from,
            at: row.at,
            value: row.values[metric] as number,
            quality: row.quality[metric] ?? 'good',
            statements,
          },
        ]),
    ),
  };
}

/** A device's corrected rows, in order of time, of everything that was received. */
export function corrected(
  book: StatementBook,
  received: ReadonlyMap<string, readonly RangeRow[]>,
  device: string,
): CorrectedRow[] {
  const here = [...received].flatMap(([from, rows]) =>
    rows.flatMap((row) => placed(book, from, row).filter((one) => one.device === device)),
  );
  return [...Map.groupBy(here, ({ at }) => at)]
    .sort(([a], [b]) => a - b)
    .map(([, readings]) => rowOf(readings));
}
