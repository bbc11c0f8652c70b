/** Runs the tests of files of rules and says how they went, a line each and the differences below. */
import type { RuleSet } from '../model.ts';
import type { RuleTest } from '../testing-model.ts';
import { type RunOptions, runTest } from './runner.ts';

export interface FileResult {
  readonly passed: number;
  readonly failed: number;
  readonly lines: readonly string[];
}

/** `file` is named in the lines. */
export function testFile(
  file: string,
  set: RuleSet,
  tests: readonly RuleTest[],
  options: RunOptions,
): FileResult {
  const lines: string[] = [];
  let failed = 0;
  for (const test of tests) {
    const { differences } = runTest(set, test, options);
    if (differences.length === 0) continue;
    failed++;
    lines.push(`✗ ${file}: ${test.name}`);
    for (const difference of differences)
      lines.push(...difference.split('\n').map((line) => `    ${line}`));
  }
  return { passed: tests.length - failed, failed, lines };
}
