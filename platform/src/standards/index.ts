/** Standards as data: limits, grades and thresholds with their validity, and the one question for rules, figures and pages. */
export type { StandardsFault } from './county/file.ts';
export { loadStandards } from './county/load.ts';
export {
  type Grade,
  type GradeAnswer,
  type GradeStandard,
  gradeIn,
} from './grades.ts';
export {
  isBeyond,
  isKnown,
  type KnownLimit,
  type LimitAnswer,
  type LimitQuestion,
  limitIn,
  limitInVersion,
  type Missing,
  type UnknownLimit,
} from './limit-for.ts';
export type {
  Bound,
  Conditions,
  LimitClass,
  LimitRow,
  LimitStandard,
  LimitTable,
  Water,
} from './limits.ts';
export {
  COLOUR_NAMES,
  COLOURS,
  type Colour,
  ELEMENTS,
  type Signal,
  type SignalStandard,
} from './signals.ts';
export {
  beijingDay,
  type CountyMark,
  defineStandard,
  PERIODS,
  type Period,
  type Standard,
  type StandardVersion,
  versionAt,
} from './standard.ts';
export {
  builtinStandards,
  type DeviceQuestion,
  type StandardEntry,
  Standards,
  type VersionEntry,
} from './standards.ts';
export { gb3095 } from './tables/gb-3095.ts';
export { type AnyStandard, TABLES } from './tables/index.ts';
