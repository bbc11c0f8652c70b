/** The files of rules that come with the product. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joined } from './book.ts';
import { faultText, type Known, readRules } from './format/index.ts';
import type { RuleSet } from './model.ts';

/** Their folder. */
export const builtinRules: string = fileURLToPath(new URL('../catalog', import.meta.url));

/** Paths of the files of rules in a folder, in the order of their names. */
export const ruleFilesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    .sort()
    .map((name) => join(folder, name));

/** Reads files of rules into one set. A file with a fault is left out whole, and `fault` is told each of them with its place. */
export function loadRules(
  files: readonly string[],
  known: Known,
  fault: (text: string) => void,
): RuleSet {
  const sets: RuleSet[] = [];
  for (const file of files) {
    const { set, faults } = readRules(readFileSync(file, 'utf8'), { file, known });
    if (set !== null) sets.push(set);
    else for (const one of faults) if (one.level === 'error') fault(faultText(one));
  }
  return joined(sets);
}
