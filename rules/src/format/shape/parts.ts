/** What shapes of rule files are made of: names, durations, texts; and what they become. */

import type { Label } from '@village/core';
import {
  AREA_LEVELS,
  DAY,
  HOUR,
  MINUTE,
  parseDuration,
  QUALITIES,
  SECOND,
  SEVERITIES,
} from '@village/core';
import { z } from 'zod';
import type { Lasting } from '../../model.ts';

/** Longest time that a rule may wait or look at. */
export const DURATION_MS_MAX = 366 * DAY;

const inChinese = new Map<string, string>();

/** A message of a shape: what zod keeps is the English one. */
function say(zh: string, en: string): string {
  inChinese.set(en, zh);
  return en;
}

/** A message that a shape here gave, in both languages; undefined of zod's own. */
export function saidBy(message: string): Label | undefined {
  const zh = inChinese.get(message);
  return zh === undefined ? undefined : { zh, en: message };
}

export const kebab = z
  .string()
  .max(60)
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    say(
      '只能用小写英文单词和连字符，如 river-ph-high',
      'must be lower-case words joined by hyphens',
    ),
  );
export const label = (max: number) =>
  z.strictObject({ zh: z.string().trim().min(1).max(max), en: z.string().trim().min(1).max(max) });
export const name = z
  .string()
  .max(40)
  .regex(
    /^[a-z][A-Za-z0-9_]*$/,
    say(
      '名称只能用英文字母和数字，以小写字母开头',
      'must be letters and digits, and begin with a small letter',
    ),
  );
export const duration = z
  .string()
  .regex(
    /^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/,
    say('应为时长，如 30s、5m、26h、7d', 'must be a duration such as 30s, 5m, 26h or 7d'),
  )
  .refine(
    (text) => !(parseDuration(text) > DURATION_MS_MAX),
    say('时长不能超过 366d', 'must not be longer than 366d'),
  );
/** A duration, or so many intervals of the device: `3 * interval`. */
export const lasting = z
  .string()
  .regex(
    /^(\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)|\d{1,4}(\.\d{1,2})? \* interval)$/,
    say(
      '应为时长（如 15m）或上报间隔的倍数（如 3 * interval）',
      'must be a duration such as 15m, or intervals such as 3 * interval',
    ),
  )
  .refine(
    (text) => !(parseDuration(text) > DURATION_MS_MAX),
    say('时长不能超过 366d', 'must not be longer than 366d'),
  );
export const severity = z.enum(SEVERITIES);
export const quality = z.enum(QUALITIES);
export const areaLevel = z.enum(AREA_LEVELS);
export const scalar = z.union([z.string().max(200), z.number(), z.boolean()]);
/** One, or a list of them. */
export const some = <T extends z.ZodType>(one: T) => z.union([one, z.array(one).min(1).max(200)]);
/** YAML reads a code without quotes as a number. */
export const areaCode = z
  .union([z.string(), z.number()])
  .refine(
    (code) => /^\d{12}$/.test(String(code)),
    say('应为 12 位统计用区划代码', 'must be a 12-digit area code'),
  );

export const listOf = <T>(one: T | readonly T[] | undefined): readonly T[] =>
  one === undefined ? [] : Array.isArray(one) ? (one as readonly T[]) : [one as T];

/** Whole milliseconds of a duration that has its shape. */
export const durationMs = (text: string): number => Math.round(parseDuration(text));

const UNITS = [
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
] as const;

/** As people write it, in the largest unit that it is whole of. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, one]) => ms % one === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** A length of time and the shortest that it may be. */
export function lastingOf(text: string, min: string | undefined): Lasting {
  const intervals = /^([\d.]+) \* interval$/.exec(text)?.[1];
  const least = min === undefined ? 0 : durationMs(min);
  return intervals === undefined
    ? { ms: Math.max(durationMs(text), least), intervals: 0 }
    : { ms: least, intervals: Number(intervals) };
}
