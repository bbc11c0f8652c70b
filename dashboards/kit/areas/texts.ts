/** What choosing an area says. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  'area-of': { zh: '管辖范围', en: 'Area of duty' },
  'area-below': { zh: '{name}下的区域', en: 'Area within {name}' },
  'area-whole': { zh: '{name}全部', en: 'All of {name}' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
