/** What the map page says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  'view.tiles': { zh: '示意图', en: 'Schematic' },
  'view.points': { zh: '位置图', en: 'Positions' },
  views: { zh: '地图类型', en: 'Kind of map' },
  find: { zh: '查找设备、乡镇或村', en: 'Find a device, township or village' },
  found: { zh: '找到的', en: 'Found' },
  'found-none': {
    zh: '没有找到。可按名称或编号的一部分查找；没有坐标的设备请到设备列表里找。',
    en: 'Nothing found. Part of a name or id will do; devices without a position are in the list of devices.',
  },
  'found-more': { zh: '只列出前 {n} 个', en: 'The first {n} are listed' },
  here: { zh: '同一位置的设备', en: 'Devices in one place' },
  areas: { zh: '下级区域', en: 'Areas' },
  loading: { zh: '正在取设备位置：{n} 台', en: 'Fetching positions: {n}' },
  located: { zh: '{n} 台设备，{m} 台有坐标', en: 'Devices: {n}, with a position: {m}' },
  'no-positions': { zh: '还没有设备坐标', en: 'No positions yet' },
  'no-positions-hint': {
    zh: '打开设备，点“修改”填写经度和纬度；很多设备时，导入带经纬度（WGS-84）的表。填好后设备就会出现在这里。',
    en: 'Open a device and give its longitude and latitude under Change; of many devices, import a table with both (WGS-84). They appear here then.',
  },
  'to-devices': { zh: '打开设备列表', en: 'Open the list of devices' },
  'to-import': { zh: '去导入', en: 'Import' },
  'to-borders': { zh: '边界', en: 'Borders' },
  'to-area': { zh: '打开区域', en: 'Open the area' },
  'to-device': { zh: '打开设备', en: 'Open the device' },
  all: { zh: '全县', en: 'Whole area' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
