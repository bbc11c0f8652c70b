/** What choosing the first own password says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  why: {
    zh: '{name}，您好！您的密码由管理员设置。请先改成只有您自己知道的密码，然后即可使用。',
    en: 'Welcome, {name}. An administrator made your password: choose one that you alone know, then go on.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
