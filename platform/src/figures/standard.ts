/** Standards as data: what each version says and from when it holds, so that a figure is judged by what held then. */
import type { Label, QuantityId } from '@village/core';

export interface StandardVersion<Data> {
  /** As people cite it, such as `GB 3095-2026`. */
  readonly version: string;
  /** From this instant on, ms; the first version holds for all times before as well. */
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

export interface Standard<Data> {
  /** Such as `GB 3095`. */
  readonly id: string;
  readonly title: Label;
  /** In order of time. */
  readonly versions: readonly [StandardVersion<Data>, ...StandardVersion<Data>[]];
  /** The limits that a version sets on a quantity, in its canonical unit, for whoever opens a figure. */
  limits(data: Data, quantity: QuantityId): readonly Limit[];
}

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

/** The version that holds at an instant. */
export function versionAt<Data>({ versions }: Standard<Data>, at: number): StandardVersion<Data> {
  return versions.findLast(({ from }) => from <= at) ?? versions[0];
}
