import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import { describe, expect, it } from 'vitest';
import { builtinRules, ruleFilesIn } from './catalog.ts';
import { type ReadRules, readRules, toYaml } from './format/index.ts';
import { limitsOf } from './limits.ts';
import type { RuleSet } from './model.ts';
import { testFile } from './testing/files.ts';

const { profiles } = loadCatalog([builtinCatalog]);
const KNOWN = { profiles: [...profiles.values()], standards: builtinStandards };
const files = ruleFilesIn(builtinRules);
const read = (file: string): ReadRules =>
  readRules(readFileSync(file, 'utf8'), { file, known: KNOWN });

/** What is told of the files all the same: no type of device that ships measures oxygen yet. */
const WARNINGS: Readonly<Record<string, string[]>> = {
  'water.yaml': ['no-test rules[3]', 'unmeasured-quantity rules[3].input.value'],
};

describe('the rules that come with the product', () => {
  it.each(files.map((file) => [basename(file), file]))('%s has no faults', (name, file) => {
    const { set, faults } = read(file);
    expect(faults.map(({ code, path }) => `${code} ${path}`)).toEqual(WARNINGS[name] ?? []);
    expect(set).not.toBeNull();
    const again = readRules(toYaml(set as RuleSet), { file, known: KNOWN });
    expect(again.faults.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it.each(files.map((file) => [basename(file), file]))('%s passes its tests', (_name, file) => {
    const { set, tests } = read(file);
    const options = { profiles, limitOf: limitsOf(builtinStandards) };
    const { failed, lines } = testFile(file, set as RuleSet, tests, options);
    expect({ failed, lines }).toEqual({ failed: 0, lines: [] });
    expect(tests.length).toBeGreaterThan(0);
  });

  it('have ids that are theirs alone, messages and steps', () => {
    const rules = files.flatMap((file) => read(file).set?.rules ?? []);
    const ids = rules.map(({ id }) => id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(rules.filter(({ message, advice }) => message === null || advice.length === 0)).toEqual(
      [],
    );
    expect(rules.length).toBeGreaterThan(40);
  });

  it('are for every kind of device that a type is of', () => {
    const kinds = new Set(
      files.flatMap((file) =>
        (read(file).set?.rules ?? []).flatMap(({ scope }) => [
          ...scope.kinds,
          ...scope.profiles.map((id) => profiles.get(id)?.kind ?? ''),
        ]),
      ),
    );
    const measured = new Set([...profiles.values()].map(({ kind }) => kind));
    // What a flow meter tells is judged at its station; alone it is watched like any device.
    measured.delete('flow-meter');
    expect([...measured].filter((kind) => !kinds.has(kind))).toEqual([]);
  });
});

describe('npm run rules -- check', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });

  it('passes what ships', () => {
    const { status, stdout } = run('check');
    expect(stdout).toContain('bins.yaml');
    expect(stdout).toContain('water.yaml:50:21: 警告 warning: rules[3].input.value');
    expect(status).toBe(0);
  });

  it('runs tests, and fails with what came otherwise', () => {
    const { status, stdout } = run('test');
    expect(stdout).toMatch(/\n\d+ 通过 · passed, 0 失败 · failed\n$/);
    expect(status).toBe(0);
    const folder = mkdtempSync(join(tmpdir(), 'village-rules-'));
    const changed = join(folder, 'bins.yaml');
    const text = readFileSync(join(builtinRules, 'bins.yaml'), 'utf8');
    writeFileSync(changed, text.replace('when: value >= 95', 'when: value >= 99'));
    const after = run('test', changed);
    expect(after.stdout).toContain(`✗ ${changed}: `);
    expect(after.stdout).toMatch(/ {4} {2}- .*\n {4} {2}\+ /);
    expect(after.status).toBe(1);
    rmSync(folder, { recursive: true });
  });

  it('tells faults with their places, and fails', () => {
    const file = fileURLToPath(new URL('../package.json', import.meta.url));
    const { status, stdout } = run('check', file);
    expect(stdout).toContain(`${file}:2:11: name: 没有这个键`);
    expect(status).toBe(1);
  });

  it('fails where there is no such file, and explains itself when called wrongly', () => {
    expect(run('check', '/nowhere.yaml')).toMatchObject({ status: 1 });
    expect(run('check', '/nowhere.yaml').stderr).toContain("can't be read");
    expect(run('chek').stderr).toContain('usage');
    expect(run('check', '--nope').status).toBe(2);
  });
});
