/** What the page that connects a device or gateway says. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  'secret.heading': { zh: '用户名和密钥', en: 'User name and secret' },
  username: { zh: '用户名', en: 'User name' },
  secret: { zh: '密钥', en: 'Secret' },
  once: {
    zh: '密钥只在这里显示这一次，服务器不保存原文。请现在抄录、复制或扫码。',
    en: 'The secret is shown here this once; the server keeps only its fingerprint. Note it, copy it or scan it now.',
  },
  'secret.gone': {
    zh: '密钥在生成时已显示过一次，不能再次查看。如果没有记下，请换一个新的。',
    en: 'The secret was shown once when it was made, and can’t be seen again. If it was not noted, renew it.',
  },
  'secret.none': {
    zh: '这台设备还没有自己的密钥。',
    en: 'This device has no secret of its own yet.',
  },
  renew: { zh: '换新密钥', en: 'Renew the secret' },
  'renew.hint': {
    zh: '旧密钥立即失效，用它连接的设备会被断开，直到填入新密钥。',
    en: 'The old secret ends at once: what is connected with it is cut off until it has the new one.',
  },
  'renew.go': { zh: '换新', en: 'Renew' },
  qr: { zh: '连接地址、用户名和密钥的二维码', en: 'QR code of address, user name and secret' },
  'qr.failed': { zh: '二维码未能载入', en: 'The QR code could not be loaded' },
  local: {
    zh: '您是用本机地址打开这个页面的：设备要填服务器在网络中的地址，而不是 {host}。',
    en: 'This page was opened by the machine’s own address: devices need the server’s address in the network instead of {host}.',
  },
  'lines.settings': { zh: '填入设备的 MQTT 设置', en: 'For the MQTT settings of the device' },
  'lines.settings-hint': {
    zh: '在设备的网页或配置工具里填写，报文格式见设备型号。',
    en: 'Fill them in on the device’s own page or in its tool; its type says what a message looks like.',
  },
  'lines.prefix-hint': {
    zh: '在设备网页的 MQTT（事件推送）设置里填写：前缀后面的主题由设备自己生成。',
    en: 'Fill them in on the device’s own page, under MQTT or events: it makes the topics below the prefix itself.',
  },
  'settings.host': { zh: '服务器地址', en: 'Server' },
  'settings.port': { zh: '端口', en: 'Port' },
  'settings.tls': { zh: '加密（TLS）', en: 'Encryption (TLS)' },
  'settings.yes': { zh: '开启', en: 'on' },
  'settings.no': { zh: '关闭', en: 'off' },
  'settings.client-id': { zh: '客户端标识', en: 'Client id' },
  'settings.topic': { zh: '主题', en: 'Topic' },
  'settings.prefix': { zh: '主题前缀', en: 'Topic prefix' },
  'lines.shell': { zh: '用 mosquitto_pub 试发一条', en: 'Send one with mosquitto_pub' },
  'lines.shell-hint': {
    zh: '没有这个命令时先安装：Debian、Ubuntu 用 apt install mosquitto-clients；其他系统见 mosquitto.org。命令返回而没有报错，即已保存。',
    en: 'Where there is no such command: apt install mosquitto-clients on Debian and Ubuntu, mosquitto.org for others. When it returns without a fault, the message is stored.',
  },
  'lines.tasmota': { zh: 'Tasmota 控制台命令', en: 'Tasmota console' },
  'lines.tasmota-hint': {
    zh: '第一行设置连接（设备会重启），第二行试发一条；自己的数值用规则（Rule1）发到同一主题。',
    en: 'The first line sets the connection (the device restarts), the second sends a message; a rule (Rule1) sends its own values to the same topic.',
  },
  'no-gateway': {
    zh: '这种设备由网关读取，但还没有为它选网关，所以收不到数据。请先添加网关，再在设备页修改登记、选上网关。',
    en: 'A gateway reads devices of this type, and none was chosen for this one: nothing can come. Add a gateway, then choose it in the device’s registration.',
  },
  'no-gateway.add': { zh: '添加网关', en: 'Add a gateway' },
  'no-gateway.device': { zh: '打开设备页', en: 'Open the device' },
  'lines.gateway': { zh: '网关配置文件（YAML）', en: 'File of the gateway (YAML)' },
  'lines.gateway-entry': {
    zh: '写入网关 {gateway} 的配置文件（YAML）',
    en: 'Into the file of the gateway {gateway} (YAML)',
  },
  'lines.gateway-hint': {
    zh: '网关代为上报的设备不需要密钥。请把 connection 改成设备的实际地址，然后重启网关。',
    en: 'Devices that the gateway speaks for need no secret. Set connection to where a device really is, and restart the gateway.',
  },
  'lines.placeholder': { zh: '密钥', en: 'SECRET' },
} as const satisfies Texts;

export const { t } = dictionary(texts);
