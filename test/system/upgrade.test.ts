/** A data folder of the version before: today's code opens it with every row, person, statement and figure, and so again. */
import { globSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PASSWORD, type TestServer, testServer } from '../lib/county.ts';
import type { Process } from '../lib/processes.ts';
import { ask, END, ROWS, unpack } from '../lib/recent-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-upgrade-'));
const fixture = fileURLToPath(new URL('../fixtures/recent', import.meta.url));
const running: Process[] = [];
let old: Record<string, unknown>;

beforeAll(async () => {
  old = await unpack(folder);
});
afterAll(async () => {
  await Promise.all(running.map((process) => process.end('SIGKILL')));
  rmSync(folder, { recursive: true, force: true });
});

async function serve(): Promise<TestServer> {
  const server = await testServer(folder, '', {
    VILLAGE_CLOCK: `${END + 60_000}@1@${Date.now()}`,
  });
  running.push(server.process);
  await server.up();
  return server;
}

/** Which figure of a device is told first is a matter of the page, and may change with a version. */
function inOrder(path: string, answer: unknown): unknown {
  if (!path.startsWith('/figures/of')) return answer;
  const { items } = answer as { items: { figure: string }[] };
  return { items: items.toSorted((a, b) => a.figure.localeCompare(b.figure)) };
}

const itemsOf = (path: string): unknown[] => (old[path] as { items: unknown[] }).items;

it('is small, and holds something of everything', () => {
  const bytes = globSync(join(fixture, '*')).reduce((sum, path) => sum + statSync(path).size, 0);
  expect(bytes).toBeLessThan(300 * 1024);
  const readings = Object.keys(old).filter((path) => path.startsWith('/readings'));
  expect(readings).toHaveLength(4);
  for (const path of readings) expect(itemsOf(path)).toHaveLength(ROWS);
  for (const start of [
    '/areas',
    '/users',
    '/devices',
    '/corrections',
    '/quarantine',
    '/events',
    '/figures?',
  ])
    expect(
      Object.keys(old)
        .filter((path) => path.startsWith(start))
        .flatMap(itemsOf).length,
      start,
    ).toBeGreaterThan(0);
});

it('holds figures with values, one of them corrected', () => {
  const [path = ''] = Object.keys(old).filter((one) => one.includes('daily-mean:water.cod'));
  const figures = itemsOf(path) as { value: number | null; corrections: unknown[] }[];
  expect(figures.filter(({ value }) => value !== null).length).toBeGreaterThanOrEqual(3);
  expect(figures.some(({ corrections }) => corrections.length > 0)).toBe(true);
});

it('is opened with all that was in it, and goes on so after a restart', async () => {
  for (let start = 0; start < 2; start++) {
    const server = await serve();
    // The same people with the same passwords.
    await server.api.signIn('shen', PASSWORD);
    await server.api.signIn('admin', PASSWORD);
    const answers = await ask(server.api);
    for (const [path, answer] of Object.entries(old))
      expect(inOrder(path, answers[path]), path).toMatchObject(inOrder(path, answer) as object);
    expect(await server.process.end('SIGTERM'), server.process.output).toBe(0);
  }
}, 120_000);
