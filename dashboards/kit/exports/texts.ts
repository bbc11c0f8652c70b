/** What is said of files of readings. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  export: { zh: '导出数据', en: 'Export readings' },
  'export-span': { zh: '{from} 至 {to}', en: '{from} to {to}' },
  'export-format': { zh: '文件格式', en: 'File format' },
  'format.csv': { zh: 'CSV（表格）', en: 'CSV (Excel)' },
  'format.parquet': { zh: 'Parquet（数据分析）', en: 'Parquet (analysis)' },
  'export-measuring': { zh: '正在估算大小…', en: 'Estimating the size…' },
  'export-values': {
    zh: '数值为订正后的；有订正的，同时列出接收时的原值。',
    en: 'Values are as corrected; of those that were, what was received stands beside.',
  },
  'export-size': { zh: '约 {rows} 行，{bytes}', en: 'About {rows} rows, {bytes}' },
  'export-is': { zh: '{rows} 行，{bytes}', en: '{rows} rows, {bytes}' },
  'export-large': {
    zh: '文件较大，将在后台生成。可以关闭此窗口，但请不要退出登录。',
    en: 'A large file: it is made in the background. You may close this window, but stay signed in.',
  },
  'export-now': { zh: '下载', en: 'Download' },
  'export-make': { zh: '开始生成', en: 'Make the file' },
  'export-close': { zh: '关闭', en: 'Close' },
  'export-mine': { zh: '我的导出文件', en: 'My files' },
  'export-progress': { zh: '生成进度', en: 'Progress' },
  'export-area': { zh: '区域 {code}', en: 'Area {code}' },
  'export-kept': { zh: '保留至 {time}', en: 'kept until {time}' },
  'export-cancel': { zh: '取消', en: 'Cancel' },
  'export-remove': { zh: '删除', en: 'Remove' },
  'export-resume': {
    zh: '下载中断后，在浏览器的下载列表中点“继续”即可接着下载。',
    en: 'A download that was cut goes on where it ended: choose “Resume” in the browser’s list.',
  },
  'making.queued': { zh: '排队中', en: 'Waiting' },
  'making.running': { zh: '正在生成', en: 'Being made' },
  'making.done': { zh: '已生成', en: 'Ready' },
  'making.failed': { zh: '未能生成', en: 'Failed' },
  'refused.busy': { zh: '导出任务较多，请稍后再试。', en: 'Many exports are made now: try later.' },
  'refused.export-too-large': {
    zh: '文件太大：请缩短时间范围或减少设备。',
    en: 'Too large: choose a shorter time or fewer devices.',
  },
  'refused.file-lost': {
    zh: '文件已不在服务器上，请重新导出。',
    en: 'The file is not on the server any more: ask for it again.',
  },
  'refused.format-not-offered': {
    zh: '此服务器只能导出 CSV。',
    en: 'This server exports CSV alone.',
  },
  'refused.no-room': {
    zh: '服务器磁盘空间不足，请联系管理员。',
    en: 'The server’s disk has no room: tell an administrator.',
  },
  'refused.rights-ended': {
    zh: '已退出登录或权限已变化。',
    en: 'You signed out, or your rights have changed.',
  },
  'refused.server-restarted': {
    zh: '生成时服务器重新启动，请重新导出。',
    en: 'The server was restarted while it was made: ask for it again.',
  },
  'refused.too-many-exports': {
    zh: '导出文件已满，请先删除一个。',
    en: 'You have as many files as you may: remove one.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
