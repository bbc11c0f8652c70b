/** What the import page says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  intro: {
    zh: '从 Excel（.xlsx）或文本表格（逗号、分号、制表符）导入。表头可用中文或英文，列的顺序不限；有任何错误时什么都不导入。',
    en: 'From Excel (.xlsx) or text with commas, semicolons or tabs. Headings may be Chinese or English, in any order; with any fault, nothing is imported.',
  },
  what: { zh: '导入什么', en: 'What to import' },
  devices: { zh: '设备与网关', en: 'Devices and gateways' },
  areas: { zh: '区域', en: 'Areas' },
  columns: { zh: '须有这些列，可以空着：', en: 'Columns that have to be there, also when empty:' },
  template: { zh: '下载空表', en: 'Download an empty table' },
  empty: { zh: '这是空文件，里面什么也没有。', en: 'The file is empty.' },
  'columns.devices': {
    zh: '设备编号、设备名称、设备类型、所在区域、网关、地址、经度、纬度、选项、密钥、时钟',
    en: 'id, name, profile, area, gateway, address, longitude, latitude, options, secret, clock',
  },
  'columns.areas': {
    zh: '区划代码、级别、中文名称、英文名称、上级代码、别名、生效日期、失效日期',
    en: 'code, level, zh, en, parent, aliases, validFrom, validTo',
  },
  file: { zh: '文件', en: 'File' },
  send: { zh: '导入', en: 'Import' },
  sending: { zh: '正在导入…', en: 'Importing…' },
  done: {
    zh: '已新增 {created} 项，更新 {updated} 项。',
    en: 'Added: {created}, changed: {updated}.',
  },
  secrets: {
    zh: '自动生成的密钥只显示这一次，请立即保存：',
    en: 'Secrets that were made are shown this once; keep them now:',
  },
  'secrets.save': { zh: '下载密钥（CSV）', en: 'Download secrets (CSV)' },
  id: { zh: '编号', en: 'Id' },
  secret: { zh: '密钥', en: 'Secret' },
  faults: { zh: '{n} 处错误，未导入任何内容', en: '{n} faults, nothing was imported' },
  cell: { zh: '单元格', en: 'Cell' },
  row: { zh: '第 {n} 行', en: 'row {n}' },
  column: { zh: '列', en: 'Column' },
  fault: { zh: '错误', en: 'Fault' },
  question: { zh: '这个文件是哪种编码？', en: 'Which encoding is this file in?' },
  'question.hint': {
    zh: '按两种编码都读得通，文件本身没有说明。请看哪一边的文字是对的；在选定之前不会导入任何内容。',
    en: 'It can be read in either, and does not say which. See which side has the right words; nothing is imported until you choose.',
  },
  'question.one': { zh: '这些文字读对了吗？', en: 'Are these words right?' },
  'question.one.hint': {
    zh: '文件只能按这一种编码读，但其中有极少用的字。如果读错了，请在原来的程序中另存为 .xlsx；在确认之前不会导入任何内容。',
    en: 'It can be read in this encoding alone, and has characters that hardly anybody writes. If they are wrong, save it as .xlsx in the program that it comes from; nothing is imported until you say.',
  },
  line: { zh: '行', en: 'Row' },
  'take.one': { zh: '读得对', en: 'They are right' },
  take: { zh: '这一边是对的', en: 'This side is right' },
  'encoding.utf-8': { zh: 'UTF-8 编码', en: 'UTF-8' },
  'encoding.gb18030': { zh: '国标 GB 18030（GBK）', en: 'GB 18030 (GBK)' },
  'encoding.big5': { zh: '大五码 Big5（繁体）', en: 'Big5 (traditional Chinese)' },
  'encoding.euc-kr': { zh: '韩文 EUC-KR', en: 'Korean EUC-KR' },
  'encoding.utf-16le': { zh: 'UTF-16（小端）', en: 'UTF-16 (little endian)' },
  'encoding.utf-16be': { zh: 'UTF-16（大端）', en: 'UTF-16 (big endian)' },
  'refused.unreadable-text': {
    zh: '读不出文字：既不是 UTF-8，也不是 GB 18030 或 UTF-16。请另存为 .xlsx 或 UTF-8 的 CSV。',
    en: 'The text can’t be read: neither UTF-8 nor GB 18030 nor UTF-16. Save it as .xlsx or as CSV in UTF-8.',
  },
  'refused.unreadable-workbook': {
    zh: '读不出这个表格文件：可能是旧的 .xls、带密码，或已损坏。请在 Excel 中另存为不带密码的 .xlsx。',
    en: 'This spreadsheet can’t be read: it may be an old .xls, have a password or be damaged. Save it as .xlsx without a password.',
  },
  'refused.workbook-too-large': {
    zh: '表格文件过大。请只保留要导入的那一张表，删去多余的格式和空行。',
    en: 'The spreadsheet is too large. Keep only the sheet to import, without surplus formats and empty rows.',
  },
  'refused.too-many-rows': {
    zh: '超过 100,000 行，请分成几个文件。',
    en: 'More than 100,000 rows: make several files.',
  },
  'refused.too-large': {
    zh: '文件超过 20 MB，请分成几个文件。',
    en: 'The file has more than 20 MB: make several.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
