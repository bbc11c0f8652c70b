/** The files of rules that come with the product. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Their folder. */
export const builtinRules: string = fileURLToPath(new URL('../catalog', import.meta.url));

/** Paths of the files of rules in a folder, in the order of their names. */
export const ruleFilesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('.'))
    .sort()
    .map((name) => join(folder, name));
