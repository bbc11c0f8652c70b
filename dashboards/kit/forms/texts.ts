/** What forms say: of faults, of what somebody else has changed, and their buttons. */
import { dictionary, type Texts } from '../text/language.ts';

export const texts = {
  cancel: { zh: '取消', en: 'Cancel' },
  saving: { zh: '正在保存…', en: 'Saving…' },
  'faults.some': {
    zh: '有 {n} 处需要改正，尚未保存。',
    en: 'To correct: {n}. Nothing was saved.',
  },
  'refused.changed-meanwhile': {
    zh: '这期间已有别人改过，您的修改没有保存，以免覆盖。请关闭后重新打开，看过现在的内容再改。',
    en: 'Somebody else has changed it meanwhile. Yours was not saved, so that nothing is lost: close this, open it again, and change what is there now.',
  },
  'refused.not-installed': { zh: '设备已停用，不能再修改。', en: 'The device is retired.' },
  'refused.import-conflict': {
    zh: '与别处刚保存的内容冲突，请重新打开后再试。',
    en: 'It conflicts with what was saved elsewhere just now: open it again and try once more.',
  },
  'refused.replaced-later': {
    zh: '此后已更换过设备，请刷新页面。',
    en: 'It was replaced after that time already: reload the page.',
  },
  'refused.bad-text': {
    zh: '文字须在一行内，1 到 200 个字符。',
    en: 'A text has 1 to 200 characters on one line.',
  },
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
