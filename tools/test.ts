/**
 * `npm test`: types and style, the built console, then every test. Ends with `N passed, N failed, N skipped`, where a
 * failing check, a test file that does not load and an error outside any test each count as failed. Further arguments
 * go to vitest.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const filters = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;

/** Runs a script of the install on this Node and says how it ended. */
function run(script: string, ...args: string[]): number {
  const { status, error } = spawnSync(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error !== undefined) console.error(error.message);
  return status ?? 1;
}

/** Counts one step that is no vitest test. */
function step(name: string, script: string, ...args: string[]): void {
  const ok = run(script, ...args) === 0;
  console.log(`${ok ? '✓' : '✗'} ${name}`);
  if (ok) passed++;
  else failed++;
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    /** Unix time, ms. */
    startTime: number;
    endTime: number;
    assertionResults: { status: string; fullName: string }[];
  }[];
}

/** Tells where the time of a whole run goes. */
function slowest({ testResults }: VitestReport): void {
  const files = testResults
    .map((file) => ({ name: relative(root, file.name), ms: file.endTime - file.startTime }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 40);
  for (const { name, ms } of files) console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`);
}

/** Adds vitest's own counts; a file with no failed test that failed all the same is one more. */
function count(report: VitestReport, status: number): void {
  const broken = report.testResults.filter(
    (file) =>
      file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  ).length;
  const failures = report.numFailedTests + broken;
  passed += report.numPassedTests;
  failed += failures === 0 && status !== 0 ? 1 : failures;
  skipped += report.numPendingTests + report.numTodoTests;
  for (const file of report.testResults)
    for (const test of file.assertionResults)
      if (test.status === 'pending' || test.status === 'skipped')
        console.log(`skipped: ${test.fullName}`);
}

if (filters.length === 0) {
  step('types', 'node_modules/typescript/bin/tsc', '-p', '.');
  step(
    'style',
    'node_modules/@biomejs/biome/bin/biome',
    'check',
    '--colors=off',
    '--error-on-warnings',
  );
  step('console build', 'dashboards/build.ts');
}
const folder = mkdtempSync(join(tmpdir(), 'village-test-'));
const file = join(folder, 'report.json');
const status = run(
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${file}`,
  ...filters,
);
try {
  const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  if (filters.length === 0) slowest(report);
  count(report, status);
} catch (error) {
  console.error(`no test report: ${(error as Error).message}`);
  failed++;
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
