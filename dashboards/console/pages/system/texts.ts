/** What the system page says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  gateways: { zh: '网关', en: 'Gateways' },
  'no-gateways': { zh: '还没有网关上线过', en: 'No gateway has reported yet' },
  waiting: { zh: '积压批次', en: 'Batches waiting' },
  'waiting-value': {
    zh: '实时 {live} · 补传 {backfill}',
    en: 'live {live} · backfill {backfill}',
  },
  dropped: { zh: '丢弃读数', en: 'Readings dropped' },
  missing: { zh: '缺失批次', en: 'Batches missing' },
  at: { zh: '状态时间', en: 'Status from' },
  store: { zh: '存储', en: 'Store' },
  broker: { zh: '消息接入', en: 'Broker' },
  readings: { zh: '累计读数', en: 'Readings' },
  'rows-pending': { zh: '待提交行', en: 'Rows pending' },
  'rows-in-memory': { zh: '内存中的行', en: 'Rows in memory' },
  'rows-archived': { zh: '已归档行', en: 'Rows archived' },
  'commit-failures': { zh: '提交失败', en: 'Failed commits' },
  'commit-p99': { zh: '提交耗时 P99', en: 'Commit p99' },
  'flush-failures': { zh: '归档失败', en: 'Failed flushes' },
  'files-unreadable': { zh: '不可读文件', en: 'Unreadable files' },
  quarantined: { zh: '隔离报文', en: 'Quarantined' },
  'log-bytes': { zh: '日志大小', en: 'Log size' },
  'archive-bytes': { zh: '归档大小', en: 'Archive size' },
  connections: { zh: '当前连接', en: 'Connections' },
  messages: { zh: '累计消息', en: 'Messages' },
  acknowledged: { zh: '已确认', en: 'Acknowledged' },
  'in-flight': { zh: '处理中', en: 'In flight' },
  refused: { zh: '拒绝', en: 'Refused' },
  backup: { zh: '立即备份', en: 'Back up now' },
  'backing-up': { zh: '正在备份…', en: 'Backing up…' },
  'backup-failed': {
    zh: '{time} 的备份失败，原因见服务器日志',
    en: 'The backup of {time} failed; the log of the server says why',
  },
  'backed-up': { zh: '备份已写入 {folder}', en: 'Backup written to {folder}' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
