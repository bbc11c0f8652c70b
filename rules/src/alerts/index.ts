/** The life of an alert: its tables, and what is put down of what the engine tells. */
export {
  type ChangedAlert,
  countBySeverity,
  Keeper,
  type KeeperCounters,
  type ToldTransition,
} from './keeper.ts';
export {
  type AlertTable,
  alertMigrations,
  alertTables,
  RULES,
  type StepDetail,
  suppressionsOf,
} from './tables.ts';
