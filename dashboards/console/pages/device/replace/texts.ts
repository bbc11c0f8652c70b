/** What the dialog says that puts new equipment in the place of a device. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  replace: { zh: '更换设备', en: 'Replace the equipment' },
  'replace.hint': {
    zh: '编号和历史数据保持不变，新设备从所填时间起记入安装履历。',
    en: 'The id and its history stay; the new equipment is on record from the time given.',
  },
  'replace.serial': { zh: '新设备序列号', en: 'Serial number of the new equipment' },
  'replace.profile': { zh: '设备型号', en: 'Type' },
  'replace.at': { zh: '更换时间', en: 'Replaced at' },
  'replace.at-hint': { zh: '空着即为现在', en: 'Now when left empty' },
  'replace.reason': { zh: '原因', en: 'Reason' },
  'replace.secret': { zh: '生成新的接入密钥', en: 'Make a new secret for it' },
  'replace.secret-hint': {
    zh: '旧密钥随即失效，正在使用它的连接会断开。',
    en: 'The old one holds no longer, and what is connected with it is cut off.',
  },
  'replace.go': { zh: '确认更换', en: 'Replace' },
  'replace.cancel': { zh: '取消', en: 'Cancel' },
  'replace.close': { zh: '完成', en: 'Done' },
  'replace.done': { zh: '已记录更换。', en: 'The replacement is on record.' },
  'replace.new-secret': {
    zh: '新密钥只显示这一次，请现在抄录：',
    en: 'The new secret is shown this once; note it now:',
  },
  'refused.changed-meanwhile': {
    zh: '这期间已有别人改过这台设备，更换没有记录。请关闭后重新打开。',
    en: 'Somebody else has changed the device meanwhile: nothing was put on record. Close this and open it again.',
  },
  'refused.not-installed': { zh: '设备已停用，不能更换。', en: 'The device is retired.' },
  'refused.replaced-later': {
    zh: '此后已有一次更换，请填更晚的时间。',
    en: 'It was replaced after that time already: give a later one.',
  },
  'refused.address-taken': {
    zh: '同型号的另一台设备已使用这个地址。',
    en: 'Another device of that type has this address.',
  },
  'refused.unfit-options': {
    zh: '设备现有的选项不适用于这个型号。',
    en: 'The options of the device do not fit that type.',
  },
  'refused.bad-time': {
    zh: '更换时间不能晚于现在。',
    en: 'The time can not be later than now.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
