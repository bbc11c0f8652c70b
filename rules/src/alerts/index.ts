/** The life of an alert: its tables, what is put down of what the engine tells, and what people do with it. */
export { AlertFeed } from './feed.ts';
export { type Doer, Handling } from './handling.ts';
export {
  type ChangedAlert,
  countBySeverity,
  Keeper,
  type KeeperCounters,
  type ToldTransition,
} from './keeper.ts';
export { type AlertsQuery, findAlert, listAlerts, stepsOf } from './list.ts';
export {
  type AlertStepTable,
  type AlertTable,
  alertMigrations,
  alertTables,
  RULES,
  type StepDetail,
  suppressionsOf,
} from './tables.ts';
