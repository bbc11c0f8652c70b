/** What holds of every topic's folder: its texts in both languages and all of use, its styles, and what it may import. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Label } from '@village/core';
import { describe, expect, it } from 'vitest';
import { texts as kitTexts } from '../kit/text/texts.ts';
import { words } from '../kit/text/words.ts';
import { topics } from './topics.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = ['kit', 'console'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((name) => statSync(join(root, name)).isFile()),
);
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const codeIn = (folder: string): string =>
  files
    .filter((name) => name.startsWith(folder) && /\.tsx?$/.test(name))
    .filter((name) => !/(\.test|\/texts|\/words)\.tsx?$/.test(name))
    .map(read)
    .join('\n');

type Texts = Readonly<Record<string, Label>>;
const common: Texts = { ...kitTexts, ...words };
const own = import.meta.glob<Texts>(
  [
    './*/texts.ts',
    './pages/*/texts.ts',
    './pages/*/*/texts.ts',
    '../kit/*/texts.ts',
    '!../kit/text/texts.ts',
  ],
  {
    eager: true,
    import: 'texts',
  },
);
const dictionaries: [folder: string, texts: Texts][] = [
  ['', common],
  ...Object.entries(own).map(([path, texts]): [string, Texts] => [
    join('console', dirname(path)),
    texts,
  ]),
];

const places = (text: string): string =>
  [...text.matchAll(/\{(\w+)\}/g)]
    .map((match) => match[1] ?? '')
    .sort()
    .join();

/** What is wrong with a text, in words. */
function faultsOfText(key: string, { zh, en }: Partial<Label>): string[] {
  if (!zh?.trim() || !en?.trim()) return [`${key} lacks a language`];
  const faults: string[] = [];
  if (places(zh) !== places(en)) faults.push(`${key} has other places in English`);
  if (/\p{Script=Han}/u.test(en)) faults.push(`${key} has Chinese in its English`);
  // P99 is what it is called in Chinese too, but something Chinese stands around it.
  if (!/\p{Script=Han}/u.test(zh)) faults.push(`${key} has no Chinese`);
  return faults;
}

/** Keys of texts that no code names: neither whole, nor by the words before its last dot. */
function unused(texts: Texts, code: string): string[] {
  const prefixes = new Set(
    [...code.matchAll(/\bt\(\s*`([\w.-]+)\.\$\{|\bword\(\s*'([\w-]+)'/g)].map(
      (match) => match[1] ?? match[2],
    ),
  );
  return Object.keys(texts).filter(
    (key) => !code.includes(`'${key}'`) && !prefixes.has(key.split('.').slice(0, -1).join('.')),
  );
}

describe('texts', () => {
  it('are found for every topic that says something', () => {
    expect(dictionaries.length).toBe(files.filter((name) => name.endsWith('/texts.ts')).length);
  });
  it.each(dictionaries)('of %s/ stand in both languages with the same places', (_, texts) => {
    expect(Object.entries(texts).flatMap(([key, text]) => faultsOfText(key, text))).toEqual([]);
  });
  it.each(dictionaries)('of %s/ are all said by its code', (folder, texts) => {
    expect(unused(texts, codeIn(folder))).toEqual([]);
  });
  it.each(dictionaries.slice(1))('of %s/ do not hide one of every page', (_, texts) => {
    expect(Object.keys(texts).filter((key) => Object.hasOwn(common, key))).toEqual([]);
  });
  it('titles stand in both languages', () => {
    expect(topics.flatMap(({ name, title }) => faultsOfText(name, title))).toEqual([]);
  });
  it('what is missing, untranslated or unused is told', () => {
    const bad = { zh: '有 {n} 户', en: '{m} 户' };
    expect(faultsOfText('bad', bad)).toEqual([
      'bad has other places in English',
      'bad has Chinese in its English',
    ]);
    expect(faultsOfText('half', { zh: '一半' })).toEqual(['half lacks a language']);
    const texts = { kept: bad, lost: bad, 'kind.a': bad, 'mode.a': bad, 'mode.b.c': bad };
    expect(unused(texts, `t('kept'); t(\`kind.\${one}\`); word('mode', two)`)).toEqual([
      'lost',
      'mode.b.c',
    ]);
  });
});

describe('styles', () => {
  const classesOf = (css: string): string[] => [
    ...new Set(
      [...css.replace(/\/\*[\s\S]*?\*\//g, '').matchAll(/\.([a-z][\w-]*)[^{}]*\{/g)].flatMap(
        (match) => [...match[0].matchAll(/\.([a-z][\w-]*)/g)].map(([, name = '']) => name),
      ),
    ),
  ];
  /** uPlot makes elements with classes of its own. */
  const isOfLibrary = (name: string): boolean => name.startsWith('u-');
  const sheets = files.filter((name) => name.endsWith('.css'));
  const inCode = (name: string, code: string): boolean =>
    new RegExp(`['"\`\\s]${name}(?![\\w-])`).test(code) ||
    [...code.matchAll(/[\s"'`]([a-z][\w-]*-)\$\{/g)].some(([, start = '']) =>
      name.startsWith(start),
    );

  it.each(sheets)('%s: each class is used', (name) => {
    const code = codeIn(name.startsWith('console/') ? dirname(name) : '');
    const shared = codeIn('kit/');
    expect(
      classesOf(read(name)).filter(
        (one) => !isOfLibrary(one) && !inCode(one, code) && !inCode(one, shared),
      ),
    ).toEqual([]);
  });
});

describe('arrows', () => {
  /** What a file imports from this workspace, as a path from its root. */
  const targets = (name: string): string[] =>
    [...read(name).matchAll(/(?:from|import\(|import)\s*'((?:\.|#kit\/)[^']+)'/g)].map(
      ([, target = '']) =>
        target.startsWith('#')
          ? target.slice(1)
          : relative(root, resolve(root, dirname(name), target)).replaceAll('\\', '/'),
    );
  const arrows = files
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
    .flatMap((name) => targets(name).map((target) => [name, target] as const));
  const topicOf = (name: string): string | undefined => /^console\/pages\/[^/]+\//.exec(name)?.[0];
  const faults = (may: (name: string, target: string) => boolean): string[] =>
    arrows.filter(([name, target]) => !may(name, target)).map((arrow) => arrow.join(' → '));

  it('are found', () => {
    expect(arrows).toContainEqual(['console/pages/device/page.tsx', 'kit/router.ts']);
    expect(arrows).toContainEqual([
      'console/pages/device/topic.ts',
      'console/pages/device/page.tsx',
    ]);
  });
  it('a topic imports its own folder and the kit, never another topic or the frame', () => {
    expect(
      faults((name, target) => {
        const topic = topicOf(name);
        return topic === undefined || target.startsWith(topic) || target.startsWith('kit/');
      }),
    ).toEqual([]);
  });
  it('the kit imports nothing of the console', () => {
    expect(faults((name, target) => !name.startsWith('kit/') || target.startsWith('kit/'))).toEqual(
      [],
    );
  });
  it('the frame knows no topic by name', () => {
    expect(
      faults((name, target) => topicOf(name) !== undefined || topicOf(target) === undefined),
    ).toEqual([]);
  });
  it('no folder is a flat list', () => {
    const count = Map.groupBy(files, (name) => dirname(name));
    expect([...count].filter(([, names]) => names.length > 13).map(([folder]) => folder)).toEqual(
      [],
    );
  });
});
