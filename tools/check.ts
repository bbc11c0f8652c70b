/** `npm run check`: types, style and format, and the repository's own rules. `--fix` formats first. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const fix = process.argv.includes('--fix');

const steps: readonly (readonly [name: string, script: string, ...args: string[]])[] = [
  ['types', 'node_modules/typescript/bin/tsc', '-p', '.'],
  [
    'style',
    'node_modules/@biomejs/biome/bin/biome',
    'check',
    '--colors=off',
    ...(fix ? ['--write'] : ['--error-on-warnings']),
  ],
  ['repository', 'node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', 'tools'],
];

let failed = 0;
for (const [name, script, ...args] of steps) {
  const { status, error } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error !== undefined) console.error(error.message);
  if (status !== 0) failed++;
  console.log(`${status === 0 ? '✓' : '✗'} ${name}`);
}
process.exitCode = failed === 0 ? 0 : 1;
