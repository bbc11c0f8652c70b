/** What the list of devices says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  'state-any': { zh: '全部状态', en: 'Any state' },
  search: { zh: '搜索名称或编号', en: 'Search name or id' },
  'search-key': { zh: '按 / 键搜索', en: 'Press / to search' },
  'kind-any': { zh: '全部类型', en: 'Any kind' },
  area: { zh: '区域', en: 'Area' },
  'area-any': { zh: '全部区域', en: 'All areas' },
  sort: { zh: '排序', en: 'Sort' },
  'sort-name': { zh: '名称', en: 'Name' },
  'sort-seen': { zh: '最近上报在前', en: 'Last seen first' },
  'sort-state': { zh: '状态', en: 'State' },
  columns: { zh: '列', en: 'Columns' },
  total: { zh: '共 {n} 台', en: '{n} in total' },
  shown: { zh: '已显示 {shown} / {total}', en: '{shown} of {total} shown' },
  'loading-more': { zh: '加载中…', en: 'Loading…' },
  'export-list': { zh: '导出清单', en: 'Export list' },
  'export-readings': { zh: '导出 24 小时数据', en: 'Export 24 h of readings' },
  exporting: { zh: '正在导出…', en: 'Exporting…' },
  none: { zh: '没有符合条件的设备', en: 'No device matches' },
  'none-hint': {
    zh: '换个关键词，或清除筛选条件。',
    en: 'Try another word, or clear the filters.',
  },
  clear: { zh: '清除筛选', en: 'Clear filters' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
