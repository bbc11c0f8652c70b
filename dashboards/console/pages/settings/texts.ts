/** What the settings say. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  'sign-out': { zh: '退出登录', en: 'Sign out' },
  password: { zh: '修改密码', en: 'Change password' },
  'password-changed': {
    zh: '密码已修改，其他设备上的登录已退出。',
    en: 'Password changed; your other sessions have ended.',
  },
  account: { zh: '账号', en: 'Account' },
  scope: { zh: '管辖范围', en: 'Area of duty' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
