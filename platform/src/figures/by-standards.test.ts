/** Figures as a county has them: judged by its values, told apart by their version, and the very same where it says nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { loadStandards } from '../standards/county/load.ts';
import { builtinStandards } from '../standards/standards.ts';
import { gb3095 } from '../standards/tables/gb-3095.ts';
import { definitionOf, figuresBy } from './by-standards.ts';
import { defineFigure, type Figure } from './figure.ts';
import { defineSum } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'village-by-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const title = { zh: '试', en: 'Test' };
const figure = (id: string, more: Partial<Figure> = {}): Figure =>
  defineFigure({
    ...{ id, version: 3, title, span: 'day', keep: 'stored', unit: 'h' },
    inputs: [{ name: 'o3', quantity: 'air.o3' }],
    compute: () => 1,
    ...more,
  });
const judged = figure('judged', { standard: gb3095 });
const plain = figure('plain');
const all = [judged, plain, defineSum('sum', judged), defineSum('plain-sum', plain)];

const standardsOf = (o3: number, on = '2026-11-05') => {
  const file = join(folder, 'own.yaml');
  writeFileSync(
    file,
    `by: 张三\non: ${on}\nlimits:\n  - { version: GB 3095-2012, quantity: air.o3, class: 2, period: hour, atMost: ${o3}, unit: µg/m³, source: 原文 }\n`,
  );
  const { standards, faults } = loadStandards([file]);
  expect(faults).toEqual([]);
  return standards;
};

it('are the very same where the county says nothing', () => {
  const found = figuresBy(all, builtinStandards);
  expect(found.every((one, n) => one === all[n])).toBe(true);
});

it('are others where it says something of their standard, and so are those of areas that are made of them', () => {
  const standards = standardsOf(240);
  const [own, untouched, sum, plainSum] = figuresBy(all, standards);
  expect([untouched, plainSum]).toEqual([plain, all[3]]);
  expect(own?.standard).toBe(standards.find('GB 3095'));
  expect(sum?.inputs[0]).toMatchObject({ figure: { standard: own?.standard } });
  expect(sum?.inputs[0] !== undefined && 'figure' in sum.inputs[0] && sum.inputs[0].figure).toBe(
    own,
  );
  const versions = (list: readonly { version: number }[]) => list.map(({ version }) => version);
  // Of the same values the same, of another value, day or of none others.
  const again = versions(figuresBy(all, standardsOf(240)));
  expect(again).toEqual(versions([own!, untouched!, sum!, plainSum!]));
  const others = [
    figuresBy(all, standardsOf(241)),
    figuresBy(all, standardsOf(240, '2026-11-06')),
    all,
  ];
  for (const other of others.map(versions)) {
    expect(other[0]).not.toBe(again[0]);
    expect(other[1]).toBe(again[1]);
    expect(other[2]).not.toBe(again[2]);
  }
  // People are told the version of the definition, and the database keeps 32 bits.
  expect([own, sum].map((one) => definitionOf(one!))).toEqual([3, 3]);
  expect(Math.max(...again)).toBeLessThan(2 ** 31 / 4);
});
