import { readdirSync } from 'node:fs';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import { expect, it } from 'vitest';
import { joined, RuleBook } from './book.ts';
import { builtinRules, loadRules, ruleFilesIn } from './catalog.ts';
import { rule, threshold } from './engine/testing.ts';
import type { Inhibition, Rule, RuleSet } from './model.ts';

const own = (id: string, more: Partial<Rule> = {}): Rule =>
  rule([{ severity: 'minor', when: threshold('>', 1) }], { id, ...more });
const by = (source: string, ...rules: string[]): Inhibition => ({
  ...{ source: { rule: source }, targets: 'same-device', kinds: [], rules },
});
const set = (rules: readonly Rule[], inhibit: readonly Inhibition[] = []): RuleSet => ({
  ...{ name: 'x', owner: null, rules, inhibit },
});

it('puts causes before what they keep back, whichever file they are in, and leaves the rest in order', () => {
  const silent = own('silent', { subject: { kind: 'watch', watch: 'device-silent' } });
  const sets = [
    set([own('a'), silent, own('b')], [by('power', 'b', 'gateway')]),
    set(
      [own('c'), own('gateway'), own('power')],
      [{ ...by('gateway'), targets: 'behind-gateway', kinds: ['silence'] }],
    ),
  ];
  expect(joined(sets).rules.map(({ id }) => id)).toEqual([
    ...['power', 'gateway', 'a', 'silent', 'b', 'c'],
  ]);
  expect(joined(sets).inhibit).toHaveLength(2);
  // What keeps each other back is refused where it is read; here it ends.
  expect(joined([set([own('a'), own('b')], [by('a', 'b'), by('b', 'a')])]).rules).toHaveLength(2);
});

it('has every ready-made rule, each once', () => {
  const { profiles } = loadCatalog([builtinCatalog]);
  const faults: string[] = [];
  const known = { profiles: [...profiles.values()], standards: builtinStandards };
  const all = loadRules(ruleFilesIn(builtinRules), known, (fault) => faults.push(fault));
  expect(faults).toEqual([]);
  const ids = all.rules.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(all.name.split(' ')).toHaveLength(readdirSync(builtinRules).length);
  const book = new RuleBook(all);
  for (const { source } of all.inhibit) expect(book.find(source.rule)?.id).toBe(source.rule);
});

it('leaves a file with a fault out, and tells each with its place', () => {
  const faults: string[] = [];
  const all = loadRules(
    ruleFilesIn(builtinRules),
    { profiles: [], standards: builtinStandards },
    (fault) => faults.push(fault),
  );
  expect(faults.length).toBeGreaterThan(3);
  expect(faults[0]).toMatch(/\.yaml:\d+:\d+: /);
  expect(all.rules.length).toBeLessThan(49);
});
