/**
 * The characters that every SMS vendor lets through. Templates and their variables are refused for `m²`, `•`, `①`, `★`, `→`, `【】` and their
 * like (notifications: Aliyun, documents 463270 and 2806243), so that what may not be said is written otherwise or left out.
 */
import type { Label } from '@village/core';

export type Language = keyof Label;

/** Ideographs, letters, digits, and the punctuation of both languages. */
const ALLOWED = /^[\u4e00-\u9fffA-Za-z0-9 ,.:;!?()%/+\-_#&@'"，。：；！？（）、“”《》—…]$/u;

/** What stands for a character that may not be said. What is neither here nor allowed after compatibility decomposition is left out. */
const SUBSTITUTES: Readonly<Record<string, Label>> = {
  '\n': { zh: '，', en: ', ' },
  '\t': { zh: ' ', en: ' ' },
  µ: { zh: '微', en: 'u' },
  μ: { zh: '微', en: 'u' },
  '℃': { zh: '度', en: ' deg C' },
  '℉': { zh: '华氏度', en: ' deg F' },
  '°': { zh: '度', en: ' deg ' },
  '‰': { zh: '千分之一', en: ' per mille' },
  '→': { zh: '到', en: ' to ' },
  '↑': { zh: '上升', en: ' up ' },
  '↓': { zh: '下降', en: ' down ' },
  '~': { zh: '至', en: '-' },
  '～': { zh: '至', en: '-' },
  '–': { zh: '-', en: '-' },
  '−': { zh: '-', en: '-' },
  '‑': { zh: '-', en: '-' },
  '>': { zh: '大于', en: ' above ' },
  '<': { zh: '小于', en: ' below ' },
  '≥': { zh: '不小于', en: ' at least ' },
  '≤': { zh: '不大于', en: ' at most ' },
  '≠': { zh: '不等于', en: ' not ' },
  '≈': { zh: '约', en: ' about ' },
  '±': { zh: '正负', en: ' +/-' },
  '×': { zh: '乘', en: 'x' },
  '÷': { zh: '除以', en: '/' },
  '=': { zh: '等于', en: ' is ' },
  '·': { zh: '.', en: '.' },
  '【': { zh: '（', en: '(' },
  '】': { zh: '）', en: ')' },
  '[': { zh: '（', en: '(' },
  ']': { zh: '）', en: ')' },
  '{': { zh: '（', en: '(' },
  '}': { zh: '）', en: ')' },
  '「': { zh: '“', en: '"' },
  '」': { zh: '”', en: '"' },
  '‘': { zh: '“', en: "'" },
  '’': { zh: '”', en: "'" },
};

function substitute(sign: string, language: Language): string {
  if (ALLOWED.test(sign)) return sign;
  const known = SUBSTITUTES[sign];
  if (known !== undefined && Object.hasOwn(SUBSTITUTES, sign)) return known[language];
  // Wide letters, raised digits and digits in circles have a plain form; marks and pictures have none.
  return [...sign.normalize('NFKC')].filter((part) => ALLOWED.test(part)).join('');
}

/** The text in allowed characters alone, without space at its ends or twice. Its length is the same in code points and UTF-16 units. */
export function plain(text: string, language: Language): string {
  const said = [...text].map((sign) => substitute(sign, language)).join('');
  // Between ideographs and letters a space only takes room.
  const close =
    language === 'zh' ? said.replace(/ +(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff]) +/g, '') : said;
  return close
    .replace(/ {2,}/g, ' ')
    .replace(/ +([,.;:!?，。；：！？])/g, '$1')
    .trim();
}

/** Whether every character is let through. */
export const isPlain = (text: string): boolean => [...text].every((sign) => ALLOWED.test(sign));

/** At most so many code points, the last of them an ellipsis when something is cut; a mark or space before it is left out. */
export function cut(text: string, most: number): string {
  const points = [...text];
  if (points.length <= most) return text;
  if (most <= 1) return points.slice(0, Math.max(most, 0)).join('');
  const kept = points
    .slice(0, most - 1)
    .join('')
    .replace(/[ ,.:;，。：；、（(“《]+$/u, '');
  return kept === '' ? points.slice(0, most).join('') : `${kept}…`;
}
