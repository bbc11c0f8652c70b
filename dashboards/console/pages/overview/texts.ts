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
  'first-steps': { zh: '三步看到第一条数据', en: 'Three steps to the first value' },
  'first-step.areas': { zh: '登记乡镇和村', en: 'Register townships and villages' },
  'first-hint.areas': {
    zh: '逐个添加，或上传一份表格：导入页有空表可下载，写错的地方会逐行指出。',
    en: 'One by one, or all by a table: the import page has an empty one and tells faults by row.',
  },
  'first-do.areas': { zh: '添加区域', en: 'Add areas' },
  'first-step.device': { zh: '登记第一台设备', en: 'Register the first device' },
  'first-hint.device': {
    zh: '选择设备类型和所在的村。登记后显示密钥和接入方法。手边没有设备时选“智能垃圾桶”，用电脑就能试发一条。',
    en: 'Choose its type and village. Its secret and how to connect it are shown then. With no device at hand choose the smart bin: a computer can send for it.',
  },
  'first-do.device': { zh: '添加设备', en: 'Add a device' },
  'first-import': { zh: '从表格导入', en: 'Import from a table' },
  'first-step.value': { zh: '等待第一条数据', en: 'Wait for the first value' },
  'first-hint.value': {
    zh: '按接入方法配置设备。数据一到，这一页自动更新，不必刷新。',
    en: 'Set the device up as shown. This page changes by itself when data arrive.',
  },
  'first-do.value': { zh: '查看接入方法', en: 'How to connect it' },
  'first-done': { zh: '已完成', en: 'done' },
  retired: { zh: '已停用', en: 'Retired' },
  'retired-hint': {
    zh: '这个区域已于 {time} 停用：不再出现在清单和选项中，历史记录和以往的指标保留。',
    en: 'This area was retired on {time}: it is in no list and no choice, and its records and old figures stay.',
  },
  'no-areas': { zh: '没有下级区域', en: 'No areas below' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
