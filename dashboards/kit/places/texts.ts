/** What the choice of an area says. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  search: { zh: '按名称或代码查找区域', en: 'Find an area by name or code' },
  none: { zh: '没有匹配的区域', en: 'No such area' },
  more: { zh: '还有 {n} 个，请输入名称缩小范围', en: '{n} more: type a name' },
} as const satisfies Texts;

export const { t } = dictionary(texts);
