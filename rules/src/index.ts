/** Alert rules, the engine that judges readings by them, the life of an alert, and how it reaches people. */
export * from './alerts/index.ts';
export { joined, NO_RULES, RuleBook } from './book.ts';
export { builtinRules, loadRules, ruleFilesIn } from './catalog.ts';
export * from './channels/index.ts';
export * from './engine/index.ts';
export * from './format/index.ts';
export * from './language/index.ts';
export { limitsOf } from './limits.ts';
export * from './model.ts';
export * from './reader/index.ts';
export type * from './testing-model.ts';
