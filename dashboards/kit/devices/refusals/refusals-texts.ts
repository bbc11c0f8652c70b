/** What is said of what was not taken. */
import { dictionary, type Texts } from '../../text/language.ts';
import { reasons } from '../../text/reasons.ts';

const texts = {
  refusals: { zh: '有 {n} 次上报未被采用', en: 'Not taken: {n}' },
  'refusals-hint': {
    zh: '已确认但未采用的内容：发到不属于它的主题的消息（请核对主题设置）、过大的消息，以及无法采用的报文或报文中的部分（其余部分已入库；样本见隔离区）。自服务器或网关启动以来的计数。',
    en: 'Acknowledged and not taken: messages on topics that are not its own (check the topics in its settings), messages that are too large, and messages or parts of them that could not be used (the rest was stored; samples are in quarantine). Counted since the start of the server or gateway.',
  },
  'refusal-more': { zh: '其他', en: 'others' },
  'refusal-times': { zh: '{n} 次', en: '{n} times' },
  'reason.acl-publish': { zh: '不是它的主题', en: 'not its topic' },
  'reason.topic-levels': { zh: '主题层级过多', en: 'too many topic levels' },
  'reason.packet-too-large': { zh: '消息过大', en: 'message too large' },
  'reason.client-id-bound': {
    zh: '客户端标识不是绑定的那个',
    en: 'another client id than the bound one',
  },
  'reason.acl-will': { zh: '遗嘱消息未保留', en: 'last will not kept' },
  'reason.further': { zh: '其他原因', en: 'other reasons' },
  ...reasons,
} as const satisfies Texts;

export const { t, word } = dictionary(texts);
