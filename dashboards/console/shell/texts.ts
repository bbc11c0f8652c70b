/** What the frame around the pages says. */
import { dictionary, type Texts } from '#kit/text/language.ts';

export const texts = {
  skip: { zh: '跳到正文', en: 'Skip to content' },
  more: { zh: '更多', en: 'More' },
  navigation: { zh: '主导航', en: 'Main navigation' },
  'live.live': { zh: '实时', en: 'Live' },
  'live.connecting': { zh: '连接中', en: 'Connecting' },
  'live.reconnecting': { zh: '重新连接中', en: 'Reconnecting' },
  'live.explain': {
    zh: '显示的是最后收到的数据',
    en: 'Showing the last data received',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
