/** What makes alerts no news: causes and what depends on them, and that no cause depends on itself. */
import type { Inhibition, Rule } from '../../model.ts';
import type { InhibitionFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';
import { meant } from '../shape/nearest.ts';

/** Rules that an inhibition by kind means: those that say that nothing comes. Alerts for lack of data of other rules end no chain. */
const isSilence = ({ subject }: Rule): boolean =>
  subject.kind === 'watch' &&
  (subject.watch === 'device-silent' || subject.watch === 'device-never-seen');

function targetsOf({ source, kinds, rules }: Inhibition, all: readonly Rule[]): string[] {
  const silent = kinds.includes('silence') ? all.filter(isSilence).map(({ id }) => id) : [];
  // By kind nothing inhibits itself; by name it would.
  return [...silent.filter((id) => id !== source.rule), ...rules];
}

/** A cause that depends on itself, over others or not; null where there is none. */
function cycleOf(
  inhibitions: readonly Inhibition[],
  all: readonly Rule[],
  from: string,
): string[] | null {
  const walk = (rule: string, way: readonly string[]): string[] | null => {
    for (const inhibition of inhibitions) {
      if (inhibition.source.rule !== rule) continue;
      for (const target of targetsOf(inhibition, all)) {
        if (target === from) return [...way, target];
        const found = way.includes(target) ? null : walk(target, [...way, target]);
        if (found !== null) return found;
      }
    }
    return null;
  };
  return walk(from, [from]);
}

/** The inhibitions of a set; unknown rules and cycles are noted. `ids` are all rules, those with faults too. */
export function readInhibitions(
  files: readonly { readonly file: InhibitionFile; readonly index: number }[],
  rules: readonly Rule[],
  ids: ReadonlySet<string>,
  notes: Notes,
): Inhibition[] {
  const made = files.map(({ file, index }) => {
    const below = notes.below(index);
    const { source, targets, kinds = [], rules: named = [] } = file;
    const check = (rule: string, where: readonly (string | number)[]): void => {
      if (ids.has(rule)) return;
      const { zh, en } = meant(rule, ids);
      below.error('unknown-rule', where, `没有规则 ${rule}${zh}`, `there is no rule ${rule}${en}`);
    };
    check(source.rule, ['source', 'rule']);
    named.forEach((rule, i) => {
      check(rule, ['rules', i]);
    });
    if (kinds.length + named.length === 0)
      below.error(
        'inhibits-nothing',
        [],
        'kinds 和 rules 至少写一个',
        'needs kinds, rules or both',
      );
    return { source: { rule: source.rule }, targets, kinds, rules: named };
  });
  const told = new Set<string>();
  made.forEach(({ source }, i) => {
    const cycle = cycleOf(made, rules, source.rule);
    if (cycle === null || cycle.some((rule) => told.has(rule))) return;
    for (const rule of cycle) told.add(rule);
    notes.error(
      'cyclic-inhibition',
      [files[i]?.index ?? i],
      `互相抑制成环：${cycle.join(' → ')}`,
      `goes in a circle: ${cycle.join(' → ')}`,
    );
  });
  return made;
}
