/** What is said of the client id that the credential of a device or gateway is bound to. */
import { dictionary, type Texts } from '../../text/language.ts';

export const texts = {
  'client-id': { zh: 'MQTT 客户端标识', en: 'MQTT client id' },
  'client-id-none': { zh: '（未命名）', en: '(none)' },
  'client-id-since': { zh: '{time} 首次使用时绑定', en: 'bound at its first use, {time}' },
  'client-id-other': {
    zh: '有客户端用同一密钥、以另一个标识登录，被拒绝',
    en: 'Somebody signed in with the same secret under another client id and was refused',
  },
  'client-id-hint': {
    zh: '密钥绑定的标识是 {id}。若确实更换了设备或程序，请解除绑定：下一次登录时重新绑定。若不是，请更换密钥。',
    en: 'Its secret is bound to {id}. If the equipment or its program is another one, release the binding: the next sign-in binds anew. If not, replace the secret.',
  },
  'client-id-release': { zh: '解除绑定', en: 'Release' },
  'client-id-released': {
    zh: '已解除绑定，下一次登录时重新绑定。',
    en: 'Released. The next sign-in binds anew.',
  },
} as const satisfies Texts;

export const { t } = dictionary(texts);
