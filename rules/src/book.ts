/** The rules that hold now. */
import type { Rule, RuleSet } from './model.ts';

export const NO_RULES: RuleSet = { name: 'none', owner: null, rules: [], inhibit: [] };

export class RuleBook {
  readonly #byId: ReadonlyMap<string, Rule>;
  readonly set: RuleSet;

  constructor(set: RuleSet = NO_RULES) {
    this.set = set;
    this.#byId = new Map(set.rules.map((rule) => [rule.id, rule]));
  }

  find(id: string): Rule | undefined {
    return this.#byId.get(id);
  }
}
