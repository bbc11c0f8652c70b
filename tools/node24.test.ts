/** The launcher runs what is tested: Node 24, or the Node that came with the install; another one only with a word about it. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const launcher = fileURLToPath(new URL('node24.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'village-launcher-'));
/** The launcher in a folder whose install brought no Node. */
const bare = join(folder, 'tools', 'node24.mjs');
const script = join(folder, 'print.mjs');

beforeAll(() => {
  mkdirSync(join(folder, 'tools'));
  cpSync(launcher, bare);
  writeFileSync(script, 'console.log(process.version, process.argv.slice(2).join());');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a launcher on this Node, which is made to call itself another version. */
function launch(
  path: string,
  version: string,
): { status: number | null; out: string; err: string } {
  const versions = JSON.stringify({ ...process.versions, node: version });
  const disguise = `data:text/javascript,Object.defineProperty(process,'versions',{value:${encodeURIComponent(versions)}})`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', disguise, path, script, 'one', 'two'],
    { encoding: 'utf8', timeout: 30_000, env: { ...process.env, VILLAGE_LAUNCHED_AT: '' } },
  );
  return { status, out: stdout.trim(), err: stderr.trim() };
}

it.each(['20.19.0', '24.1.0', '25.0.0', '26.10.0'])('says nothing on Node %s', (version) => {
  const { status, out, err } = launch(launcher, version);
  expect([status, err]).toEqual([0, '']);
  expect(out).toMatch(/^v2[46]\.\S+ one,two$/);
});

it('warns in one line where only an untested Node is to be had, and goes on', () => {
  const { status, out, err } = launch(bare, '27.3.1');
  expect([status, out]).toEqual([0, `${process.version} one,two`]);
  expect(err.split('\n')).toEqual([expect.stringContaining('not tested on Node 27.3.1')]);
});

it('refuses in one line where only an old Node is to be had', () => {
  const { status, out, err } = launch(bare, '20.19.0');
  expect([status, out]).toEqual([1, '']);
  expect(err.split('\n')).toEqual([expect.stringContaining('Node 24 is needed')]);
});
