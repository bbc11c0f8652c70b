/** What is said of the equipment that stands and stood in a device's place. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  installations: { zh: '安装履历', en: 'Installations' },
  'no-serial': { zh: '序列号未登记', en: 'no serial number' },
  'since-until': { zh: '{since} 至 {until}', en: '{since} to {until}' },
  'at-first': { zh: '最初', en: 'the beginning' },
  'still-here': { zh: '今', en: 'now' },
  'by-whom': { zh: '{by} 登记', en: 'noted by {by}' },
} as const satisfies Texts;

export const { t } = dictionary(texts);
