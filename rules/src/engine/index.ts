/** The engine: judges readings by rules, the present and the past alike. */
export { Engine, type EngineCounters, type EngineOptions } from './engine.ts';
export { type Columns, History, type Interval } from './history.ts';
export type { Directory } from './others.ts';
export type { LimitOf, RuleSubject } from './program-types.ts';
export { fromBytes, recordOf, recordsIn, toBytes } from './snapshot.ts';
export type { EngineState, OpenAlert, StatePart } from './standing.ts';
export type * from './transition.ts';
