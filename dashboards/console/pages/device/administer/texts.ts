/** What changing, moving and retiring a device says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  change: { zh: '修改', en: 'Change' },
  'change.heading': { zh: '修改登记信息', en: 'Change the registration' },
  'change.hint': {
    zh: '编号和历史数据不变。改了地址或网关，之后的数据按新的识别。',
    en: 'The id and its history stay. With another address or gateway, what comes from then on is recognised by these.',
  },
  'change.go': { zh: '保存', en: 'Save' },
  move: { zh: '移到其他区域', en: 'Move' },
  'move.hint': {
    zh: '从本小时起计入新区域；之前的数据仍属于原区域。谁能看到它随新区域而定。',
    en: 'It counts to the new area from this hour on; what came before stays with the old one. Who sees it follows the new area.',
  },
  'move.go': { zh: '移动', en: 'Move it' },
  'move.to': { zh: '新区域', en: 'New area' },
  'retire.heading': { zh: '停用这台设备', en: 'Retire this device' },
  'retire.hint': {
    zh: '数据不会删除。设备离开清单和统计，密钥失效，地址空出；之后收到的数据进隔离区。可以恢复，届时算一次新的安装。',
    en: 'Nothing is deleted. It leaves lists and counts, its secret ends, its address is free; what it sends then is quarantined. It can be brought back, as a new installation.',
  },
  'reinstate.heading': { zh: '恢复这台设备', en: 'Reinstate this device' },
  'reinstate.hint': {
    zh: '按原登记恢复：名称、区域、网关、地址和选项不变，算一次新的安装；自己上报的设备得到新的密钥。',
    en: 'It comes back as it was registered, with its name, area, gateway, address and options, as a new installation. One that publishes itself gets a new secret.',
  },
} as const satisfies Texts;

export const { t } = dictionary(texts);
