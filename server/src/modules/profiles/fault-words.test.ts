/**
 * Every fault that the checker of profile files can tell is told in Chinese: the sentences are taken from its source, so that a new
 * one without Chinese fails; beside them those of the libraries, and files of the catalogue that are broken line by line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { builtinCatalog, parseProfile } from '@village/device-profiles';
import { expect, it } from 'vitest';
import { CODES, YAML } from './fault-rules.ts';
import { chineseOf, inChinese } from './fault-words.ts';

const HAN = /[\u4e00-\u9fff]/;
const SOURCES = fileURLToPath(new URL('../../../../device-profiles/src', import.meta.url));

const GAP = '\u0000';
/** What may stand in a gap: a number, a word, a code. */
const FILLINGS = ['7', 'word', 'value-missing'];
/** Parts of sentences that others hold in a gap, and names. */
const PARTS = new Set([
  `${GAP} (own)`,
  'no time',
  // Told by its code, as all that is wrong with YAML itself.
  'Map keys must be unique',
  `${GAP}: give what stands there before \`scale\``,
  `${GAP}: the bits of ${GAP} are ${GAP} there`,
]);

interface Literal {
  /** What stands before it, to tell what it is for. */
  readonly before: string;
  /** With GAP in each of its gaps. */
  readonly text: string;
}

