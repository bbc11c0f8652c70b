/**
 * Robot of a DingTalk group 钉钉群机器人 with a signature (open.dingtalk.com/document/robots/custom-robot-access): 20 messages a
 * minute, and who sends more is not heard for ten minutes. A message has at most 20,000 bytes.
 */
import { MINUTE } from '@village/core';
import { z } from 'zod';
import type { ChannelKind, Outgoing } from '../contract.ts';
import { robot, webhookUrl } from '../http/robot.ts';
import { checkedOptions, secret, timeoutMs } from '../options.ts';
import { type MarkdownStyle, markdownOf, mentionOf } from '../prose/marks.ts';
import { proseOf } from '../prose/prose.ts';
import { dingtalkSignature } from './signature.ts';

const schema = z.strictObject({
  /** `https://oapi.dingtalk.com/robot/send?access_token=…` */
  webhook: webhookUrl(/\/robot\/send$/, 'access_token'),
  /** `SEC…`, as the robot's security settings show it. */
  secret,
  timeoutMs,
});
type Options = z.infer<typeof schema>;

/** Below half of what a message may have, since JSON may write a sign with two. */
const TEXT_BYTES_MAX = 9000;
const THROTTLED_MS = 10 * MINUTE;

function bodyOf(message: Outgoing): unknown {
  const { all, id } = mentionOf(message.to);
  const prose = proseOf(message);
  const colon = message.language === 'zh' ? '：' : ': ';
  const style: MarkdownStyle = {
    title: (text) => `#### ${text}`,
    line: (name, text) => `- ${name}${colon}${text}`,
    entry: (text) => `- ${text}`,
    // Behind a blank line, or it would belong to the list. Who is called must be named in the text, too.
    mention: id === null ? '' : `\n@${id}`,
  };
  return {
    msgtype: 'markdown',
    markdown: { title: prose.title, text: markdownOf(prose, message, style, TEXT_BYTES_MAX) },
    at: { atMobiles: id === null ? [] : [id], isAtAll: all },
  };
}

export const dingtalk: ChannelKind<Options> = {
  kind: 'dingtalk',
  title: { zh: '钉钉群机器人', en: 'DingTalk group robot' },
  reaches: 'group',
  secrets: ['webhook', 'secret'],
  limits: [{ of: 'channel', most: 20, inMs: MINUTE }],
  options: (given) => checkedOptions(schema, given),
  make(id, { webhook, secret, timeoutMs }, { timer }) {
    const token = new URL(webhook).searchParams.get('access_token') ?? '';
    return robot(
      id,
      {
        request(message) {
          const url = new URL(webhook);
          const timestamp = String(timer.now());
          url.searchParams.set('timestamp', timestamp);
          url.searchParams.set('sign', dingtalkSignature(timestamp, secret));
          return { url, body: bodyOf(message) };
        },
        answer: ({ errcode, errmsg }) =>
          typeof errcode === 'number' ? { number: errcode, text: errmsg } : undefined,
        codes: {
          // Signature, keyword or address; token unknown; group ended; robot stopped.
          fault: [310000, 300001, 300005, 400101, 400013, 400102],
          retry: [-1],
          limited: {
            130101: { of: 'channel', ms: THROTTLED_MS },
            410100: { of: 'channel', ms: THROTTLED_MS },
            660026: { of: 'channel', ms: THROTTLED_MS },
          },
        },
        secrets: [token, secret],
      },
      { timer, timeoutMs },
    );
  },
};
