/** The engine: judges readings by rules, the present and the past alike. */
export { type Directory, Engine, type EngineCounters, type EngineOptions } from './engine.ts';
export { type Columns, History, type Interval } from './history.ts';
export type { LimitOf, RuleSubject } from './program-types.ts';
export { type EngineState, fromBytes, toBytes } from './snapshot.ts';
export type * from './transition.ts';
