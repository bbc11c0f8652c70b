/** What the page of device types says. */
import { dictionary, type Texts } from '#kit/text/language.ts';
import { reasons } from '#kit/text/reasons.ts';

export const texts = {
  intro: {
    zh: '一种设备就是一个文件：上报什么、单位和合理范围都写在里面，并带有自测的样例。',
    en: 'A type is one file: what it says, its units and plausible ranges, with examples that prove it.',
  },
  types: { zh: '已有类型', en: 'Types here' },
  measures: { zh: '监测项', en: 'Measures' },
  every: { zh: '上报间隔', en: 'Reports every' },
  revision: { zh: '修订', en: 'Revision' },
  metric: { zh: '监测项', en: 'Metric' },
  key: { zh: '代号', en: 'Key' },
  unit: { zh: '单位', en: 'Unit' },
  range: { zh: '合理范围', en: 'Plausible range' },
  states: { zh: '状态量', en: 'states' },
  check: { zh: '校验新的类型文件', en: 'Check a new file' },
  'check-intro': {
    zh: '选择 YAML 文件：格式、引用和每一个样例都会校验一遍，不改变任何设备。',
    en: 'Choose a YAML file: its shape, its references and each of its examples are checked. Nothing changes.',
  },
  file: { zh: '类型文件', en: 'File' },
  'check-do': { zh: '校验', en: 'Check' },
  checking: { zh: '正在校验…', en: 'Checking…' },
  'file-empty': { zh: '这个文件是空的', en: 'This file is empty' },
  faults: { zh: '{n} 处错误', en: 'faults: {n}' },
  place: { zh: '位置', en: 'Place' },
  'line-n': { zh: '第 {line} 行第 {column} 列', en: 'line {line}, column {column}' },
  'whole-file': { zh: '整个文件', en: 'the whole file' },
  fault: { zh: '错误（英文）', en: 'Fault' },
  sound: { zh: '文件无误', en: 'The file is sound' },
  'sound-next': {
    zh: '把它放进 village.yaml 里 catalogs 所列的文件夹（{path}），重新启动服务器后即可登记这种设备。',
    en: 'Put it into a folder that catalogs of village.yaml lists ({path}); after a restart of the server such devices can be registered.',
  },
  'known-n': {
    zh: '现有 {n} 台设备属于这一类型（修订 {revision}）。',
    en: 'Devices of this type here: {n} (revision {revision}).',
  },
  lost: {
    zh: '换用这个文件后，这些设备将不再有：{metrics}。历史数据保留，但新数据不再接收。',
    en: 'With this file they would no longer have: {metrics}. What is stored stays, new values are not taken.',
  },
  try: { zh: '用隔离区里的报文试一试', en: 'Try it on messages that are kept aside' },
  'try-intro': {
    zh: '用这个文件解析这类设备被隔离的报文，看看会得到什么；不保存任何结果。',
    en: 'Runs messages in quarantine of devices of this type by this file, and shows what they would give. Nothing is stored.',
  },
  'try-do': { zh: '试解析', en: 'Try' },
  trying: { zh: '正在试解析…', en: 'Trying…' },
  'none-kept': {
    zh: '隔离区里没有这类设备待处理的报文。',
    en: 'Nothing of devices of this type is kept aside.',
  },
  'tried-n': {
    zh: '待处理 {open} 条，试了最新的 {tried} 条：其中 {taken} 条可以接收。',
    en: 'Kept aside: {open}. The newest tried: {tried}. Would be taken: {taken}.',
  },
  'would-take': { zh: '可以接收', en: 'Would be taken' },
  'would-refuse': { zh: '仍会拒绝', en: 'Still refused' },
  was: { zh: '当时的原因：', en: 'Kept aside for: ' },
  'gives-events': { zh: '事件：', en: 'Events: ' },
  'gives-nothing': {
    zh: '报文可以解析，但没有新的数值。',
    en: 'It can be read, and gives nothing new.',
  },
  'and-more': { zh: '还有 {n} 个数值', en: 'and more values: {n}' },
  ...reasons,
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
