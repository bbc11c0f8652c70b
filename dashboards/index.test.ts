/** Built pages are those of the sources beside them, or are built again. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BUILT_FROM, consoleIsCurrent, consoleSources } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'village-console-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('pages are current when they were built from these very sources', () => {
  expect(consoleIsCurrent(folder)).toBe(false);
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  // As an older version left them.
  expect(consoleIsCurrent(folder)).toBe(false);
  writeFileSync(join(folder, BUILT_FROM), consoleSources() ?? '');
  expect(consoleIsCurrent(folder)).toBe(true);
  writeFileSync(join(folder, BUILT_FROM), 'of another version');
  expect(consoleIsCurrent(folder)).toBe(false);
});

it('every source counts, by its name and what is in it', () => {
  const root = join(folder, 'dashboards');
  mkdirSync(root);
  // A packed server has no sources, only pages.
  expect(consoleSources(root)).toBeNull();
  const here = fileURLToPath(new URL('./', import.meta.url));
  for (const name of ['index.html', 'console', 'kit'])
    cpSync(join(here, name), join(root, name), { recursive: true });
  const seen = [consoleSources(root)];
  expect(seen).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  for (const file of ['console/pages/new.ts', 'kit/format.ts', 'index.html']) {
    writeFileSync(join(root, file), 'changed');
    seen.push(consoleSources(root));
  }
  mkdirSync(join(folder, 'api/src'), { recursive: true });
  writeFileSync(join(folder, 'api/src/new.ts'), '');
  seen.push(consoleSources(root));
  expect(new Set(seen).size).toBe(seen.length);
  expect(consoleSources(root)).toBe(seen.at(-1));
});
