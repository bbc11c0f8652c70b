/** A county's file of values that it answers for: its shape, and each fault with its place. */
import { conversion, parseTime, QUANTITIES, type QuantityId, unitsOf } from '@village/core';
import { type Path, pathText, readYaml, schemaFaults } from '@village/device-profiles';
import { z } from 'zod';
import { type Bound, type Conditions, WATERS } from '../limits.ts';
import { COLOURS, ELEMENTS } from '../signals.ts';
import { type CountyMark, PERIODS } from '../standard.ts';

/** What is wrong in a file, and where. */
export interface StandardsFault {
  readonly file: string;
  /** 1-based; absent when the whole file is at fault. */
  readonly line?: number;
  readonly column?: number;
  readonly path: string;
  readonly message: string;
  readonly zh: string;
}

/** Tells a fault of an entry, at a key of it where one is named. */
export type Refuse = (zh: string, message: string, key?: string) => void;

interface Entry {
  readonly version: string;
  readonly mark: CountyMark;
  readonly refuse: Refuse;
}

export interface CountyLimit extends Entry {
  readonly quantity: QuantityId;
  readonly class: string | null;
  readonly period: (typeof PERIODS)[number] | null;
  readonly when: Conditions;
  readonly bound: Bound;
}

export interface CountyGrade extends Entry {
  readonly hours: number | null;
  readonly grade: string;
  readonly from: number;
}

export interface CountySignal extends Entry {
  readonly hazard: string;
  readonly colour: string;
  readonly element: string;
  readonly value: number;
  /** Other hours than the signal has; null where it keeps its own. */
  readonly hours: number | null;
}

export interface CountyValues {
  readonly limits: readonly CountyLimit[];
  readonly grades: readonly CountyGrade[];
  readonly signals: readonly CountySignal[];
}

const TEXT_MAX = 262_144;
const VALUE_MAX = 1e9;
const ENTRIES_MAX = 1_000;

const text = (most: number) => z.string().trim().min(1).max(most);
const isDay = (day: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(parseTime(`${day}T00:00:00Z`));
const day = z
  .string()
  .refine(isDay, { error: '须为日期，如 2026-11-05 · must be a day such as 2026-11-05' });
const amount = z.number().min(0).max(VALUE_MAX);
/** Classes such as 1 are written without quotation marks. */
const word = z.union([text(40), z.number().int().transform(String)]);
const year = z.number().int().min(1950).max(2100);

const common = {
  version: text(60),
  source: text(300),
  verified: z.boolean().default(false),
  by: text(100).optional(),
  on: day.optional(),
};

const limit = z.strictObject({
  ...common,
  quantity: z.enum(Object.keys(QUANTITIES) as [QuantityId, ...QuantityId[]]),
  class: word.optional(),
  period: z.enum(PERIODS).optional(),
  water: z.enum(WATERS).optional(),
  cold: z.boolean().optional(),
  builtFrom: year.optional(),
  builtBefore: year.optional(),
  atMost: amount.optional(),
  atLeast: amount.optional(),
  between: z.tuple([amount, amount]).optional(),
  unit: z.string().optional(),
});

const grade = z.strictObject({
  ...common,
  hours: z.number().int().min(1).max(240).optional(),
  grade: word,
  from: amount,
});

const signal = z.strictObject({
  ...common,
  hazard: text(40),
  colour: z.enum(COLOURS),
  element: z.enum(Object.keys(ELEMENTS) as [string, ...string[]]),
  value: z.number().min(-VALUE_MAX).max(VALUE_MAX),
  hours: z.number().int().min(1).max(240).optional(),
});

const file = z.strictObject({
  by: text(100),
  on: day,
  limits: z.array(limit).max(ENTRIES_MAX).default([]),
  grades: z.array(grade).max(ENTRIES_MAX).default([]),
  signals: z.array(signal).max(ENTRIES_MAX).default([]),
});

const KINDS: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  string: ['文字（必要时加引号）', 'a text'],
  number: ['数字', 'a number'],
  int: ['整数', 'a whole number'],
  boolean: ['true 或 false', 'true or false'],
  object: ['一组“键: 值”', 'keys with values'],
  array: ['列表', 'a list'],
  tuple: ['两个数 [低, 高]', 'two numbers [low, high]'],
};

/** What is wrong with a value, in both languages. */
function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const [zh, en] = KINDS[issue.expected] ?? [issue.expected, issue.expected];
      return issue.input === undefined
        ? `须给出：${zh} · is missing: ${en}`
        : `须为${zh} · must be ${en}`;
    }
    case 'too_small':
      return `太小或太短，至少 ${issue.minimum} · is too small or too short, at least ${issue.minimum}`;
    case 'too_big':
      return `太大或太长，最多 ${issue.maximum} · is too large or too long, at most ${issue.maximum}`;
    case 'invalid_value': {
      const words = issue.values.map(String);
      const shown = words.length > 20 ? `${words.slice(0, 20).join(', ')} …` : words.join(', ');
      return `须为其中之一：${shown} · must be one of ${shown}`;
    }
    default:
      return undefined;
  }
}

