/**
 * What the thread writes into a table at its start and expects to read back. The rows are written through the low-level
 * bindings of DuckDB's client, which another version may lay out differently: then nothing is to be stored with it.
 */
import { rowShape } from '../../../journal/group.ts';
import type { Columns } from './messages.ts';

/** More metrics than one quality word holds. */
export const METRICS = 14;

interface KnownRow {
  readonly at: number;
  readonly receivedAt: number;
  /** Device number and flags, as they stand in a row. */
  readonly device: number;
  readonly flags: number;
  readonly words: readonly [number, number];
  /** The first metrics; the others are absent. */
  readonly values: readonly number[];
}

/** Each column has values that need all of its bytes, both signs, and rows that differ. */
const KNOWN: readonly KnownRow[] = [
  {
    at: 1_767_225_600_123,
    receivedAt: 1_767_225_600_118,
    device: 0,
    flags: 0,
    words: [0, 0],
    values: [0.1, -1e300, Number.NaN, 5e-324, 42],
  },
  {
    at: -86_400_001,
    receivedAt: 1_767_225_600_000,
    device: 1_234_567,
    flags: 3,
    words: [16 ** 13 - 1, 7],
    values: [Number.NaN, 0, 2 ** 53, -0.5],
  },
  {
    at: 4_102_444_800_000,
    receivedAt: 4_102_444_800_000 + 2 ** 33,
    device: 16_777_216,
    flags: 1,
    words: [2 ** 32, 15],
    values: Array.from({ length: METRICS }, (_, metric) => metric + 0.25),
  },
];
export const ROWS = KNOWN.length;

/** The rows as the journal holds them. */
export function knownRows(): Float64Array {
  const { stride, valuesAt } = rowShape(METRICS);
  const rows = new Float64Array(ROWS * stride).fill(Number.NaN);
  for (const [n, { at, receivedAt, device, flags, words, values }] of KNOWN.entries()) {
    rows.set([at, receivedAt, device * 4 + flags, ...words], n * stride);
    rows.set(values, n * stride + valuesAt);
  }
  return rows;
}

/** The first difference between what was read back and what was written, or null. */
export function difference({ rows, columns }: Columns): string | null {
  if (rows !== ROWS) return `${rows} rows instead of ${ROWS}`;
  for (const [n, row] of KNOWN.entries()) {
    const whole = [row.at, row.device, row.receivedAt - row.at, row.flags, ...row.words];
    const expected = [
      ...whole.map(String),
      ...Array.from({ length: METRICS }, (_, metric) => row.values[metric] ?? Number.NaN),
    ];
    if (columns.length !== expected.length)
      return `${columns.length} columns instead of ${expected.length}`;
    for (const [column, value] of expected.entries())
      if (!Object.is(columns[column]?.[n], value))
        return `column ${column} of row ${n} is ${columns[column]?.[n]} instead of ${value}`;
  }
  return null;
}
