/** What the settings say. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  'sign-out': { zh: '退出登录', en: 'Sign out' },
  'role.admin': { zh: '管理员', en: 'Administrator' },
  'role.officer': { zh: '工作人员', en: 'Officer' },
  'role.clerk': { zh: '村级信息员', en: 'Village clerk' },
  account: { zh: '账号', en: 'Account' },
  scope: { zh: '管辖范围', en: 'Area of duty' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
