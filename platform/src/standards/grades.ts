/** Scales of grades, of wind and of rain: each grade begins at a value and ends where the next begins. */
import { bug, type Label, QUANTITIES, type QuantityId } from '@village/core';
import {
  type CountyMark,
  citing,
  defineStandard,
  heldAt,
  type Standard,
  type StandardVersion,
} from './standard.ts';

export interface Grade {
  readonly key: string;
  readonly name: Label;
  /** Its lowest value, in the quantity's canonical unit. */
  readonly from: number;
  readonly county?: CountyMark;
}

export interface Scale {
  readonly quantity: QuantityId;
  /** Of what sum it is, hours; null where the value is no sum. */
  readonly hours: number | null;
  /** Rising. */
  readonly grades: readonly [Grade, ...Grade[]];
}

export interface GradeTable {
  readonly version: string;
  readonly cite: Label;
  /** Values are rounded to one decimal before, half to even (GB/T 8170): tables leave gaps between 0.2 and 0.3. */
  readonly scales: readonly Scale[];
}

export interface GradeStandard extends Standard<GradeTable> {
  readonly kind: 'grades';
}

export interface GradeAnswer {
  readonly grade: Grade;
  /** The lowest value of the next; null for the highest grade. */
  readonly to: number | null;
  readonly version: string;
  readonly verified: boolean;
  readonly cite: Label;
}

/** Dies of a scale that can't be. */
export function defineGrades(standard: Omit<GradeStandard, 'limits' | 'kind'>): GradeStandard {
  for (const { version, data } of standard.versions)
    for (const { quantity, grades } of data.scales) {
      if (!Object.hasOwn(QUANTITIES, quantity)) bug(`${version} knows no ${quantity}`);
      if (!isScale(grades)) bug(`${version} has grades that don't rise, or one twice`);
    }
  const limits: GradeStandard['limits'] = (data, quantity) =>
    data.scales
      .filter((scale) => scale.quantity === quantity)
      .flatMap(({ hours, grades }) =>
        grades.map(({ name, from }) => ({
          name:
            hours === null
              ? name
              : { zh: `${name.zh}（${hours} 小时）`, en: `${name.en}, ${hours} h` },
          value: from,
        })),
      );
  return { ...standard, ...defineStandard({ ...standard, limits }), kind: 'grades' };
}

/** Whether each grade begins above the one before, and no two share a name. */
export const isScale = (grades: readonly Grade[]): boolean =>
  new Set(grades.map(({ key }) => key)).size === grades.length &&
  grades.every(
    ({ from }, n) => Number.isFinite(from) && (n === 0 || from > (grades[n - 1] as Grade).from),
  );

/** To one decimal, half to even. */
function rounded(value: number): number {
  const tenths = value * 10;
  const down = Math.floor(tenths);
  // What stands in the middle in decimals is a hair off it in binary.
  const rest = tenths - down;
  if (Math.abs(rest - 0.5) < 1e-9) return (down % 2 === 0 ? down : down + 1) / 10;
  return Math.round(tenths) / 10;
}

/**
 * The grade of a value. Null where the standard has no scale for that, did not hold yet, or the value is none (negative,
 * no number).
 */
export function gradeIn(
  standard: GradeStandard,
  value: number,
  { at, quantity, hours = null }: { at: number; quantity: QuantityId; hours?: number | null },
): GradeAnswer | null {
  const held: StandardVersion<GradeTable> | undefined = heldAt(standard, at);
  const scale = held?.data.scales.find((one) => one.quantity === quantity && one.hours === hours);
  if (held === undefined || scale === undefined || !(value >= 0)) return null;
  const exact = rounded(value);
  const n = scale.grades.findLastIndex(({ from }) => from <= exact);
  const grade = scale.grades[n];
  if (grade === undefined) return null;
  return {
    grade,
    to: scale.grades[n + 1]?.from ?? null,
    version: held.data.version,
    verified: grade.county?.verified ?? held.verified,
    cite: citing(held.data.cite, grade.name),
  };
}
