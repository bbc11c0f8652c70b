/** What every part of the server registers with: modules with their routes, rights, jobs and metrics. */

export { Ages, type AgesOptions } from './ages.ts';
export { type AsReceived, type CorrectedRow, corrected } from './corrections/apply.ts';
export {
  type Author,
  Corrections,
  type CorrectionsOptions,
  type DeviceFacts,
  REPORTED_AFTER_MS,
} from './corrections/corrections.ts';
export { type CorrectedLatest, correctedLatest } from './corrections/latest.ts';
export { type Preview, preview } from './corrections/preview.ts';
export {
  CorrectedQueries,
  type DeviceBooks,
  receivedQueries,
  type View,
  type ViewCompleteness,
  type ViewQueries,
  type ViewRow,
} from './corrections/queries.ts';
export {
  type Saying,
  STATEMENT_KINDS,
  type Statement,
  StatementBook,
  type StatementKind,
} from './corrections/statement.ts';
export {
  CORRECTIONS_CHANNEL,
  correctionTables,
  STATEMENT_STATES,
  type StoredStatement,
} from './corrections/tables.ts';
export { asker, SYSTEM, workFor } from './fair/asker.ts';
export { FairQueries } from './fair/fair-queries.ts';
export { Turns, type TurnsOptions } from './fair/turns.ts';
export * from './figures/index.ts';
export { type JobState, listJobs } from './jobs/job-table.ts';
export { Jobs, type JobsOptions } from './jobs/jobs.ts';
export { jobsModule } from './jobs/module.ts';
export { every, nightly, type Schedule, untilNight } from './jobs/schedule.ts';
export { MarkedPlace } from './marked-place.ts';
export { type Metric, type MetricGroup, metricGroup, type Sample } from './metrics.ts';
export {
  type Command,
  type CommandTools,
  defineModule,
  type Job,
  type JobRun,
  type Logger,
  type Module,
  type ModuleParts,
  type Platform,
  relationalModulesOf,
  type Tick,
} from './module.ts';
export {
  cursorOf,
  instant,
  lasting,
  list,
  notFound,
  openCursor,
  pageByKey,
  span,
} from './query.ts';
export { type ModuleReader, type ReadersOptions, runReaders } from './readers.ts';
export { type RightDefinition, RightsTable } from './rights.ts';
export {
  type AnyRoute,
  answer,
  type Call,
  type Caller,
  type Conditions,
  type Headers,
  Problem,
  problem,
  Reply,
  type Route,
  route,
  TakeOver,
  takeOver,
} from './route.ts';
export * from './standards/index.ts';
