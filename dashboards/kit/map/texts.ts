/** What maps say. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  'no-devices': { zh: '无设备', en: 'no devices' },
  none: { zh: '无', en: 'none' },
  lake: { zh: '太湖', en: 'Lake Tai' },
  coloured: { zh: '地图着色', en: 'What is coloured' },
  schematic: { zh: '示意图，不作界线依据', en: 'Schematic; shows no borders' },
  'ill.0': { zh: '无', en: 'none' },
  'ill.1': { zh: '5% 以下', en: 'below 5%' },
  'ill.2': { zh: '5% 以上', en: '5% and more' },
  'ill.3': { zh: '15% 以上', en: '15% and more' },
  'share.0': { zh: '全部在线', en: 'all online' },
  'share.1': { zh: '95% 以上', en: 'above 95%' },
  'share.2': { zh: '95% 以下', en: '95% and less' },
  'share.3': { zh: '85% 以下', en: '85% and less' },
  'map-of': {
    zh: '{name}地图：{n} 台设备有坐标。方向键移动，加减号缩放；右侧列表可逐台打开。',
    en: 'Map of {name}: {n} devices with a position. Arrow keys move it, plus and minus zoom; the list beside it opens each.',
  },
  'zoom-in': { zh: '放大', en: 'Zoom in' },
  'zoom-out': { zh: '缩小', en: 'Zoom out' },
  fit: { zh: '显示全部', en: 'Show all' },
  'review-number': { zh: '审图号：{number}', en: 'Map review number: {number}' },
  'no-review': { zh: '未填审图号，仅供内部使用', en: 'No map review number: for internal use' },
  positions: {
    zh: '按设备坐标标注，无边界',
    en: 'Devices by their coordinates, without borders',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
