/** Figures, ages and times as people read them. Pure but for the language; times are shown in Beijing time everywhere. */

import { BEIJING_OFFSET_MS, DAY, HOUR, MINUTE } from '@village/core/duration';
import type { Metric } from './api/answers.ts';
import { language, say, t, word } from './text/language.ts';

/** The county's zone: an officer travelling abroad still reads the village's own time. */
export const ZONE = 'Asia/Shanghai';

const locale = (): string => (language.value === 'zh' ? 'zh-CN' : 'en-US');

/** Making a number format takes a hundred times as long as using it: one of each kind is kept. */
const formats = new Map<string, Intl.NumberFormat>();

function numbers(most: number, least = 0, notation: 'standard' | 'compact' = 'standard') {
  const key = `${locale()} ${most} ${least} ${notation}`;
  let format = formats.get(key);
  if (format === undefined) {
    const options = { maximumFractionDigits: most, minimumFractionDigits: least, notation };
    format = new Intl.NumberFormat(locale(), options);
    formats.set(key, format);
  }
  return format;
}

/**
 * A number as digits, with separators: the same in both languages, and without the locale data, whose first use holds up a
 * page that is being opened.
 */
function grouped(digits: string): string {
  const [whole = '', ...decimals] = digits.split('.');
  return [whole.replaceAll(/\B(?=(\d{3})+$)/g, ','), ...decimals].join('.');
}

const pad = (value: number): string => String(value).padStart(2, '0');

/** A count with separators, shortened from a hundred thousand on (12.3万, 123K). */
export function formatCount(value: number): string {
  if (Math.abs(value) < 100_000) return grouped(String(Math.round(value) + 0));
  return numbers(1, 0, 'compact').format(value);
}

/** Figures of a number too small for decimals: a trace is not nothing. */
const TRACE_DIGITS = 3;

/**
 * A measured value: four significant figures are more than any of these instruments has; whole numbers are kept, and what
 * is not zero never reads as zero.
 */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.01) return formatExact(Number(value.toPrecision(TRACE_DIGITS)));
  const decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  if (!(size < 1e15)) return numbers(decimals).format(value);
  return grouped(String(Number(value.toFixed(decimals)) + 0));
}

/** The fewest digits that are this number, of one that came as four bytes those that are these four bytes: 7.39. */
function shortest(value: number): number {
  // Fifteen figures are what eight bytes surely hold; the rest is what adding up leaves behind.
  if (Math.fround(value) !== value) return Number(value.toPrecision(15));
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** A number with all its digits, as it was sent or said: where it is proved, nothing is rounded. */
export function formatExact(value: number): string {
  const short = shortest(value);
  const size = Math.abs(short);
  if (size > 0 && (size < 1e-6 || size >= 1e15)) return String(short);
  return numbers(20).format(short === 0 ? 0 : short);
}

/** A mark of an axis whose marks stand `step` apart: as many decimals as keep neighbours apart, the same for all. */
export function formatMark(value: number, step: number): string {
  let decimals = 0;
  while (decimals < 6 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-6)
    decimals++;
  if (!(Math.abs(value) < 1e15)) return numbers(decimals, decimals).format(value);
  return grouped((Number(value.toFixed(decimals)) + 0).toFixed(decimals));
}

/** A metric's value in words when it is a named state, as a figure otherwise; the unit is shown beside it. */
export function formatMetric(
  metric: Metric | undefined,
  value: number,
  figure: (value: number) => string = formatValue,
): string {
  for (const [name, code] of metric?.states ?? []) {
    if (code !== value) continue;
    const label = metric?.stateNames?.get(name);
    return label === undefined ? word('mode', name) : say(label);
  }
  return figure(value);
}

/** 1.5 MiB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = bytes;
  let step = 0;
  while (size >= 1024 && step < units.length - 1) {
    size /= 1024;
    step++;
  }
  return `${step === 0 ? size : size.toFixed(1)} ${units[step]}`;
}

/** A length of time in its largest fitting unit. */
export function formatSpan(ms: number): string {
  const whole = (value: number): string => String(Math.round(value * 10) / 10);
  if (ms > 0 && ms < 1000) return t('span.milliseconds', { n: whole(ms) });
  if (ms < MINUTE) return t('span.seconds', { n: whole(ms / 1000) });
  if (ms < HOUR) return t('span.minutes', { n: whole(ms / MINUTE) });
  if (ms < 2 * DAY) return t('span.hours', { n: whole(ms / HOUR) });
  return t('span.days', { n: whole(ms / DAY) });
}

/** A length of time in its two largest units: 3 小时 12 分钟. */
export function formatLength(ms: number): string {
  if (ms < MINUTE) return formatSpan(Math.round(ms / 1000) * 1000);
  const minutes = Math.round(ms / MINUTE);
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor((minutes % 1440) / 60);
  const parts = [
    days > 0 ? t('span.days', { n: days }) : '',
    hours > 0 ? t('span.hours', { n: hours }) : '',
    days === 0 && minutes % 60 > 0 ? t('span.minutes', { n: minutes % 60 }) : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

/** The parts of an instant on Beijing's clock. */
export function civil(at: number): {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
} {
  const local = new Date(at + BEIJING_OFFSET_MS);
  return {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
  };
}

/** 2026-03-01 08:05:09 (Beijing). */
export function formatTime(at: number): string {
  const { year, month, day, hour, minute, second } = civil(at);
  return `${year}-${pad(month)}-${pad(day)} ${pad(hour)}:${pad(minute)}:${pad(second)}`;
}

/** 2026-03-01 08:05:09.125: with the part of the second, where it is proved when something came. */
export function formatReceipt(at: number): string {
  return `${formatTime(at)}.${String(new Date(at).getUTCMilliseconds()).padStart(3, '0')}`;
}

/** 03-01 08:05, for tables and axes. */
export function formatShort(at: number): string {
  const { month, day, hour, minute } = civil(at);
  return `${pad(month)}-${pad(day)} ${pad(hour)}:${pad(minute)}`;
}

/** `2026-03-01T08:05`, what a datetime-local field holds, on Beijing's clock. */
export function toField(at: number): string {
  return new Date(at + BEIJING_OFFSET_MS).toISOString().slice(0, 16);
}

/** The instant of a datetime-local field, with its seconds if it has some; NaN when it is empty or wrong. */
export function fromField(field: string): number {
  const [, minute, second = ':00'] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?/.exec(field) ?? [];
  return minute === undefined ? Number.NaN : Date.parse(`${minute}${second}Z`) - BEIJING_OFFSET_MS;
}

/** 刚刚, 3 分钟前; the exact time when it is over a month ago or ahead of us by more than a minute. */
export function formatAge(at: number, now: number): string {
  const age = now - at;
  if (age < -MINUTE || age >= 30 * DAY) return formatShort(at);
  if (age < 10_000) return t('age.now');
  if (age < MINUTE) return t('age.seconds', { n: Math.floor(age / 1000) });
  if (age < HOUR) return t('age.minutes', { n: Math.floor(age / MINUTE) });
  if (age < DAY) return t('age.hours', { n: Math.floor(age / HOUR) });
  return t('age.days', { n: Math.floor(age / DAY) });
}

/** Share in percent, one decimal, and never 100 unless it is all of them. */
export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const percent = Math.floor((part / whole) * 1000) / 10;
  return String(percent);
}
