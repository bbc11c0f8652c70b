/** Figures as they are asked for: over a span of time, and one opened to what it was computed from. */
import { OperationalError } from '@village/core';
import type { Measured } from './circumstances.ts';
import { applies, type InputState, type Result } from './compute.ts';
import { dayOf, lengthOf, type Span } from './days.ts';
import { type Figure, type InputRow, window } from './figure.ts';
import type { Sources } from './sources.ts';

/** A figure as it was before, and why it is another now. */
export interface Former {
  readonly value: number | null;
  readonly completeness: number;
  readonly version: string;
  readonly corrections: readonly number[];
  readonly computedAt: number;
  readonly replacedAt: number;
  readonly reasons: readonly string[];
}

export interface FigureItem {
  readonly at: number;
  readonly value: number | null;
  readonly completeness: number;
  /** Versions of the standard that were used; of a figure without one its own. */
  readonly version: string;
  /** Statements that touch its inputs. */
  readonly corrections: readonly number[];
  /** False while its span goes on: it may change with every reading. */
  readonly closed: boolean;
  readonly fault: string | null;
}

/** One input of a figure, with every reading. */
export interface OpenedInput extends InputState {
  readonly quantity: string;
  readonly measured: readonly Measured[];
  readonly rows: number;
  readonly readings: readonly InputRow[];
}

/** A figure opened to what it was computed from. */
export interface Opened {
  readonly item: FigureItem;
  readonly result: Result;
  /** What it looked at. */
  readonly window: Span;
  readonly inputs: readonly OpenedInput[];
}

/** Values of one answer. */
const ITEMS_MAX = 20_000;

/** What a result is cited as. */
export function versionOf(figure: Figure, { standards }: Pick<Result, 'standards'>): string {
  return standards.length > 0 ? standards.join(' + ') : String(figure.version);
}

export interface FiguresOptions {
  readonly figures: readonly Figure[];
  readonly sources: Sources;
  readonly clock: () => number;
}

export class Figures {
  readonly #figures: ReadonlyMap<string, Figure>;
  readonly #options: FiguresOptions;

  constructor(options: FiguresOptions) {
    this.#options = options;
    this.#figures = new Map(options.figures.map((figure) => [figure.id, figure]));
    if (this.#figures.size !== options.figures.length)
      throw new Error('BUG: two figures have one id');
  }

  /** @throws unknown-figure */
  figure(id: string): Figure {
    const found = this.#figures.get(id);
    if (found === undefined) throw new OperationalError('unknown-figure', `no such figure: ${id}`);
    return found;
  }

  /** Those whose inputs the device measures or has measured. */
  async of(device: string): Promise<Figure[]> {
    const held = await this.#options.sources.circumstances(device);
    return this.#options.figures.filter((figure) => applies(figure, held));
  }

  #item(figure: Figure, device: string, result: Result): FigureItem {
    const { sources, clock } = this.#options;
    const span = { from: result.at, to: result.at + lengthOf(figure.span) };
    const { at, value, completeness, fault } = result;
    return {
      at,
      value,
      completeness,
      version: versionOf(figure, result),
      corrections: sources.statements.touching(device, window(figure, span)),
      closed: span.to <= clock(),
      fault,
    };
  }

  /**
   * The values whose spans begin in a stretch of time and have begun by now, in order.
   * @throws too-many-buckets, not-measured
   */
  async values(
    figure: Figure,
    device: string,
    stretch: Span,
    signal?: AbortSignal,
  ): Promise<FigureItem[]> {
    const { sources, clock } = this.#options;
    const to = Math.min(stretch.to, clock());
    if ((to - stretch.from) / lengthOf(figure.span) > ITEMS_MAX)
      throw new OperationalError('too-many-buckets', `from: more than ${ITEMS_MAX} values`);
    const held = await sources.circumstances(device);
    if (!applies(figure, held)) throw notMeasured(figure, device);
    if (stretch.from >= to) return [];
    const items: FigureItem[] = [];
    const end = dayOf(to - 1) + 1;
    for await (const [, result] of sources.compute(
      [figure],
      held,
      dayOf(stretch.from),
      end,
      signal,
    ))
      if (result.at >= stretch.from && result.at < to)
        items.push(this.#item(figure, device, result));
    return items;
  }

  /** The value whose span holds an instant, opened. @throws not-measured, not-found when that is in the future */
  async open(figure: Figure, device: string, at: number, signal?: AbortSignal): Promise<Opened> {
    const { sources, clock } = this.#options;
    if (at > clock()) throw new OperationalError('not-found', 'that time has not come');
    const held = await sources.circumstances(device);
    if (!applies(figure, held)) throw notMeasured(figure, device);
    const opened = await sources.open(figure, held, at, signal);
    const { result, readings } = opened;
    const span = { from: result.at, to: result.at + lengthOf(figure.span) };
    return {
      item: this.#item(figure, device, result),
      result,
      window: window(figure, span),
      inputs: figure.inputs.map(({ name, quantity }, n) => ({
        ...(result.inputs[n] as InputState),
        quantity,
        measured: held
          .measured(quantity)
          .filter(({ from, to }) => from < span.to && to > span.from),
        readings:
          readings.get(name)?.between(window(figure, span).from, window(figure, span).to) ?? [],
      })),
    };
  }
}

const notMeasured = (figure: Figure, device: string): OperationalError =>
  new OperationalError(
    'not-measured',
    `${device} has never measured what ${figure.id} is computed from, or by two sensors at once`,
  );
