/** Counters of areas: how many devices there are, how many are silent, and how many alerts are open, by severity. */
import type { Severity } from '@village/core';
import { AREA_COUNTERS, type AreaCounter } from '../model.ts';

const SLOT = new Map<AreaCounter, number>(AREA_COUNTERS.map((name, slot) => [name, slot]));
const slotOf = (name: AreaCounter): number => SLOT.get(name) as number;

export class AreaCounters {
  readonly #of = new Map<string, Float64Array>();
  /** Areas whose counters have changed since they were looked at. */
  readonly #changed = new Set<string>();

  /** Adds to a counter of each area of a line. */
  add(areas: readonly string[], name: AreaCounter, by: number): void {
    for (const area of areas) {
      const counters = this.#of.get(area) ?? new Float64Array(AREA_COUNTERS.length);
      this.#of.set(area, counters);
      const slot = slotOf(name);
      counters[slot] = (counters[slot] as number) + by;
      this.#changed.add(area);
    }
  }

  /** An alert on something in these areas began (1) or ended (-1). */
  alert(areas: readonly string[], severity: Severity, by: 1 | -1): void {
    this.add(areas, 'active', by);
    this.add(areas, severity, by);
  }

  of(area: string): Float64Array | undefined {
    return this.#of.get(area);
  }

  /** Areas that have changed, once. */
  takeChanged(): string[] {
    const areas = [...this.#changed];
    this.#changed.clear();
    return areas;
  }

  state(): [area: string, counters: Float64Array][] {
    return [...this.#of];
  }

  restore(state: readonly [string, Float64Array][]): void {
    this.#of.clear();
    for (const [area, counters] of state) this.#of.set(area, Float64Array.from(counters));
  }
}
