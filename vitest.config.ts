/** Two kinds of tests: unit (beside the code, no servers) and system (real processes and sockets). */
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

if (Number(process.versions.node.split('.')[0]) < 24)
  throw new Error(
    `Node 24 is needed, this is ${process.versions.node}: use \`npm test\`, or npm 11.8 or newer.`,
  );

const folders = [
  'core',
  'api',
  'device-profiles',
  'broker',
  'store',
  'registry',
  'platform',
  'rules',
  'gateway',
  'ingest',
  'dashboards',
  'server',
  'simulators',
  'tools',
];

/** A busy machine takes its time: what is polled for is waited for longer than vitest's one second. */
const expect = { poll: { timeout: 25_000 } };

const setupFiles = ['test/lib/compiled.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles,
          include: folders.map((folder) => `${folder}/**/*.test.ts`),
          // Most of them wait, for sockets and databases: three files at once where there are two processors.
          maxWorkers: Math.max(3, availableParallelism()),
          testTimeout: 20_000,
          hookTimeout: 60_000,
          expect,
        },
      },
      {
        test: {
          name: 'system',
          setupFiles,
          include: ['test/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          expect,
        },
      },
    ],
  },
});
