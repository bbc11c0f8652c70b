/** Standards as data: what each version says and from when it holds, so that everything is judged by what held then. */
import { BEIJING_OFFSET_MS, type Label, type QuantityId } from '@village/core';

export interface StandardVersion<Data> {
  /** As people cite it, such as `GB 3095-2026`. */
  readonly version: string;
  /** From this instant on, ms. */
  readonly from: number;
  /** Where the data was taken from. */
  readonly source: Label;
  /** False while nobody has held the data against the text of the standard. */
  readonly verified: boolean;
  readonly data: Data;
}

/** One limit, and where or when it applies. */
export interface Limit {
  readonly name: Label;
  readonly value: number;
}

/** Of what a limit is: a mean over that time, the highest 8-hour mean of a day, or `any` where the table does not say. */
export const PERIODS = ['hour', 'mda8', 'day', 'year', 'any'] as const;
export type Period = (typeof PERIODS)[number];

export interface Standard<Data> {
  /** Such as `GB 3095`. */
  readonly id: string;
  readonly title: Label;
  /** In order of time. */
  readonly versions: readonly [StandardVersion<Data>, ...StandardVersion<Data>[]];
  /** The limits that a version sets on a quantity, in its canonical unit, for whoever opens a figure; those of one period where it is given. */
  limits(data: Data, quantity: QuantityId, period?: Period): readonly Limit[];
}

/** The begin of a day in Beijing, where all of these standards are issued. */
export const beijingDay = (year: number, month: number, day: number): number =>
  Date.UTC(year, month - 1, day) - BEIJING_OFFSET_MS;

/** Dies of versions that are out of order or share a name. */
export function defineStandard<Data>(standard: Standard<Data>): Standard<Data> {
  const { id, versions } = standard;
  versions.forEach(({ from, version }, n) => {
    const before = versions.slice(0, n);
    if (before.some((other) => other.from >= from || other.version === version))
      throw new Error(`BUG: ${version} of the standard ${id} is out of order or there twice`);
  });
  return standard;
}

/** The version that held at an instant; undefined before the first. */
export const heldAt = <Data>(
  { versions }: Standard<Data>,
  at: number,
): StandardVersion<Data> | undefined => versions.findLast(({ from }) => from <= at);

/** The same for figures, whose first version holds for all times before as well. */
export const versionAt = <Data>(standard: Standard<Data>, at: number): StandardVersion<Data> =>
  heldAt(standard, at) ?? standard.versions[0];

/** When a version ceases to hold, ms; Infinity while none follows. */
export const heldUntil = <Data>(
  { versions }: Standard<Data>,
  version: StandardVersion<Data>,
): number => versions.find(({ from }) => from > version.from)?.from ?? Number.POSITIVE_INFINITY;

/** A version with what of it is meant. */
export const citing = (version: Label, part: Label): Label => ({
  zh: `${version.zh}${version.zh.endsWith('）') ? '' : ' '}${part.zh}`,
  en: `${version.en} ${part.en}`,
});

/** What a county put in the place of a value, and who answers for it. */
export interface CountyMark {
  readonly by: string;
  /** The day, YYYY-MM-DD. */
  readonly on: string;
  /** What they took it from. */
  readonly source: string;
  /** They say that they have held it against the text of the standard. */
  readonly verified: boolean;
  /** File and line. */
  readonly place: string;
}
