/** Looks at stores without changing anything in them, whether a server has them open or not. */
export { checkQueryEngine } from './engine.ts';
export { holderOf } from './holder.ts';
export {
  inspectJournal,
  type JournalInspection,
  type ListedFile,
  orphanOf,
  proveFiles,
} from './journal.ts';
export {
  inspectPostgres,
  inspectSqlite,
  type PostgresInspection,
  type SqliteInspection,
} from './relational.ts';
