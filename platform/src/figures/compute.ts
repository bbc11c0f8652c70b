/** Computes figures from rows: pure, the single definition of what a figure's result is. */
import { createHash } from 'node:crypto';
import type { RangeRow } from '@village/store/time-series';
import { versionAt } from '../standards/standard.ts';
import type { Circumstances, Measured } from './circumstances.ts';
import type { Span } from './days.ts';
import { type Facts, type Figure, type InputReadings, type InputRow, window } from './figure.ts';

/** How complete an input was. */
export interface InputState {
  readonly name: string;
  readonly expected: number;
  readonly valid: number;
  /** Readings in all, and a digest of them: of equal digests are equal inputs. Empty for figures that nothing is kept of. */
  readonly rows: number;
  readonly digest: string;
}

/** A figure over one span. */
export interface Result {
  /** Start of the span, ms. */
  readonly at: number;
  readonly value: number | null;
  /** Share of its inputs' report intervals that hold a good reading, of the least complete input; 0 to 1. */
  readonly completeness: number;
  readonly inputs: readonly InputState[];
  /** Versions of the standard that were used. */
  readonly standards: readonly string[];
  /** Attributes of the device that were used, with what they were. */
  readonly attributes: Readonly<Record<string, readonly (string | number)[]>>;
  /** Why it could not be computed; null when it could. */
  readonly fault: string | null;
}

export const FAULT_LENGTH_MAX = 300;

/** The first place whose time is not before `at`. */
function firstAt(rows: readonly InputRow[], at: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as InputRow).at < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Readings of one quantity of a device. */
export class Readings implements InputReadings {
  readonly rows: readonly InputRow[];
  readonly #measured: readonly Measured[];

  constructor(rows: readonly InputRow[], measured: readonly Measured[]) {
    this.rows = rows;
    this.#measured = measured;
  }

  /** Picks a quantity's readings out of rows, each from the equipment that stood there then. */
  static of(rows: readonly RangeRow[], measured: readonly Measured[]): Readings {
    const own: InputRow[] = [];
    let n = 0;
    for (const { at, values, quality } of rows) {
      while (n < measured.length && (measured[n] as Measured).to <= at) n++;
      const by = measured[n];
      if (by === undefined) break;
      const value = at >= by.from ? values[by.metric] : undefined;
      if (value !== undefined) own.push({ at, value, quality: quality[by.metric] ?? 'good' });
    }
    return new Readings(own, measured);
  }

  between(from: number, to: number): readonly InputRow[] {
    return this.rows.slice(firstAt(this.rows, from), firstAt(this.rows, to));
  }

  validity(from: number, to: number): { expected: number; valid: number } {
    let expected = 0;
    let valid = 0;
    for (const one of this.#measured) {
      const start = Math.max(from, one.from);
      const end = Math.min(to, one.to);
      if (start >= end) continue;
      expected += (end - start) / one.reportEveryMs;
      let last = Number.NaN;
      for (let n = firstAt(this.rows, start); n < this.rows.length; n++) {
        const row = this.rows[n] as InputRow;
        if (row.at >= end) break;
        const interval = Math.floor((row.at - from) / one.reportEveryMs);
        if (row.quality !== 'good' || interval === last) continue;
        last = interval;
        valid++;
      }
    }
    const whole = Math.max(1, Math.floor(expected + 1e-9));
    return { expected: whole, valid: Math.min(valid, whole) };
  }

  reportEvery(from: number, to: number): number {
    const there = this.#measured.filter((one) => one.from < to && one.to > from);
    return there.reduce((longest, one) => Math.max(longest, one.reportEveryMs), 0);
  }

