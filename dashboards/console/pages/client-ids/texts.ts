/** What the page of client ids says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  intro: {
    zh: '密钥在首次登录时绑定客户端标识，此后用别的标识登录即被拒绝，密钥泄露也难以冒用。更换设备或程序后在这里解除绑定。',
    en: 'A secret is bound to the client id of its first sign-in; another one is refused from then on, so that a secret that leaked is of little use. Where equipment or program was replaced, release the binding here.',
  },
  search: { zh: '按编号、名称或客户端标识查找', en: 'Find by id, name or client id' },
  total: { zh: '共 {n} 个绑定', en: 'Bound: {n}' },
  'kind.device': { zh: '设备', en: 'Device' },
  'kind.gateway': { zh: '网关', en: 'Gateway' },
  holder: { zh: '设备或网关', en: 'Device or gateway' },
  place: { zh: '区域', en: 'Area' },
  'client-id': { zh: '客户端标识', en: 'Client id' },
  'client-id-none': { zh: '（未命名）', en: '(none)' },
  'bound-at': { zh: '绑定于', en: 'Bound at' },
  refused: { zh: '被拒登录', en: 'Refused' },
  'refused-times': { zh: '被拒 {n} 次', en: 'refused: {n}' },
  look: { zh: '查看', en: 'Look' },
  'refused-others': {
    zh: '服务器启动以来，以下标识用同一密钥登录被拒绝：',
    en: 'Since the server’s start these signed in with the same secret and were refused:',
  },
  'refused-line': { zh: '{n} 次，最近 {time}', en: '{n} times, last {time}' },
  'refused-none': {
    zh: '服务器启动以来没有别的标识被拒绝。',
    en: 'Nobody else was refused since the server’s start.',
  },
  'not-bound': {
    zh: '这个密钥现在没有绑定：下一次登录时绑定。',
    en: 'This secret is not bound now: the next sign-in binds it.',
  },
  'release-means': {
    zh: '解除后，下一个用这个密钥登录的客户端被绑定；正在进行的会话不断开。若怀疑密钥泄露，请更换密钥而不是解除绑定。',
    en: 'Once released, the next client that signs in with this secret is bound; a session that is open goes on. If the secret may have leaked, renew it rather than release.',
  },
  release: { zh: '解除绑定', en: 'Release' },
  released: {
    zh: '已解除“{name}”的绑定，下一次登录时重新绑定。',
    en: '“{name}” is released. The next sign-in binds anew.',
  },
  close: { zh: '关闭', en: 'Close' },
  open: { zh: '打开它的页面', en: 'Open its page' },
  'any-id': { zh: '本站接受任何客户端标识', en: 'This site takes any client id' },
  'any-hint': {
    zh: '要让密钥只认首次使用的标识，请在 village.yaml 中写 mqtt.clientIds: bound 并重启服务器。',
    en: 'To bind secrets to the client id of their first use, write mqtt.clientIds: bound into village.yaml and restart the server.',
  },
  'any-go': { zh: '查看配置', en: 'Configuration' },
  'none-found': { zh: '没有匹配的绑定', en: 'No such binding' },
  'none-yet': { zh: '还没有绑定', en: 'Nothing is bound yet' },
  'none-yet-hint': {
    zh: '设备或网关首次用 MQTT 登录后会出现在这里。',
    en: 'Devices and gateways appear here once they have signed in over MQTT.',
  },
  'none-yet-go': { zh: '添加设备', en: 'Add a device' },
  'clear-search': { zh: '清除条件', en: 'Clear' },
} as const satisfies Texts;

export const { t } = dictionary(texts);
