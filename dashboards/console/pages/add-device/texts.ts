/** What adding and connecting a device says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  intro: {
    zh: '填写后即可接入：下一页给出密钥和可复制的命令，并等到第一条数据。',
    en: 'Once it is filled in, the next page has its secret and lines to copy, and waits for the first value.',
  },
  import: { zh: '导入很多设备', en: 'Import many' },
  profile: { zh: '设备型号', en: 'Type of device' },
  'profile.choose': { zh: '请选择…', en: 'Choose…' },
  id: { zh: '设备编号', en: 'Id of the device' },
  'id.hint': {
    zh: '1 到 64 个字母、数字、_ 或 -；也是它的用户名，之后不能改。例如 bin-001',
    en: '1 to 64 letters, digits, _ or -; it is its user name too and stays as it is. For example bin-001',
  },
  name: { zh: '名称', en: 'Name' },
  'name.hint': { zh: '人们怎么称呼它，例如“北村口垃圾桶”', en: 'What people call it' },
  area: { zh: '所在区域', en: 'Area' },
  go: { zh: '添加并接入', en: 'Add and connect' },
  connect: { zh: '接入设备', en: 'Connect the device' },
  'connect.intro': {
    zh: '把下面的内容填进设备，或先在电脑上试发一条。第一条数据到达后，这一页会自动告诉您。',
    en: 'Set the device to what is below, or send one message from a computer first. This page says when the first value has come.',
  },
  waiting: { zh: '正在等待第一条数据…', en: 'Waiting for the first value…' },
  'waiting.again': {
    zh: '正在等待新的数据…（上次上报 {time}）',
    en: 'Waiting for a new value… (last heard {time})',
  },
  'waiting.hint': {
    zh: '正常情况下每 {every} 上报一次。',
    en: 'It reports every {every} when all is well.',
  },
  came: { zh: '已收到数据：{time}', en: 'A value has come: {time}' },
  'came.open': { zh: '查看设备', en: 'Open the device' },
  next: { zh: '再添加一台', en: 'Add another one' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