/** The string literals of a source text, those within the gaps of others too. */
function literals(source: string): Literal[] {
  const found: Literal[] = [];
  /** Reads one literal or, in a gap, code up to its brace; gives where it ends. */
  function code(from: number, inGap: boolean): number {
    let depth = 0;
    for (let at = from; at < source.length; at++) {
      const two = source.slice(at, at + 2);
      const char = source[at] ?? '';
      if (two === '//') at = source.indexOf('\n', at);
      else if (two === '/*') at = source.indexOf('*/', at) + 1;
      // A regular expression: its quotes open nothing.
      else if (char === '/' && /[(,=:[!&|?{;\n]\s*$/.test(source.slice(Math.max(0, at - 20), at)))
        at = regular(at);
      else if (char === "'" || char === '`') at = literal(at, char);
      else if (char === '{') depth++;
      else if (char === '}' && depth-- === 0 && inGap) return at;
    }
    return source.length;
  }
  function regular(from: number): number {
    let inClass = false;
    for (let at = from + 1; ; at++) {
      if (source[at] === '\\') at++;
      else if (source[at] === '[') inClass = true;
      else if (source[at] === ']') inClass = false;
      else if (source[at] === '/' && !inClass) return at;
    }
  }
  function literal(from: number, quote: string): number {
    let text = '';
    for (let at = from + 1; ; at++) {
      if (source[at] === '\\') text += source[++at];
      else if (source[at] === quote) {
        found.push({ before: source.slice(Math.max(0, from - 120), from), text });
        return at;
      } else if (quote === '`' && source.startsWith('${', at)) {
        text += GAP;
        at = code(at + 2, true);
      } else text += source[at] ?? '';
    }
  }
  code(0, false);
  return found;
}

/** Not told by the checker: what editors show, what is decoded, and our own faults. */
const OTHER =
  /(?:\.describe\(|bug\(|new Error\(|OperationalError\((?:\s*'[a-z-]+',|[^;]*,)|refuse\([^;]*,|until\([^;]*,|const (?:what|message) =)\s*$/;
/** Sources of what is decoded or simulated alone, and of the texts that a new file begins with. */
const DECODES =
  /(?:template|sample|fields|json|json-codec|native-codec|device-json|json-positions|repeated-keys|event-rule|codec|bytes|plan|wire|frame|expand|metric|number|placeholder|reader|profile|testing|compile|unknown)\.ts$|\.test\.ts$/;

function sentences(): Map<string, string> {
  const all = new Map<string, string>();
  for (const name of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || DECODES.test(name)) continue;
    // A sentence: at least two words, and no path, code or list of them.
    for (const { before, text } of literals(readFileSync(join(SOURCES, name), 'utf8')))
      if (/^(?!\.)\S.* \S/.test(text) && /[a-z]{2}/.test(text) && !OTHER.test(before))
        if (!PARTS.has(text)) all.set(text, name);
  }
  return all;
}

it('are all told, as far as our own checks go', () => {
  const all = sentences();
  // The test itself finds what there is: one of each place where sentences come from.
  expect([...all.keys()]).toEqual(
    expect.arrayContaining([
      'must be vendor/model',
      'address is missing',
      `there is no metric ${GAP}`,
      'needs either fields or skip',
      `no record of tlv has a field ${GAP}`,
      'must be words such as "41CC 0000"',
      '{device+} must be followed by a fixed level',
      `make ${GAP} metrics of all; at most ${GAP}`,
    ]),
  );
  const isTold = (text: string): boolean =>
    FILLINGS.some((filling) => HAN.test(inChinese(text.replaceAll(GAP, filling)) ?? ''));
  const untold = [...all].filter(([text]) => !isTold(text));
  expect(untold).toEqual([]);
});

it('are told by why a frame can’t be decoded', () => {
  const codes = new Set<string>();
  for (const name of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(SOURCES, name), 'utf8');
    for (const [, first, then] of text.matchAll(
      /(?:OperationalError|refuse)\(\s*(?:[\w.]+,\s*)?'([a-z]+(?:-[a-z]+)+)'|(?:reason|code): '([a-z]+(?:-[a-z]+)+)'/g,
    ))
      codes.add(first ?? then ?? '');
  }
  // Faults of catalogues and of what is asked, not of frames.
  for (const one of ['unknown-profile']) codes.delete(one);
  expect(codes.size).toBeGreaterThan(12);
  expect([...codes].filter((code) => !Object.hasOwn(CODES, code))).toEqual([]);
  expect(inChinese('frame-too-short: block all: 0 values of 2')).toMatch(/报文太短/);
});

it('are told where YAML itself is at fault', () => {
  const types = fileURLToPath(import.meta.resolve('yaml')).replace(/index\.js$/, 'errors.d.ts');
  const codes = [...readFileSync(types, 'utf8').matchAll(/'([A-Z_0-9]+)'/g)].map(([, one]) => one);
  expect(codes.length).toBeGreaterThan(15);
  expect(codes.filter((code) => !Object.hasOwn(YAML, code ?? ''))).toEqual([]);
});

it.each([
  ['a tab', 'profile: a/b\nkind:\n\tx: 1\n'],
  ['an alias without anchor', 'profile: a/b\nkind: *nothing\n'],
  ['a key twice', 'profile: a/b\nprofile: a/b\n'],
  ['a quote that is not closed', 'profile: "a/b\n'],
  ['two documents', 'profile: a/b\n---\nprofile: a/c\n'],
])('tell %s with its place', (_what, text) => {
  const { faults } = parseProfile(text, '');
  const [fault] = faults.filter(({ yaml }) => yaml !== undefined);
  expect(fault?.line).toBeGreaterThan(0);
  expect(chineseOf(fault?.message ?? '', fault?.yaml)).toMatch(/^YAML 格式有误：(?!见英文)/);
});

const OTHERS = ['x', '-1', '[1]', '{}', '""', '1.0e+99', '.nan', 'null'];

/** Each line left out, its first value made something else, and its first key another one. */
function* broken(text: string): Generator<string> {
  const lines = text.split('\n');
  for (const [at, line] of lines.entries()) {
    const all = (other: string): string => lines.with(at, other).join('\n');
    yield lines.toSpliced(at, 1).join('\n');
    const value = OTHERS[at % OTHERS.length];
    yield all(line.replace(/: [^,{}[\]]+/, `: ${value}`));
    yield all(line.replace(/(\w+):/, 'other-$1:'));
  }
}

it.each(['boqu/phg-2091', 'milesight/em400-udl'])(
  'are all told of %s, broken line by line, with a place',
  (id) => {
    const text = readFileSync(join(builtinCatalog, `${id}.yaml`), 'utf8');
    const faults = [...broken(text)].flatMap((one) => parseProfile(one, '').faults);
    expect(faults.length).toBeGreaterThan(50);
    const untold = faults.filter(
      ({ message, yaml }) => !/^(?!.*见英文).*[\u4e00-\u9fff]/.test(chineseOf(message, yaml)),
    );
    expect([...new Set(untold.map(({ message }) => message))]).toEqual([]);
    expect(faults.filter(({ line }) => line === undefined)).toEqual([]);
  },
  240_000,
);

it('put the particulars in their places', () => {
  expect(inChinese('expected string, received number')).toBe('类型不对：应为文本，实际是数字');
  expect(inChinese('no full example shows pm25')).toBe('没有一个完整的样例给出 pm25');
  expect(inChinese('there is no metric string')).toBe('没有监测项 string');
  expect(inChinese('something that nobody has said before')).toBeNull();
});
