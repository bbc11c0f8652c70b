/** What the panel of figures says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  figures: { zh: '统计指标', en: 'Figures' },
  figure: { zh: '指标', en: 'Figure' },
  time: { zh: '时间', en: 'Time' },
  value: { zh: '数值', en: 'Value' },
  complete: { zh: '完整率', en: 'Complete' },
  stations: { zh: '站点有效率', en: 'Stations' },
  note: { zh: '备注', en: 'Note' },
  open: { zh: '查看依据', en: 'Open' },
  'open-of': { zh: '查看 {time} 的依据', en: 'Open {time}' },
  'too-little': { zh: '数据不足', en: 'Too little data' },
  'not-closed': { zh: '进行中', en: 'Still going on' },
  fault: { zh: '计算出错', en: 'Failed' },
  changed: { zh: '已更新', en: 'Changed since' },
  corrected: { zh: '已订正', en: 'Corrected' },
  'figures-earlier': { zh: '更早', en: 'Earlier' },
  'figures-later': { zh: '更晚', en: 'Later' },
  'figures-none': { zh: '这段时间没有可用的数据', en: 'No data to compute from in this time' },
  'figures-none-hint': {
    zh: '可以看更早的时间，或换一个指标。',
    en: 'Look at an earlier time, or another figure.',
  },
  stored: { zh: '归档指标，变更留痕', en: 'Kept, with what it was before' },
  computed: { zh: '即时计算', en: 'Computed when asked' },
  'by-standard': { zh: '依据 {standard}', en: 'By {standard}' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
