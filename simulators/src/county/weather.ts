/**
 * The weather that all devices of a county share: rain in episodes, and the sun. Cumulative rain is kept in closed
 * form by day, so that a total at any time is the same however it was reached.
 */
import { BEIJING_OFFSET_MS, DAY, HOUR, MINUTE } from '@village/core';
import { hashText, unitAt } from './noise.ts';

/** Totals are counted from here: 2020-01-01 in Beijing. Before it there is no rain and every total stands at its base. */
export const EPOCH = Date.UTC(2019, 11, 31, 16);

/** Rain at a constant rate, mm/h, while from ≤ t < to. */
export interface RainSpell {
  readonly from: number;
  readonly to: number;
  readonly rate: number;
}

/** Hours since midnight in Beijing, with a fraction. */
export function hourOfDay(at: number): number {
  return ((((at + BEIJING_OFFSET_MS) % DAY) + DAY) % DAY) / HOUR;
}

/** Whole Beijing days since the epoch. */
export function dayNumber(at: number): number {
  return Math.floor((at - EPOCH) / DAY);
}

/** Phase of the year, 0 in mid-January (coldest) to 1. */
export function seasonPhase(at: number): number {
  return ((at - EPOCH) / DAY - 15) / 365.2425;
}

/** The rain of a county: the seed's own spells, and those that a scenario adds. */
export class Rain {
  readonly #hash: number;
  readonly #extra: readonly RainSpell[];
  /** Millimetres fallen before the start of each day; grows as later days are asked for. */
  readonly #fallenBefore: number[] = [0];

  constructor(seed: number, extra: readonly RainSpell[] = []) {
    this.#hash = hashText(`${seed}/rain`);
    this.#extra = extra;
  }

  /** The seed's spell of a day; rainy days are three in ten, and a spell ends before midnight. */
  #spell(day: number): RainSpell | undefined {
    if (day < 0 || unitAt(this.#hash, day * 4) > 0.3) return undefined;
    const start =
      EPOCH + day * DAY + Math.floor(unitAt(this.#hash, day * 4 + 1) * 16 * 60) * MINUTE;
    const length = (0.5 + 6 * unitAt(this.#hash, day * 4 + 2)) * HOUR;
    const rate = 0.5 + 12 * unitAt(this.#hash, day * 4 + 3) ** 3;
    return { from: start, to: start + length, rate };
  }

  /** Rain falling now, mm/h. */
  rate(at: number): number {
    const own = this.#spell(dayNumber(at));
    let sum = own !== undefined && at >= own.from && at < own.to ? own.rate : 0;
    for (const spell of this.#extra) if (at >= spell.from && at < spell.to) sum += spell.rate;
    return sum;
  }

  /** Millimetres fallen since the epoch; never decreases. */
  fallen(at: number): number {
    const day = dayNumber(at);
    if (day < 0) return 0;
    for (let next = this.#fallenBefore.length; next <= day; next++)
      this.#fallenBefore.push(
        (this.#fallenBefore[next - 1] ?? 0) + fallenIn(this.#spell(next - 1), Number.MAX_VALUE),
      );
    let sum = (this.#fallenBefore[day] ?? 0) + fallenIn(this.#spell(day), at);
    for (const spell of this.#extra) sum += fallenIn(spell, at);
    return sum;
  }
}

function fallenIn(spell: RainSpell | undefined, at: number): number {
  if (spell === undefined || at <= spell.from) return 0;
  return (spell.rate * (Math.min(at, spell.to) - spell.from)) / HOUR;
}
