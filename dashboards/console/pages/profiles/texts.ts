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
  fault: { zh: '错误', en: 'Fault' },
  sound: { zh: '文件无误', en: 'The file is sound' },
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
  adopt: { zh: '启用这个文件', en: 'Take this file in' },
  'adopt-intro': {
    zh: '文件保存在数据库里，服务器下次启动后生效；在此之前一切照旧，也可以随时撤回。',
    en: 'It is kept in the database and holds after the next start of the server. Until then nothing changes, and it can be taken back.',
  },
  'adopt-do': { zh: '启用（下次启动生效）', en: 'Take in (holds after the next start)' },
  adopting: { zh: '正在保存…', en: 'Saving…' },
  'breaks-n': {
    zh: '正在运行的 {n} 台设备会受影响：',
    en: 'This concerns devices that run ({n}):',
  },
  never: {
    zh: '正在运行的设备无法在这个文件下继续工作，不能启用。请换用新的型号代号或监测项代号。',
    en: 'Devices that run could not go on with this file, so it is not taken in. Give the type or the metric another key.',
  },
  'losses-wanted': {
    zh: '我知道这些会失去，仍要启用',
    en: 'I know what is lost, and want it so',
  },
  'waits-already': {
    zh: '这一类型已有文件在等待下次启动，启用后由这个文件代替。',
    en: 'Another file of this type waits for the next start; this one takes its place.',
  },
  taken: { zh: '已保存。', en: 'Saved.' },
  'taken-next': {
    zh: '{id} 在服务器下次启动后生效。',
    en: '{id} holds after the next start of the server.',
  },
  'restart-how': {
    zh: '要立即生效，请重新启动服务器：装成系统服务时执行 systemctl restart village-server，否则停下后再运行 npm run serve。设备和网关会保留这期间的数据，随后补传。',
    en: 'To have it now, start the server again: systemctl restart village-server where it is a service, else stop it and run npm run serve. Devices and gateways keep what they say meanwhile.',
  },
  'file-get': { zh: '下载文件', en: 'Download the file' },
  'gateways-n': {
    zh: '这些网关自己解析，不会自动得到新文件：{gateways}。在每个网关上：',
    en: 'These gateways decode by files of their own and don’t get it by themselves: {gateways}. On each of them:',
  },
  'gateways-get': {
    zh: '从“等待下次启动”一栏下载文件，拷到网关上（如 scp）。',
    en: 'Download the file from “Waiting for the next start”, and copy it to the gateway (scp).',
  },
  'gateways-catalogs': {
    zh: '/etc/village/gateway.yaml 里要有：',
    en: '/etc/village/gateway.yaml has to say:',
  },
  'gateways-put': {
    zh: '以 root 放好文件并重新启动；同名的自带类型由它代替：',
    en: 'As root, put it in its place and start the gateway again; it takes the place of the shipped one of that name:',
  },
  'gateways-check': {
    zh: '文件有错时网关不启动，日志写明位置。先启动服务器，再启动网关。',
    en: 'With a faulty file the gateway does not start, and its log names the place. Start the server first, then the gateways.',
  },
  'origin.folder': { zh: '文件夹', en: 'folder' },
  'origin.page': { zh: '本页添加', en: 'taken in here' },
  'from.product': { zh: '产品自带', en: 'Comes with the product' },
  'from.folder': { zh: '来自 catalogs 所列的文件夹', en: 'From a folder of catalogs' },
  'from.page': { zh: '在本页添加', en: 'Taken in on this page' },
  covers: {
    zh: '代替了：{from}，修订 {revision}',
    en: 'In the place of: {from}, revision {revision}',
  },
  unused: { zh: '没有使用：', en: 'Not used: ' },
  'waits.add': { zh: '新增，下次启动生效', en: 'new from the next start' },
  'waits.replace': { zh: '替换，下次启动生效', en: 'replaced at the next start' },
  'waits.remove': { zh: '移除，下次启动生效', en: 'removed at the next start' },
  remove: { zh: '移除', en: 'Remove' },
  'remove.heading': { zh: '移除 {id}', en: 'Remove {id}' },
  'remove.hint': {
    zh: '下次启动服务器后生效；在此之前一切照旧，可以撤回。已存的数据不会删除。',
    en: 'Holds after the next start of the server. Until then nothing changes, and it can be taken back. What is stored stays.',
  },
  'remove.go': { zh: '移除（下次启动生效）', en: 'Remove (at the next start)' },
  'remove.gone': {
    zh: '别处没有这个类型的文件：移除后不再有这一类型。',
    en: 'Nothing else has a file of this type: it will be gone.',
  },
  'remove.back': {
    zh: '移除后恢复为：{from}，修订 {revision}。',
    en: 'What holds then: {from}, revision {revision}.',
  },
  'remove.devices': {
    zh: '属于这一类型的设备：在用 {n} 台，已停用 {retired} 台。',
    en: 'Devices of this type: in service {n}, retired {retired}.',
  },
  'remove.waits': {
    zh: '这一类型还有一项改动在等待下次启动，将由移除代替。',
    en: 'Another change of this type waits; the removal takes its place.',
  },
  'remove.never': {
    zh: '在用设备无法在恢复的文件下继续工作，不能移除。',
    en: 'Devices in service could not go on with what holds then, so it is not removed.',
  },
  'remove.retire-first': {
    zh: '请先让这些设备停用，或换成别的类型。',
    en: 'Retire these devices or give them another type first.',
  },
  'remove.confirm': { zh: '我知道会怎样，仍要移除', en: 'I know what it means, and want it so' },
  'remove.confirm-history': {
    zh: '我知道 {n} 台已停用设备的历史将不再显示，仍要移除',
    en: 'I know that the history of retired devices ({n}) is not shown then, and want it so',
  },
  'changed-meanwhile': {
    zh: '校验之后这一类型又被改动过，请重新校验。',
    en: 'The type was changed after this check: check the file again.',
  },
  waiting: { zh: '等待下次启动', en: 'Waiting for the next start' },
  'waiting-intro': {
    zh: '这些改动已保存，下次启动服务器时生效。',
    en: 'These changes are saved, and hold from the next start of the server.',
  },
  'waiting-fault': { zh: '上次启动未能生效：', en: 'The last start could not use it: ' },
  'take-back': { zh: '撤回', en: 'Take back' },
  'change.metric-lost': { zh: '不再有监测项 ', en: 'Metric gone: ' },
  'change.metric-other': { zh: '监测项含义变了 ', en: 'Metric means something else: ' },
  'change.event-lost': { zh: '不再有事件 ', en: 'Event gone: ' },
  'change.kind-other': { zh: '设备类别变了，原为 ', en: 'Another kind; it was: ' },
  'change.protocol-other': { zh: '通信协议变了，原为 ', en: 'Another protocol; it was: ' },
  'change.address-other': { zh: '地址形式变了，原为 ', en: 'Another form of address; it was: ' },
  'change.elsewhere': { zh: '其他区域的设备', en: 'a device of another area' },
  'change.options-unfit': { zh: '设备的选项不再适用 ', en: 'Options no longer fit: ' },
  ...reasons,
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
