/** What is told of a row of our own wire that was stored in part. */
import type { OperationalError } from '@village/core';
import { fault } from './shape.ts';

export interface RowPart {
  /** The values that it is about: one, or all that are not told one by one. */
  readonly keys: readonly string[];
  readonly known: boolean;
  readonly place: string;
  readonly error: OperationalError;
}

/** What of a row of our own wire was not stored. */
export interface RowParts {
  /** The time under which the rest is stored. */
  readonly at: number;
  readonly taken: readonly string[];
  readonly parts: readonly RowPart[];
}

/** Bad values of one row that are told one by one; the others are one part, with their number. */
const TOLD_MAX = 64;

/** The bad values of one row. */
export class RowFaults {
  readonly #told: RowPart[] = [];
  readonly #more: string[] = [];

  /** `make` is called only for what is told. */
  note(key: string, make: () => Omit<RowPart, 'keys'>): void {
    if (this.#told.length < TOLD_MAX) this.#told.push({ keys: [key], ...make() });
    else this.#more.push(key);
  }

  get first(): RowPart | undefined {
    return this.#told[0];
  }

  get parts(): readonly RowPart[] {
    const keys = this.#more;
    if (keys.length === 0) return this.#told;
    const many = keys.length === 1 ? 'value is' : 'values are';
    const error = fault('too-many-faults', '', `${keys.length} more ${many} refused`);
    return [...this.#told, { keys, known: false, place: '…', error }];
  }
}

/** The values of a row that were stored. */
export function takenOf(
  values: Readonly<Record<string, unknown>>,
  parts: readonly RowPart[],
): string[] {
  const bad = new Set(parts.flatMap(({ keys }) => keys));
  return Object.keys(values).filter((key) => values[key] !== null && !bad.has(key));
}
