/**
 * The gateway installs and runs alone: packed as for an edge box, unpacked into an empty folder, installed there by npm, and
 * run from there against a simulated slave and the product's broker until its readings are acknowledged.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createBroker } from '@village/broker';
import type { WireBatch } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { serveSlaves } from '@village/simulators';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { INSTALL_MS, install, unpacked } from '../lib/packed.ts';
import { Process, until } from '../lib/processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-pack-'));
let box: string;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  box = await unpacked('gateway', folder);
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  rmSync(folder, { recursive: true, force: true });
});

const PROFILE = 'renke/all-in-one-weather';

async function slave(): Promise<number> {
  const profile = loadCatalog([builtinCatalog]).profiles.get(PROFILE);
  if (profile === undefined) throw new Error(`BUG: no ${PROFILE}`);
  const values = Object.fromEntries(
    profile.metrics.map(({ key, range: [low, high] }) => [key, (low + high) / 2]),
  );
  const slaves = await serveSlaves([
    { port: 0, units: [{ unit: 1, profile, values: () => values }] },
  ]);
  cleanups.push(() => slaves.close());
  return slaves.ports[0] as number;
}

async function county(): Promise<{ port: number; batches: WireBatch[] }> {
  const batches: WireBatch[] = [];
  const broker = createBroker<string>({
    authenticate: ({ username, password }) => (password === 'packed' ? username : null),
    mayPublish: () => true,
    maySubscribe: () => true,
    publish: ({ topic, payload }, done) => {
      if (topic.endsWith('/readings')) batches.push(JSON.parse(payload.toString()) as WireBatch);
      done();
    },
  });
  cleanups.push(() => broker.close(100));
  return { port: (await broker.listen(0, '127.0.0.1')).port, batches };
}

it('holds what an edge box needs, and no more', () => {
  expect(readdirSync(box).sort()).toEqual(
    [
      '.npmrc',
      'LICENSE',
      'broker',
      'core',
      'device-profiles',
      'gateway',
      'package-lock.json',
      'package.json',
      'tools',
    ].sort(),
  );
  expect(readdirSync(join(box, 'tools'))).toEqual(['node24.mjs']);
  expect(globSync('**/{*.test.ts,testing.ts,*.child.ts}', { cwd: box })).toEqual([]);
});

it(
  'installs by npm alone, runs on the Node it brings, and is acknowledged by a broker',
  async (context) => {
    const installed = install(box, 'gateway', context);
    expect(readdirSync(join(box, 'node_modules', '@village')).sort()).toEqual([
      'broker',
      'core',
      'device-profiles',
      'gateway',
    ]);
    expect(
      installed.filter((name) =>
        /duckdb|fastify|vite|typescript|biome|kysely|^pg$|uplot|preact/.test(name),
      ),
    ).toEqual([]);

    const node = join(box, 'node_modules', '.bin', 'node');
    expect(existsSync(node)).toBe(true);
    expect(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout).toMatch(/^v2[46]\./);
    const { port, batches } = await county();
    const config = join(folder, 'gateway.yaml');
    writeFileSync(
      config,
      `gateway: gw-pack
uplink: { url: mqtt://127.0.0.1:${port}, secret: packed }
data: ./data
devices:
  - { id: ws-1, profile: ${PROFILE}, connection: { host: 127.0.0.1, port: ${await slave()} }, every: 200ms }
`,
    );
    const program = ['gateway/src/main.ts', '--config', config];
    const place = { folder: box, node };
    const check = new Process('check', 'tools/node24.mjs', [...program, '--check'], {}, place);
    check.start();
    await until('the check', () => !check.running);
    expect(check.output).toContain('no faults; devices: 1');
    expect(await check.end('SIGTERM')).toBe(0);

    const gateway = new Process('gateway', 'tools/node24.mjs', program, {}, place);
    cleanups.push(() => gateway.end('SIGKILL'));
    gateway.start();
    const first = await until('a batch', () => batches[0]);
    expect(first).toMatchObject({ seq: 1, lane: 'live' });
    expect(first.readings[0]?.device).toBe('ws-1');
    expect(await gateway.end('SIGTERM'), gateway.output).toBe(0);
    // What was acknowledged has left the outbox.
    const outbox = new DatabaseSync(join(folder, 'data', 'outbox.db'), { readOnly: true });
    const left = outbox
      .prepare('SELECT seq FROM batch')
      .all()
      .map((row) => row['seq']);
    outbox.close();
    expect(left).not.toContain(first.seq);
  },
  INSTALL_MS + 60_000,
);
