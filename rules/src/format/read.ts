/** From the text of a file of rules to a set of rules and its tests, or to all of its faults with their places. */
import { pathText, readYaml } from '@village/device-profiles';
import { z } from 'zod';
import type { Rule, RuleSet } from '../model.ts';
import type { RuleTest } from '../testing-model.ts';
import { checkRule } from './check.ts';
import type { Known } from './known.ts';
import { readInhibitions } from './rule/inhibit.ts';
import { readRule } from './rule/rule.ts';
import {
  type InhibitionFile,
  inhibitionSchema,
  metadataSchema,
  ruleSchema,
  rulesFile,
} from './schema.ts';
import { type Found, Notes, type RuleFault } from './shape/fault.ts';
import { shaped } from './shape/shape.ts';
import { readTest, rulesTested, TEST_READINGS_MAX } from './tests/read-test.ts';
import { testFile } from './tests/schema.ts';

/** Characters of a file of rules. */
export const RULES_TEXT_MAX = 524_288;
/** Faults that are told. */
export const FAULTS_MAX = 100;

export interface ReadOptions {
  /** Named in faults. */
  readonly file: string;
  /** What it is checked against; nothing when absent. */
  readonly known?: Known;
}

export interface ReadRules {
  /** null with any error. */
  readonly set: RuleSet | null;
  readonly tests: readonly RuleTest[];
  /** In the order of their places. */
  readonly faults: readonly RuleFault[];
}

/** The file with its lists left for later, each entry of which is read for itself. */
const outline = z.strictObject({
  ...rulesFile.shape,
  metadata: z.unknown(),
  rules: z.array(z.unknown()).min(1).max(500),
  inhibit: z.array(z.unknown()).max(200).optional(),
  tests: z.array(z.unknown()).max(500).optional(),
});

interface Lists {
  readonly metadata?: unknown;
  readonly rules: readonly unknown[];
  readonly inhibit: readonly unknown[];
  readonly tests: readonly unknown[];
}

const listAt = (data: unknown, key: string): readonly unknown[] => {
  const value =
    typeof data === 'object' && data !== null && Object.hasOwn(data, key)
      ? (data as Record<string, unknown>)[key]
      : undefined;
  return Array.isArray(value) ? value : [];
};

/** The lists of a file, also where its outline has faults. */
function listsOf(data: unknown, notes: Notes): Lists {
  const found = shaped(outline, data, notes);
  const metadata = found?.metadata ?? (data as { metadata?: unknown } | null)?.metadata;
  return {
    metadata,
    rules: listAt(data, 'rules').slice(0, 500),
    inhibit: listAt(data, 'inhibit').slice(0, 200),
    tests: listAt(data, 'tests').slice(0, 500),
  };
}

const idOf = (data: unknown): string | undefined => {
  const id = (data as { id?: unknown } | null)?.id;
  return typeof id === 'string' ? id : undefined;
};

function readRuleAt(data: unknown, known: Known | null, notes: Notes): Rule | null {
  const file = shaped(ruleSchema, data, notes);
  if (file === undefined) return null;
  const rule = readRule(file, known, notes);
  if (rule !== null && known !== null)
    checkRule(rule, known, notes, (level) =>
      file.levels.findIndex(({ severity }) => severity === rule.levels[level]?.severity),
    );
  return rule;
}

/** All rules that could be read, and the ids of all that are written. */
function readRuleList(
  list: readonly unknown[],
  known: Known | null,
  notes: Notes,
): { rules: Rule[]; ids: Set<string> } {
  const ids = new Set<string>();
  const rules = list.flatMap((data, i) => {
    const below = notes.below('rules', i);
    const id = idOf(data);
    if (id !== undefined && ids.has(id))
      below.error('rule-twice', ['id'], `${id} 写了两次`, `${id} stands twice`);
    if (id !== undefined) ids.add(id);
    return readRuleAt(data, known, below) ?? [];
  });
  return { rules, ids };
}

function readTestList(
  list: readonly unknown[],
  rules: ReadonlySet<string>,
  known: Known | null,
  notes: Notes,
): RuleTest[] {
  const names = new Set<string>();
  const left = { count: TEST_READINGS_MAX };
  return list.flatMap((data, i) => {
    const below = notes.below('tests', i);
    const file = shaped(testFile, data, below);
    if (file === undefined) return [];
    if (names.has(file.name))
      below.error('test-twice', ['name'], '另一个测试也叫这个名称', 'another test has this name');
    names.add(file.name);
    return [readTest(file, { rules, known, left }, below)];
  });
}

