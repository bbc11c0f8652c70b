/** What the numbers mean by which providers say how it went. */
import type { Outcome } from '../contract.ts';

export interface CodeTable {
  /** Somebody has to mend the configuration. */
  readonly fault: readonly number[];
  readonly retry: readonly number[];
  /** Too much, for whom, and how long to wait, ms. */
  readonly limited: Readonly<
    Record<number, { readonly of: 'person' | 'channel'; readonly ms: number }>
  >;
}

/** The outcome of a number that is not the one for success. What the table does not know was refused: another channel may do. */
export function outcomeOfCode(
  table: CodeTable,
  number: number,
  text: string,
  now: number,
): Outcome {
  const code = String(number);
  const limit = table.limited[number];
  if (limit !== undefined) return { kind: 'limited', until: now + limit.ms, of: limit.of, code };
  if (table.fault.includes(number)) return { kind: 'fault', code, text };
  if (table.retry.includes(number)) return { kind: 'retry', code, text };
  return { kind: 'rejected', code, text };
}
