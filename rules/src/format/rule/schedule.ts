/** `Mon-Fri 08:00-18:00`: when a rule is awake, from text and back. */
import type { Schedule } from '../../model.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const IN_CHINESE = ['日', '一', '二', '三', '四', '五', '六'] as const;
const EVERY = /^(daily|每天)$/i;
const HOUR_MINUTES = 60;
export const DAY_MINUTES = 1440;

function dayOf(word: string): number {
  const text = word.trim().toLowerCase();
  const chinese = /^(?:周|星期)?([日天一二三四五六])$/.exec(text)?.[1];
  if (chinese !== undefined)
    return chinese === '天' ? 0 : (IN_CHINESE as readonly string[]).indexOf(chinese);
  return (DAYS as readonly string[]).indexOf(text);
}

/** Days of one part: `Mon`, `Mon-Fri`, also over the end of the week. */
function daysOf(part: string): number[] | null {
  const [first, last, ...more] = part.split(/-|–|至|到/).map(dayOf);
  if (first === undefined || more.length > 0 || first < 0 || (last ?? 0) < 0) return null;
  const count = last === undefined ? 1 : ((last - first + DAYS.length) % DAYS.length) + 1;
  return Array.from({ length: count }, (_, i) => (first + i) % DAYS.length);
}

function minuteOf(text: string): number {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text);
  if (match === null) return Number.NaN;
  const [hour, minute] = [Number(match[1]), Number(match[2])];
  const whole = hour * HOUR_MINUTES + minute;
  return minute < HOUR_MINUTES && whole <= DAY_MINUTES ? whole : Number.NaN;
}

/** A schedule, or null when the text is none. */
export function parseSchedule(text: string): Schedule | null {
  const [head = '', times = '', ...more] = text.trim().split(/\s+/);
  const [from = Number.NaN, end = Number.NaN, ...rest] = times.split('-').map(minuteOf);
  // Midnight ends a day as well as it begins one.
  const to = end === 0 ? DAY_MINUTES : end;
  if (more.length > 0 || rest.length > 0 || Number.isNaN(from + to)) return null;
  if (from === DAY_MINUTES || from === to) return null;
  const parts = EVERY.test(head) ? [[0, 1, 2, 3, 4, 5, 6]] : head.split(/,|，|、/).map(daysOf);
  if (parts.includes(null)) return null;
  const days = [...new Set((parts as number[][]).flat())].sort((a, b) => a - b);
  return { days, from, to };
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / HOUR_MINUTES)).padStart(2, '0')}:${String(minute % HOUR_MINUTES).padStart(2, '0')}`;

/** As it is written. */
export function scheduleText({ days, from, to }: Schedule): string {
  const names = days.map((day) => {
    const word = DAYS[day] as string;
    return `${word[0]?.toUpperCase()}${word.slice(1)}`;
  });
  return `${days.length === DAYS.length ? 'daily' : names.join()} ${clock(from)}-${clock(to)}`;
}
