/** What the quarantine page says. */
import { dictionary, type Texts } from '#kit/text/language.ts';
import { reasons } from '#kit/text/reasons.ts';

export const texts = {
  intro: {
    zh: '无法解析的报文，以及报文中无法采用的部分，连同原因和位置保存在这里（包括网关遇到的）；同一报文的其余部分已正常入库。修正设备类型文件后可以重新处理。',
    en: 'Messages that could not be decoded, and parts of messages of which the rest was stored, are kept here with reason and place, also those that a gateway met. After the profile is mended, run them again.',
  },
  'entry.open': { zh: '待处理', en: 'Open' },
  'entry.rerun': { zh: '已重跑', en: 'Run again' },
  'entry.discarded': { zh: '已放弃', en: 'Discarded' },
  reason: { zh: '原因', en: 'Reason' },
  source: { zh: '来源', en: 'Source' },
  topic: { zh: '主题', en: 'Topic' },
  payload: { zh: '报文', en: 'Payload' },
  gateway: { zh: '网关', en: 'Gateway' },
  place: { zh: '位置', en: 'Place' },
  metric: { zh: '指标', en: 'Metric' },
  'part-at': { zh: '报文时间', en: 'Time of the message' },
  taken: { zh: '同一报文已入库的指标', en: 'Stored of the same message' },
  loading: { zh: '正在读取…', en: 'Loading…' },
  'run-selected': { zh: '重跑所选（{n}）', en: 'Run selected again ({n})' },
  'run-all': { zh: '全部重跑', en: 'Run all again' },
  running: { zh: '正在重跑…', en: 'Running…' },
  result: {
    zh: '已接收 {accepted} 条，仍被拒绝 {refused} 条',
    en: 'accepted: {accepted}, still refused: {refused}',
  },
  select: { zh: '选择 {id}', en: 'Select {id}' },
  empty: { zh: '隔离区是空的', en: 'Nothing in quarantine' },
  'empty-hint': { zh: '所有报文都已正常解析。', en: 'Every message could be decoded.' },
  ...reasons,
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