function warnOfUntested(rules: readonly unknown[], tests: readonly RuleTest[], notes: Notes): void {
  const tested = new Set(tests.flatMap(rulesTested));
  rules.forEach((one, i) => {
    const id = idOf(one);
    if (id !== undefined && !tested.has(id))
      notes.warning('no-test', ['rules', i], `规则 ${id} 没有测试`, `${id} has no test`);
  });
}

function readData(data: unknown, known: Known | null, notes: Notes): Omit<ReadRules, 'faults'> {
  const lists = listsOf(data, notes);
  const metadata =
    lists.metadata === undefined
      ? undefined
      : shaped(metadataSchema, lists.metadata, notes.below('metadata'));
  if (lists.metadata === undefined) notes.error('shape', ['metadata'], '缺少这一项', 'is missing');
  const { rules, ids } = readRuleList(lists.rules, known, notes);
  const files = lists.inhibit.flatMap((one, index) => {
    const file: InhibitionFile | undefined = shaped(
      inhibitionSchema,
      one,
      notes.below('inhibit', index),
    );
    return file === undefined ? [] : [{ file, index }];
  });
  const inhibit = readInhibitions(files, rules, ids, notes.below('inhibit'));
  const tests = readTestList(lists.tests, ids, known, notes);
  // Of a test that can't be read nobody knows what it tests.
  if (tests.length === lists.tests.length) warnOfUntested(lists.rules, tests, notes);
  if (notes.hasErrors || metadata === undefined) return { set: null, tests };
  return { set: { name: metadata.name, owner: metadata.owner ?? null, rules, inhibit }, tests };
}

const YAML_FAULTS: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: '这个键写了两次',
  alias: '别名（*）指不到东西，或展开后太大',
  BAD_INDENT: '缩进不对',
  TAB_AS_INDENT: '不能用制表符缩进，请用空格',
  MISSING_CHAR: '少了引号、括号或冒号',
};

/**
 * Reads a file of rules; JSON is YAML too. With any error there is no set; all faults that can be found are, at most
 * `FAULTS_MAX` of them, each with its place.
 */
export function readRules(text: string, { file, known }: ReadOptions): ReadRules {
  const whole = { file, line: 1, column: 1, path: '', level: 'error' as const };
  if (text.length > RULES_TEXT_MAX)
    return {
      set: null,
      tests: [],
      faults: [
        {
          ...whole,
          code: 'too-long',
          message: {
            zh: `超过 ${RULES_TEXT_MAX} 个字符`,
            en: `is longer than ${RULES_TEXT_MAX} characters`,
          },
        },
      ],
    };
  const yaml = readYaml(text);
  const faults: RuleFault[] = yaml.faults.map(({ place, message, code }) => ({
    ...whole,
    ...place,
    code: 'yaml',
    message: { zh: YAML_FAULTS[code] ?? `YAML 写法不对：${message}`, en: message },
  }));
  const placed = ({ path, shape, ...found }: Found): RuleFault => ({
    ...found,
    file,
    ...yaml.at(path, found.range?.start),
    path: pathText(path),
  });
  if (yaml.data === undefined) return { set: null, tests: [], faults: limited(faults) };
  const notes = new Notes();
  const { set, tests } = readData(yaml.data, known ?? null, notes);
  faults.push(...notes.found.map(placed));
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  return { set: yaml.faults.length > 0 ? null : set, tests, faults: limited(faults) };
}

/** The first hundred, errors before warnings where there are more. */
function limited(faults: readonly RuleFault[]): readonly RuleFault[] {
  if (faults.length <= FAULTS_MAX) return faults;
  const errors = faults.filter(({ level }) => level === 'error');
  const warnings = faults.filter(({ level }) => level === 'warning');
  const kept = [...errors, ...warnings].slice(0, FAULTS_MAX - 1);
  const last = kept.at(-1) as RuleFault;
  const left = faults.length - kept.length;
  return [
    ...kept,
    {
      ...last,
      path: '',
      code: 'too-many-faults',
      message: { zh: `还有 ${left} 处没有列出`, en: `${left} more are not listed` },
    },
  ];
}

/** As editors and terminals know it: `file:line:column: message`. */
export const faultText = ({ file, line, column, path, level, message }: RuleFault): string =>
  `${file}:${line}:${column}: ${level === 'warning' ? '警告 warning: ' : ''}${path === '' ? '' : `${path}: `}${message.zh} · ${message.en}`;