  /** What of it lies in a window. */
  within({ from, to }: Span): Readings {
    return new Readings(this.between(from, to), this.#measured);
  }

  digest(): string {
    const hash = createHash('sha256');
    const numbers = new Float64Array(this.rows.length * 2);
    const words: string[] = [];
    this.rows.forEach(({ at, value, quality }, n) => {
      numbers[n * 2] = at;
      numbers[n * 2 + 1] = value;
      if (quality !== 'good') words.push(`${n}${quality}`);
    });
    return hash.update(numbers).update(words.join(' ')).digest('base64url').slice(0, 22);
  }
}

/** The inputs of a figure for a device, of rows in order of time that hold every window asked for later. */
export function readingsOf(
  figure: Figure,
  circumstances: Circumstances,
  rows: readonly RangeRow[],
): ReadonlyMap<string, Readings> {
  return new Map(
    figure.inputs.map(({ name, quantity }) => [
      name,
      Readings.of(rows, circumstances.measured(quantity)),
    ]),
  );
}

/** Whether the device has ever measured what the figure needs. */
export const applies = (figure: Figure, circumstances: Circumstances): boolean =>
  figure.inputs.every(({ quantity }) => circumstances.measured(quantity).length > 0);

/** What `compute` is given, and what it used of it. */
class Used implements Facts {
  readonly span: Span;
  readonly standards = new Set<string>();
  readonly attributes: Record<string, (string | number)[]> = {};
  readonly #figure: Figure;
  readonly #inputs: ReadonlyMap<string, Readings>;
  readonly #circumstances: Circumstances;

  constructor(
    figure: Figure,
    span: Span,
    inputs: ReadonlyMap<string, Readings>,
    circumstances: Circumstances,
  ) {
    this.span = span;
    this.#figure = figure;
    this.#inputs = inputs;
    this.#circumstances = circumstances;
  }

  // Figures take these out of what they are given, as names of their own.
  readonly readings = (name: string): InputReadings => {
    const found = this.#inputs.get(name);
    if (found === undefined) throw new Error(`BUG: ${this.#figure.id} has no input ${name}`);
    return found;
  };

  readonly attribute = (key: string, at: number): string | number | undefined => {
    if (this.#figure.attributes?.includes(key) !== true)
      throw new Error(`BUG: ${this.#figure.id} does not list the attribute ${key}`);
    const value = this.#circumstances.attribute(key, at);
    this.attributes[key] ??= [];
    if (value !== undefined && this.attributes[key].includes(value) !== true)
      this.attributes[key].push(value);
    return value;
  };

  readonly standard: Facts['standard'] = (standard, at) => {
    const own = this.#figure.standard;
    // A figure names the standard as it ships, and is judged by it as the county has it.
    if (own?.id !== standard.id)
      throw new Error(`BUG: ${standard.id} is not the standard of ${this.#figure.id}`);
    const version = versionAt(own as typeof standard, at);
    this.standards.add(version.version);
    return version;
  };
}

/** The result over one span. What the figure throws is its fault, and kept as such: it harms nobody else. */
export function computeSpan(
  figure: Figure,
  span: Span,
  readings: ReadonlyMap<string, Readings>,
  circumstances: Circumstances,
): Result {
  const around = window(figure, span);
  const inputs = new Map([...readings].map(([name, one]) => [name, one.within(around)]));
  const states = [...inputs].map(([name, one]) => ({
    name,
    ...one.validity(span.from, span.to),
    rows: one.rows.length,
    digest: figure.keep === 'stored' ? one.digest() : '',
  }));
  const used = new Used(figure, span, inputs, circumstances);
  let value: number | null = null;
  let fault: string | null = null;
  try {
    value = figure.compute(used);
    if (value !== null && !Number.isFinite(value)) throw new Error(`the result is ${value}`);
  } catch (error) {
    value = null;
    fault = (error instanceof Error ? error.message : String(error)).slice(0, FAULT_LENGTH_MAX);
  }
  return {
    at: span.from,
    value,
    completeness: Math.min(...states.map(({ valid, expected }) => valid / expected)),
    inputs: states,
    standards: [...used.standards],
    attributes: used.attributes,
    fault,
  };
}
