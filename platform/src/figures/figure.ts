/**
 * What a figure is: a value that somebody is told (a mean, a verdict, an index), computed by a pure function from readings in
 * order of time and from what held of the device then, so that it never depends on the order in which anything arrived.
 */
import type { Label, Quality, QuantityId } from '@village/core';
import type { Period, Standard, StandardVersion } from '../standards/standard.ts';
import type { FigureSpan, Span } from './days.ts';

export interface InputRow {
  readonly at: number;
  readonly value: number;
  readonly quality: Quality;
}

/** How many report intervals a stretch of time has, and how many of them hold a good reading. */
export interface Validity {
  readonly expected: number;
  readonly valid: number;
}

/** Readings of one quantity of the device, corrected, over the span and what the figure looks at around it. */
export interface InputReadings {
  /** In order of time, each time once, whatever their quality. */
  readonly rows: readonly InputRow[];
  /** Those of a part, from ≤ at < to. */
  between(from: number, to: number): readonly InputRow[];
  /** One interval is expected at least, also of a device that reports less often. */
  validity(from: number, to: number): Validity;
  /** The longest report interval of what measured in a part, ms; 0 where nothing did. */
  reportEvery(from: number, to: number): number;
}

/** What a figure is computed from. */
export interface Facts {
  readonly span: Span;
  /** The readings of an input, by the input's name. */
  readings(name: string): InputReadings;
  /** What was said of the device at that time; undefined when nothing. Only attributes that the figure lists. */
  attribute(key: string, at: number): string | number | undefined;
  /** The version of the figure's standard that held at that time. Which ones were used is kept with the result. */
  standard<Data>(standard: Standard<Data>, at: number): StandardVersion<Data>;
}

export interface FigureInput {
  readonly name: string;
  readonly quantity: QuantityId;
}

/** A figure of a device. */
export interface Figure {
  readonly of?: 'device';
  /** Kebab-case; after a colon what it is of, where there is one for each quantity: `hourly-mean:air.pm25`. */
  readonly id: string;
  /** Raised when the same inputs may give another result. */
  readonly version: number;
  readonly title: Label;
  readonly span: FigureSpan;
  /** `stored` for what reports and verdicts rest on: it is kept with what it was computed from, and with what it was before. */
  readonly keep: 'computed' | 'stored';
  readonly unit: string;
  readonly standard?: Standard<unknown>;
  /** Of what its limits are, for whoever opens the figure; all that the standard has where absent. */
  readonly limitPeriod?: Period;
  readonly inputs: readonly [FigureInput, ...FigureInput[]];
  /** Keys of attributes of the device that it depends on. */
  readonly attributes?: readonly string[];
  /** How far before and after its span it looks, ms, in whole hours. */
  readonly lookBehind?: number;
  readonly lookAhead?: number;
  /** What is assumed where no standard says, or nobody has held it against one; told to whoever opens a figure. */
  readonly assumptions?: readonly Label[];
  /** Pure. Null where the inputs are too few for a value. */
  compute(facts: Facts): number | null;
}

/** What a figure of a device came to, one of its spans that lie in the span of an area's figure. */
export interface StationValue {
  readonly at: number;
  readonly value: number | null;
  readonly completeness: number;
}

/** A device that stood in the area in the span: what its figure came to while it stood there, in order of time. */
export interface Station {
  readonly device: string;
  readonly values: readonly StationValue[];
}

/** What a figure of an area is computed from. */
export interface AreaFacts {
  readonly span: Span;
  /** Every device that stood there and measures what the input is of, by id; also those that gave no value. */
  stations(name: string): readonly Station[];
  /** The version of the figure's standard that held at that time. Which ones were used is kept with the result. */
  standard<Data>(standard: Standard<Data>, at: number): StandardVersion<Data>;
}

export interface AreaInput {
  readonly name: string;
  readonly figure: Figure;
}

/** A figure of an area: of what the devices gave that stood in it or below at that time. */
export interface AreaFigure
  extends Omit<Figure, 'of' | 'inputs' | 'attributes' | 'lookBehind' | 'lookAhead' | 'compute'> {
  readonly of: 'area';
  readonly inputs: readonly [AreaInput, ...AreaInput[]];
  /** Pure. Null where the stations are too few for a value. */
  compute(facts: AreaFacts): number | null;
}

export type AnyFigure = Figure | AreaFigure;

export const isOfArea = (figure: AnyFigure): figure is AreaFigure => figure.of === 'area';

const ID = /^[a-z0-9]+(-[a-z0-9]+)*(:[a-z0-9]+([.-][a-z0-9]+)*)?$/;
const HOUR = 3_600_000;
const LOOK_MAX = 24 * HOUR;

/** Dies of a figure that can't be. */
function checkFigure({ id, version, inputs }: AnyFigure, fault: string | null): void {
  const wrong = !ID.test(id)
    ? 'is no id'
    : !(Number.isInteger(version) && version >= 1)
      ? 'has no version'
      : new Set(inputs.map(({ name }) => name)).size !== inputs.length
        ? 'has two inputs of one name'
        : fault;
  if (wrong !== null) throw new Error(`BUG: the figure ${id} ${wrong}`);
}

/** Dies of a figure that can't be. What is raised in a figure raises the figures of areas that are made of it. */
export function defineFigure(figure: Figure): Figure;
export function defineFigure(figure: AreaFigure): AreaFigure;
export function defineFigure(figure: AnyFigure): AnyFigure {
  if (isOfArea(figure)) {
    const longer = figure.inputs.some(
      (input) => figure.span === 'hour' && input.figure.span === 'day',
    );
    checkFigure(figure, longer ? 'is of an hour and made of days' : null);
    const raised = figure.inputs.reduce((sum, input) => sum + input.figure.version - 1, 0);
    return { ...figure, version: figure.version + raised };
  }
  const { lookBehind = 0, lookAhead = 0 } = figure;
  const looks = [lookBehind, lookAhead].every((ms) => ms >= 0 && ms <= LOOK_MAX && ms % HOUR === 0);
  checkFigure(figure, looks ? null : 'looks around by no whole hours, or more than a day');
  return figure;
}

/** All that a figure reads to compute a span. */
export const window = ({ lookBehind = 0, lookAhead = 0 }: Figure, { from, to }: Span): Span => ({
  from: from - lookBehind,
  to: to + lookAhead,
});
