import { readFileSync } from 'node:fs';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { builtinStandards } from '@village/platform';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { builtinRules, ruleFilesIn } from '../catalog.ts';
import { readRules } from './index.ts';

const { profiles } = loadCatalog([builtinCatalog]);
const known = { profiles: [...profiles.values()], standards: builtinStandards };
const sound = ruleFilesIn(builtinRules).map((file) => parse(readFileSync(file, 'utf8')) as unknown);

/** Paths of all parts of a file. */
function pathsOf(node: unknown, base: readonly (string | number)[] = []): (string | number)[][] {
  if (typeof node !== 'object' || node === null) return [[...base]];
  const inner = Object.entries(node).flatMap(([key, value]) =>
    pathsOf(value, [...base, Array.isArray(node) ? Number(key) : key]),
  );
  return [[...base], ...inner];
}
const paths = sound.map((file) => pathsOf(file).filter((path) => path.length > 0));

function replace(root: unknown, path: readonly (string | number)[], by: unknown): unknown {
  const copy = structuredClone(root);
  const last = path.at(-1) as string | number;
  const parent = path
    .slice(0, -1)
    .reduce((node, key) => (node as Record<string | number, unknown>)?.[key], copy);
  if (typeof parent === 'object' && parent !== null)
    (parent as Record<string | number, unknown>)[last] = by;
  return copy;
}

const WORDS = [
  'limit',
  '__proto__',
  'constructor',
  '5%',
  '-1',
  '1e999',
  'value',
  'value > limit',
  'true',
  '0m',
  '7x9',
  '9 ℃',
  '',
  'major',
  'bins',
  'water.ph',
  'Mon-Fri 08:00-18:00',
  '3 * interval',
  '{value}',
  '{',
  "avg(value, '1h') > 1",
  '\u0000',
];
const junk = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constant(null),
  fc.constantFrom(...sound.flatMap((file) => (file as { rules: unknown[] }).rules)),
);
const changes = fc.nat(sound.length - 1).chain((file) =>
  fc.tuple(
    fc.constant(file),
    fc.array(fc.tuple(fc.nat((paths[file] as unknown[]).length - 1), junk), {
      minLength: 1,
      maxLength: 4,
    }),
  ),
);

describe('files of rules in which something is another thing', () => {
  it('are read or refused, and never thrown at', () => {
    const seen = { read: 0, refused: 0 };
    fc.assert(
      fc.property(changes, ([file, all]) => {
        let made: unknown = sound[file];
        for (const [place, by] of all)
          made = replace(made, (paths[file] as never[])[place] ?? [], by);
        const { set, faults } = readRules(JSON.stringify(made), { file: 'f', known });
        const errors = faults.filter(({ level }) => level === 'error');
        seen[set === null ? 'refused' : 'read']++;
        expect(errors.length === 0).toBe(set !== null);
        for (const { line, column, message } of faults) {
          expect(line * column).toBeGreaterThan(0);
          expect(message.zh.length * message.en.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 1_500 },
    );
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(3);
    expect(Object.keys(Object.prototype)).toEqual([]);
  }, 120_000);

  it('also as texts that are cut, doubled or shuffled', () => {
    const texts = ruleFilesIn(builtinRules).map((file) => readFileSync(file, 'utf8'));
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.nat(1_000),
        fc.nat(1_000),
        fc.string({ maxLength: 5, unit: fc.constantFrom(...'{}[]:,&*!|>%@`"\'#- \n\tx') }),
        (text, a, b, between) => {
          const [from, to] = [a, b].map((n) => Math.floor((n / 1_000) * text.length)) as [
            number,
            number,
          ];
          const made = text.slice(0, Math.min(from, to)) + between + text.slice(Math.max(from, to));
          const { set, faults } = readRules(made, { file: 'f', known });
          expect(faults.some(({ level }) => level === 'error')).toBe(set === null);
        },
      ),
      { numRuns: 500 },
    );
  }, 120_000);
});
