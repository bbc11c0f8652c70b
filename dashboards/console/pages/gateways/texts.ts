/** What the pages of gateways say. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  add: { zh: '添加网关', en: 'Add a gateway' },
  'client-ids': { zh: '客户端标识', en: 'Client ids' },
  'add.intro': {
    zh: '网关在村里读取设备并上报；LoRaWAN 网络服务器也在这里登记。下一页给出密钥和配置文件。',
    en: 'A gateway in the village reads devices and speaks for them; a LoRaWAN network server is registered here too. The next page has its secret and its file.',
  },
  'add.go': { zh: '添加并接入', en: 'Add and connect' },
  id: { zh: '网关编号', en: 'Id of the gateway' },
  'id.hint': {
    zh: '1 到 64 个字母、数字、_ 或 -；也是它的用户名，之后不能改。例如 gw-01',
    en: '1 to 64 letters, digits, _ or -; it is its user name too and stays as it is. For example gw-01',
  },
  area: { zh: '所在区域', en: 'Area' },
  empty: { zh: '还没有网关', en: 'No gateways yet' },
  'empty.hint': {
    zh: '自己会用 MQTT 上报的设备不需要网关；用 Modbus 等线路的设备需要。',
    en: 'Devices that publish over MQTT themselves need none; those on Modbus and other wires do.',
  },
  devices: { zh: '设备（在线 / 全部）', en: 'Devices (online / all)' },
  heard: { zh: '最近来信', en: 'Last heard' },
  waiting: { zh: '待传', en: 'Waiting to be sent' },
  'waiting.counts': {
    zh: '实时 {live} · 补传 {backfill}',
    en: 'live {live} · backfill {backfill}',
  },
  'waiting.oldest': { zh: '待发最久 {span}', en: 'oldest {span}' },
  search: { zh: '按名称、编号或区域查找', en: 'Find by name, id or area' },
  'state-any': { zh: '全部在用', en: 'All in service' },
  'state.retired': { zh: '已停用', en: 'Retired' },
  'retired.at': { zh: '{time} 停用。', en: 'Retired {time}.' },
  'reinstate.heading': { zh: '恢复网关 {id}', en: 'Reinstate the gateway {id}' },
  'reinstate.hint': {
    zh: '它回到清单和选项中，名称和区域不变；旧密钥已失效，下一页给出新的密钥和配置文件。',
    en: 'It is in lists and choices again, with its name and area; its old secret ended, and the next page has a new one and its file.',
  },
  'connect.retired': {
    zh: '这个网关已停用，不能连接；可在网关清单中筛选“已停用”后恢复它。',
    en: 'This gateway is retired and can’t connect. Reinstate it in the list of gateways, under “Retired”.',
  },
  total: { zh: '共 {n} 个', en: '{n} in all' },
  shown: { zh: '已显示 {shown} / {total}', en: '{shown} of {total} shown' },
  none: { zh: '没有匹配的网关', en: 'No such gateway' },
  'none-retired': { zh: '没有停用的网关', en: 'No retired gateways' },
  clear: { zh: '清除条件', en: 'Clear the filters' },
  refused: { zh: '被拒部分', en: 'Refused parts' },
  software: { zh: '软件版本', en: 'Version' },
  connect: { zh: '接入与密钥', en: 'Connect and secret' },
  'connect.title': { zh: '接入网关', en: 'Connect the gateway' },
  'connect.intro': {
    zh: '把配置文件放到网关上并启动它；连上后这一页会自动告诉您。',
    en: 'Put the file on the gateway and start it; this page says when it has connected.',
  },
  'connect.waiting': { zh: '正在等待网关连接…', en: 'Waiting for the gateway…' },
  'connect.here': {
    zh: '网关已连接，最近来信 {time}',
    en: 'The gateway is connected, last heard {time}',
  },
  'connect.list': { zh: '查看全部网关', en: 'All gateways' },
  change: { zh: '修改', en: 'Change' },
  'change.heading': { zh: '修改网关 {id}', en: 'Change the gateway {id}' },
  'change.hint': {
    zh: '名称和区域可以改；谁能看到它随区域而定。编号、密钥和它的设备不变。',
    en: 'Name and area may change; who sees it follows its area. Its id, its secret and its devices stay.',
  },
  'retire.heading': { zh: '停用网关 {id}', en: 'Retire the gateway {id}' },
  'retire.hint': {
    zh: '数据不会删除。网关离开清单和选项，密钥立即失效，正在进行的会话断开；还没传上来的数据就传不上来了。可以恢复，届时得到新的密钥。',
    en: 'Nothing is deleted. It leaves lists and choices, its secret ends and its session with it; what still waits in it will not arrive. It can be brought back, with a new secret.',
  },
  'retire.waits': {
    zh: '它还有 {n} 条数据待传。',
    en: 'Still waiting in it: {n}.',
  },
  'retire.devices': {
    zh: '还有 {n} 台在用设备通过它上报，请先把它们改到别的网关或停用：',
    en: 'Devices in service that speak through it: {n}. Give them another gateway or retire them first:',
  },
  'retire.more': { zh: '等', en: 'and others' },
  'change.go': { zh: '保存', en: 'Save' },
} as const satisfies Texts;

export const { t } = dictionary(texts);
