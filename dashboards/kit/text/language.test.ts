import { afterEach, expect, it } from 'vitest';
import { dictionary, language, t, word } from './language.ts';

afterEach(() => {
  language.value = 'zh';
});

it('fills places, and leaves unknown words as they came', () => {
  expect(t('age.minutes', { n: 3 })).toBe('3 分钟前');
  language.value = 'en';
  expect(t('age.minutes', { n: 3 })).toBe('3 min ago');
  language.value = 'zh';
  expect(word('mode', 'running')).toBe('运行');
  expect(word('mode', 'constructor')).toBe('constructor');
});

it('a dictionary of a topic knows its own texts and those of every page', () => {
  const own = dictionary({
    found: { zh: '找到 {n} 户', en: '{n} found' },
    'crop.tea': { zh: '茶叶', en: 'Tea' },
  });
  expect(own.t('found', { n: 12 })).toBe('找到 12 户');
  expect(own.t('state.online')).toBe('在线');
  expect(own.word('crop', 'tea')).toBe('茶叶');
  expect(own.word('crop', 'rice')).toBe('rice');
  language.value = 'en';
  expect(own.t('found', { n: 12 })).toBe('12 found');
});
