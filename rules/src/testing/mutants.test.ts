import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import { describe, expect, it } from 'vitest';
import { builtinRules, ruleFilesIn } from '../catalog.ts';
import { type RulesFile, readRules, rulesFileOf } from '../format/index.ts';
import { limitsOf } from '../limits.ts';
import type { RuleSet } from '../model.ts';
import { testFile } from './files.ts';

const { profiles } = loadCatalog([builtinCatalog]);
const known = { profiles: [...profiles.values()], standards: builtinStandards };
const options = { profiles, limitOf: limitsOf(builtinStandards) };

/** Rules without a test: no type of device that ships measures what they look at. */
const UNTESTED = ['water-oxygen'];

interface Mutant {
  readonly what: string;
  /** Tests that name it are run. */
  readonly named: string;
  readonly file: RulesFile;
}

/** The file with one thing that a rule says left out, for each such thing. */
function mutantsOf(file: RulesFile): Mutant[] {
  const made: Mutant[] = [];
  const without = (what: string, named: string, cut: (copy: RulesFile) => void): void => {
    const copy = structuredClone(file);
    cut(copy);
    made.push({ what, named, file: copy });
  };
  file.rules.forEach((rule, i) => {
    if (UNTESTED.includes(rule.id)) return;
    for (const key of ['repeat', 'clearFor', 'latch'] as const)
      if (rule[key] !== undefined)
        without(`${rule.id} without ${key}`, rule.id, ({ rules }) => delete rules[i]?.[key]);
    rule.levels.forEach((level, j) => {
      const last = j === rule.levels.length - 1;
      // When a worse level is over shows where no lesser one still holds, which is never.
      for (const key of last ? (['for', 'clear'] as const) : (['for'] as const))
        if (level[key] !== undefined)
          without(
            `${rule.id} ${level.severity} without ${key}`,
            rule.id,
            ({ rules }) => delete rules[i]?.levels[j]?.[key],
          );
      if (rule.levels.length > 1)
        without(`${rule.id} without ${level.severity}`, rule.id, ({ rules }) =>
          rules[i]?.levels.splice(j, 1),
        );
    });
  });
  (file.inhibit ?? []).forEach(({ source }, i) => {
    without(`inhibition by ${source.rule}`, source.rule, ({ inhibit }) => inhibit?.splice(i, 1));
  });
  return made;
}

describe('what a ready-made rule says', () => {
  it.each(ruleFilesIn(builtinRules).map((file) => [basename(file), file]))(
    '%s: nothing of it can be left out without a test that fails',
    (_name, file) => {
      const { set, tests } = readRules(readFileSync(file, 'utf8'), { file, known });
      const unnoticed = mutantsOf(rulesFileOf(set as RuleSet, tests)).flatMap((mutant) => {
        const read = readRules(JSON.stringify(mutant.file), { file, known });
        // Two levels that say the same without their times are refused as they are.
        if (read.set === null) return [];
        const named = read.tests.filter(({ source }) =>
          JSON.stringify(source).includes(`"${mutant.named}"`),
        );
        return testFile(file, read.set, named, options).failed > 0 ? [] : [mutant.what];
      });
      expect(unnoticed).toEqual([]);
    },
    120_000,
  );
});
