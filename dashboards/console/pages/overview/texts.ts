/** What the overview says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  rate: { zh: '每分钟读数', en: 'Readings per minute' },
  townships: { zh: '乡镇（街道）', en: 'Townships' },
  villages: { zh: '村（社区）', en: 'Villages' },
  area: { zh: '名称', en: 'Name' },
  share: { zh: '设备状态', en: 'Device states' },
  total: { zh: '设备', en: 'Devices' },
  quantities: { zh: '最新数据', en: 'Latest values' },
  'quantities-note': {
    zh: '在线设备的有效值：平均，最低 – 最高',
    en: 'Good values of devices online: mean, min – max',
  },
  'no-quantities': {
    zh: '暂无在线设备的有效数据',
    en: 'No good values from devices online yet',
  },
  'more-quantities': { zh: '显示其余 {n} 项', en: 'Show {n} more' },
  recent: { zh: '最近上报的设备', en: 'Heard most recently' },
  devices: { zh: '本区域设备', en: 'Devices here' },
  'all-devices': { zh: '查看全部 {n} 台', en: 'Show all {n}' },
  'online-share': { zh: '在线率 {n}%', en: '{n}% online' },
  'devices-n': { zh: '{n} 台设备', en: 'devices: {n}' },
  'devices-online': { zh: '在线 {n} 台', en: '{n} online' },
  updated: { zh: '更新于', en: 'Updated' },
  map: { zh: '各乡镇设备', en: 'Devices by township' },
  'to-map': { zh: '打开地图', en: 'Open the map' },
  'no-areas': { zh: '没有下级区域', en: 'No areas below' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
