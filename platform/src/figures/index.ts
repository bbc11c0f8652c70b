/** The machine of figures: what one is, how it is computed, and how it is asked for. */
export {
  type FigureItem,
  Figures,
  type FiguresOptions,
  type Former,
  type Opened,
  versionOf,
} from './answers.ts';
export { AreaFigures, type OpenedArea } from './areas/answers.ts';
export {
  AreaComparison,
  type AreaDifference,
  type AreaValue,
} from './areas/compare.ts';
export { areaOf, isAreaKey } from './areas/keys.ts';
export { AreaSources } from './areas/sources.ts';
export { AreaWork } from './areas/work.ts';
export { definitionOf, figuresBy } from './by-standards.ts';
export { Circumstances } from './circumstances.ts';
export { computeSpan, Readings, type Result } from './compute.ts';
export { dayOf, dayStart, FIGURE_SPANS, type FigureSpan, lastDeletedDay, runsOf } from './days.ts';
export {
  type AnyFigure,
  type AreaFacts,
  type AreaFigure,
  defineFigure,
  type Facts,
  type Figure,
  type FigureInput,
  type InputReadings,
  type InputRow,
  isOfArea,
  type Station,
} from './figure.ts';
export { type SourceOptions, Sources, type Statements, statementsOf } from './sources.ts';
export {
  type CheckOptions,
  type CheckResult,
  catchUp,
  checkFigures,
} from './stored/check.ts';
export {
  askCheck,
  type CheckState,
  checkState,
  FigureChecks,
  withdrawCheck,
} from './stored/checks.ts';
export { Marks, type MarksOptions } from './stored/marks.ts';
export { FIGURES, figureMigrations, type Reason } from './stored/tables.ts';
export { FigureWork, type WorkOptions } from './stored/work.ts';