/** Both languages of a fault; of the library's own there is but one. */
function bothOf(message: string): { zh: string; message: string } {
  if (message === 'unknown key')
    return { zh: '没有这个键，请检查拼写和缩进', message: 'unknown key' };
  const at = message.indexOf(' · ');
  return at === -1
    ? { zh: message, message }
    : { zh: message.slice(0, at), message: message.slice(at + ' · '.length) };
}

type LimitEntry = z.infer<typeof limit>;

/** The bound that an entry says, in the canonical unit; null where it has been refused. */
function boundOf(entry: LimitEntry, refuse: Refuse): Bound | null {
  const { quantity, atMost, atLeast, between } = entry;
  const said = [atMost, atLeast, between].filter((one) => one !== undefined);
  if (said.length !== 1) {
    refuse(
      'atMost、atLeast、between 三者须给出且只给出一个',
      'must have one of atMost, atLeast and between',
    );
    return null;
  }
  const canonical: string = QUANTITIES[quantity].unit;
  const unit = entry.unit ?? (canonical === '' ? '' : undefined);
  const factors = unit === undefined ? undefined : conversion(quantity, unit);
  if (factors === undefined) {
    const units = unitsOf(quantity).join(', ');
    refuse(
      `须写明单位，可用：${units}`,
      `must say its unit, one of ${units}`,
      entry.unit === undefined ? undefined : 'unit',
    );
    return null;
  }
  const [factor, offset] = factors;
  const own = (value: number): number => value * factor + offset;
  if (between !== undefined) {
    const [low, high] = between;
    if (low < high) return { sense: 'between', low: own(low), high: own(high) };
    refuse('须为 [低, 高]，低值在前', 'must be [low, high], the lower one first', 'between');
    return null;
  }
  return atMost === undefined
    ? { sense: 'at-least', value: own(atLeast ?? 0) }
    : { sense: 'at-most', value: own(atMost) };
}

const conditionsOf = ({ water, cold, builtFrom, builtBefore }: LimitEntry): Conditions => ({
  ...(water === undefined ? {} : { water }),
  ...(cold === undefined ? {} : { cold }),
  ...(builtFrom === undefined ? {} : { builtFrom }),
  ...(builtBefore === undefined ? {} : { builtBefore }),
});

/** Reads one file. `name` is only told in faults and marks. With any fault nothing of it counts. */
export function parseCounty(
  content: string,
  name: string,
): { readonly values?: CountyValues; readonly faults: StandardsFault[] } {
  if (content.length > TEXT_MAX)
    return {
      faults: [
        {
          ...{ file: name, path: '', zh: `超过 ${TEXT_MAX} 个字符` },
          message: `is longer than ${TEXT_MAX} characters`,
        },
      ],
    };
  const yaml = readYaml(content);
  const faults: StandardsFault[] = yaml.faults.map(({ place, message }) => ({
    ...{ file: name, ...place, path: '', message, zh: `不是正确的 YAML：${message}` },
  }));
  if (yaml.data === undefined || faults.length > 0) return { faults };
  const parsed = file.safeParse(yaml.data, { error: wording });
  if (!parsed.success)
    return {
      faults: schemaFaults(parsed.error.issues).map(({ path, message }) => ({
        ...{ file: name, ...yaml.at(path), path: pathText(path) },
        ...bothOf(message),
      })),
    };
  const refuser =
    (path: Path): Refuse =>
    (zh, message, key) => {
      const at = key === undefined ? path : [...path, key];
      faults.push({ ...{ file: name, ...yaml.at(at), path: pathText(at) }, message, zh });
    };
  return { values: valuesOf(parsed.data, { name, at: yaml.at, refuser }), faults };
}

interface Reading {
  readonly name: string;
  readonly at: ReturnType<typeof readYaml>['at'];
  readonly refuser: (path: Path) => Refuse;
}

function valuesOf(said: z.infer<typeof file>, { name, at, refuser }: Reading): CountyValues {
  const entryOf = (
    one: {
      version: string;
      source: string;
      verified: boolean;
      by?: string | undefined;
      on?: string | undefined;
    },
    path: Path,
  ): Entry => ({
    version: one.version,
    mark: {
      by: one.by ?? said.by,
      on: one.on ?? said.on,
      ...{ source: one.source, verified: one.verified },
      place: `${name}:${at(path).line}`,
    },
    refuse: refuser(path),
  });
  if (said.limits.length + said.grades.length + said.signals.length === 0)
    refuser([])(
      '没有任何值：limits、grades、signals 都是空的',
      'has no value: limits, grades and signals are empty',
    );
  return {
    limits: said.limits.flatMap((one, n) => {
      const entry = entryOf(one, ['limits', n]);
      const bound = boundOf(one, entry.refuse);
      const { quantity, class: key = null, period = null } = one;
      return bound === null
        ? []
        : [{ ...entry, ...{ quantity, class: key, period, when: conditionsOf(one), bound } }];
    }),
    grades: said.grades.map((one, n) => ({
      ...entryOf(one, ['grades', n]),
      ...{ hours: one.hours ?? null, grade: one.grade, from: one.from },
    })),
    signals: said.signals.map((one, n) => ({
      ...entryOf(one, ['signals', n]),
      ...{ hazard: one.hazard, colour: one.colour, element: one.element, value: one.value },
      hours: one.hours ?? null,
    })),
  };
}
