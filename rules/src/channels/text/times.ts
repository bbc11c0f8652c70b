/** Times as a message says them, on the county's clock. */
import { formatCountyTime } from '@village/core';
import type { Language } from './characters.ts';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** 14:05 of the day of `now`, 3月1日14:05 or 1 Mar 14:05 of another day. */
export function spellTime(at: number, now: number, language: Language): string {
  const text = formatCountyTime(at);
  const clock = text.slice(11, 16);
  if (text.slice(0, 10) === formatCountyTime(now).slice(0, 10)) return clock;
  const month = Number(text.slice(5, 7));
  const day = Number(text.slice(8, 10));
  return language === 'zh' ? `${month}月${day}日${clock}` : `${day} ${months[month - 1]} ${clock}`;
}

/** As it is spoken: 14点05分, 3月1日14点; in English as it is written. */
export function sayTime(at: number, now: number, language: Language): string {
  const written = spellTime(at, now, language);
  if (language === 'en') return written;
  return written.replace(/(\d\d):(\d\d)$/, (_all, hour: string, minute: string) =>
    minute === '00' ? `${Number(hour)}点整` : `${Number(hour)}点${minute}分`,
  );
}
