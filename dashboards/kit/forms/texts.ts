/** What forms say: of faults, of what somebody else has changed, and their buttons. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  choose: { zh: '请选择…', en: 'Choose…' },
  'gateway.needed': {
    zh: '这种设备由网关或网络服务器代为上报',
    en: 'A gateway or network server speaks for devices of this type',
  },
  'gateway.none': {
    zh: '还没有网关，请先添加一个。',
    en: 'There is no gateway yet: add one first.',
  },
  'gateway.add': { zh: '添加网关', en: 'Add a gateway' },
  address: { zh: '地址', en: 'Address' },
  'address.dev-eui': { zh: 'DevEUI（16 位十六进制）', en: 'DevEUI (16 hexadecimal digits)' },
  'address.mac': { zh: 'MAC 地址', en: 'MAC address' },
  'address.imei': { zh: 'IMEI（15 位数字）', en: 'IMEI (15 digits)' },
  'address.mn': { zh: 'MN 编码', en: 'MN code' },
  'address.serial': { zh: '序列号', en: 'Serial number' },
  'address.ip': { zh: 'IP 地址', en: 'IP address' },
  'address.hint': {
    zh: '它在自己线路上的名字，例如序列号；留空则与编号相同',
    en: 'Its name on its own wire, such as a serial number; its id when empty',
  },
  longitude: { zh: '经度', en: 'Longitude' },
  latitude: { zh: '纬度', en: 'Latitude' },
  'degrees.longitude': { zh: '可不填；例如 119.91051', en: 'May be empty; for example 119.91051' },
  'degrees.latitude': { zh: '可不填；例如 31.02614', en: 'May be empty; for example 31.02614' },
  options: { zh: '型号选项', en: 'Options of the type' },
  cancel: { zh: '取消', en: 'Cancel' },
  retire: { zh: '停用', en: 'Retire' },
  'retire.reason': { zh: '原因', en: 'Reason' },
  'retire.confirm': { zh: '我明白，请停用 {name}', en: 'I understand: retire {name}' },
  reinstate: { zh: '恢复', en: 'Reinstate' },
  'reinstate.unfit': {
    zh: '请先处理，或用表格再导入这个编号并给出新的值。',
    en: 'Settle that first, or import its id with other values.',
  },
  'column.id': { zh: '编号', en: 'Id' },
  'column.name': { zh: '名称', en: 'Name' },
  'column.profile': { zh: '设备类型', en: 'Device type' },
  'column.area': { zh: '区域', en: 'Area' },
  'column.gateway': { zh: '网关', en: 'Gateway' },
  'column.address': { zh: '地址', en: 'Address' },
  'column.options': { zh: '型号选项', en: 'Options' },
  'ended.reason': { zh: '原因：{reason}', en: 'Reason: {reason}' },
  sending: { zh: '正在发送：{sent} / {size}', en: 'Sending: {sent} of {size}' },
  sent: { zh: '已全部发送，正在检查…', en: 'All sent; it is being checked…' },
  stop: { zh: '停止', en: 'Stop' },
  saving: { zh: '正在保存…', en: 'Saving…' },
  'faults.some': {
    zh: '有 {n} 处需要改正，尚未保存。',
    en: 'To correct: {n}. Nothing was saved.',
  },
  'refused.changed-meanwhile': {
    zh: '这期间已有别人改过，您的修改没有保存，以免覆盖。请关闭后重新打开，看过现在的内容再改。',
    en: 'Somebody else has changed it meanwhile. Yours was not saved, so that nothing is lost: close this, open it again, and change what is there now.',
  },
  'refused.not-installed': { zh: '它已停用，不能再修改。', en: 'It is retired.' },
  'refused.in-use': {
    zh: '还有在用的依赖它，不能停用。请关闭后重新打开，看看是哪些。',
    en: 'Some in service still depend on it. Close this and open it again to see which.',
  },
  'refused.area-retired': {
    zh: '区域或它的上级已停用，请先恢复。',
    en: 'The area, or the one above it, is retired: reinstate that first.',
  },
  'refused.not-retired': { zh: '它已在用。', en: 'It is in service already.' },
  'refused.import-conflict': {
    zh: '与别处刚保存的内容冲突，请重新打开后再试。',
    en: 'It conflicts with what was saved elsewhere just now: open it again and try once more.',
  },
  'refused.replaced-later': {
    zh: '此后已更换过设备，请刷新页面。',
    en: 'It was replaced after that time already: reload the page.',
  },
  'refused.bad-label': {
    zh: '标签名须为小写字母开头的字母、数字和 -，内容 1 到 200 个字符，不含换行。',
    en: 'The name of a label has small letters, digits and -; its text 1 to 200 characters on one line.',
  },
  'refused.bad-attribute': {
    zh: '这项属性不接受这个值。',
    en: 'This attribute can’t have this value.',
  },
  'refused.bad-time': {
    zh: '时间不能晚于现在。',
    en: 'The time must not be later than now.',
  },
  'refused.bad-text': {
    zh: '文字须在一行内，1 到 200 个字符。',
    en: 'A text has 1 to 200 characters on one line.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
