/**
 * Numbers by key that whoever puts rows in must know again after a restart: durable with the rows that they belong to.
 * Of each kind the newest are kept.
 */
import { BoundedMap } from '@village/core';
import type { RememberedKind } from './contract.ts';

const KEPT: Readonly<Record<RememberedKind, number>> = { 'given-time': 20_000, clock: 100_000 };

export class Remembered {
  readonly #kinds = new Map<RememberedKind, BoundedMap<string, number>>();

  note(kind: RememberedKind, key: string, value: number): void {
    let known = this.#kinds.get(kind);
    if (known === undefined) {
      known = new BoundedMap(KEPT[kind]);
      this.#kinds.set(kind, known);
    }
    known.set(key, value);
  }

  of(kind: RememberedKind): [key: string, value: number][] {
    return [...(this.#kinds.get(kind)?.entries() ?? [])];
  }

  save(): string {
    return JSON.stringify(
      [...this.#kinds].map(([kind, entries]) => [kind, [...entries.entries()]]),
    );
  }

  restore(text: string): void {
    for (const [kind, entries] of JSON.parse(text) as [RememberedKind, [string, number][]][])
      for (const [key, value] of entries) this.note(kind, key, value);
  }
}
