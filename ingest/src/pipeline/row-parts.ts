/** What is told of a row of our own wire that was stored in part. */
import type { OperationalError } from '@village/core';
import { isReadKey, type RepeatedKey, repeatedFault } from '@village/device-profiles/mqtt';
import { type Fields, fault, type MessagePath } from './shape.ts';

export interface RowPart {
  /** The values that it is about: one, or all that are not told one by one. */
  readonly keys: readonly string[];
  readonly known: boolean;
  readonly place: string;
  readonly error: OperationalError;
  /** A key that stands twice in the row: what counts is taken, and this was said before it. */
  readonly twice?: RepeatedKey;
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

/** A part for each key of a row that stands twice in it and is read by anybody. */
export function partsOfTwice(
  repeated: readonly RepeatedKey[],
  hasMetric: (key: string) => boolean,
  path: MessagePath,
): RowPart[] {
  return repeated
    .filter(({ keys }) => isReadKey(keys))
    .slice(0, TOLD_MAX)
    .map((twice) => {
      const place = twice.keys.join('.').slice(0, 100);
      const [field = '', key = ''] = twice.keys;
      const known = field === 'values' && hasMetric(key);
      return {
        keys: known ? [key] : [],
        known,
        place,
        error: repeatedFault(twice, path.of(place)),
        twice,
      };
    });
}

/** The row of such a part: whoever runs it again gets what counted, and sees both. */
export function rowOfTwice(row: Fields, { keys, said, last }: RepeatedKey): Buffer {
  const [first = '', second] = keys;
  const both = (key: string): string =>
    [said, last].map((one) => `${JSON.stringify(key)}:${asJson(one)}`).join(',');
  const fields = Object.entries(row)
    .filter(([key]) => key !== first)
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  fields.push(second === undefined ? both(first) : `${JSON.stringify(first)}:{${both(second)}}`);
  return Buffer.from(`{${fields.join(',')}}`);
}

/** What a device wrote for a value, as it is where it is JSON. */
function asJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

/** The values of a row that were stored. */
export function takenOf(
  values: Readonly<Record<string, unknown>>,
  parts: readonly RowPart[],
): string[] {
  const bad = new Set(parts.flatMap(({ keys, twice }) => (twice === undefined ? keys : [])));
  return Object.keys(values).filter((key) => values[key] !== null && !bad.has(key));
}
