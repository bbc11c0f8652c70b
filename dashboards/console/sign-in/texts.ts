/** What the sign-in page says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  user: { zh: '用户名', en: 'User name' },
  password: { zh: '密码', en: 'Password' },
  'sign-in': { zh: '登录', en: 'Sign in' },
  'signing-in': { zh: '正在登录…', en: 'Signing in…' },
  expired: {
    zh: '登录已过期，请重新登录。填写的内容还在。',
    en: 'Your session has ended. Please sign in again; what you typed is kept.',
  },
  'need-both': { zh: '请输入用户名和密码。', en: 'Enter user name and password.' },
  help: {
    zh: '忘记密码请联系县级管理员。',
    en: 'Forgot it? Ask your county administrator.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
