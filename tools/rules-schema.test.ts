import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import { readRules } from '@village/rules';
import { describe, expect, it } from 'vitest';
import { rulesSchemaFile, rulesSchemaText } from './rules-schema.ts';

describe('rules/rules.schema.json', () => {
  it('is what the definition says; else run node tools/rules-schema.ts', () => {
    expect(readFileSync(rulesSchemaFile, 'utf8')).toBe(rulesSchemaText());
  });
});

describe('docs/rules.md', () => {
  const text = readFileSync(fileURLToPath(new URL('../docs/rules.md', import.meta.url)), 'utf8');

  it('names every key of the schema', () => {
    const keys = new Set<string>();
    const walk = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('properties' in node)
        for (const key of Object.keys(node.properties as object)) keys.add(key);
      for (const part of Object.values(node)) walk(part);
    };
    walk(JSON.parse(rulesSchemaText()));
    expect(keys.size).toBeGreaterThan(60);
    const plain = ['zh', 'en', 'rule', 'state', 'values', 'in', 'hold', 'transitions', 'profile'];
    const said = (key: string): boolean => new RegExp(`[\`{, ]${key}[\`:},]`).test(text);
    expect([...keys].filter((key) => !said(key) && !plain.includes(key))).toEqual([]);
  });

  it('has an example that holds', () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    const { profiles } = loadCatalog([builtinCatalog]);
    const known = { profiles: [...profiles.values()], standards: builtinStandards };
    const { set, tests, faults } = readRules(example, { file: 'docs/rules.md', known });
    expect(faults).toEqual([]);
    expect(set?.rules).toHaveLength(2);
    expect(tests).toHaveLength(1);
  });
});
