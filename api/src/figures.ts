/** Figures: values that somebody is told, computed from readings, each openable to what it was computed from. */
import { type Static, type TProperties, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AsReceived,
  Code,
  exactly,
  Id,
  Instant,
  Label,
  orNull,
  QualityWord,
  Text,
  Time,
  words,
} from './shapes.ts';

const StandardRef = Type.Object({ id: Type.String(), title: Label });

/** Why a figure is another than it was. */
export const FigureReason = words([
  'late-data',
  'correction',
  'circumstances',
  'definition',
  'check',
  'rebuild',
  'retry',
]);

const value = {
  value: orNull(Type.Number()),
  /** 0 to 1, of its least complete input. */
  completeness: Type.Number(),
  version: Type.String(),
  corrections: Type.Array(Type.Integer()),
};

/** What it was before. */
export const FormerFigure = Type.Object({
  ...value,
  computedAt: Time,
  replacedAt: Time,
  reasons: Type.Array(FigureReason),
});
export type FormerFigure = Static<typeof FormerFigure>;

const item = {
  at: Time,
  ...value,
  closed: Type.Boolean(),
  fault: Type.Optional(Type.String()),
  previous: Type.Optional(FormerFigure),
};
export const FigureItem = Type.Object(item);
export type FigureItem = Static<typeof FigureItem>;

export const FigureDefinition = Type.Object({
  figure: Type.String(),
  of: words(['device', 'area']),
  title: Label,
  span: words(['hour', 'day']),
  keep: words(['computed', 'stored']),
  unit: Type.String(),
  quantities: Type.Array(Type.String()),
  standard: orNull(StandardRef),
});
export type FigureDefinition = Static<typeof FigureDefinition>;

export const FigureValues = Type.Object({
  figure: Type.String(),
  unit: Type.String(),
  standard: orNull(StandardRef),
  items: Type.Array(FigureItem),
});
export type FigureValues = Static<typeof FigureValues>;

/** A device that stood in the area in the span of an area's figure, and what its own figure came to there. */
export const FigureStation = Type.Object({
  device: Type.String(),
  /** Absent when the device stands outside the caller's area by now: it can't be opened then. */
  name: Type.Optional(Type.String()),
  opens: Type.Boolean(),
  /** When it stood in the area; null is open. */
  stays: Type.Array(Type.Object({ from: orNull(Time), to: orNull(Time) })),
  values: Type.Array(Type.Object({ at: Time, ...value, fault: Type.Optional(Type.String()) })),
});
export type FigureStation = Static<typeof FigureStation>;

export const ExplainedFigure = Type.Object({
  ...item,
  definition: FigureDefinition,
  /** The version of the figure itself. */
  definitionVersion: Type.Integer(),
  unit: Type.String(),
  to: Time,
  /** Versions of the standard that were used. */
  standards: Type.Array(
    Type.Object({
      version: Type.String(),
      from: Time,
      source: Label,
      verified: Type.Boolean(),
      /** What it sets on the quantities that the figure is computed from. */
      limits: Type.Array(
        Type.Object({
          quantity: Type.String(),
          unit: Type.String(),
          name: Label,
          value: Type.Number(),
        }),
      ),
    }),
  ),
  attributes: Type.Record(Type.String(), Type.Array(Type.String())),
  assumptions: Type.Array(Label),
  inputs: Type.Array(
    Type.Object({
      name: Type.String(),
      quantity: Type.String(),
      unit: Type.String(),
      expected: Type.Integer(),
      valid: Type.Integer(),
      measured: Type.Array(
        Type.Object({
          metric: Type.String(),
          /** Seconds; so often a reading is expected. */
          reportEvery: Type.Number(),
          from: orNull(Time),
          to: orNull(Time),
        }),
      ),
      readings: Type.Array(
        Type.Object({
          at: Time,
          value: Type.Number(),
          quality: Type.Optional(QualityWord),
          /** Where corrections speak of it. */
          received: Type.Optional(AsReceived),
        }),
      ),
      /** How many there are; `readings` are the first of them. */
      count: Type.Integer(),
      /** Of a figure of an area: the figure of its devices, and the first thousand devices. `expected` and `valid` count their values. */
      figure: Type.Optional(Type.String()),
      stations: Type.Optional(Type.Array(FigureStation)),
      stationCount: Type.Optional(Type.Integer()),
    }),
  ),
  history: Type.Array(FormerFigure),
});
export type ExplainedFigure = Static<typeof ExplainedFigure>;

const asked = <T extends TProperties>(more: T) =>
  exactly({
    figure: Text,
    device: Type.Optional(Id),
    area: Type.Optional(Code),
    ...more,
  });

export const list = endpoint({
  method: 'GET',
  path: '/figures/of',
  right: 'figures.read',
  summary: 'Which figures there are of a device or of an area',
  notes: 'Of an area those that its devices measure the inputs of, or did while they stood there',
  tags: ['figures'],
  query: exactly({ device: Type.Optional(Id), area: Type.Optional(Code) }),
  answers: { 200: Type.Object({ items: Type.Array(FigureDefinition) }) },
});

export const values = endpoint({
  method: 'GET',
  path: '/figures',
  right: 'figures.read',
  summary: 'Values of a figure over time',
  notes:
    'Spans that begin in from ≤ at < to and have begun by now; days are those of Beijing. `version` names the versions of the ' +
    'standard that were used, of a figure without one its own; `completeness` is the share of report intervals that hold a ' +
    'good reading; `value` is null where that is too little; `closed` is false while the span goes on. `previous` is what a ' +
    'stored figure was before. A figure of an area (`of` in `/figures/of`) is asked for with `area` and is of the devices that ' +
    'stood in it or below at that time, by the present tree of areas; its `completeness` is the share of their values that are ' +
    'there. 503 `figures-busy` when too many ask at once. 422 `unknown-figure`, `not-measured`, `answer-too-large` when the values would name more than a million corrections, 400 `bad-request` for a device with a figure of areas or the other way round, ' +
    '400 `range-too-wide` when an area has more readings in that time than one answer is computed from',
  tags: ['figures'],
  query: asked({ from: Instant, to: Instant }),
  answers: { 200: FigureValues },
});

export const explain = endpoint({
  method: 'GET',
  path: '/figures/explain',
  right: 'figures.read',
  summary: 'One value of a figure, opened to what it was computed from',
  notes:
    'The value whose span holds `at`: its inputs with flags, corrections, standard, attributes and what it was before. Of an ' +
    "area's figure the inputs are devices (`stations`): each value opens with `device` and the input's `figure`. " +
    'The bytes behind a reading are at `/frames` by device and time, those of one with `received` by the device and time of that',
  tags: ['figures'],
  query: asked({ at: Instant }),
  answers: { 200: ExplainedFigure },
});
