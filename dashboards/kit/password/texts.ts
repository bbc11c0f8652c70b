/** What choosing another password says. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  'field.old': { zh: '现在的密码', en: 'Present password' },
  'field.password': { zh: '新密码', en: 'New password' },
  'field.again': { zh: '再输入一次新密码', en: 'New password once more' },
  rule: {
    zh: '至少 10 个字符，并包含大写字母、小写字母、数字、其他符号中的三种。',
    en: 'At least 10 characters, with three of: capitals, small letters, digits, other signs.',
  },
  change: { zh: '修改密码', en: 'Change password' },
  differ: { zh: '两次输入的新密码不一致。', en: 'The two new passwords differ.' },
  weak: {
    zh: '新密码太弱，或与旧密码相同：请按下面的要求另选一个。',
    en: 'The new password is too weak, or is the old one: choose another as said below.',
  },
  'old-wrong': { zh: '现在的密码不正确。', en: 'The present password is wrong.' },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
