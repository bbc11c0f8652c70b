/** What a schema finds wrong, told in both languages; and data without what is at fault, so that the rest can be checked. */
import type { Label } from '@village/core';
import { type Path, type SchemaFault, schemaFaults } from '@village/device-profiles';
import { z } from 'zod';
import type { Notes } from './fault.ts';
import { meant } from './nearest.ts';
import { saidBy } from './parts.ts';

type Issue = NonNullable<SchemaFault['issue']>;

const TYPES: Readonly<Record<string, Label>> = {
  string: { zh: '文字', en: 'a text' },
  number: { zh: '数字', en: 'a number' },
  int: { zh: '整数', en: 'a whole number' },
  boolean: { zh: 'true 或 false', en: 'true or false' },
  array: { zh: '列表', en: 'a list' },
  object: { zh: '一组键值', en: 'keys with values' },
  record: { zh: '一组键值', en: 'keys with values' },
};

/** Keys that are told in words of their own. */
const KEYS: Readonly<Record<string, Label>> = {
  routes: {
    zh: '告警发给谁、怎样逐级上报，在“接收人”里设置，不写在规则文件里',
    en: 'who is told and when it goes on to others is set with the recipients, not in a file of rules',
  },
  timezone: {
    zh: '时间一律按北京时间，只能是 Asia/Shanghai',
    en: "times are Beijing's always: it can only be Asia/Shanghai",
  },
};

/** The keys that may stand at a path of a schema; none where it is no object. */
function keysAt(schema: z.core.$ZodType, path: Path): string[] {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable
  )
    return keysAt(schema.unwrap(), path);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path));
  const [first, ...rest] = path;
  if (schema instanceof z.ZodObject) {
    if (first === undefined) return Object.keys(schema.shape);
    const part = (schema.shape as Record<string, z.core.$ZodType>)[String(first)];
    return part === undefined ? [] : keysAt(part, rest);
  }
  if (first === undefined) return [];
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest);
  return schema instanceof z.ZodRecord ? keysAt(schema.valueType, rest) : [];
}

function unknownKey(schema: z.core.$ZodType, path: Path): Label {
  const key = String(path.at(-1));
  if (Object.hasOwn(KEYS, key)) return KEYS[key] as Label;
  const keys = keysAt(schema, path.slice(0, -1));
  const { zh, en } = meant(key, keys);
  if (zh !== '') return { zh: `没有这个键${zh}`, en: `is no key that is known${en}` };
  return {
    zh: `没有这个键；可用的有 ${keys.join('、')}`,
    en: `is no key that is known; known are ${keys.join(', ')}`,
  };
}

function wrongValue(values: readonly unknown[], data: unknown): Label {
  const list = values.map(String);
  const { zh, en } = typeof data === 'string' ? meant(data, list) : { zh: '', en: '' };
  return list.length === 1
    ? { zh: `只能是 ${list[0]}`, en: `can only be ${list[0]}` }
    : { zh: `只能是 ${list.join('、')} 之一${zh}`, en: `must be one of ${list.join(', ')}${en}` };
}

function wrongSize(issue: Extract<Issue, { code: 'too_big' | 'too_small' }>): Label {
  const big = issue.code === 'too_big';
  const size = big ? issue.maximum : issue.minimum;
  if (issue.origin === 'string' && !big && size === 1) return { zh: '不能是空的', en: 'is empty' };
  const of: Readonly<Record<string, Label>> = {
    string: { zh: ' 个字符', en: ' characters' },
    array: { zh: ' 项', en: ' entries' },
  };
  const { zh, en } = of[issue.origin] ?? { zh: '', en: '' };
  return big
    ? { zh: `不能超过 ${size}${zh}`, en: `must not be more than ${size}${en}` }
    : { zh: `不能少于 ${size}${zh}`, en: `must not be less than ${size}${en}` };
}

const valueAt = (data: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? (at as Record<string | number, unknown>)[key]
        : undefined,
    data,
  );

function messageOf(
  { path, issue, message }: SchemaFault,
  schema: z.core.$ZodType,
  data: unknown,
): Label {
  const value = valueAt(data, path);
  const said = saidBy(message);
  if (said !== undefined) return said;
  switch (issue?.code) {
    case 'unrecognized_keys':
      return unknownKey(schema, path);
    case 'invalid_key':
      return saidBy(issue.issues[0]?.message ?? '') ?? { zh: '不能作名称', en: 'is no name' };
    case 'invalid_type': {
      if (value === undefined) return { zh: '缺少这一项', en: 'is missing' };
      const { zh, en } = TYPES[issue.expected] ?? { zh: issue.expected, en: issue.expected };
      return { zh: `应为${zh}`, en: `must be ${en}` };
    }
    case 'invalid_value':
      if (value === undefined) return { zh: '缺少这一项', en: 'is missing' };
      if (path.at(-1) === 'timezone') return KEYS['timezone'] as Label;
      return wrongValue(issue.values, value);
    case 'too_big':
    case 'too_small':
      return wrongSize(issue);
    default:
      return { zh: `不对：${message}`, en: message };
  }
}

function remove(node: unknown, [key, ...rest]: Path): void {
  if (typeof node !== 'object' || node === null || key === undefined) return;
  const object = node as Record<string | number, unknown>;
  if (rest.length === 0) delete object[key];
  else remove(object[key], rest);
}

/**
 * Data of that shape, or undefined. What is at fault is noted; where the rest has the shape without it, the rest is
 * returned, so that it is checked too.
 */
export function shaped<T>(schema: z.ZodType<T>, data: unknown, notes: Notes): T | undefined {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const faults = schemaFaults(parsed.error.issues);
  for (const found of faults) {
    if (notes.isFull) return undefined;
    notes.shape(found.path, messageOf(found, schema, data), found.unknown === true);
  }
  const rest: unknown = structuredClone(data);
  for (const { path } of faults) remove(rest, path);
  const again = schema.safeParse(rest);
  return again.success ? again.data : undefined;
}
