/** Results as they are stored: those of a day's spans in one text, places instead of names. */
import { DAY } from '@village/core';
import type { Result } from '../compute.ts';
import { dayStart, lengthOf } from '../days.ts';
import type { AnyFigure } from '../figure.ts';

type PackedInput = readonly [expected: number, valid: number, rows: number, digest: string];
type Packed = readonly [
  value: number | null,
  completeness: number,
  inputs: readonly PackedInput[],
  standards: readonly string[],
  attributes: Result['attributes'],
  fault: string | null,
  corrections: readonly number[],
];

/** A result with the statements that touched its inputs. */
export interface StoredResult extends Result {
  readonly corrections: readonly number[];
}

/** The results of all spans of a day, in order. */
export function pack(results: readonly StoredResult[]): string {
  return JSON.stringify(
    results.map(
      ({ value, completeness, inputs, standards, attributes, fault, corrections }): Packed => [
        value,
        completeness,
        inputs.map(({ expected, valid, rows, digest }) => [expected, valid, rows, digest]),
        standards,
        attributes,
        fault,
        corrections,
      ],
    ),
  );
}

const isPackedInput = (input: unknown): boolean =>
  Array.isArray(input) &&
  input.length === 4 &&
  input.slice(0, 3).every((count) => Number.isInteger(count) && (count as number) >= 0) &&
  typeof input[3] === 'string';

function isPacked(one: unknown): one is Packed {
  if (!Array.isArray(one) || one.length !== 7) return false;
  const [value, completeness, inputs, standards, attributes, fault, corrections] = one as unknown[];
  return (
    (value === null || typeof value === 'number') &&
    typeof completeness === 'number' &&
    completeness >= 0 &&
    completeness <= 1 &&
    Array.isArray(inputs) &&
    inputs.every(isPackedInput) &&
    Array.isArray(standards) &&
    standards.every((version) => typeof version === 'string') &&
    typeof attributes === 'object' &&
    attributes !== null &&
    Object.values(attributes).every(Array.isArray) &&
    (fault === null || typeof fault === 'string') &&
    Array.isArray(corrections) &&
    corrections.every(Number.isInteger)
  );
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** The results of a day; null when what is stored is damaged, and has to be computed again. */
export function unpack(
  figure: Pick<AnyFigure, 'span' | 'inputs'>,
  day: number,
  body: string,
): StoredResult[] | null {
  const results = parsed(body);
  if (!Array.isArray(results) || results.length !== DAY / lengthOf(figure.span)) return null;
  if (!results.every(isPacked)) return null;
  return results.map(
    ([value, completeness, inputs, standards, attributes, fault, corrections], n) => ({
      at: dayStart(day) + n * lengthOf(figure.span),
      value,
      completeness,
      inputs: inputs.map(([expected, valid, rows, digest], place) => ({
        name: figure.inputs[place]?.name ?? '',
        expected,
        valid,
        rows,
        digest,
      })),
      standards,
      attributes,
      fault,
      corrections,
    }),
  );
}

/** What people are told: results that differ in it are different ones. */
const told = ({ value, completeness, standards, fault }: StoredResult): string =>
  JSON.stringify([value, completeness, standards, fault]);

/** Whether two days' results tell people the same. */
export const sameTold = (a: readonly StoredResult[], b: readonly StoredResult[]): boolean =>
  a.length === b.length && a.every((one, n) => told(one) === told(b[n] as StoredResult));
