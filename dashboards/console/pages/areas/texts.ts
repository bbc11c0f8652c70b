/** What the page of areas says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  intro: {
    zh: '县、乡镇和村的树；设备数含下级。很多区域请从文件导入。',
    en: 'The tree of county, townships and villages; devices are counted with all below. Many areas come from a file.',
  },
  import: { zh: '从文件导入', en: 'Import a file' },
  borders: { zh: '地图边界', en: 'Borders of the map' },
  search: { zh: '按名称或代码查找', en: 'Find by name or code' },
  none: { zh: '没有匹配的区域', en: 'No such area' },
  'level.county': { zh: '县', en: 'County' },
  'level.township': { zh: '乡镇', en: 'Township' },
  'level.village': { zh: '村', en: 'Village' },
  open: { zh: '展开 {name}', en: 'Unfold {name}' },
  devices: { zh: '{n} 台设备', en: 'Devices: {n}' },
  below: { zh: '{n} 个下级', en: 'Areas below: {n}' },
  offline: { zh: '{n} 台离线', en: 'Offline: {n}' },
  'add.township': { zh: '添加乡镇', en: 'Add a township' },
  'add.village': { zh: '添加村', en: 'Add a village' },
  'add.county': { zh: '添加县', en: 'Add a county' },
  'first-hint': {
    zh: '现在只有县。先添加乡镇，再在乡镇里添加村；设备登记在村里。',
    en: 'There is the county alone. Add a township, then villages in it; devices are registered in villages.',
  },
  'add.heading': { zh: '在 {name} 之下添加区域', en: 'Add an area below {name}' },
  'add.go': { zh: '添加', en: 'Add it' },
  'add-device': { zh: '添加设备', en: 'Add a device' },
  manage: { zh: '管理', en: 'Manage' },
  describe: { zh: '属性', en: 'Attributes' },
  'show-retired': { zh: '显示已停用的区域', en: 'Show retired areas' },
  'retired.at': { zh: '已停用 · {time}', en: 'Retired · {time}' },
  'retire.heading': { zh: '停用 {name}', en: 'Retire {name}' },
  'retire.hint': {
    zh: '用于撤并的村、乡镇。什么也不删除：它离开清单和选项，历史记录和以往的指标仍保留它；可以恢复。',
    en: 'For villages and townships that were merged. Nothing is deleted: it leaves lists and choices, records and old figures keep it, and it can be brought back.',
  },
  'retire.in-use': {
    zh: '还有在用的属于它，请先移到别的区域、停用或删除：',
    en: 'Some in service are of it still. Move, retire or remove them first:',
  },
  'retire.areas': { zh: '{n} 个下级区域', en: 'Areas below: {n}' },
  'retire.devices': { zh: '{n} 台设备', en: 'Devices: {n}' },
  'retire.gateways': { zh: '{n} 个网关', en: 'Gateways: {n}' },
  'retire.accounts': { zh: '{n} 个用户', en: 'People: {n}' },
  'retire.tokens': { zh: '{n} 个令牌', en: 'Tokens: {n}' },
  'reinstate.heading': { zh: '恢复 {name}', en: 'Reinstate {name}' },
  'reinstate.hint': {
    zh: '它回到清单和选项中，代码和历史不变。',
    en: 'It is in lists and choices again; its code and history stay.',
  },
  code: { zh: '区划代码', en: 'Code' },
  'code.hint': {
    zh: '12 位统计用区划代码；之后不能改',
    en: '12 digits, as statistics write it; it stays as it is',
  },
  level: { zh: '级别', en: 'Level' },
  zh: { zh: '中文名称', en: 'Chinese name' },
  en: { zh: '英文名称', en: 'English name' },
  change: { zh: '修改', en: 'Change' },
  'change.heading': { zh: '修改 {name}', en: 'Change {name}' },
  'change.hint': {
    zh: '名称在各页立即改变，代码、上级和历史数据不变。旧名可写进别名，导入时仍认得。',
    en: 'The name changes on all pages at once; code, place and history stay. An old name may be kept as an alias, which imports know.',
  },
  'change.go': { zh: '保存', en: 'Save' },
  aliases: { zh: '别名', en: 'Aliases' },
  'aliases.hint': { zh: '用 | 分隔', en: 'With | between' },
  validFrom: { zh: '生效日期', en: 'Valid from' },
  validTo: { zh: '失效日期', en: 'Valid until' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
