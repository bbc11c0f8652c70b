/** The reader of the journal that judges what comes by the rules, and puts down what they find. */
export { endLate, type LateMark, lateMarks } from './late.ts';
export { type ReaderCounters, RulesReader, type RulesReaderOptions } from './reader.ts';
export { Snapshots, type SnapshotsOptions } from './snapshots.ts';
export { Subjects } from './subjects.ts';
