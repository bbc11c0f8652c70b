/** The units of server and gateway: right by systemd's own check, and true of what they start. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const UNITS = ['server/village-server.service', 'gateway/village-gateway.service'];
const analyze = (...args: string[]) =>
  spawnSync('systemd-analyze', args, { cwd: root, encoding: 'utf8', timeout: 30_000 });
const isThere = analyze('--version').status === 0;

const folder = mkdtempSync(join(tmpdir(), 'village-units-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The unit with a Node that is on this machine, since systemd looks whether what it starts is there. */
function here(unit: string): string {
  const path = join(folder, basename(unit));
  const text = readFileSync(join(root, unit), 'utf8');
  writeFileSync(
    path,
    text.replaceAll(/=\/opt\/\S+\/node_modules\/\.bin\/node /g, `=${process.execPath} `),
  );
  return path;
}

/** The values of each key. */
function settingsOf(unit: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of readFileSync(join(root, unit), 'utf8').split('\n')) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined) found.set(key, [...(found.get(key) ?? []), value as string]);
  }
  return found;
}

describe.each(UNITS)('%s', (unit) => {
  it.skipIf(!isThere)('is right by systemd itself', () => {
    const { status, stdout, stderr } = analyze('verify', '--man=no', here(unit));
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('village-'));
    expect([status, about]).toEqual([0, []]);
  });

  it.skipIf(!isThere)('exposes little, by systemd’s own measure', () => {
    const { stdout } = analyze('security', '--offline=yes', '--no-pager', here(unit));
    const [, level] = /Overall exposure level for \S+: (\d+\.\d)/.exec(stdout) ?? [];
    // An ordinary service has 9.6; what systemd calls OK ends at 3.
    expect(Number(level), stdout).toBeLessThan(3);
  });

  it('starts files that are there, is started again, and may open what it needs', () => {
    const settings = settingsOf(unit);
    const [start = ''] = settings.get('ExecStart') ?? [];
    const files = start.split(' ').filter((word) => /\.(ts|mjs)$/.test(word));
    expect(files).toHaveLength(2);
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
    expect(settings.get('Restart')).toEqual(['on-failure']);
    expect(Number(settings.get('LimitNOFILE')?.[0])).toBeGreaterThanOrEqual(16_384);
    expect(settings.get('StateDirectory')).toHaveLength(1);
    // The launcher passes signals on; both shut down in order, ten seconds for connections among them.
    expect(settings.get('KillMode')).toEqual(['mixed']);
    expect(Number(settings.get('TimeoutStopSec')?.[0])).toBeGreaterThan(20);
  });
});
