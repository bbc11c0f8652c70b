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
  'refused-waiting': { zh: '待上报的拒收报文', en: 'Refused frames waiting' },
  'refused-dropped': { zh: '丢弃的拒收报文', en: 'Refused frames dropped' },
  missing: { zh: '缺失批次', en: 'Batches missing' },
  at: { zh: '状态时间', en: 'Status from' },
  heard: { zh: '最近来数', en: 'Last heard' },
  'no-status': {
    zh: '有数据到达，但该网关从未上报自身状态：积压与丢弃情况未知。',
    en: 'Its data comes, but it has never told its own status: what waits or was dropped there is not known.',
  },
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
  certificates: { zh: '证书', en: 'Certificates' },
  'valid-to': { zh: '有效期至', en: 'Valid until' },
  'days-left': { zh: '剩余天数', en: 'Days left' },
  'ended-days': { zh: '已过期', en: 'Expired' },
  'days-ago': { zh: '{n} 天前', en: '{n} days ago' },
  'ended-today': { zh: '今天', en: 'today' },
  'not-used': {
    zh: '新证书文件无法使用，仍用旧证书：{reason}',
    en: 'The new file is not used, the old certificate goes on: {reason}',
  },
  'clock-fault.clock-not-set': {
    zh: '服务器时钟尚未设置。',
    en: 'The clock of the server is not set.',
  },
  'clock-fault.clock-behind-stored': {
    zh: '服务器时钟比已存数据慢一年以上。',
    en: 'The clock of the server is years behind what is stored.',
  },
  'clock-fault.clock-ahead-of-stored': {
    zh: '服务器时钟比最近存储的时间快一年以上。',
    en: 'The clock of the server is years ahead of what was stored last.',
  },
  'clock-fault.clock-ahead-of-others': {
    zh: '服务器时钟比设备和网关快一年以上。',
    en: 'The clock of the server is years ahead of those of devices and gateways.',
  },
  'clock-hint': {
    zh: '校准之前不接收任何数据，也不按期限删除；设备和网关会稍后重发。',
    en: 'Nothing is taken in and nothing is deleted for its age until it is set; devices and gateways send again.',
  },
  backup: { zh: '立即备份', en: 'Back up now' },
  'backing-up': { zh: '正在备份…', en: 'Backing up…' },
  'backup-failed': {
    zh: '{time} 的备份失败，原因见服务器日志',
    en: 'The backup of {time} failed; the log of the server says why',
  },
  'backed-up': { zh: '备份已写入 {folder}', en: 'Backup written to {folder}' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
