/**
 * The server installs and runs alone, with the console as it was built and nothing that builds it: packed, unpacked into an
 * empty folder, installed there by npm, and asked for its pages over HTTP.
 */
import { globSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Api } from '../lib/api.ts';
import { INSTALL_MS, install, unpacked } from '../lib/packed.ts';
import { freePort, Process, until } from '../lib/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-pack-server-'));
const PASSWORD = 'Packed-Server-2026!';
let box: string;
let server: Process | null = null;

beforeAll(async () => {
  box = await unpacked('server', folder);
}, 120_000);
afterAll(async () => {
  await server?.end('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

it('holds the built console, and neither its sources nor tests', () => {
  expect(readdirSync(join(box, 'dashboards')).sort()).toEqual(['dist', 'index.ts', 'package.json']);
  expect(globSync('**/{*.test.ts,testing.ts,*.child.ts}', { cwd: box })).toEqual([]);
  expect(readdirSync(box)).not.toContain('gateway');
  expect(readdirSync(box)).not.toContain('simulators');
});

it(
  'installs without what builds and tests, and serves the console',
  async (context) => {
    const installed = install(box, 'server', context);
    expect(
      installed.filter((name) => /vite|rolldown|esbuild|typescript|biome|playwright/.test(name)),
    ).toEqual([]);
    const httpPort = await freePort();
    server = new Process(
      'server',
      'tools/node24.mjs',
      ['server/src/main.ts', 'serve'],
      {
        VILLAGE_DATA: join(folder, 'data'),
        VILLAGE_HTTP_PORT: String(httpPort),
        VILLAGE_MQTT_PORT: String(await freePort()),
        VILLAGE_ADMIN_PASSWORD: PASSWORD,
      },
      { folder: box, node: join(box, 'node_modules', '.bin', 'node') },
    );
    server.start();
    const api = new Api(httpPort);
    await until(`the server; it printed:\n${server.output}`, () => api.healthy());
    const page = await (await api.fetch('/')).text();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1];
    expect(script, page).toBeDefined();
    expect((await api.fetch(script as string)).status).toBe(200);
    await api.signIn('admin', PASSWORD);
    expect(server.output).not.toContain('building the console');
    expect(await server.end('SIGTERM'), server.output).toBe(0);
  },
  INSTALL_MS + 60_000,
);
