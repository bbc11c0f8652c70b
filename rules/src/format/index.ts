/** Rules as data: from YAML to a checked set of rules and back. */
export { checkAgainst } from './check.ts';
export type { Known } from './known.ts';
export { faultText, type ReadOptions, type ReadRules, RULES_TEXT_MAX, readRules } from './read.ts';
export { type Placeholder, placeholdersOf } from './rule/placeholders.ts';
export { type RulesFile, rulesJsonSchema } from './schema.ts';
export type { Found, RuleFault } from './shape/fault.ts';
export { seriesValues } from './tests/notation.ts';
export { ruleFile, rulesFileOf, toYaml } from './write.ts';
