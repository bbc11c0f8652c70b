/** Instants and durations as text: RFC 3339 in and out, and "90s", "5m", "26h", "7d". */
import { BEIJING_OFFSET_MS, DAY, HOUR, MINUTE, SECOND } from './duration.ts';

const digit = (text: string, at: number): number => {
  const code = text.charCodeAt(at) - 48;
  return code >= 0 && code <= 9 ? code : Number.NaN;
};
const two = (text: string, at: number): number => digit(text, at) * 10 + digit(text, at + 1);

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719468
  );
}

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysInMonth(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return monthDays[month - 1] ?? 0;
}

/** Milliseconds of the zone offset that starts at `at` and must end the text; NaN when it is none. */
function offsetMs(text: string, at: number): number {
  const mark = text[at];
  if ((mark === 'Z' || mark === 'z') && text.length === at + 1) return 0;
  if (mark !== '+' && mark !== '-') return Number.NaN;
  // Beside +08:00 the forms of ISO 8601 that C and Python print, +0800 and +08.
  const size = text.length - at;
  const hasColon = size === 6 && text[at + 3] === ':';
  if (!hasColon && size !== 5 && size !== 3) return Number.NaN;
  const hours = two(text, at + 1);
  const minutes = size === 3 ? 0 : two(text, at + (hasColon ? 4 : 3));
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN;
  return (mark === '+' ? 1 : -1) * (hours * 60 + minutes) * MINUTE;
}

/**
 * Milliseconds since 1970 of an RFC 3339 time (section 5.6); NaN when the text is none.
 * Fractions beyond milliseconds are cut. A zone is required, also as +0800 or +08. A leap second counts as the next second.
 * Written by hand because it runs once for each row on the way of a reading.
 */
export function parseTime(text: string): number {
  if (text.length < 20 || text.length > 40) return Number.NaN;
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return Number.NaN;
  const separator = text[10];
  if (separator !== 'T' && separator !== 't' && separator !== ' ') return Number.NaN;
  const year = two(text, 0) * 100 + two(text, 2);
  const month = two(text, 5);
  const day = two(text, 8);
  const hour = two(text, 11);
  const minute = two(text, 14);
  const second = two(text, 17);
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month)))
    return Number.NaN;
  if (!(hour <= 23 && minute <= 59 && second <= 60)) return Number.NaN;
  let milliseconds = 0;
  let at = 19;
  if (text[at] === '.') {
    at++;
    const start = at;
    for (let scale = 100; digit(text, at) >= 0; at++, scale /= 10)
      if (scale >= 1) milliseconds += digit(text, at) * scale;
    if (at === start) return Number.NaN;
  }
  const offset = offsetMs(text, at);
  return (
    daysFromCivil(year, month, day) * DAY +
    hour * HOUR +
    minute * MINUTE +
    second * SECOND +
    milliseconds -
    offset
  );
}

/** The furthest instant that a Date can tell, either way (ECMAScript, time values). */
const TIME_MAX_MS = 8.64e15;
/** Day of the last text, and its part of the text: most texts of an answer are of one day, and that part takes the longest. */
let written = { day: Number.NaN, text: '' };

const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));

/** RFC 3339 in UTC, without the fraction when it is zero. @throws RangeError when it is no time of a Date. */
export function formatTime(milliseconds: number): string {
  const whole = Math.trunc(milliseconds);
  if (!(Math.abs(whole) <= TIME_MAX_MS)) throw new RangeError(`${milliseconds} ms is no time`);
  const day = Math.floor(whole / DAY);
  if (day !== written.day)
    written = { day, text: new Date(day * DAY).toISOString().slice(0, -'00:00:00.000Z'.length) };
  let rest = whole - day * DAY;
  const fraction = rest % SECOND;
  rest = (rest - fraction) / SECOND;
  const second = twoDigits[rest % 60]!;
  rest = Math.floor(rest / 60);
  const text = `${written.text}${twoDigits[Math.floor(rest / 60)]!}:${twoDigits[rest % 60]!}:${second}`;
  return fraction === 0 ? `${text}Z` : `${text}.${String(fraction).padStart(3, '0')}Z`;
}

/** As people at a terminal read it: on the county's clock, to the second, without the zone: 2026-03-01 08:05:09. */
export const formatCountyTime = (milliseconds: number): string =>
  formatTime(Math.floor((milliseconds + BEIJING_OFFSET_MS) / SECOND) * SECOND)
    .replace('T', ' ')
    .slice(0, -1);

const durationUnits: Record<string, number> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY };

/** Milliseconds of "500ms", "90s", "5m", "26h" or "7d"; NaN when the text is none. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return Number.NaN;
  return Number(match[1]) * (durationUnits[match[2] ?? ''] ?? Number.NaN);
}
