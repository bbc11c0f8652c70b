/** Two kinds of tests: unit (beside the code, no servers) and system (real processes and sockets). */
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
  'gateway',
  'ingest',
  'dashboards',
  'server',
  'simulators',
  'tools',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: folders.map((folder) => `${folder}/**/*.test.ts`),
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
