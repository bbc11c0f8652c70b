import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCatalog, parseProfile } from '@village/device-profiles';
import { afterAll, describe, expect, it } from 'vitest';
import { profileTemplate } from './new-profile.ts';
import { schemaFile, schemaText } from './profile-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'new-profile-'));
afterAll(() => rmSync(folder, { recursive: true }));

const tool = fileURLToPath(new URL('./new-profile.ts', import.meta.url));

const filled = {
  modbus: (text: string) =>
    text
      .replace('kind: FILL_IN', 'kind: sewage-monitor')
      .replace('"FILL_IN"', '"00B7 06E5"')
      .replaceAll('FILL_IN', 'Test'),
  mqtt: (text: string) =>
    text
      .replace('kind: FILL_IN', 'kind: smart-bin')
      .replace("'FILL_IN'", `'{"ts":1767225600,"fill":52,"mv":3620}'`)
      .replaceAll('FILL_IN', 'test'),
} as const;

describe.each(['modbus', 'mqtt'] as const)('the template for %s', (protocol) => {
  it('lists its gaps as faults', () => {
    const { profile, faults } = parseProfile(profileTemplate('acme/one', protocol), 'f');
    expect(profile).toBeUndefined();
    const paths = faults.map((fault) => fault.path);
    expect(paths).toContain('kind');
    expect(paths.some((path) => path.startsWith('examples[0].frame'))).toBe(true);
  });

  it('is a sound profile once filled', () => {
    const text = filled[protocol](profileTemplate('acme/one', protocol));
    const { profile, faults } = parseProfile(text, 'f');
    expect(faults).toEqual([]);
    expect(profile?.id).toBe('acme/one');
  });
});

describe('tools/new-profile.ts', () => {
  it('writes the file, tells what it lacks, and never overwrites', () => {
    const args = [tool, 'acme/two', '--protocol', 'mqtt', '--folder', folder];
    const told = execFileSync(process.execPath, args, { encoding: 'utf8' });
    expect(told).toContain('kind');
    expect(readFileSync(join(folder, 'acme/two.yaml'), 'utf8')).toContain('profile: acme/two');
    expect(loadCatalog([folder]).profiles.size).toBe(0);
    const again = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(again.status).toBe(1);
    expect(again.stderr).toContain('there already');
  });

  it('explains itself when called wrongly', () => {
    const { status, stderr } = spawnSync(process.execPath, [tool, '../x'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('usage');
  });
});

describe('device-profiles/profile.schema.json', () => {
  it('is what the definition says; else run node tools/profile-schema.ts', () => {
    expect(readFileSync(schemaFile, 'utf8')).toBe(schemaText());
  });
});

describe('README.md', () => {
  it('explains every key of the schema', () => {
    const readme = readFileSync(
      fileURLToPath(new URL('../device-profiles/README.md', import.meta.url)),
      'utf8',
    );
    const keys = new Set<string>();
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('properties' in node)
        for (const key of Object.keys(node.properties as object)) keys.add(key);
      for (const child of Object.values(node)) walk(child);
    };
    walk(JSON.parse(schemaText()));
    expect([...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(readme))).toEqual([]);
    expect(keys.size).toBeGreaterThan(40);
  });
});
