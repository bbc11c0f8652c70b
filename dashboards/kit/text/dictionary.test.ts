import { describe, expect, it } from 'vitest';
import { texts } from './dictionary.ts';
import { language, t, word } from './language.ts';

const places = (text: string): string[] =>
  [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '').sort();
const entries = Object.entries(texts);

describe('dictionary', () => {
  it('both languages of a text have the same places', () => {
    expect(entries.filter(([, { zh, en }]) => places(zh).join() !== places(en).join())).toEqual([]);
  });
  it('no text is empty, and no English one has Chinese in it', () => {
    expect(
      entries.filter(
        ([, { zh, en }]) => zh.trim() === '' || en.trim() === '' || /\p{Script=Han}/u.test(en),
      ),
    ).toEqual([]);
  });
  it('every Chinese text is Chinese', () => {
    const allowed = /^(system\.commit-p99)$/;
    expect(
      entries.filter(([key, { zh }]) => !allowed.test(key) && !/\p{Script=Han}/u.test(zh)),
    ).toEqual([]);
  });
  it('fills places, and leaves unknown words as they came', () => {
    expect(t('age.minutes', { n: 3 })).toBe('3 分钟前');
    language.value = 'en';
    expect(t('age.minutes', { n: 3 })).toBe('3 min ago');
    language.value = 'zh';
    expect(word('mode', 'running')).toBe('运行');
    expect(word('mode', 'constructor')).toBe('constructor');
  });
});
