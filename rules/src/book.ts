/** The rules that hold now. */
import type { Inhibition, Rule, RuleSet } from './model.ts';

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

/** One set of several. What may keep the news of others back comes before those, so that of what begins at one moment the cause is known first. */
export function joined(sets: readonly RuleSet[]): RuleSet {
  const inhibit = sets.flatMap((set) => set.inhibit);
  const rules = sets.flatMap((set) => set.rules);
  const causes = new Map(rules.map((rule) => [rule.id, causesOf(rule, inhibit)]));
  const rankOf = (id: string, below: ReadonlySet<string> = new Set()): number => {
    if (below.has(id)) return 0;
    const own = new Set([...below, id]);
    return Math.max(0, ...(causes.get(id) ?? []).map((cause) => 1 + rankOf(cause, own)));
  };
  const isCause = new Set(inhibit.map(({ source }) => source.rule));
  const last = Number.POSITIVE_INFINITY;
  const rank = new Map(rules.map(({ id }) => [id, isCause.has(id) ? rankOf(id) : last]));
  const ranked = (rule: Rule): number => rank.get(rule.id) ?? last;
  // Those of one rank stay in their order.
  return {
    ...{ name: sets.map(({ name }) => name).join(' '), owner: null, inhibit },
    rules: rules.toSorted((a, b) => (ranked(a) === ranked(b) ? 0 : ranked(a) - ranked(b))),
  };
}

/** Rules that may keep its news back. */
function causesOf({ id, subject }: Rule, inhibit: readonly Inhibition[]): string[] {
  const isSilence =
    subject.kind === 'watch' &&
    (subject.watch === 'device-silent' || subject.watch === 'device-never-seen');
  return inhibit
    .filter(({ kinds, rules }) => rules.includes(id) || (isSilence && kinds.includes('silence')))
    .map(({ source }) => source.rule);
}
