/** What the page of the map's borders says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  intro: {
    zh: '导入县里自己的边界（GeoJSON）。文件中的区域采用新边界，其他区域保持原样；有任何错误时什么都不导入。',
    en: 'The county’s own borders (GeoJSON). Areas of the file get its borders, others keep theirs; with any fault, nothing is imported.',
  },
  map: { zh: '打开地图', en: 'Open the map' },
  file: {
    zh: '边界文件（.geojson、.json，最大 32 MiB）',
    en: 'File (.geojson, .json, at most 32 MiB)',
  },
  'file-hint': {
    zh: '每个要素用 code（也认 adcode、XZQDM）或 name（也认 XZQMC、名称）说明是哪个区域。',
    en: 'Each feature names its area by code (or adcode, XZQDM) or name (or XZQMC).',
  },
  chosen: { zh: '{name}，{size}，尚未发送', en: '{name}, {size}, not sent yet' },
  'too-large': {
    zh: '{name} 有 {size}，超过 32 MiB；请先简化边界再导入。',
    en: '{name} has {size}, more than 32 MiB; simplify the borders first.',
  },
  empty: { zh: '这是空文件，里面什么也没有。', en: 'The file is empty.' },
  system: { zh: '坐标系', en: 'Coordinate system' },
  'system-hint': {
    zh: '选错时边界会偏移数百米。国内公开的地图多用 GCJ-02，百度用 BD-09，测绘成果用 CGCS2000。',
    en: 'The wrong one shifts borders by hundreds of metres. Public Chinese maps use GCJ-02, Baidu BD-09, surveys CGCS2000.',
  },
  choose: { zh: '请选择', en: 'Choose one' },
  'systems.wgs84': { zh: 'WGS-84（GPS 坐标）', en: 'WGS-84 (GPS)' },
  'systems.cgcs2000': { zh: 'CGCS2000（国家 2000）', en: 'CGCS2000' },
  'systems.gcj02': { zh: 'GCJ-02（高德、腾讯坐标）', en: 'GCJ-02 (Amap, Tencent)' },
  'systems.bd09': { zh: 'BD-09（百度坐标）', en: 'BD-09 (Baidu)' },
  review: { zh: '审图号（可不填）', en: 'Map-review number (may be left out)' },
  'review-hint': {
    zh: '例如 浙湖S(2026)3号；显示在地图下方。公开展示地图须有审图号。',
    en: 'As the approval says it (shěn tú hào); it stands below the map. A map shown in public has to have one.',
  },
  send: { zh: '导入边界', en: 'Import borders' },
  stopped: { zh: '已停止，什么都没有导入。', en: 'Stopped; nothing was imported.' },
  unsure: {
    zh: '文件已全部发出，但没有等到回答；是否导入请看下面的边界。',
    en: 'All had been sent, and no answer came: see below whether it was imported.',
  },
  'refused.unreadable-geometry': {
    zh: '这个文件读不出来：不是 GeoJSON 的 FeatureCollection，或者太大。',
    en: 'The file can’t be read: it is no GeoJSON FeatureCollection, or too large.',
  },
  'refused.busy': {
    zh: '服务器正在处理其他边界文件，请稍后再试。',
    en: 'The server works on other files of borders; try again later.',
  },
  done: {
    zh: '{areas} 个区域已有新边界；读入 {read} 个点，简化后保留 {kept} 个。',
    en: 'Areas with new borders: {areas}; points read: {read}, kept: {kept}.',
  },
  turned: {
    zh: '{n} 个环方向相反，已更正。',
    en: 'Rings that ran the wrong way and were turned: {n}.',
  },
  'judged.devices': {
    zh: '位置已与设备坐标核对。',
    en: 'Their place was checked against devices.',
  },
  'judged.map': {
    zh: '位置已与原有边界核对。',
    en: 'Their place was checked against the borders that were there.',
  },
  'judged.nothing': {
    zh: '没有设备坐标和原有边界可以核对位置，请到地图上看一看。',
    en: 'There were neither devices nor borders to check their place against: look at the map.',
  },
  faults: {
    zh: '{name}：{n} 处错误，什么都没有导入',
    en: '{name}: faults: {n}; nothing was imported',
  },
  'faults-more': { zh: '只列出前 {n} 处。', en: 'The first {n} are listed.' },
  feature: { zh: '要素', en: 'Feature' },
  'whole-file': { zh: '整个文件', en: 'Whole file' },
  area: { zh: '区域', en: 'Area' },
  place: { zh: '在文件中的位置', en: 'Place in the file' },
  fault: { zh: '问题', en: 'Fault' },
  stored: { zh: '现有边界', en: 'Borders that are there' },
  none: { zh: '还没有边界', en: 'No borders yet' },
  'none-hint': {
    zh: '没有边界时，地图把乡镇画成示意图块。',
    en: 'Without them the map shows townships as schematic tiles.',
  },
  'show-below': { zh: '看下级', en: 'Below' },
  up: { zh: '返回上级', en: 'Back up' },
  level: { zh: '级别', en: 'Level' },
  'level.county': { zh: '县', en: 'County' },
  'level.township': { zh: '乡镇', en: 'Township' },
  'level.village': { zh: '村', en: 'Village' },
  parts: { zh: '块数', en: 'Parts' },
  points: { zh: '点数（已简化）', en: 'Points (simplified)' },
  'no-number': { zh: '未填', en: 'None' },
  number: { zh: '审图号', en: 'Review number' },
  remove: { zh: '删除', en: 'Remove' },
  'remove-of': { zh: '删除{name}的边界', en: 'Remove the borders of {name}' },
  sure: {
    zh: '{name}及其所有下级的边界都将删除，地图改用示意图块。设备和读数不变；要恢复须重新导入文件。',
    en: 'The borders of {name} and of all below it go; the map shows tiles in their place. Devices and readings stay. Only a file brings them back.',
  },
  cancel: { zh: '取消', en: 'Cancel' },
  removed: { zh: '已删除 {n} 个区域的边界。', en: 'Areas whose borders were removed: {n}.' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
